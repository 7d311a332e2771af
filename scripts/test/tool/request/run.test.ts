import { describe, expect, it } from '@jest/globals';
import { FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateTagsCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { DescribeKeyCommand, GetKeyPolicyCommand } from '@aws-sdk/client-kms';
import { PublishCommand, SubscribeCommand, UnsubscribeCommand } from '@aws-sdk/client-sns';
import { GetParametersCommand } from '@aws-sdk/client-ssm';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import { UserError } from '../../../tool/common/user-error.ts';
import { FakeAws, type FakeServices } from '../support/fake-aws.ts';
import { FakeTerminal } from '../support/fake-terminal.ts';
import { fastForward, useFakeClock } from '../support/fake-clock.ts';
import { failedCopy } from '../support/function-logs.ts';
import { run } from '../support/run.ts';
import {
  accountsFile,
  baked,
  type Baked,
  copy,
  fileWith,
  hasEnded,
  IMAGE,
  keyFor,
  letter,
  PAYMENTS,
  result,
  resultsQueue,
  SOURCE,
  sourceAccount,
  type Standing,
  targetAccount,
  TOPIC,
  TOPIC_ARN,
  WEB,
} from './accounts.ts';

const BOTH = [PAYMENTS, WEB];
const SNAPSHOT = `snap-of-${IMAGE}`;
const shared = { image: baked(), launchers: BOTH, snapshotUsers: BOTH };
const BY_ID = ['--accounts', `${PAYMENTS},${WEB}`, '--topic', TOPIC];
const COPY_REQUEST = {
  sourceAmi: IMAGE,
  sourceRegion: 'eu-west-1',
  targetAccounts: BOTH,
  name: 'amigo_ubuntu_12',
  description: 'AMI for ubuntu',
  tags: { Recipe: 'ubuntu' },
};
const ANNOUNCED = 'image-copier announced=2026-11-24T00:00:00.000Z';

/** What changed something in the source account, or told somebody, in the order of the calls. */
function changesIn({ ec2, sns }: FakeServices): string[] {
  const changing = [ModifyImageAttributeCommand, ModifySnapshotAttributeCommand, CreateTagsCommand, PublishCommand];
  return [...ec2.send.getCalls(), ...sns.send.getCalls()]
    .sort((one, other) => (one.calledBefore(other) ? -1 : 1))
    .map(({ args: [command] }) => command)
    .filter((command) => changing.some((each) => command instanceof each))
    .map(({ constructor: { name }, input }) => `${name} ${JSON.stringify(input)}`);
}

const published = ({ sns }: FakeServices) =>
  sns.commandCalls(PublishCommand).map(({ args: [{ input }] }) => ({
    topic: input.TopicArn,
    request: JSON.parse(input.Message ?? '') as { sourceAmi: string; targetAccounts: string[] },
  }));

describe('request', () => {
  it('asks accounts by their ids alone', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared]);

    const ran = await run(['request', IMAGE, ...BY_ID], { aws });

    expect(ran).toEqual({
      code: 0,
      out: '',
      err: `sns:Publish ${TOPIC_ARN}\nAsked for copies of ${IMAGE} in eu-west-1: ${PAYMENTS}, ${WEB}.\n`,
    });
    expect(published(source)).toEqual([{ topic: TOPIC_ARN, request: COPY_REQUEST }]);
  });

  it.each([
    ['15m', 15],
    ['2h', 120],
    ['48h', 2880],
  ])('asks for copies within %s', async (within, withinMinutes) => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared]);

    expect(await run(['request', IMAGE, ...BY_ID, '--within', within], { aws })).toMatchObject({ code: 0 });

    expect(published(source)).toEqual([{ topic: TOPIC_ARN, request: { ...COPY_REQUEST, withinMinutes } }]);
  });

  it('names a revoked image, and asks nobody', async () => {
    const aws = new FakeAws();
    const Tags = [{ Key: 'ImageCopierRevoked', Value: '2026-11-30T09:00:00.000Z CVE-1' }];
    const source = sourceAccount(aws, [{ ...shared, image: baked(IMAGE, { State: 'disabled', Tags }) }]);

    expect(await run(['request', IMAGE, ...BY_ID], { aws })).toEqual({
      code: 1,
      out: '',
      err: `Error: ${IMAGE} was revoked (2026-11-30T09:00:00.000Z CVE-1): no account copies it. The command unrevoke undoes that.\n`,
    });
    expect(published(source)).toEqual([]);
  });

  describe('of an image that was retired in an account', () => {
    const retired = { kind: 'retired', at: '2026-11-28T00:00:00.000Z', reason: 'Its copy was retired.' };
    const asked = async (aws: FakeAws, ...args: string[]) =>
      await run(['request', IMAGE, '--accounts-file', accountsFile(), ...args], { aws });

    it.each([
      ['asks all the same', [], 1],
      ['asks nobody in a dry run', ['--dry-run'], 0],
    ])('names the account first, and what undoes it: %s', async (_, args, calls) => {
      const aws = new FakeAws();
      const source = sourceAccount(aws, [shared]);
      hasEnded(aws, WEB, { [IMAGE]: retired });

      const { code, err } = await asked(aws, ...args);

      expect(code).toBe(0);
      expect(err.split('\n').slice(0, 3)).toEqual([
        'REFUSED                IN   REGION     END                               REASON',
        `${IMAGE}  web  eu-west-1  retired 2026-11-28T00:00:00.000Z  Its copy was retired.`,
        `To have copies of what was retired all the same, first: image-copier restore ${IMAGE} --accounts-file ${accountsFile()} --only web --region eu-west-1`,
      ]);
      expect(published(source)).toHaveLength(calls);
    });

    it('names accounts by their ids where they are named so, with a role', async () => {
      const aws = new FakeAws();
      sourceAccount(aws, [shared]);
      for (const id of BOTH) hasEnded(aws, id, { [IMAGE]: retired });

      const { err } = await run(['request', IMAGE, ...BY_ID, '--role-name', 'operator'], { aws });

      expect(err).toContain(
        `: image-copier restore ${IMAGE} --accounts ${PAYMENTS},${WEB} --role-name operator --region eu-west-1\n`,
      );
    });

    it('says where it cannot be read, and asks all the same', async () => {
      const aws = new FakeAws();
      const source = sourceAccount(aws, [shared]);
      const denied = Object.assign(new Error('You may not.'), { name: 'AccessDeniedException' });
      for (const id of BOTH) aws.in(id).ssm.on(GetParametersCommand).rejects(denied);

      const { code, err } = await asked(aws);

      expect(code).toBe(0);
      expect(err).toContain(
        'payments, eu-west-1; web, eu-west-1: What was retired or revoked could not be read: Access denied: You may not.',
      );
      expect(published(source)).toHaveLength(1);
    });
  });

  it.each(['15', '20m', '0m', '49h', '15M', '1.5h', ''])('refuses the time %j', async (within) => {
    const { code, err } = await run(['request', IMAGE, ...BY_ID, '--within', within]);

    expect(code).toBe(2);
    expect(err).toContain('It must be a time such as 15m or 2h: 15m to 48h, in steps of 15 minutes.');
  });

  it('asks those of an accounts file by their names, on the topic of the file or another', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared]);

    const ran = await run(['request', IMAGE, '--accounts-file', accountsFile(), '--only', 'web'], { aws });
    await run(['request', IMAGE, '--accounts-file', accountsFile(), '--topic', 'other'], { aws });

    expect(ran.err).toContain(`Asked for copies of ${IMAGE} in eu-west-1: web.\n`);
    expect(published(source).map(({ topic, request }) => [topic, request.targetAccounts])).toEqual([
      [TOPIC_ARN, [WEB]],
      [`arn:aws:sns:eu-west-1:${SOURCE}:other`, BOTH],
    ]);
  });

  it('prints what it asked for as JSON, and nothing else', async () => {
    const aws = new FakeAws();
    sourceAccount(aws, [shared]);

    const { code, out, err } = await run(['request', IMAGE, '--accounts-file', accountsFile(), '--json'], { aws });

    expect({ code, err }).toEqual({ code: 0, err: '' });
    const asked = {
      region: 'eu-west-1',
      imageId: IMAGE,
      state: 'waiting',
      copy: null,
      reason: null,
      failedTries: null,
    };
    expect(JSON.parse(out)).toEqual([
      { account: 'payments', accountId: PAYMENTS, ...asked },
      { account: 'web', accountId: WEB, ...asked },
    ]);
  });

  it.each(['86385474502', '2222222222222', '22222222222x', '"222222222222"'])(
    'refuses the account %s before it asks AWS for anything',
    async (id) => {
      const aws = new FakeAws();
      const source = sourceAccount(aws, [shared]);

      const byId = ['--accounts', `${PAYMENTS},${id}`, '--topic', TOPIC, '--share'];
      const { code, err } = await run(['request', IMAGE, ...byId], { aws });

      expect(code).toBe(2);
      expect(err).toContain(`${id} must be an account id of 12 digits.`);
      expect([...source.ec2.calls(), ...source.sns.calls()]).toEqual([]);
    },
  );

  it('names what the accounts lack, and neither shares nor asks', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [{ image: baked(), launchers: [PAYMENTS], snapshotUsers: [] }]);

    expect(await run(['request', IMAGE, ...BY_ID], { aws })).toEqual({
      code: 1,
      out: '',
      err:
        `Error: ${IMAGE} lacks launch permission for ${WEB}; ` +
        `createVolume permission on ${SNAPSHOT} for ${PAYMENTS}, ${WEB}. Add --share to give it.\n`,
    });
    expect(changesIn(source)).toEqual([]);
  });

  it('shares before it asks, and shares the tags too', async () => {
    const aws = new FakeAws();
    const tags = [
      { Key: 'Recipe', Value: 'ubuntu' },
      { Key: 'aws:ec2:fleet', Value: 'x' },
      { Key: 'ec2:SharedTag/Recipe', Value: 'debian' },
    ];
    const source = sourceAccount(aws, [{ image: baked(IMAGE, { Tags: tags }), launchers: [PAYMENTS] }]);

    const { code, err } = await run(['request', IMAGE, ...BY_ID, '--share', '--shared-tags'], { aws });

    expect({ code, err }).toEqual({
      code: 0,
      err: [
        `ec2:ModifyImageAttribute ${IMAGE}`,
        `ec2:ModifySnapshotAttribute ${SNAPSHOT}`,
        `ec2:CreateTags ${IMAGE}`,
        `sns:Publish ${TOPIC_ARN}`,
        `Asked for copies of ${IMAGE} in eu-west-1: ${PAYMENTS}, ${WEB}.\n`,
      ].join('\n'),
    });
    expect(changesIn(source)).toEqual([
      `ModifyImageAttributeCommand ${JSON.stringify({ ImageId: IMAGE, LaunchPermission: { Add: [{ UserId: WEB }] } })}`,
      `ModifySnapshotAttributeCommand ${JSON.stringify({
        SnapshotId: SNAPSHOT,
        Attribute: 'createVolumePermission',
        CreateVolumePermission: { Add: BOTH.map((UserId) => ({ UserId })) },
      })}`,
      `CreateTagsCommand ${JSON.stringify({
        Resources: [IMAGE],
        Tags: [{ Key: 'ec2:SharedTag/Recipe', Value: 'ubuntu' }],
      })}`,
      `PublishCommand ${JSON.stringify({ TopicArn: TOPIC_ARN, Message: JSON.stringify(COPY_REQUEST) })}`,
    ]);
  });

  it('counts what sharing the tags adds before it shares anything', async () => {
    const aws = new FakeAws();
    const Tags = Array.from({ length: 25 }, (_, index) => ({ Key: `Tag${index}`, Value: 'x' }));
    const source = sourceAccount(aws, [{ image: baked(IMAGE, { Tags }) }]);

    const { code, err } = await run(['request', IMAGE, ...BY_ID, '--share', '--shared-tags'], { aws });

    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('a copy could have 53') as unknown });
    expect(changesIn(source)).toEqual([]);
  });

  it('shows in a dry run each call that it would make, and makes none', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [{ ...shared, launchers: [PAYMENTS] }]);
    const args = ['request', IMAGE, ...BY_ID, '--share', '--dry-run', '--wait'];

    const [inWords, inJson] = [await run(args, { aws }), await run([...args, '--json'], { aws })];

    const details = `launchPermission, add ${WEB}`;
    const Message = JSON.stringify(COPY_REQUEST);
    expect(inWords).toEqual({
      code: 0,
      out:
        `would call ec2:ModifyImageAttribute ${IMAGE}: ${details}\n` +
        `would call sns:Publish ${TOPIC_ARN}: ${Message}\n`,
      err: '',
    });
    expect(JSON.parse(inJson.out)).toEqual([
      { action: 'ec2:ModifyImageAttribute', resource: IMAGE, details },
      { action: 'sns:Publish', resource: TOPIC_ARN, details: Message },
    ]);
    expect(changesIn(source)).toEqual([]);
  });

  it.each([
    [
      'is not there',
      [],
      2,
      `There is no image ${IMAGE} of this account in eu-west-1. Check --region, and that the credentials are those of the source account.`,
    ],
    [
      'is pending',
      [baked(IMAGE, { State: 'pending' })],
      1,
      `${IMAGE} is pending. Ask for copies once it is available.`,
    ],
    ['has no state', [{ ImageId: IMAGE }], 1, `${IMAGE} is in no state. Ask for copies once it is available.`],
  ])('asks for no image that %s', async (_, images, code, message) => {
    const aws = new FakeAws();
    const source = sourceAccount(
      aws,
      images.map((image) => ({ image })),
    );

    expect(await run(['request', IMAGE, ...BY_ID], { aws })).toEqual({ code, out: '', err: `Error: ${message}\n` });
    expect(changesIn(source)).toEqual([]);
  });

  it.each([
    [[IMAGE], 'Name the accounts that are to copy it: --accounts-file, or --accounts with their ids.'],
    [[IMAGE, '--accounts', WEB], 'Name the topic for copy requests with --topic.'],
    [BY_ID, 'Name one image, or a --packer-manifest.'],
    [[IMAGE, ...BY_ID, '--packer-manifest', 'x.json'], 'Name one image, or a --packer-manifest.'],
    [['--packer-manifest', 'none.json', ...BY_ID], 'There is no none.json.'],
  ])('names the remedy for %j', async (args, message) => {
    const aws = new FakeAws();
    sourceAccount(aws, [shared]);

    expect(await run(['request', ...args], { aws })).toEqual({ code: 2, out: '', err: `Error: ${message}\n` });
  });

  it.each(['0', '-1', '1e3', 'soon', '100000'])('takes no time limit of %s', async (minutes) => {
    const { code, err } = await run(['request', IMAGE, ...BY_ID, '--timeout', minutes]);

    expect(code).toBe(2);
    expect(err).toContain('It must be a number of minutes above 0.');
  });
});

