import { describe, expect, it } from '@jest/globals';
import { ModifyImageAttributeCommand, ModifySnapshotAttributeCommand, type Image } from '@aws-sdk/client-ec2';
import { PublishCommand } from '@aws-sdk/client-sns';
import { GetParametersCommand } from '@aws-sdk/client-ssm';
import { FakeAws, type FakeServices } from '../support/fake-aws.ts';
import { FakeTerminal } from '../support/fake-terminal.ts';
import { failedCopy } from '../support/function-logs.ts';
import { run } from '../support/run.ts';
import {
  accountsFile,
  baked,
  copy,
  hasEnded,
  IMAGE,
  letter,
  PAYMENTS,
  sourceAccount,
  SOURCE,
  targetAccount,
  TOPIC,
  TOPIC_ARN,
  WEB,
  type Baked,
} from '../request/accounts.ts';

const BOTH = [PAYMENTS, WEB];
const OLDER = 'ami-0a';
const DEBIAN = 'ami-0d';
const ANNOUNCED = 'image-copier announced=2026-11-24T00:00:00.000Z';

function shared(imageId = IMAGE, changes: Partial<Image> = {}): Baked {
  return { image: baked(imageId, changes), launchers: BOTH, snapshotUsers: BOTH };
}

const older = shared(OLDER, { CreationDate: '2026-11-20T00:00:00.000Z' });
const debian = shared(DEBIAN, { Tags: [{ Key: 'Recipe', Value: 'debian' }] });
const hasNewest = () => ({ copies: [copy('ami-0c', ANNOUNCED)] });
const hasNothing = () => ({});

/** The images that accounts were asked to copy, with the ids of these. */
const askedIn = ({ sns }: FakeServices) =>
  sns.commandCalls(PublishCommand).map(({ args: [{ input }] }) => {
    const { sourceAmi, targetAccounts } = JSON.parse(input.Message ?? '') as Record<string, unknown>;
    return [input.TopicArn, sourceAmi, targetAccounts];
  });

const backfill = async (aws: FakeAws, ...args: string[]) =>
  await run(['backfill', '--accounts-file', accountsFile(), ...args], { aws });

