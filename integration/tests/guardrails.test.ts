import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DisableAllowedImagesSettingsCommand,
  DisableEbsEncryptionByDefaultCommand,
  DisableSnapshotBlockPublicAccessCommand,
  EnableAllowedImagesSettingsCommand,
  EnableEbsEncryptionByDefaultCommand,
  EnableSnapshotBlockPublicAccessCommand,
  ModifyEbsDefaultKmsKeyIdCommand,
  ReplaceImageCriteriaInAllowedImagesSettingsCommand,
} from '@aws-sdk/client-ec2';
import { CreatePolicyVersionCommand, IAMClient } from '@aws-sdk/client-iam';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { CreateCodeSigningConfigCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { OPERATORS_ACCOUNT } from '../../scripts/dev/administrator-role.ts';
import { emulatedSettings } from '../../scripts/dev/emulated-account.ts';
import { findCopies, isAnnounced, snapshotsOf } from '../../scripts/tool/common/copies.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { GuardedAccounts, OPERATORS_ROLE, type Name } from './guardrails/guarded-accounts.ts';
import * as policies from './guardrails/policies.ts';
import type { Guardrails, Statement } from './guardrails/policies.ts';
import { endpoint, REGION } from './support/emulator.ts';
import { resultsOf } from './support/rollout.ts';

const DEPLOY_TIMEOUT_MS = 900_000;
const OTHER_REGION = 'us-east-1';
const SCP = 'with an explicit deny in a service control policy';
const accounts = new GuardedAccounts();
const { source, targets, rollout } = accounts;
const { plain } = targets;
/** Why the deployment of an account failed, before the inputs were set that its guardrail asks for. */
const problems = new Map<string, string | null>();
let boundaryArn: string;

beforeAll(async () => {
  await rollout.makeRoles(Object.values(targets).map(({ id }) => id));
  const inputs = {
    bounded: { permissions_boundary_arn: (boundaryArn = await makeBoundary()) },
    connected: { vpc: await findVpc() },
    signed: { code_signing_config_arn: await makeSigningConfig() },
    placed: { role_path: '/workloads/image-copier/', copy_tags: { CostCenter: 'platform' } },
    tagged: { tags: { CostCenter: 'platform' } },
    keyed: { kms_key_arn: await makeKey() },
  };
  await accounts.guard(targets.listed, { services: policies.SERVICES });
  await accounts.guard(targets.bounded, { denied: [policies.BOUNDARY_REQUIRED] });
  await accounts.guard(targets.connected, { denied: [policies.VPC_REQUIRED] });
  await accounts.guard(targets.signed, { denied: [policies.SIGNED_CODE_REQUIRED] });
  await accounts.guard(targets.placed, { denied: [policies.ROLES_UNDER_A_PATH] });
  await accounts.guard(targets.tagged, { denied: [policies.RESOURCES_TAGGED] });
  await accounts.guard(targets.keyed, { denied: [policies.KEYS_MADE_CENTRALLY] });

  accounts.write();
  const without = await rollout.rowsOf('deploy');
  for (const { stack, problem } of without.rows) problems.set(stack, problem);
  accounts.write(inputs);
  const resumed = await rollout.rowsOf('deploy', '--resume');
  expect(resultsOf(resumed.rows)).toEqual(Object.keys(inputs).map((name) => [name, 'done']));
}, DEPLOY_TIMEOUT_MS);

afterEach(async () => {
  await accounts.reset();
});

afterAll(async () => {
  await accounts.leave();
});

async function makeBoundary(): Promise<string> {
  return await accounts.makeBoundary(targets.bounded, 'boundary', policies.FUNCTIONS_SERVICES);
}

async function findVpc() {
  const { Subnets = [] } = await targets.connected.ec2.send(new DescribeSubnetsCommand({}));
  const { SecurityGroups = [] } = await targets.connected.ec2.send(new DescribeSecurityGroupsCommand({}));
  const [subnet] = Subnets;
  const group = SecurityGroups.find(({ VpcId }) => VpcId === subnet?.VpcId);
  return { subnet_ids: [subnet?.SubnetId], security_group_ids: [group?.GroupId] };
}

async function makeSigningConfig(): Promise<string> {
  const lambda = new LambdaClient(emulatedSettings(endpoint(), targets.signed.id, REGION));
  const profile = `arn:aws:signer:${REGION}:${targets.signed.id}:/signing-profiles/image_copier/0123456789`;
  const { CodeSigningConfig } = await lambda.send(
    new CreateCodeSigningConfigCommand({ AllowedPublishers: { SigningProfileVersionArns: [profile] } }),
  );
  return CodeSigningConfig?.CodeSigningConfigArn ?? '';
}

async function makeKey(): Promise<string> {
  const { KeyMetadata } = await targets.keyed.kms.send(new CreateKeyCommand({}));
  return KeyMetadata?.Arn ?? '';
}

/** Expects that a request is copied, verified and announced. */
async function expectCopied(name: Name = 'plain', tags: Readonly<Record<string, string>> = {}): Promise<void> {
  expect(await accounts.ask(name, await accounts.bake(tags))).toMatchObject({ state: 'available' });
}

/**
 * Expects that EC2 refuses the call, that the request is tried again, since a right may just not have spread yet, and is a dead
 * letter when the time for that is over, and that doctor points to it. The time is made short.
 */
async function expectRefused(
  action: string,
  tags: Readonly<Record<string, string>> = {},
  sourceRegion = REGION,
): Promise<void> {
  const first = await accounts.bake(tags, sourceRegion);
  await accounts.publish('plain', first, sourceRegion);
  const line = await accounts.loggedError('plain', 'copy-image', first.imageId);
  expect(JSON.parse(line)).toMatchObject({ level: 'WARN', outcome: 'retried', uncertain: true });

  const image = await accounts.bake(tags, sourceRegion);
  const restore = await accounts.shortenTrying('plain');
  await accounts.publish('plain', image, sourceRegion);
  const { code, reason } = await accounts.deadLetter('plain', image);
  await restore();
  expect(code).toBe('UnauthorizedOperation');
  expect(reason).toContain(`perform: ${action} on`);
  expect(reason).toContain(SCP);
  expect(await problemsOf('plain')).toEqual(['DeadLetters']);
}

/** Expects that a copy is made but not announced, that settle-copy logs why, and that doctor finds these problems. */
async function expectUnsettled(
  name: Name,
  action: string,
  found: readonly string[],
  tags: Readonly<Record<string, string>> = {},
): Promise<void> {
  const image = await accounts.bake(tags);
  await accounts.publish(name, image);
  const copy = await waitFor('the copy', async () => {
    const [made] = await findCopies(targets[name], image.imageId);
    return made?.State === 'available' ? made : undefined;
  });
  expect(await accounts.loggedError(name, 'settle-copy', copy.ImageId ?? '')).toContain(action);
  const [seen] = await findCopies(targets[name], image.imageId);
  expect(isAnnounced(seen ?? {}, 'image-copier')).toBe(false);
  expect(await problemsOf(name)).toEqual(found);
}

const problemsOf = async (name: Name) => (await accounts.problems(name)).map(({ code }) => code);

const guard = (...denied: readonly Statement[]) => accounts.guard(plain, { denied });

async function copiedUnder(guardrails: Guardrails): Promise<void> {
  await accounts.guard(source);
  await accounts.guard(plain, guardrails);
  await expectCopied();
}

describe('works', () => {
  it('Regions: all are denied but that of source and copy', async () => {
    await copiedUnder(policies.onlyIn(REGION));
  });

  it('Unencrypted volumes are denied', async () => {
    await copiedUnder({ denied: [policies.UNENCRYPTED_VOLUMES_DENIED] });
  });

  it('Encryption by default cannot be changed', async () => {
    await copiedUnder({ denied: [policies.DEFAULT_ENCRYPTION_STAYS] });
  });

  it('Encryption by default is on, with another key', async () => {
    const { KeyMetadata } = await plain.kms.send(new CreateKeyCommand({}));
    await plain.ec2.send(new EnableEbsEncryptionByDefaultCommand({}));
    await plain.ec2.send(new ModifyEbsDefaultKmsKeyIdCommand({ KmsKeyId: KeyMetadata?.Arn }));
    try {
      const image = await accounts.bake();
      expect(await accounts.ask('plain', image)).toMatchObject({ state: 'available' });
      const [copy = {}] = await findCopies(plain, image.imageId);
      const keys = (await snapshotsOf(plain, copy)).map(({ KmsKeyId }) => KmsKeyId);
      expect(keys).toEqual([expect.stringContaining(`:${plain.id}:key/`)]);
      expect(keys).not.toContain(KeyMetadata?.Arn);
    } finally {
      await plain.ec2.send(new DisableEbsEncryptionByDefaultCommand({}));
    }
  });

  it('Public snapshots are blocked', async () => {
    for (const { ec2 } of [source, plain])
      await ec2.send(new EnableSnapshotBlockPublicAccessCommand({ State: 'block-all-sharing' }));
    try {
      await expectCopied();
    } finally {
      for (const { ec2 } of [source, plain]) await ec2.send(new DisableSnapshotBlockPublicAccessCommand({}));
    }
  });

  it('IMDSv2 is required of instances', async () => {
    await copiedUnder({ denied: policies.IMDSV2_REQUIRED });
  });

  it('Accounts cannot leave the organization', async () => {
    await copiedUnder({ denied: [policies.NOBODY_LEAVES] });
  });

  it('The root user is denied everything', async () => {
    await copiedUnder({ denied: [policies.ROOT_USER_DENIED] });
  });

  it('Protected roles cannot be changed', async () => {
    await copiedUnder({ denied: [policies.PROTECTED_ROLES_STAY] });
  });

  it('Images and snapshots cannot be shared, in the target accounts', async () => {
    await copiedUnder({ denied: [policies.SHARING_DENIED] });
  });

  it('Grants on keys are for AWS services alone', async () => {
    await copiedUnder({ denied: [policies.GRANTS_FOR_AWS_ALONE] });
  });

  it('Resource perimeter: only resources of the organization, with the source account in it', async () => {
    await copiedUnder({ denied: [policies.resourcesInOrganization()] });
  });

  it('Identity perimeter: only identities of the organization, with the source account in it', async () => {
    await copiedUnder({ ofResources: policies.identitiesInOrganization([OPERATORS_ACCOUNT]) });
  });
});

describe('works if', () => {
  it('Roles need a permissions boundary', async () => {
    expect(problems.get('bounded')).toContain('iam:CreateRole');
    await expectCopied('bounded');

    await allowInBoundary(policies.FUNCTIONS_SERVICES.filter((service) => service !== 'events'));
    // One of settle-copy, and one of retire-image.
    await expectUnsettled('bounded', 'events:PutEvents', ['RoleLacksActions', 'RoleLacksActions']);
    const [problem] = await accounts.problems('bounded');
    expect(problem?.fix).toContain('permissions_boundary_arn');
  });

  it('Functions need a VPC', async () => {
    expect(problems.get('connected')).toContain('lambda:CreateFunction');
    await expectCopied('connected');
  });

  it('Functions need signed code', async () => {
    expect(problems.get('signed')).toContain('lambda:CreateFunction');
    await expectCopied('signed');
  });

  it('Roles are made under one path alone', async () => {
    expect(problems.get('placed')).toContain('iam:CreateRole');
    await expectCopied('placed');
  });

  it('Resources need a tag', async () => {
    expect(problems.get('tagged')).toContain(SCP);
    await expectCopied('tagged');
  });

  it('Keys are made by the organization alone', async () => {
    expect(problems.get('keyed')).toContain('kms:CreateKey');
    await expectCopied('keyed');
  });

  it('Keys cannot be disabled or deleted', async () => {
    await copiedUnder({ denied: [policies.KEYS_STAY] });

    const destroy = async () => await rollout.rowsOf('destroy', '--yes', '--only', 'tagged');
    await accounts.guard(targets.tagged, { denied: [policies.KEYS_STAY] });
    const { rows: stopped } = await destroy();
    expect(resultsOf(stopped)).toEqual([['tagged', 'failed']]);
    expect(stopped[0]?.problem).toContain('kms:ScheduleKeyDeletion');
    const exempt = { ArnNotLike: { 'aws:PrincipalArn': OPERATORS_ROLE } };
    await accounts.guard(targets.tagged, { denied: [{ ...policies.KEYS_STAY, Condition: exempt }] });
    expect(resultsOf((await destroy()).rows)).toEqual([['tagged', 'done']]);
  });

  it('Services: all are denied but those of a list', async () => {
    expect(problems.get('listed')).toBeNull();
    await expectCopied('listed');

    await accounts.guard(targets.listed, { services: policies.SERVICES.filter((service) => service !== 'events') });
    // Who looks may not use EventBridge either.
    await expectUnsettled('listed', 'events:PutEvents', ['RoleLacksActions', 'RoleLacksActions', 'Unread']);
  });

  it('Regions: the source is in another one', async () => {
    await accounts.guard(plain, policies.onlyIn(REGION));
    await expectRefused('ec2:DescribeImages', {}, OTHER_REGION);

    const image = await accounts.bake({}, OTHER_REGION);
    await accounts.guard(plain, policies.onlyIn(REGION, OTHER_REGION));
    await accounts.publish('plain', image, OTHER_REGION);
    await accounts.untilAnnounced('plain', image);
  });

  it('Copies need a tag', async () => {
    await guard(...policies.COPIES_TAGGED);
    await expectRefused('ec2:CopyImage');
    await expectCopied('plain', { CostCenter: 'platform' });

    await accounts.guard(targets.placed, { denied: policies.COPIES_TAGGED });
    await expectCopied('placed');
  });

  it('Tags cannot be changed by others', async () => {
    const tags = { 'access-project': 'images' };
    await guard(policies.tagsStay());
    await expectUnsettled('plain', 'ec2:CreateTags', [], tags);

    await guard(policies.tagsStay('arn:aws:iam::*:role/image-copier-settle-copy-*'));
    await expectCopied('plain', tags);
  });

  it('Resource perimeter: the source account is outside', async () => {
    await guard(policies.resourcesInOrganization());
    await expectRefused('ec2:CopyImage');

    await guard(policies.resourcesInOrganization(source.id));
    await expectCopied();
  });

  it('Identity perimeter: the source account is outside', async () => {
    const exempt = [OPERATORS_ACCOUNT];
    await accounts.guard(plain, { ofResources: policies.identitiesInOrganization(exempt) });
    await accounts.publish('plain', await accounts.bake());
    const refused = await waitFor('both queues to refuse the request', async () => {
      const denials = new Set(await accounts.denials(plain));
      return denials.size >= 2 ? denials : undefined;
    });
    const queues = ['image-copier-dead-letters', 'image-copier-requests'];
    const arns = queues.map((queue) => `sqs:SendMessage on arn:aws:sqs:${REGION}:${plain.id}:${queue}`);
    expect(Array.from(refused)).toEqual(expect.arrayContaining(arns));
    expect(await problemsOf('plain')).toEqual([]);

    await accounts.guard(plain, { ofResources: policies.identitiesInOrganization([...exempt, source.id]) });
    await expectCopied();
  });

  it('Network perimeter: only addresses and VPCs of the organization', async () => {
    // All calls here come from one address. Who would call from the network is named in its place.
    const inside = [OPERATORS_ROLE, 'arn:aws:iam::*:root'];
    const image = await accounts.bake();
    await guard(policies.fromNetwork(...inside));
    await accounts.publish('plain', image);
    const polled = `sqs:ReceiveMessage on arn:aws:sqs:${REGION}:${plain.id}:image-copier-requests`;
    await waitFor('a poll that is denied', async () => (await accounts.denials(plain)).includes(polled) || undefined);
    expect(await findCopies(plain, image.imageId)).toEqual([]);
    expect(await problemsOf('plain')).toEqual([]);

    await guard(policies.fromNetwork(...inside, 'arn:aws:iam::*:role/image-copier-*'));
    await accounts.untilAnnounced('plain', image);
  });

  it('Allowed AMIs are enabled', async () => {
    const allow = (...ImageProviders: string[]) =>
      plain.ec2.send(new ReplaceImageCriteriaInAllowedImagesSettingsCommand({ ImageCriteria: [{ ImageProviders }] }));
    await allow('amazon');
    await plain.ec2.send(new EnableAllowedImagesSettingsCommand({ AllowedImagesSettingsState: 'enabled' }));
    try {
      const hidden = await accounts.bake();
      await accounts.publish('plain', hidden);
      expect(await accounts.loggedError('plain', 'copy-image', hidden.imageId)).toContain('SourceNotVisible');
      expect(await problemsOf('plain')).toEqual(['AllowedImagesLeaveOut']);

      await allow('amazon', source.id);
      await expectCopied();
    } finally {
      await plain.ec2.send(new DisableAllowedImagesSettingsCommand({}));
    }
  });

  it('Images and snapshots cannot be shared, in the source account', async () => {
    const image = await accounts.bake();
    await accounts.guard(source, { denied: [policies.SHARING_DENIED] });
    const { code, stderr } = await accounts.run('plain', `request ${image.imageId}`, '--share');
    expect(code).toBe(1);
    expect(stderr).toContain('ec2:ModifyImageAttribute');
    expect(stderr).toContain(SCP);

    const exempt = { ArnNotLike: { 'aws:PrincipalArn': OPERATORS_ROLE } };
    await accounts.guard(source, { denied: [{ ...policies.SHARING_DENIED, Condition: exempt }] });
    expect(await accounts.ask('plain', image)).toMatchObject({ state: 'available' });
  });
});

describe('does not work', () => {
  it('All is denied whose ec2:Encrypted is not true', async () => {
    await guard(policies.ALL_BUT_ENCRYPTED_DENIED);
    await expectRefused('ec2:CopyImage');
  });

  it('Every CopyImage needs a tag, on images', async () => {
    await guard(policies.COPIED_IMAGES_TAGGED);
    await expectRefused('ec2:CopyImage', { CostCenter: 'platform' });
  });

  it('Every CreateTags needs a tag', async () => {
    await guard(policies.ALWAYS_TAGGED);
    await expectUnsettled('plain', 'ec2:CreateTags', [], { CostCenter: 'platform' });
  });

  it('All grants on keys are denied', async () => {
    const image = await accounts.bake();
    await guard(policies.GRANTS_DENIED);
    expect(await accounts.ask('plain', image)).toMatchObject({ state: 'failed' });
    expect(await problemsOf('plain')).toEqual(['DeadLetters', 'RoleLacksActions']);
    const { code, reason } = await accounts.deadLetter('plain', image);
    expect({ code, reason }).toEqual({
      code: 'CopyFailed',
      reason: expect.stringContaining('EC2 failed to copy it 3 times'),
    });
  });
});

async function allowInBoundary(services: readonly string[]): Promise<void> {
  const iam = new IAMClient(emulatedSettings(endpoint(), targets.bounded.id, REGION));
  const allowed: Statement = { Effect: 'Allow', Action: services.map((service) => `${service}:*`), Resource: '*' };
  const PolicyDocument = JSON.stringify(policies.policy(allowed));
  await iam.send(new CreatePolicyVersionCommand({ PolicyArn: boundaryArn, PolicyDocument, SetAsDefault: true }));
}