describe('a recipe that cannot be the name of a parameter', () => {
  const image = baked(IMAGE, { Tags: [{ Key: 'Recipe', Value: 'ubuntu 24' }] });
  const warning =
    `No parameter will point to the copies of ${IMAGE}. The value of the tag Recipe, "ubuntu 24", cannot end the name of a ` +
    'parameter: it must be letters, digits, dots, hyphens and underscores, with single slashes between levels, none of them . or .., of which there ' +
    'may be 15 with /image-copier.\n';

  it('is told once before anything is done, also in a dry run', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [{ ...shared, image }]);

    const dry = await run(['request', IMAGE, ...BY_ID, '--dry-run'], { aws });
    const { code, err } = await run(['request', IMAGE, ...BY_ID], { aws });

    expect(dry).toMatchObject({ code: 0, err: warning });
    expect(code).toBe(0);
    expect(err).toMatch(new RegExp(`^No parameter will .*\\nsns:Publish ${TOPIC_ARN}\\n`));
    expect(published(source)).toHaveLength(1);
  });

  it('is so by the inputs of each account', async () => {
    const aws = new FakeAws();
    sourceAccount(aws, [{ ...shared, image }]);
    const inputs = { recipe_tag: 'Role', parameter_path: '/images' };
    const by = (more: object) => accountsFile([{ id: PAYMENTS, name: 'payments', inputs: { ...inputs, ...more } }]);

    const none = await run(['request', IMAGE, '--accounts-file', by({})], { aws });
    const own = await run(['request', IMAGE, '--accounts-file', by({ copy_tags: { Role: 'a/' } })], { aws });

    expect(none.err).not.toContain('No parameter');
    expect(own.err).toContain('The value of the tag Role, "a/", cannot end the name of a parameter');
    expect(own.err).toContain('15 with /images.');
  });
});