describe('backfill', () => {
  it('asks for the newest image of each recipe where an account has none of it', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [older, shared(), debian]);
    targetAccount(aws, PAYMENTS, hasNewest);
    targetAccount(aws, WEB, hasNothing);

    expect(await backfill(aws)).toEqual({
      code: 0,
      out:
        `Asked for ${DEBIAN} (debian) in eu-west-1: payments, web\n` +
        `Asked for ${IMAGE} (ubuntu) in eu-west-1: web\n` +
        'Asked for 3 copies.\n',
      err: '',
    });
    expect(askedIn(source)).toEqual([
      [TOPIC_ARN, DEBIAN, BOTH],
      [TOPIC_ARN, IMAGE, [WEB]],
    ]);
  });

  it('says beforehand that no parameter can point to the copies of a recipe', async () => {
    const aws = new FakeAws();
    const Tags = [{ Key: 'Recipe', Value: 'ubuntu 24' }];
    sourceAccount(aws, [{ ...shared(), image: baked(IMAGE, { Tags }) }]);
    targetAccount(aws, PAYMENTS, hasNothing);
    targetAccount(aws, WEB, hasNothing);

    const { code, err } = await backfill(aws, '--dry-run');

    expect({ code, err }).toEqual({
      code: 0,
      err: expect.stringMatching(
        /^No parameter will point to the copies of \S+ The value of the tag Recipe, "ubuntu 24"/,
      ),
    });
  });

  it('asks for those of some recipes alone', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared(), debian]);
    targetAccount(aws, PAYMENTS, hasNewest);
    targetAccount(aws, WEB, hasNothing);

    expect((await backfill(aws, '--recipe', 'ubuntu')).out).toBe(
      `Asked for ${IMAGE} (ubuntu) in eu-west-1: web\nAsked for 1 copy.\n`,
    );
    expect(askedIn(source)).toEqual([[TOPIC_ARN, IMAGE, [WEB]]]);
  });

  it('asks for the newest also where an account has an older one', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared()]);
    targetAccount(aws, PAYMENTS, hasNewest);
    targetAccount(aws, WEB, () => ({ copies: [copy('ami-0c', ANNOUNCED, { SourceImageId: OLDER })] }));

    expect((await backfill(aws)).code).toBe(0);
    expect(askedIn(source)).toEqual([[TOPIC_ARN, IMAGE, [WEB]]]);
  });

  it('asks for all images since a date', async () => {
    const aws = new FakeAws();
    const ancient = shared('ami-0e', { CreationDate: '2026-01-01T00:00:00.000Z' });
    const source = sourceAccount(aws, [ancient, older, shared()]);
    targetAccount(aws, PAYMENTS, hasNewest);
    targetAccount(aws, WEB, hasNothing);

    expect((await backfill(aws, '--since', '2026-11-20')).code).toBe(0);
    expect(askedIn(source)).toEqual([
      [TOPIC_ARN, IMAGE, [WEB]],
      [TOPIC_ARN, OLDER, BOTH],
    ]);
  });

  it.each([
    ['is pending', { copies: [copy('ami-0c', 'image-copier', { State: 'pending' })] }],
    ['is not announced yet', { copies: [copy('ami-0c', 'image-copier')] }],
    ['is tried again', { logs: { 'settle-copy': [failedCopy(IMAGE, new Date().toISOString())] } }],
    ['is among the dead letters', { letters: [letter('It belongs to somebody else.', new Date())] }],
  ])('asks for nothing that %s', async (_, standing) => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared()]);
    targetAccount(aws, PAYMENTS, hasNewest);
    targetAccount(aws, WEB, () => standing);

    expect(await backfill(aws)).toEqual({ code: 0, out: 'Asked for 0 copies.\n', err: '' });
    expect(askedIn(source)).toEqual([]);
  });

  it('leaves out what was retired or revoked in an account, and says so', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [older, shared(), debian]);
    targetAccount(aws, PAYMENTS, hasNothing);
    targetAccount(aws, WEB, hasNothing);
    const retired = { kind: 'retired', at: '2026-11-28T00:00:00.000Z', reason: 'Its copy was retired.' };
    hasEnded(aws, PAYMENTS, { [OLDER]: retired, [DEBIAN]: { ...retired, kind: 'unrevoked' } });
    hasEnded(aws, WEB, { [OLDER]: retired, [IMAGE]: { ...retired, kind: 'revoked', reason: 'CVE-1' } });
    const file = accountsFile();

    const { code, err } = await backfill(aws, '--since', '2026-11-20');

    expect(code).toBe(0);
    expect(err.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['LEFT OUT', 'IN', 'REGION', 'END', 'REASON'],
      [OLDER, 'payments', 'eu-west-1', 'retired 2026-11-28T00:00:00.000Z', 'Its copy was retired.'],
      [IMAGE, 'web', 'eu-west-1', 'revoked 2026-11-28T00:00:00.000Z', 'CVE-1'],
      [OLDER, 'web', 'eu-west-1', 'retired 2026-11-28T00:00:00.000Z', 'Its copy was retired.'],
      [
        `To have copies of what was retired all the same, first: image-copier restore ${OLDER} --accounts-file ${file} --only payments,web --region eu-west-1`,
      ],
      ['What was revoked only the source account can give back: the command unrevoke.'],
      [''],
    ]);
    expect(askedIn(source)).toEqual(
      expect.arrayContaining([
        [TOPIC_ARN, DEBIAN, BOTH],
        [TOPIC_ARN, IMAGE, [PAYMENTS]],
      ]),
    );
    expect(askedIn(source)).toHaveLength(2);
  });

  it('asks each account once for the ends of ten images, and for none that it has', async () => {
    const aws = new FakeAws();
    const images = Array.from({ length: 11 }, (_, index) => `ami-0${(index + 16).toString(16)}`);
    sourceAccount(
      aws,
      images.map((imageId) => shared(imageId)),
    );
    targetAccount(aws, PAYMENTS, () => ({
      copies: images.map((SourceImageId, index) => copy(`ami-c${index}`, ANNOUNCED, { SourceImageId })),
    }));
    targetAccount(aws, WEB, hasNothing);

    expect(await backfill(aws, '--since', '2026-11-20', '--dry-run')).toMatchObject({ code: 0 });

    const askedOf = (id: string) =>
      aws
        .in(id)
        .ssm.commandCalls(GetParametersCommand)
        .map(({ args: [{ input }] }) => input.Names?.length);
    expect(askedOf(PAYMENTS)).toEqual([]);
    expect(askedOf(WEB)).toEqual([10, 1]);
  });

  it('rejects a recipe of which the source account has no image', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared()]);
    for (const id of BOTH) targetAccount(aws, id, hasNothing);

    expect(await backfill(aws, '--recipe', 'ubunto')).toEqual({
      code: 2,
      out: '',
      err: 'Error: The source account has no image of the recipe ubunto. Did you mean ubuntu?\n',
    });
    expect(askedIn(source)).toEqual([]);
  });

  describe('for an account that images are not shared with', () => {
    const unshared = { launchers: [PAYMENTS], snapshotUsers: [PAYMENTS] };

    function withNewAccount() {
      const aws = new FakeAws();
      const source = sourceAccount(aws, [older, { ...shared(), ...unshared }, { ...debian, ...unshared }]);
      targetAccount(aws, PAYMENTS, hasNewest);
      targetAccount(aws, WEB, () => ({ copies: [copy('ami-0c', ANNOUNCED, { SourceImageId: OLDER })] }));
      return { aws, source };
    }

    it('names them, and the command that shares them', async () => {
      const { aws, source } = withNewAccount();
      const terminal = new FakeTerminal({ columns: 60 });
      const file = accountsFile();

      const { code, out, err } = await run(['backfill', '--accounts-file', file], { aws, terminal });

      expect({ code, out }).toEqual({
        code: 0,
        out: `Asked for ${DEBIAN} (debian) in eu-west-1: payments\nAsked for 1 copy.\n`,
      });
      expect(err.slice(err.indexOf('NOT SHARED'))).toBe(
        [
          'NOT SHARED             RECIPE  REGION     WITH',
          `${DEBIAN.padEnd(21)}  debian  eu-west-1  web`,
          `${IMAGE}  ubuntu  eu-west-1  web`,
          'To share them and ask for copies:',
          `image-copier backfill --accounts-file ${file} --only web --share`,
          '',
        ].join('\n'),
      );
      expect(askedIn(source)).toEqual([[TOPIC_ARN, DEBIAN, [PAYMENTS]]]);
    });

    it('names a command for the same choice', async () => {
      const { aws } = withNewAccount();
      const choice = ['--only', 'web', '--role-name', 'it is', '--recipe', 'ubuntu,debian', '--since', '2026-11-21'];

      const { err } = await backfill(aws, ...choice, '--dry-run', '--json');

      expect(err).toContain(" --only web --role-name 'it is' --recipe ubuntu,debian --since 2026-11-21 --share\n");
    });

    it('shares them with --share, launch permission first, and asks', async () => {
      const { aws, source } = withNewAccount();

      expect(await backfill(aws, '--share', '--recipe', 'ubuntu')).toEqual({
        code: 0,
        out: `Asked for ${IMAGE} (ubuntu) in eu-west-1: web\nAsked for 1 copy.\n`,
        err: '',
      });
      expect(source.ec2.commandCalls(ModifyImageAttributeCommand).map(({ args: [{ input }] }) => input)).toEqual([
        { ImageId: IMAGE, LaunchPermission: { Add: [{ UserId: WEB }] } },
      ]);
      expect(source.ec2.commandCalls(ModifySnapshotAttributeCommand)).toHaveLength(1);
      expect(askedIn(source)).toEqual([[TOPIC_ARN, IMAGE, [WEB]]]);
    });
  });

  it('asks in a Region that has no images for those of another, on the topic of the account', async () => {
    const aws = new FakeAws();
    const inEurope = sourceAccount(aws, [{ ...shared(), launchers: [] }]);
    const inAmerica = sourceAccount(aws, [], 'us-east-1');
    targetAccount(aws, PAYMENTS, hasNothing);
    targetAccount(aws, PAYMENTS, hasNothing, 'us-east-1');
    targetAccount(aws, WEB, hasNewest);
    const file = accountsFile([
      { id: PAYMENTS, name: 'payments', regions: ['eu-west-1', 'us-east-1'] },
      { id: WEB, name: 'web' },
    ]);

    const ended = await run(['backfill', '--accounts-file', file, '--share'], { aws });

    expect(ended).toEqual({
      code: 0,
      out:
        `Asked for ${IMAGE} (ubuntu) in eu-west-1: payments\n` +
        `Asked for ${IMAGE} (ubuntu) in us-east-1: payments\n` +
        'Asked for 2 copies.\n',
      err: '',
    });
    expect(inEurope.ec2.commandCalls(ModifyImageAttributeCommand)).toHaveLength(1);
    expect(inAmerica.ec2.commandCalls(ModifyImageAttributeCommand)).toEqual([]);
    expect(askedIn(inEurope)).toEqual([[TOPIC_ARN, IMAGE, [PAYMENTS]]]);
    expect(askedIn(inAmerica)).toEqual([[`arn:aws:sns:us-east-1:${SOURCE}:${TOPIC}`, IMAGE, [PAYMENTS]]]);
  });

  it('asks in each Region for the image that is there', async () => {
    const aws = new FakeAws();
    const inEurope = sourceAccount(aws, [shared()]);
    const inAmerica = sourceAccount(aws, [shared('ami-0f')], 'us-east-1');
    targetAccount(aws, PAYMENTS, hasNewest);
    targetAccount(aws, PAYMENTS, hasNothing, 'us-east-1');
    targetAccount(aws, WEB, hasNothing);
    const file = accountsFile([
      { id: PAYMENTS, name: 'payments', regions: ['eu-west-1', 'us-east-1'] },
      { id: WEB, name: 'web' },
    ]);

    const { code, out } = await run(['backfill', '--accounts-file', file], { aws });

    expect({ code, out: out.split('\n').sort() }).toEqual({
      code: 0,
      out: [
        '',
        `Asked for ${IMAGE} (ubuntu) in eu-west-1: web`,
        'Asked for 2 copies.',
        'Asked for ami-0f (ubuntu) in us-east-1: payments',
      ].sort(),
    });
    expect(askedIn(inEurope)).toEqual([[TOPIC_ARN, IMAGE, [WEB]]]);
    expect(askedIn(inAmerica)).toEqual([[`arn:aws:sns:us-east-1:${SOURCE}:${TOPIC}`, 'ami-0f', [PAYMENTS]]]);
  });

  it('shows in a dry run what it would call, and calls nothing', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [{ ...shared(), snapshotUsers: [PAYMENTS] }]);
    targetAccount(aws, PAYMENTS, hasNothing);
    targetAccount(aws, WEB, hasNothing);

    const { code, out, err } = await backfill(aws, '--share', '--dry-run');

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.split('\n')).toEqual([
      `would call ec2:ModifySnapshotAttribute snap-of-${IMAGE}: createVolumePermission, add ${WEB}`,
      expect.stringMatching(`^would call sns:Publish ${TOPIC_ARN}: {"sourceAmi":"${IMAGE}",`),
      'Would ask for 2 copies.',
      '',
    ]);
    expect(source.sns.commandCalls(PublishCommand)).toEqual([]);
    expect(source.ec2.commandCalls(ModifySnapshotAttributeCommand)).toEqual([]);
  });

  it.each([
    ['asked for', [], 1],
    ['would ask for', ['--dry-run'], 0],
  ])('prints what it %s as JSON', async (_, options, calls) => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared()]);
    targetAccount(aws, PAYMENTS, hasNewest);
    targetAccount(aws, WEB, hasNothing);

    const { code, out, err } = await backfill(aws, '--json', ...options);

    expect({ code, err }).toEqual({ code: 0, err: '' });
    const accounts = [{ account: 'web', accountId: WEB, region: 'eu-west-1' }];
    expect(JSON.parse(out)).toEqual([{ imageId: IMAGE, region: 'eu-west-1', recipe: 'ubuntu', accounts }]);
    expect(source.sns.commandCalls(PublishCommand)).toHaveLength(calls);
  });

  it('names an image that the accounts could not copy, and asks for the others', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [{ ...debian, snapshotUsers: [PAYMENTS] }, shared()]);
    targetAccount(aws, PAYMENTS, hasNothing);
    targetAccount(aws, WEB, hasNothing);

    expect(await backfill(aws)).toEqual({
      code: 1,
      out: `Asked for ${IMAGE} (ubuntu) in eu-west-1: payments, web\nAsked for 2 copies.\n`,
      err: `${DEBIAN} lacks createVolume permission on snap-of-${DEBIAN} for ${WEB}. Add --share to give it.\n`,
    });
    expect(askedIn(source)).toEqual([[TOPIC_ARN, IMAGE, BOTH]]);
  });

  it('gives with --share the permission that is missing on snapshots', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [{ ...shared(), snapshotUsers: [PAYMENTS] }]);
    targetAccount(aws, PAYMENTS, hasNothing);
    targetAccount(aws, WEB, hasNothing);

    expect((await backfill(aws, '--share')).code).toBe(0);
    expect(source.ec2.commandCalls(ModifySnapshotAttributeCommand).map(({ args: [{ input }] }) => input)).toEqual([
      {
        SnapshotId: `snap-of-${IMAGE}`,
        Attribute: 'createVolumePermission',
        CreateVolumePermission: { Add: [{ UserId: WEB }] },
      },
    ]);
    expect(askedIn(source)).toEqual([[TOPIC_ARN, IMAGE, BOTH]]);
  });

  it('names an account that cannot be read, and asks the others', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared()]);
    targetAccount(aws, PAYMENTS, hasNothing);
    aws.close(WEB, Object.assign(new Error('You are not allowed.'), { name: 'AccessDenied' }));

    const { code, err } = await backfill(aws);

    expect({ code, err }).toEqual({
      code: 1,
      err: 'web, eu-west-1: Access denied: You are not allowed. Allow it there, or choose another --profile or --role-arn.\n',
    });
    expect(askedIn(source)).toEqual([[TOPIC_ARN, IMAGE, [PAYMENTS]]]);
  });

  it('stops at what AWS refuses: no further image is asked for', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared(), debian]);
    targetAccount(aws, PAYMENTS, hasNothing);
    targetAccount(aws, WEB, hasNothing);
    const refusal = Object.assign(new Error('No.'), { name: 'AuthorizationError', $metadata: {} });
    source.sns.on(PublishCommand).rejects(refusal);

    expect(await backfill(aws)).toEqual({
      code: 1,
      out: '',
      err: 'Error: Access denied: No. Allow it there, or choose another --profile or --role-arn.\n',
    });
    expect(askedIn(source)).toHaveLength(1);
  });

  it('needs the accounts file, which names the source account', async () => {
    const aws = new FakeAws();

    expect(await run(['backfill', '--accounts', WEB, '--role-name', 'operator'], { aws })).toEqual({
      code: 2,
      out: '',
      err: 'Error: backfill needs the source account: name an --accounts-file.\n',
    });
  });

  it.each(['yesterday', '2026-13-01', '11/20/2026'])('takes %s for no date', async (date) => {
    const { code, err } = await run(['backfill', '--since', date]);

    expect(code).toBe(2);
    expect(err).toContain('It must be a date, such as 2026-11-01.');
  });
});
