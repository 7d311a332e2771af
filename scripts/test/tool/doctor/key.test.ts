import { DescribeKeyCommand, NotFoundException } from '@aws-sdk/client-kms';
import { describe, expect, it } from '@jest/globals';
import { checkKey, readKey, type KeyFacts } from '../../../tool/doctor/key.ts';
import type { Policy } from '../../../tool/doctor/policy.ts';
import { ACCOUNT, codes, COPIER, KEY, keyStatements, SOURCE } from './facts.ts';
import { awsWithCopier } from './healthy-copier.ts';

const { administered: ADMINISTERED, used: USED, protected: PROTECTED } = keyStatements();

function check(changes: Partial<KeyFacts> = {}, statements: object[] = [ADMINISTERED, USED, PROTECTED]) {
  const policy = { Statement: statements } as Policy;
  return checkKey({ arn: KEY, state: 'Enabled', isRotated: true, isModules: true, policy, ...changes }, KEY, COPIER);
}

describe('checkKey', () => {
  it('finds nothing in a key as the module makes it', () => {
    expect(check()).toEqual([]);
  });

  it.each<[string, Partial<KeyFacts>, string]>([
    ['a key that is disabled', { state: 'Disabled' }, 'KeyDisabled'],
    ['a key that is to be deleted', { state: 'PendingDeletion', deletionDate: '2026-12-24' }, 'KeyPendingDeletion'],
    ['a key in another state', { state: 'Unavailable' }, 'KeyUnavailable'],
    ['a key that is not rotated', { isRotated: false }, 'KeyNotRotated'],
  ])('finds %s', (_, changes, code) => {
    expect(codes(check(changes))).toEqual([code]);
  });

  it('finds that there is no key', () => {
    expect(checkKey(undefined, KEY, COPIER)).toMatchObject([{ code: 'NoKey', subject: KEY }]);
    expect(checkKey(undefined, undefined, COPIER)).toMatchObject([{ code: 'NoKey', subject: 'alias/image-copier' }]);
  });

  it.each<[string, object[], string[]]>([
    ['service-linked roles that are left out', [ADMINISTERED, PROTECTED], ['KeyRefusesLaunches']],
    ['nobody who may administer it', [USED, PROTECTED], ['KeyNotAdministered']],
    ['a key that can be deleted', [ADMINISTERED, USED], ['KeyUnprotected']],
    [
      'use through another service',
      [
        ADMINISTERED,
        { ...USED, Condition: { StringEquals: { 'kms:ViaService': 'rds.eu-west-1.amazonaws.com' } } },
        PROTECTED,
      ],
      ['KeyRefusesLaunches'],
    ],
    ['a key for everybody', [ADMINISTERED, { ...USED, Condition: {} }, PROTECTED], ['KeyOpenToOthers']],
    [
      'another account',
      [ADMINISTERED, USED, PROTECTED, { ...ADMINISTERED, Principal: { AWS: SOURCE } }],
      ['KeyOpenToOthers'],
    ],
  ])('finds %s', (_, statements, expected) => {
    expect(codes(check({}, statements))).toEqual(expected);
  });

  it('says who is left out, and who is let in', () => {
    const role = `arn:aws:iam::${SOURCE}:role/baker`;
    const sharing = { ...USED, Principal: { AWS: role }, Condition: {} };

    expect(check({}, [PROTECTED, ADMINISTERED])[0]?.what).toBe(
      "The key's policy does not let Auto Scaling and EC2 Spot use it through EC2.",
    );
    expect(check({}, [ADMINISTERED, USED, PROTECTED, sharing])[0]?.what).toBe(`The key's policy lets ${role} use it.`);
  });

  it.each<[string, object[], RegExp]>([
    [
      'lets no service launch',
      [ADMINISTERED, PROTECTED],
      /: add \{"Sid":"AccountUsesKeyThroughEc2",.*"ec2\.eu-west-1\./,
    ],
    [
      'is for a stranger',
      [ADMINISTERED, USED, PROTECTED, { ...ADMINISTERED, Principal: { AWS: SOURCE } }],
      /: take them/,
    ],
    ['is administered by nobody', [USED, PROTECTED], /: allow kms:\* for arn:aws:iam::222222222222:root$/],
    ['can be deleted', [ADMINISTERED, USED], /: deny kms:ScheduleKeyDeletion\.$/],
  ])("sends whoever made the organization's key to its policy where it %s", (_, statements, fix) => {
    const [finding] = check({ isModules: false }, statements);
    expect(finding?.fix).toMatch(/^In the key's policy, by whoever made the key that kms_key_arn names: /);
    expect(finding?.fix).toMatch(fix);
  });

  it('takes a stranger by name for one that may be meant', () => {
    const named = { ...ADMINISTERED, Principal: { AWS: SOURCE } };
    expect(check({}, [ADMINISTERED, USED, PROTECTED, named])).toMatchObject([{ severity: 'warning' }]);
    expect(check({}, [ADMINISTERED, { ...USED, Condition: {} }, PROTECTED])).toMatchObject([{ severity: 'problem' }]);
  });

  it('takes roles by name for as good as conditions', () => {
    const linked = `arn:aws:iam::${ACCOUNT}:role/aws-service-role`;
    const roles = [
      `${linked}/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling`,
      `${linked}/spot.amazonaws.com/AWSServiceRoleForEC2Spot`,
    ];
    const named = { Effect: 'Allow', Action: USED.Action, Principal: { AWS: roles } };

    expect(check({}, [ADMINISTERED, PROTECTED, named])).toEqual([]);
  });

  it('does not take a principal that was deleted for a stranger', () => {
    const deleted = { ...ADMINISTERED, Principal: { AWS: 'AROAEXAMPLE' } };
    expect(check({}, [ADMINISTERED, USED, PROTECTED, deleted])).toEqual([]);
  });
});

describe('readKey', () => {
  const policy = { Statement: [ADMINISTERED, USED, PROTECTED] };
  const read = (aws = awsWithCopier()) => readKey(aws.connect({}).kms, KEY);

  it('reads the key of a copier', async () => {
    expect(await read()).toEqual({ arn: KEY, state: 'Enabled', isRotated: true, isModules: true, policy });
    expect(await read(awsWithCopier(({ key }) => (key.isRotated = false)))).toMatchObject({ isRotated: false });
  });

  it('does not ask for the rotation of a key that waits for its deletion, for KMS refuses that', async () => {
    const aws = awsWithCopier(({ key: { metadata } }) =>
      Object.assign(metadata, { KeyState: 'PendingDeletion', DeletionDate: new Date('2026-12-24T01:02:03Z') }),
    );
    expect(await read(aws)).toEqual({
      arn: KEY,
      state: 'PendingDeletion',
      deletionDate: '2026-12-24',
      isModules: true,
      policy,
    });
  });

  it('reads that there is none', async () => {
    const aws = awsWithCopier();
    aws
      .in(ACCOUNT)
      .kms.on(DescribeKeyCommand)
      .rejects(new NotFoundException({ message: 'gone', $metadata: {} }));
    expect(await read(aws)).toBeUndefined();
  });
});