describe('what every account would refuse', () => {
  const many = Array.from({ length: 47 }, (_, index) => ({ Key: `Tag${index}`, Value: '' }));
  const withTags = () => accountsFile([{ id: PAYMENTS, name: 'payments', inputs: { copy_tags: { Owner: 'me' } } }]);

  it.each<[string, Baked, RegExp]>([
    [
      'an image of AWS Marketplace',
      { image: baked(IMAGE, { ProductCodes: [{ ProductCodeId: 'abc', ProductCodeType: 'marketplace' }] }) },
      /has product codes \(abc\): EC2 copies no image of AWS Marketplace to another account\./,
    ],
    [
      'snapshots under a key of AWS',
      { image: baked(), keyArn: 'arn:of-aws' },
      /is encrypted under arn:of-aws, a key that AWS manages: its snapshots cannot be shared\./,
    ],
    ['an image without a snapshot', { image: baked(IMAGE, { BlockDeviceMappings: [] }) }, /has no snapshot/],
    [
      'tags that do not fit beside those of the account',
      { image: baked(IMAGE, { Tags: many }) },
      /tags: the copy would have 51 tags, EC2 allows 50\. Remove 1\./,
    ],
    ['a description that is too long', { image: baked(IMAGE, { Description: 'x'.repeat(256) }) }, /description/],
  ])('is said before anything is shared: %s', async (_, one, problem) => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [one]);

    for (const option of ['--share', '--dry-run']) {
      const args = ['request', IMAGE, '--accounts-file', withTags(), '--share', option];
      const { code, err } = await run(args, { aws });
      expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(problem) });
    }
    expect(changesIn(source)).toEqual([]);
  });

  it.each([
    ['Windows', 'RunInstances:0002', 'Windows, RunInstances:0002'],
    [undefined, 'RunInstances:0010', 'RunInstances:0010'],
    ['Linux/UNIX', 'RunInstances', undefined],
    ['Linux/UNIX', undefined, undefined],
  ])('may be a billing product: %s, %s', async (PlatformDetails, UsageOperation, named) => {
    const aws = new FakeAws();
    const image = baked(IMAGE, { PlatformDetails, UsageOperation });
    const source = sourceAccount(aws, [{ ...shared, image }]);

    const { code, err } = await run(['request', IMAGE, ...BY_ID], { aws });

    const warning = `${IMAGE} has a billing product (${named ?? ''}). EC2 may refuse to copy it to another account`;
    expect({ code, isWarned: err.startsWith(warning) }).toEqual({ code: 0, isWarned: named !== undefined });
    expect(published(source)).toHaveLength(1);
  });

  it('is nothing of an image under a key of its own, with as many tags as there is room for', async () => {
    const aws = new FakeAws();
    const image = baked(IMAGE, { Tags: many.slice(1) });
    sourceAccount(aws, [{ image, keyArn: 'arn:own', launchers: BOTH, snapshotUsers: BOTH }]);

    expect(await run(['request', IMAGE, '--accounts-file', withTags()], { aws })).toMatchObject({ code: 0 });
  });
});

describe('the key of a source image', () => {
  const KEY = `arn:aws:kms:eu-west-1:${SOURCE}:key/source`;
  const root = (id: string) => `arn:aws:iam::${id}:root`;
  const encrypted = { ...shared, keyArn: KEY };
  const asked = async (keyPolicy: object, ...args: string[]) => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [{ ...encrypted, keyPolicy }]);
    const { code, err } = await run(['request', IMAGE, ...(args.length > 0 ? args : BY_ID)], { aws });
    return {
      code,
      warnings: err.split('\n').filter((line) => line.includes('key')),
      published: published(source).length,
    };
  };
  const NEEDED =
    'kms:CreateGrant, kms:Decrypt, kms:DescribeKey, kms:GenerateDataKey, kms:GenerateDataKeyWithoutPlaintext, kms:ReEncryptFrom and kms:ReEncryptTo';
  const refuses = (...ids: string[]) =>
    `The policy of ${KEY}, the key of ${IMAGE}, does not let ${ids.join(' and ')} copy under it: unless a grant does, EC2 starts ` +
    `these copies, and they fail. Allow ${NEEDED} in it to ${ids.map(root).join(' and ')}.`;

  it('admits all whom its policy lets copy', async () => {
    expect(await asked(keyFor(...BOTH.map(root)))).toEqual({ code: 0, warnings: [], published: 1 });
    expect(await asked(keyFor(PAYMENTS, `arn:aws:iam::${WEB}:role/copier`))).toEqual({
      code: 0,
      warnings: [],
      published: 1,
    });
  });

  it('is named with the accounts that it does not admit, before anything is done', async () => {
    expect(await asked(keyFor(root(SOURCE)))).toEqual({ code: 0, warnings: [refuses(PAYMENTS, WEB)], published: 1 });
    expect(await asked(keyFor(root(SOURCE), root(WEB)), ...BY_ID, '--dry-run')).toEqual({
      code: 0,
      warnings: [refuses(PAYMENTS)],
      published: 0,
    });
  });

  it('is named where accounts are asked by an accounts file, and has to admit them through EC2 in its Region or theirs', async () => {
    const through = (region: string) => ({
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: '*' },
          Action: 'kms:*',
          Condition: { StringEquals: { 'kms:ViaService': `ec2.${region}.amazonaws.com` } },
        },
      ],
    });
    const byFile = ['--accounts-file', accountsFile()];

    expect(await asked(through('eu-west-1'), ...byFile)).toMatchObject({ code: 0, warnings: [] });
    expect(await asked(through('us-east-1'), ...byFile)).toMatchObject({ code: 0, warnings: [refuses(PAYMENTS, WEB)] });
  });

  it('may admit members of an organization, of whom nothing is known', async () => {
    const Condition = { StringEquals: { 'aws:PrincipalOrgID': 'o-a1b2c3d4e5' } };
    const policy = { Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'kms:*', Condition }] };

    expect(await asked(policy)).toEqual({
      code: 0,
      warnings: [
        `Whether the policy of ${KEY}, the key of ${IMAGE}, lets ${PAYMENTS} and ${WEB} copy under it could not be checked: ` +
          'it admits members of an organization.',
      ],
      published: 1,
    });
  });

  it('names many accounts by their number', async () => {
    const many = Array.from({ length: 5 }, (_, index) => String(500_000_000_000 + index));
    const aws = new FakeAws();
    sourceAccount(aws, [{ ...encrypted, launchers: many, snapshotUsers: many, keyPolicy: keyFor(SOURCE) }]);

    const { err } = await run(['request', IMAGE, '--accounts', many.join(','), '--topic', TOPIC], { aws });

    expect(err).toContain(`does not let ${many.slice(0, 3).join(', ')} and 2 others copy under it`);
    expect(err).toContain(`in it to ${many.slice(0, 3).map(root).join(', ')} and 2 others.\n`);
  });

  it.each([
    ['kms:DescribeKey', DescribeKeyCommand],
    ['kms:GetKeyPolicy', GetKeyPolicyCommand],
  ])('is said not to be checked without %s', async (_, Command) => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [encrypted]);
    source.kms.on(Command).rejects(Object.assign(new Error('You may not.'), { name: 'AccessDeniedException' }));

    const { code, err } = await run(['request', IMAGE, ...BY_ID], { aws });

    expect({ code, published: published(source).length }).toEqual({ code: 0, published: 1 });
    expect(err.split('\n')[0]).toBe(
      `Whether ${KEY}, the key of ${IMAGE}, lets the accounts copy under it could not be checked: Access denied: You may not. ` +
        'Allow it there, or choose another --profile or --role-arn.',
    );
  });

  it('is no matter to the account that owns the image', async () => {
    const aws = new FakeAws();
    const image = baked(IMAGE, { OwnerId: SOURCE });
    sourceAccount(aws, [{ ...encrypted, image, keyPolicy: keyFor('999999999999') }]);

    const { err } = await run(['request', IMAGE, '--accounts', SOURCE, '--topic', TOPIC], { aws });

    expect(err).not.toContain('key');
  });
});

describe('an image that is shared with an organization', () => {
  const ORGANIZATION = `arn:aws:organizations::${SOURCE}:organization/o-a1b2c3d4e5`;
  const UNIT = `arn:aws:organizations::${SOURCE}:ou/o-a1b2c3d4e5/ou-ab12-11111111`;
  const bySnapshots = { image: baked(), organizations: [ORGANIZATION], snapshotUsers: BOTH };
  /** What the accounts see, if they are asked. */
  const world = (one: Baked, seen: Readonly<Record<string, boolean | Error>> = {}) => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [one]);
    for (const [id, sees] of Object.entries(seen)) {
      const described = aws.in(id).ec2.on(DescribeImagesCommand, {
        Filters: [{ Name: 'image-id', Values: [IMAGE] }],
        IncludeDeprecated: true,
      });
      if (sees instanceof Error) described.rejects(sees);
      else described.resolves({ Images: sees ? [{ ImageId: IMAGE }] : [] });
    }
    return { aws, source };
  };
  const byFile = () => ['--accounts-file', accountsFile()];
  const UNSEEN =
    `${WEB} cannot see ${IMAGE}: it is shared with ${ORGANIZATION}, and not with this account. ` +
    'The request waits for it, and is a dead letter in the end. Add --share to give launch permission.';

  it('needs nothing more where the accounts see it and have its snapshots', async () => {
    const { aws, source } = world(bySnapshots, { [PAYMENTS]: true, [WEB]: true });

    const { code, err } = await run(['request', IMAGE, ...byFile()], { aws });

    expect({ code, lines: err.split('\n').length }).toEqual({ code: 0, lines: 3 });
    expect(published(source)).toHaveLength(1);
  });

  it('is named before it is asked for where an account does not see it', async () => {
    const { aws, source } = world(bySnapshots, { [PAYMENTS]: true, [WEB]: false });

    const { code, err } = await run(['request', IMAGE, ...byFile()], { aws });

    expect({ code, warning: err.split('\n')[0] }).toEqual({ code: 0, warning: UNSEEN });
    expect(published(source)).toHaveLength(1);
  });

  it('is shared with such an account by its id, with --share', async () => {
    const { aws, source } = world(bySnapshots, { [PAYMENTS]: true, [WEB]: false });

    const { code, err } = await run(['request', IMAGE, ...byFile(), '--share'], { aws });

    expect({ code, isWarned: err.includes('cannot see') }).toEqual({ code: 0, isWarned: false });
    expect(changesIn(source)).toEqual([
      `ModifyImageAttributeCommand ${JSON.stringify({ ImageId: IMAGE, LaunchPermission: { Add: [{ UserId: WEB }] } })}`,
      expect.stringContaining('PublishCommand'),
    ]);
  });

  it.each([
    ['have no way in', BY_ID, {}],
    [
      'cannot be asked',
      ['--accounts', `${PAYMENTS},${WEB}`, '--topic', TOPIC, '--role-name', 'operator'],
      new Error('no'),
    ],
  ])('may be for accounts that %s, which is said, or made sure with --share', async (_, args, problem) => {
    const unit = { ...bySnapshots, organizations: [ORGANIZATION, UNIT] };
    const seen = problem instanceof Error ? { [PAYMENTS]: problem, [WEB]: problem } : {};
    const [without, withIt] = [world(unit, seen), world(unit, seen)];

    const { code, err } = await run(['request', IMAGE, ...args], { aws: without.aws });
    const sharing = await run(['request', IMAGE, ...args, '--share'], { aws: withIt.aws });

    expect(code).toBe(0);
    expect(err).toContain(
      `Whether ${PAYMENTS} and ${WEB} can see ${IMAGE} could not be checked: it is shared with ${ORGANIZATION} and ${UNIT}, and not with these accounts. ` +
        'The request of one that is not in there waits for it, and is a dead letter in the end. Add --share to give launch permission.\n',
    );
    expect(sharing.code).toBe(0);
    expect(changesIn(withIt.source)[0]).toBe(
      `ModifyImageAttributeCommand ${JSON.stringify({ ImageId: IMAGE, LaunchPermission: { Add: BOTH.map((UserId) => ({ UserId })) } })}`,
    );
  });

  it('lacks permission on its snapshots, which an organization cannot have', async () => {
    const { aws, source } = world({ ...bySnapshots, snapshotUsers: [] }, { [PAYMENTS]: true, [WEB]: true });

    expect(await run(['request', IMAGE, ...byFile()], { aws })).toEqual({
      code: 1,
      out: '',
      err:
        `Error: ${IMAGE} lacks createVolume permission on ${SNAPSHOT} for ${PAYMENTS}, ${WEB}. An organization cannot have it, each account has to: ` +
        "add --share to give it, or name the accounts in Packer's snapshot_users.\n",
    });
    expect(changesIn(source)).toEqual([]);
  });

  it('may be public too, and is then seen by all', async () => {
    const { aws, source } = world(bySnapshots);
    source.ec2
      .on(DescribeImageAttributeCommand)
      .resolves({ LaunchPermissions: [{ OrganizationArn: ORGANIZATION }, { Group: 'all' }] });

    const { code, err } = await run(['request', IMAGE, ...BY_ID], { aws });

    expect({ code, lines: err.split('\n').length }).toEqual({ code: 0, lines: 3 });
  });
});

it('request shares nothing with the account that owns the image', async () => {
  const aws = new FakeAws();
  const image = baked(IMAGE, { OwnerId: SOURCE });
  const source = sourceAccount(aws, [{ image, launchers: [WEB], snapshotUsers: [WEB] }]);

  const { code } = await run(['request', IMAGE, '--accounts', `${SOURCE},${WEB}`, '--topic', TOPIC], { aws });

  expect(code).toBe(0);
  expect(published(source)).toMatchObject([{ request: { targetAccounts: [SOURCE, WEB] } }]);
});

describe('the Region of a request', () => {
  const inTwo = () =>
    accountsFile([
      { id: PAYMENTS, name: 'payments', regions: ['eu-west-1', 'us-east-1'] },
      { id: WEB, name: 'web' },
    ]);

  const topicIn = (region: string) => `arn:aws:sns:${region}:${SOURCE}:${TOPIC}`;

  it('is found where the accounts are in several, and each is asked in each of its Regions', async () => {
    const aws = new FakeAws();
    const inEurope = sourceAccount(aws, [{ image: baked() }]);
    const inAmerica = sourceAccount(aws, [], 'us-east-1');

    const { code, err } = await run(['request', IMAGE, '--accounts-file', inTwo(), '--share'], { aws });

    expect({ code, err }).toEqual({
      code: 0,
      err: [
        `ec2:ModifyImageAttribute ${IMAGE}`,
        `ec2:ModifySnapshotAttribute ${SNAPSHOT}`,
        `sns:Publish ${TOPIC_ARN}`,
        `sns:Publish ${topicIn('us-east-1')}`,
        `Asked for copies of ${IMAGE} in eu-west-1: payments, web.`,
        `Asked for copies of ${IMAGE} in us-east-1: payments.\n`,
      ].join('\n'),
    });
    expect(published(inEurope)).toEqual([{ topic: TOPIC_ARN, request: COPY_REQUEST }]);
    expect(published(inAmerica)).toEqual([
      { topic: topicIn('us-east-1'), request: { ...COPY_REQUEST, targetAccounts: [PAYMENTS] } },
    ]);
  });

  it('is found also where none of the chosen accounts is', async () => {
    const aws = new FakeAws();
    const inEurope = sourceAccount(aws, []);
    sourceAccount(aws, [shared], 'us-east-1');

    expect(await run(['request', IMAGE, '--accounts-file', inTwo(), '--only', 'web'], { aws })).toMatchObject({
      code: 0,
    });
    expect(published(inEurope)).toEqual([
      { topic: TOPIC_ARN, request: { ...COPY_REQUEST, sourceRegion: 'us-east-1', targetAccounts: [WEB] } },
    ]);
  });

  it('must be named if no account is in it', async () => {
    const aws = new FakeAws();
    sourceAccount(aws, []);
    const inAmerica = sourceAccount(aws, [], 'us-east-1');
    sourceAccount(aws, [shared], 'eu-north-1');
    const args = ['request', IMAGE, '--accounts-file', inTwo()];

    expect(await run(args, { aws })).toEqual({
      code: 2,
      out: '',
      err: `Error: There is no image ${IMAGE} of the source account in eu-west-1, us-east-1. Name its Region with --region.\n`,
    });
    expect(await run([...args, '--region', 'eu-north-1'], { aws })).toMatchObject({ code: 0 });
    expect(published(inAmerica)).toEqual([
      {
        topic: topicIn('us-east-1'),
        request: { ...COPY_REQUEST, sourceRegion: 'eu-north-1', targetAccounts: [PAYMENTS] },
      },
    ]);
  });

  it.each([
    ['of an accounts file', () => ['--accounts-file', inTwo()], [PAYMENTS]],
    ['by their ids alone', () => BY_ID, BOTH],
    ['by their ids and a role', () => [...BY_ID, '--role-name', 'operator'], BOTH],
  ])('narrows the accounts %s by --only-region', async (_, where, targetAccounts) => {
    const aws = new FakeAws();
    sourceAccount(aws, [shared]);
    const inAmerica = sourceAccount(aws, [], 'us-east-1');

    const { code } = await run(['request', IMAGE, ...where(), '--region', 'eu-west-1', '--only-region', 'us-east-1'], {
      aws,
    });

    expect(code).toBe(0);
    expect(published(inAmerica)).toEqual([
      { topic: topicIn('us-east-1'), request: { ...COPY_REQUEST, targetAccounts } },
    ]);
  });

  it('of --only-region has to be one of the accounts', async () => {
    const args = ['request', IMAGE, '--accounts-file', inTwo(), '--only', 'web', '--only-region', 'us-east-1'];

    expect(await run(args)).toMatchObject({
      code: 2,
      err: 'Error: None of the chosen accounts has the Region us-east-1.\n',
    });
  });

  it.each(['eu-west-1,us-eest-1', 'us-eest-1'])(
    'of --only-region has to be one of the accounts, each: %s',
    async (regions) => {
      expect(await run(['request', IMAGE, '--accounts-file', inTwo(), '--only-region', regions])).toMatchObject({
        code: 2,
        err: 'Error: None of the chosen accounts has the Region us-eest-1. Did you mean us-east-1?\n',
      });
    },
  );

  it('is that of each image in a manifest of Packer; one without accounts is named and left out', async () => {
    const aws = new FakeAws();
    const inEurope = sourceAccount(aws, [shared]);
    const inAmerica = sourceAccount(aws, [{ ...shared, image: baked('ami-0b') }], 'us-east-1');
    const manifest = fileWith('packer-manifest.json', {
      builds: [{ artifact_id: `eu-west-1:${IMAGE},us-east-1:ami-0b,eu-north-1:ami-0c`, packer_run_uuid: 'last' }],
      last_run_uuid: 'last',
    });

    const { code, err } = await run(['request', '--packer-manifest', manifest, '--accounts-file', inTwo()], { aws });

    expect(code).toBe(0);
    expect(err.split('\n')).toEqual(
      expect.arrayContaining([
        'Nobody is asked for ami-0c: no account is in eu-north-1.',
        `Asked for copies of ${IMAGE} in eu-west-1: payments, web.`,
        'Asked for copies of ami-0b in us-east-1: payments.',
      ]),
    );
    expect([inEurope, inAmerica].map((source) => published(source).map(({ request }) => request.sourceAmi))).toEqual([
      [IMAGE],
      ['ami-0b'],
    ]);
  });

  it('of a build that no account is in serves all of them', async () => {
    const aws = new FakeAws();
    sourceAccount(aws, [shared], 'eu-north-1');
    const inEurope = sourceAccount(aws, []);
    const manifest = fileWith('packer-manifest.json', {
      builds: [
        { name: 'debian', artifact_id: null, packer_run_uuid: 'last' },
        { artifact_id: `eu-north-1:${IMAGE}`, packer_run_uuid: 'last' },
      ],
      last_run_uuid: 'last',
    });

    const { code, err } = await run(['request', '--packer-manifest', manifest, '--accounts-file', accountsFile()], {
      aws,
    });

    expect(code).toBe(0);
    expect(err).toContain('names no image of debian (artifact_id is null). The others are asked for.\n');
    expect(published(inEurope)).toEqual([
      { topic: TOPIC_ARN, request: { ...COPY_REQUEST, sourceRegion: 'eu-north-1' } },
    ]);
  });

  describe('that Packer runs, once for each of its builds', () => {
    const build = (name: string, builder_type: string, artifact_id: string | null) => ({
      name,
      builder_type,
      artifact_id,
      packer_run_uuid: 'last',
    });
    const manifestOf = (...builds: object[]) => fileWith('packer-manifest.json', { builds, last_run_uuid: 'last' });
    const byPacker = async (aws: FakeAws, manifest: string, name: string, type: string, ...more: string[]) =>
      await run(['request', '--packer-manifest', manifest, '--accounts-file', accountsFile(), ...more], {
        aws,
        env: { PACKER_BUILD_NAME: name, PACKER_BUILDER_TYPE: type, PACKER_RUN_UUID: 'last' },
      });

    it('publishes each image once, whichever build ends first', async () => {
      const aws = new FakeAws();
      const source = sourceAccount(aws, [shared, { ...shared, image: baked('ami-0b') }]);
      const ubuntu = build('ubuntu', 'amazon-ebs', `eu-west-1:${IMAGE}`);
      const debian = build('debian', 'amazon-ebs', 'eu-west-1:ami-0b');

      const first = await byPacker(aws, manifestOf(debian), 'debian', 'amazon-ebs');
      const second = await byPacker(aws, manifestOf(debian, ubuntu), 'ubuntu', 'amazon-ebs');

      expect([first.code, second.code]).toEqual([0, 0]);
      expect(published(source).map(({ request }) => request.sourceAmi)).toEqual(['ami-0b', IMAGE]);
    });

    it.each([
      ['in words', [], ''],
      ['as JSON', ['--json'], '[]\n'],
      ['with --wait', ['--wait'], ''],
      ['in a dry run', ['--dry-run'], ''],
    ])('asks for nothing, and does not fail, for a build that makes no image: %s', async (_, options, out) => {
      const aws = new FakeAws();
      const source = sourceAccount(aws, [shared]);
      const manifest = manifestOf(build('notes', 'null', 'Null'));

      expect(await byPacker(aws, manifest, 'notes', 'null', ...options)).toEqual({
        code: 0,
        out,
        err: `${manifest} has no machine image of the build notes (null): nothing is asked for.\n`,
      });
      expect(published(source)).toEqual([]);
    });

    it('fails for the same manifest when a person runs it', async () => {
      const manifest = manifestOf(build('notes', 'null', 'Null'));

      const ran = await run(['request', '--packer-manifest', manifest, '--accounts-file', accountsFile()]);

      expect(ran).toMatchObject({
        code: 2,
        err: expect.stringContaining('has no machine image of the last run') as unknown,
      });
    });

    it('waits for a manifest that another build is just writing', async () => {
      const aws = new FakeAws();
      const source = sourceAccount(aws, [shared]);
      const whole = { builds: [build('ubuntu', 'amazon-ebs', `eu-west-1:${IMAGE}`)], last_run_uuid: 'last' };
      const manifest = fileWith('packer-manifest.json', JSON.stringify(whole).slice(0, 40));
      const written = setTimeout(() => fileWith('packer-manifest.json', whole), 50);

      const { code } = await byPacker(aws, manifest, 'ubuntu', 'amazon-ebs');

      clearTimeout(written);
      expect(code).toBe(0);
      expect(published(source)).toHaveLength(1);
    });
  });

  it('asks for none of the images if one of them cannot be copied', async () => {
    const aws = new FakeAws();
    const inEurope = sourceAccount(aws, [shared]);
    sourceAccount(aws, [], 'us-east-1');
    const manifest = fileWith('packer-manifest.json', {
      builds: [{ artifact_id: `eu-west-1:${IMAGE},us-east-1:ami-0b`, packer_run_uuid: 'last' }],
      last_run_uuid: 'last',
    });

    const { code, err } = await run(['request', '--packer-manifest', manifest, '--accounts-file', inTwo()], { aws });

    expect(code).toBe(2);
    expect(err).toContain('There is no image ami-0b of this account in us-east-1.');
    expect(changesIn(inEurope)).toEqual([]);
  });
});

describe('request --wait', () => {
  useFakeClock('2026-11-24T00:00:00.000Z');

  it('follows accounts by the results topic, and ends once each has told', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared]);
    resultsQueue(
      source,
      ['no JSON', 'null', '{"detail-type":"Image Copied"}', result(WEB, 'ami-0b', null, { sourceAmi: 'ami-0ff' })],
      [result(PAYMENTS, 'ami-0a'), result(WEB, 'ami-0b', null, { region: 'us-east-1' })],
      [],
      // Delivered once more, and a later failure of a copy that is settled.
      [result(PAYMENTS, 'ami-0a', 'Too late.'), result(WEB, 'ami-0b', 'The key is disabled.')],
    );

    const ran = await fastForward(run(['request', IMAGE, ...BY_ID, '--wait'], { aws }));

    expect(ran).toEqual({
      code: 1,
      out:
        'ACCOUNT       REGION     IMAGE                  STATE      COPY    REASON\n' +
        `${PAYMENTS}  eu-west-1  ${IMAGE}  available  ami-0a
` +
        `${WEB}  eu-west-1  ${IMAGE}  failed     ami-0b  The key is disabled.\n`,
      err:
        `sns:Publish ${TOPIC_ARN}\n` +
        `Asked for copies of ${IMAGE} in eu-west-1: ${PAYMENTS}, ${WEB}.\n` +
        `${PAYMENTS}, eu-west-1: available, ami-0a\n` +
        `${WEB}, eu-west-1: failed, ami-0b, The key is disabled.\n`,
    });
    expect(source.sqs.commandCalls(ReceiveMessageCommand)).toHaveLength(4);
    expect(source.sqs.commandCalls(DeleteMessageBatchCommand)).toHaveLength(3);
  });

  it('subscribes a queue of its own before it asks, lets SNS alone send to it, and removes both', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared]);
    resultsQueue(source, [result(PAYMENTS, 'ami-0a'), result(WEB, 'ami-0b')]);

    await fastForward(run(['request', IMAGE, ...BY_ID, '--wait'], { aws }));

    const [created] = source.sqs.commandCalls(CreateQueueCommand);
    const { QueueName = '', Attributes = {} } = created?.args[0].input ?? {};
    const queueArn = `arn:aws:sqs:eu-west-1:${SOURCE}:${QueueName}`;
    expect(QueueName).toMatch(/^image-copier-request-[0-9a-f-]{36}$/);
    expect({ ...Attributes, Policy: JSON.parse(Attributes.Policy ?? '') as unknown }).toEqual({
      MessageRetentionPeriod: '3600',
      SqsManagedSseEnabled: 'true',
      Policy: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'sns.amazonaws.com' },
            Action: 'sqs:SendMessage',
            Resource: queueArn,
            Condition: { ArnEquals: { 'aws:SourceArn': `${TOPIC_ARN}-results` } },
          },
        ],
      },
    });
    expect(source.sns.send.getCalls().map(({ args: [{ input }] }) => input)).toEqual([
      {
        TopicArn: `${TOPIC_ARN}-results`,
        Protocol: 'sqs',
        Endpoint: queueArn,
        Attributes: { RawMessageDelivery: 'true' },
        ReturnSubscriptionArn: true,
      },
      { TopicArn: TOPIC_ARN, Message: JSON.stringify(COPY_REQUEST) },
      { SubscriptionArn: 'arn:subscription' },
    ]);
    expect(source.sqs.commandCalls(DeleteQueueCommand)).toHaveLength(1);
  });

  it('looks into the accounts of an accounts file, which know of copies that have begun and of dead letters', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared]);
    resultsQueue(source);
    const start = Date.now();
    const seconds = () => (Date.now() - start) / 1000;
    const others = [copy('ami-0f', 'golden announced=2026-11-24T00:00:00.000Z', { State: 'failed' })];
    targetAccount(aws, PAYMENTS, () => {
      if (seconds() < 5) return { copies: others };
      if (seconds() < 20) return { copies: [...others, copy('ami-0a', 'image-copier', { State: 'pending' })] };
      return { copies: [...others, copy('ami-0a', ANNOUNCED)] };
    });
    const letters = [
      letter('An earlier request.', new Date(start - 3_600_000)),
      letter('Another image.', new Date(start), 'ami-0ee'),
    ];
    targetAccount(aws, WEB, () => ({
      letters: seconds() < 10 ? letters : [...letters, letter('It belongs to somebody else.', new Date(start))],
    }));

    const args = ['request', IMAGE, '--accounts-file', accountsFile(), '--wait', '--json'];
    const { code, out, err } = await fastForward(run(args, { aws }));

    expect(code).toBe(1);
    expect(err).toBe(
      'payments, eu-west-1: pending, ami-0a\n' +
        'web, eu-west-1: failed, It belongs to somebody else.\n' +
        'payments, eu-west-1: available, ami-0a\n',
    );
    const asked = { region: 'eu-west-1', imageId: IMAGE, failedTries: null };
    expect(JSON.parse(out)).toEqual([
      { account: 'payments', accountId: PAYMENTS, ...asked, state: 'available', copy: 'ami-0a', reason: null },
      {
        ...{ account: 'web', accountId: WEB, ...asked },
        ...{ state: 'failed', copy: null, reason: 'It belongs to somebody else.' },
      },
    ]);
  });

  it.each<[string, string, Image[], number, string]>([
    [
      "takes somebody else's copy for the one that was asked for, as the copier does",
      'web, eu-west-1: available, ami-0f\n',
      [copy('ami-0f', 'golden announced=2026-11-24T00:00:00.000Z')],
      0,
      '',
    ],
    [
      'takes no copy of a copy for one, whatever its tags say',
      '',
      [{ ...copy('ami-0f', ANNOUNCED), SourceImageId: 'ami-0e' }],
      1,
      'The time (0.5 minutes) is over for web.',
    ],
    [
      'is told of a copy that is never verified',
      'web, eu-west-1: failed, ami-0f, It is not verified: snap-plain is not encrypted.',
      [copy('ami-0f', 'image-copier', { BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-plain' } }] })],
      1,
      '',
    ],
    [
      'waits for a copy whose snapshot EC2 does not show at the moment',
      'web, eu-west-1: pending, ami-0f\n',
      [copy('ami-0f', ANNOUNCED, { BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-hidden' } }] })],
      1,
      'The time (0.5 minutes) is over for web.',
    ],
  ])('%s', async (_what, line, copies, expected, end) => {
    const aws = new FakeAws();
    resultsQueue(sourceAccount(aws, [shared]));
    targetAccount(aws, WEB, () => ({ copies }));
    const args = ['--accounts-file', accountsFile(), '--only', 'web', '--wait', '--timeout', '0.5'];

    const { code, err } = await fastForward(run(['request', IMAGE, ...args], { aws }));

    expect(code).toBe(expected);
    expect(err).toContain(line);
    expect(err).toContain(end);
  });

  it('believes no result that the account itself belies', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared]);
    resultsQueue(source, [result(PAYMENTS, 'ami-0f'), result(WEB, 'ami-0b', 'It is said to have failed.')]);
    targetAccount(aws, PAYMENTS, () => ({}));
    targetAccount(aws, WEB, () => ({ copies: [copy('ami-0b', 'image-copier', { State: 'pending' })] }));
    const args = ['--accounts-file', accountsFile(), '--wait', '--timeout', '0.5', '--json'];

    const { code, out } = await fastForward(run(['request', IMAGE, ...args], { aws }));

    expect(code).toBe(1);
    expect(
      (JSON.parse(out) as { state: string; copy: string | null }[]).map((each) => [each.state, each.copy]),
    ).toEqual([
      ['waiting', null],
      ['pending', 'ami-0b'],
    ]);
  });

  it('takes the result where nothing remains to be seen of a failure, or the account cannot be read', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared]);
    resultsQueue(source, [result(PAYMENTS, 'ami-0a', 'The key is disabled.'), result(WEB, 'ami-0b')]);
    targetAccount(aws, PAYMENTS, () => ({}));
    aws.close(WEB, Object.assign(new Error('You are not allowed.'), { name: 'AccessDenied' }));

    const args = ['request', IMAGE, '--accounts-file', accountsFile(), '--wait', '--json'];
    const { code, out } = await fastForward(run(args, { aws }));

    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject([
      { state: 'failed', copy: 'ami-0a', reason: 'The key is disabled.' },
      { state: 'available', copy: 'ami-0b' },
    ]);
  });

  it('names a dead letter without a reason as one', async () => {
    const aws = new FakeAws();
    resultsQueue(sourceAccount(aws, [shared]));
    targetAccount(aws, WEB, () => ({ letters: [letter(undefined, new Date())] }));
    const args = ['--accounts-file', accountsFile(), '--only', 'web', '--wait'];

    const { code, err } = await fastForward(run(['request', IMAGE, ...args], { aws }));

    expect(code).toBe(1);
    expect(err).toContain('web, eu-west-1: failed, It is a dead letter without a reason.\n');
  });

  it('ends when the time is over, and names the accounts that stayed silent, with what kept them from telling', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared]);
    resultsQueue(source, [], [result(PAYMENTS, 'ami-0a')]);
    targetAccount(aws, PAYMENTS, () => ({ copies: [copy('ami-0a', ANNOUNCED)] }));
    aws.close(WEB, Object.assign(new Error('You are not allowed.'), { name: 'AccessDenied' }));
    const start = Date.now();

    const args = ['--accounts-file', accountsFile(), '--wait', '--timeout', '2'];
    const { code, out, err } = await fastForward(run(['request', IMAGE, ...args], { aws }));

    const denied = 'Access denied: You are not allowed. Allow it there, or choose another --profile or --role-arn.';
    expect(code).toBe(1);
    expect(Math.round((Date.now() - start) / 1000)).toBeGreaterThanOrEqual(120);
    expect(out.split('\n').slice(1)).toEqual([
      `payments  eu-west-1  ${IMAGE}  available  ami-0a`,
      `web       eu-west-1  ${IMAGE}  waiting    -       ${denied}`,
      '',
    ]);
    expect(err.split('\n').slice(2)).toEqual([
      `web, eu-west-1: waiting, ${denied}`,
      'payments, eu-west-1: available, ami-0a',
      'The time (2 minutes) is over for web. The copies go on. Look again with:',
      expect.stringMatching(/^ {2}image-copier status --accounts-file \S+accounts\.yaml$/),
      '',
    ]);
    expect(source.sqs.commandCalls(DeleteQueueCommand)).toHaveLength(1);
  });

  it('asks the accounts themselves where the results topic cannot be subscribed to', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared]);
    resultsQueue(source);
    source.sns
      .on(SubscribeCommand)
      .rejects(Object.assign(new Error('There is no topic.'), { name: 'NotFound', $metadata: {} }));
    const start = Date.now();
    const isDone = () => Date.now() - start >= 12_000;
    targetAccount(aws, WEB, () => ({ copies: isDone() ? [copy('ami-0b', ANNOUNCED)] : [] }));
    const args = ['--accounts', WEB, '--role-name', 'operator', '--topic', TOPIC, '--wait'];

    const { code, err } = await fastForward(run(['request', IMAGE, ...args], { aws }));

    expect({ code, err }).toEqual({
      code: 0,
      err:
        'The results topic tells nothing (AWS refused: NotFound: There is no topic.): the accounts themselves are asked.\n' +
        `sns:Publish ${TOPIC_ARN}\n` +
        `Asked for copies of ${IMAGE} in eu-west-1: ${WEB}.\n` +
        `${WEB}, eu-west-1: available, ami-0b\n`,
    });
    expect(source.sqs.commandCalls(DeleteQueueCommand)).toHaveLength(1);
    expect(source.sqs.commandCalls(ReceiveMessageCommand)).toHaveLength(0);
  });

  it('publishes nothing where neither the topic nor the accounts can tell what becomes of it', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared]);
    resultsQueue(source);
    source.sns.on(SubscribeCommand).rejects(new Error('There is no topic'));

    expect(await fastForward(run(['request', IMAGE, ...BY_ID, '--wait'], { aws }))).toEqual({
      code: 1,
      out: '',
      err:
        `Error: --wait cannot follow the copies: ${TOPIC_ARN}-results cannot be subscribed to (Error: There is no topic.), ` +
        'and without --role-name or an accounts file the accounts cannot be asked. Nothing was published.\n',
    });
    expect(changesIn(source)).toEqual([]);
    expect(source.sqs.commandCalls(DeleteQueueCommand)).toHaveLength(1);
  });

  it('draws one table again and again on a terminal', async () => {
    const aws = new FakeAws();
    const source = sourceAccount(aws, [shared]);
    resultsQueue(source, [result(PAYMENTS, 'ami-0a')], [result(WEB, 'ami-0b')]);
    const terminal = new FakeTerminal({ columns: 100 });

    const { code, err } = await fastForward(run(['request', IMAGE, ...BY_ID, '--wait'], { aws, terminal }));

    expect(code).toBe(0);
    const [, first = '', second = '', end] = err.split(/(?=ACCOUNT)|\u001B\[3A\u001B\[J/).filter((part) => part !== '');
    expect([first, second].map((table) => table.match(/waiting|available/g))).toEqual([
      ['available', 'waiting'],
      ['available', 'available'],
    ]);
    expect(end).toBeUndefined();
  });

  describe('while a copy fails, and the copier goes on trying', () => {
    const attempt = (ImageId: string, number: number, State: 'pending' | 'available') => {
      const made = copy(ImageId, State === 'available' ? ANNOUNCED : 'image-copier', { State });
      const Tags = made.Tags?.map(({ Key, Value = '' }) => ({
        Key,
        Value: Value.replace('attempt=1', `attempt=${number}`),
      }));
      return { ...made, Tags };
    };
    /** What there is of a copy that fails after 10 s, and again after 320 s; the third is available after 640 s. */
    const failing = (start: number) => (): Standing => {
      const seconds = (Date.now() - start) / 1000;
      const at = (after: number) => new Date(start + after * 1000).toISOString();
      const first = [failedCopy(IMAGE, at(10))];
      if (seconds < 10) return { copies: [attempt('ami-0a', 1, 'pending')] };
      // CloudWatch Logs shows a line some seconds after it is written.
      if (seconds < 20) return {};
      if (seconds < 310) return { logs: { 'settle-copy': first } };
      const started = { timestamp: at(310), sourceImage: IMAGE, outcome: 'started' };
      const logs = { 'copy-image': [started], 'settle-copy': first };
      if (seconds < 320) return { copies: [attempt('ami-0b', 2, 'pending')], logs };
      const second = [...first, failedCopy(IMAGE, at(320), { attempt: 2, reason: 'KMS key is pending deletion' })];
      if (seconds < 640) return { logs: { ...logs, 'settle-copy': second } };
      return { copies: [attempt('ami-0c', 3, 'available')], logs: { ...logs, 'settle-copy': second } };
    };
    const args = () => ['request', IMAGE, '--accounts-file', accountsFile(), '--only', 'web', '--wait'];

    it('says how often and why, and when the next try is; a copy that is gone is not shown', async () => {
      const aws = new FakeAws();
      resultsQueue(sourceAccount(aws, [shared]));
      targetAccount(aws, WEB, failing(Date.now()));

      const { code, err } = await fastForward(run(args(), { aws }));

      expect(code).toBe(0);
      expect(err.split('\n').slice(2)).toEqual([
        'web, eu-west-1: pending, ami-0a',
        'web, eu-west-1: pending',
        'web, eu-west-1: pending, failed once: KMS key is disabled; next try in 4 min',
        'web, eu-west-1: pending, ami-0b, failed once: KMS key is disabled',
        'web, eu-west-1: pending, failed twice: KMS key is pending deletion; next try in 4 min',
        'web, eu-west-1: available, ami-0c',
        '',
      ]);
    });

    it('has it as fields of the JSON', async () => {
      const aws = new FakeAws();
      const start = Date.now();
      resultsQueue(sourceAccount(aws, [shared]));
      targetAccount(aws, WEB, failing(start));

      const { out } = await fastForward(run([...args(), '--json', '--timeout', '2'], { aws }));

      expect(JSON.parse(out)).toMatchObject([
        {
          ...{ state: 'pending', copy: null, reason: 'failed once: KMS key is disabled; next try in 3 min' },
          failedTries: {
            ...{ count: 1, reason: 'KMS key is disabled' },
            nextTryAt: new Date(start + 310_000).toISOString(),
          },
        },
      ]);
    });

    it('says on a terminal by the minute when the next try is', async () => {
      const aws = new FakeAws();
      resultsQueue(sourceAccount(aws, [shared]));
      targetAccount(aws, WEB, failing(Date.now()));
      const terminal = new FakeTerminal({ columns: 120 });

      const { err } = await fastForward(run(args(), { aws, terminal }));

      const words = err.replaceAll(/\s+/g, ' ');
      for (const minutes of [2, 3, 4]) expect(words).toContain(`next try in ${minutes} min`);
    });

    it('shows the copy that failed as long as it is there, with what EC2 says', async () => {
      const aws = new FakeAws();
      resultsQueue(sourceAccount(aws, [shared]));
      const StateReason = { Code: 'Client.InternalError', Message: 'KMS key is disabled' };
      targetAccount(aws, WEB, () => ({ copies: [copy('ami-0a', 'image-copier', { State: 'failed', StateReason })] }));

      const { err } = await fastForward(run([...args(), '--timeout', '0.5'], { aws }));

      expect(err).toContain('web, eu-west-1: pending, ami-0a, failed once: KMS key is disabled\n');
    });

    it('goes on where the logs may not be read, and says so once', async () => {
      const aws = new FakeAws();
      resultsQueue(sourceAccount(aws, [shared]));
      const denied = Object.assign(new Error('You may not.'), { name: 'AccessDeniedException', $metadata: {} });
      const { logs } = targetAccount(aws, WEB, failing(Date.now()));
      logs.on(FilterLogEventsCommand).rejects(denied);

      const { code, err } = await fastForward(run(args(), { aws }));

      expect(code).toBe(0);
      expect(err.split('\n').slice(-2)[0]).toBe(
        'web, eu-west-1: Whether a try has failed is not known, for the logs of the functions cannot be read. ' +
          'Access denied: You may not. Allow it there, or choose another --profile or --role-arn.',
      );
    });
  });

  it.each<[string, Partial<Image>]>([
    ['ours', {}],
    ["of AMIgo's copier", { Tags: [{ Key: 'CopiedFromAMI', Value: IMAGE }] }],
  ])('does not wait for a copy that is disabled: %s', async (_what, changes) => {
    const aws = new FakeAws();
    resultsQueue(sourceAccount(aws, [shared]));
    targetAccount(aws, WEB, () => ({ copies: [copy('ami-0a', ANNOUNCED, { State: 'disabled', ...changes })] }));
    const args = ['--accounts-file', accountsFile(), '--only', 'web', '--wait'];

    const { code, err } = await fastForward(run(['request', IMAGE, ...args], { aws }));

    expect(code).toBe(1);
    expect(err).toContain(
      'web, eu-west-1: failed, ami-0a, The copy is disabled in the account, so no other one is made. ' +
        'Enable it there: aws ec2 enable-image.\n',
    );
  });

  describe('when the user stops it', () => {
    const wait = async (args: readonly string[], standing: () => Standing = () => ({})) => {
      const aws = new FakeAws();
      const source = sourceAccount(aws, [shared]);
      resultsQueue(source, [result(PAYMENTS, 'ami-0a')]);
      for (const id of BOTH) targetAccount(aws, id, standing);
      const stopped = new AbortController();
      setTimeout(() => {
        stopped.abort(new UserError('Stopped.', 2));
      }, 2500);
      const ran = await fastForward(run(['request', IMAGE, ...args, '--wait'], { aws, stopped }));
      expect(source.sns.commandCalls(UnsubscribeCommand)).toHaveLength(1);
      expect(source.sqs.commandCalls(DeleteQueueCommand)).toHaveLength(1);
      return ran;
    };

    it('leaves the table, says that the copies go on and how to look again, and leaves no queue behind', async () => {
      const { code, out, err } = await wait(BY_ID);

      expect(code).toBe(2);
      expect(out.split('\n').map((line) => line.split(/ {2,}/)[3])).toEqual([
        'STATE',
        'available',
        'waiting',
        undefined,
      ]);
      expect(err.split('\n').slice(-3)).toEqual([
        `Stopped waiting for ${WEB}. The copies go on. Look again with:`,
        `  image-copier status --accounts ${PAYMENTS},${WEB} --role-name ROLE --region eu-west-1`,
        '',
      ]);
    });

    it.each([
      [[], ''],
      [['--only', 'web'], ' --only web'],
      [['--only-region', 'eu-west-1', '--role-name', 'reader'], ' --region eu-west-1 --role-name reader'],
      [['--name', 'golden', '--region', 'eu-west-1'], ' --name golden'],
    ])('names the options of the accounts file: %j', async (more, options) => {
      const file = accountsFile();
      const { code, err } = await wait(['--accounts-file', file, ...more]);

      expect(code).toBe(2);
      expect(err).toContain(`\n  image-copier status --accounts-file ${file}${options}\n`);
    });

    it('has its true end if all is settled by then', async () => {
      const copies = [copy('ami-0a', ANNOUNCED)];
      const { code, err } = await wait(['--accounts-file', accountsFile()], () => ({ copies }));

      expect(code).toBe(0);
      expect(err).not.toContain('Stopped');
    });
  });
});
