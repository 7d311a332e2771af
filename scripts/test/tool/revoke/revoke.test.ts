import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DisableImageCommand,
  EnableImageCommand,
  ModifyImageAttributeCommand,
  type Filter,
  type Image,
  type LaunchPermission,
  type Tag,
} from '@aws-sdk/client-ec2';
import { PublishCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { DeleteParametersCommand, GetParametersByPathCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { accountsFile, fileWith, PAYMENTS, resultsQueue, SOURCE, TOPIC, WEB } from '../request/accounts.ts';
import { FakeAws, type FakeServices } from '../support/fake-aws.ts';
import { fastForward, useFakeClock } from '../support/fake-clock.ts';
import { FakeTerminal } from '../support/fake-terminal.ts';
import { run } from '../support/run.ts';

const NOW = '2026-11-30T09:00:00.000Z';
const BAD = 'ami-0bad';
const HOUSEKEEPING = `arn:aws:sns:eu-west-1:${SOURCE}:${TOPIC}-housekeeping`;
const ORGANIZATION = 'arn:aws:organizations::111111111111:organization/o-1234567890';
const UNIT = 'arn:aws:organizations::111111111111:ou/o-1234567890/ou-1234-12345678';
const REVOKE = ['revoke', BAD, '--reason', 'CVE-1', '--yes'];

/** The source account: its images as EC2 has them, and its parameters as SSM has them. */
class FakeSource {
  readonly services: FakeServices;
  readonly images = new Map<string, Image>();
  readonly permissions = new Map<string, LaunchPermission[]>();
  readonly parameters = new Map<string, string>();
  /** What was called, in this order. */
  readonly calls: string[] = [];

  constructor(aws: FakeAws, region = 'eu-west-1') {
    this.services = aws.in(SOURCE, region);
    const { ec2, sns, ssm } = this.services;
    const imageOf = ({ ImageId = '' }: { ImageId?: string }) => {
      const image = this.images.get(ImageId);
      if (!image) throw new Error(`no image ${ImageId}`);
      return image;
    };
    ec2.on(DescribeImagesCommand).callsFake(({ Filters = [] }: { Filters?: Filter[] }) => ({
      Images: [...this.images.values()].filter(({ ImageId = '', Tags = [] }) =>
        Filters.every(({ Name, Values = [] }) =>
          Name === 'image-id' ? Values.includes(ImageId) : Tags.some(({ Key = '' }) => Values.includes(Key)),
        ),
      ),
    }));
    ec2
      .on(DescribeImageAttributeCommand)
      .callsFake(({ ImageId }: { ImageId: string }) => ({ LaunchPermissions: this.permissions.get(ImageId) ?? [] }));
    // EC2 API Reference, DisableImage: the image becomes private.
    ec2.on(DisableImageCommand).callsFake((input: { ImageId: string }) => {
      this.calls.push(`disable ${input.ImageId}`);
      imageOf(input).State = 'disabled';
      this.permissions.delete(input.ImageId);
      return {};
    });
    ec2.on(EnableImageCommand).callsFake((input: { ImageId: string }) => {
      this.calls.push(`enable ${input.ImageId}`);
      imageOf(input).State = 'available';
      return {};
    });
    ec2
      .on(ModifyImageAttributeCommand)
      .callsFake(
        ({ ImageId, LaunchPermission = {} }: { ImageId: string; LaunchPermission?: { Add?: LaunchPermission[] } }) => {
          this.permissions.set(ImageId, [...(this.permissions.get(ImageId) ?? []), ...(LaunchPermission.Add ?? [])]);
          return {};
        },
      );
    ec2
      .on(CreateTagsCommand)
      .callsFake(({ Resources: [ImageId = ''] = [], Tags = [] }: { Resources?: string[]; Tags?: Tag[] }) => {
        const image = imageOf({ ImageId });
        image.Tags = [...(image.Tags ?? []), ...Tags];
        return {};
      });
    ec2
      .on(DeleteTagsCommand)
      .callsFake(({ Resources: [ImageId = ''] = [], Tags = [] }: { Resources?: string[]; Tags?: Tag[] }) => {
        const image = imageOf({ ImageId });
        image.Tags = (image.Tags ?? []).filter(({ Key }) => !Tags.some((tag) => tag.Key === Key));
        return {};
      });
    sns.on(PublishCommand).callsFake(({ TopicArn = '' }: { TopicArn?: string }) => {
      this.calls.push(`publish ${TopicArn}`);
      return {};
    });
    ssm.on(PutParameterCommand).callsFake(({ Name, Value }: { Name: string; Value: string }) => {
      // SSM API Reference, PutParameter: 4 KB in a standard parameter.
      if (Value.length > 4096) throw new Error('ParameterMaxLength');
      this.parameters.set(Name, Value);
      return {};
    });
    ssm.on(GetParametersByPathCommand).callsFake(({ Path }: { Path: string }) => ({
      Parameters: [...this.parameters].flatMap(([Name, Value]) =>
        Name.startsWith(`${Path}/`) ? [{ Name, Value }] : [],
      ),
    }));
    ssm.on(DeleteParametersCommand).callsFake(({ Names }: { Names: string[] }) => {
      for (const name of Names) this.parameters.delete(name);
      return {};
    });
    resultsQueue(this.services);
    sns.on(SubscribeCommand).callsFake(() => {
      this.calls.push('subscribe');
      return { SubscriptionArn: 'arn:subscription' };
    });
  }

  add(ImageId: string, CreationDate = NOW, permissions: LaunchPermission[] = []): void {
    this.images.set(ImageId, {
      ImageId,
      Name: `image ${ImageId}`,
      State: 'available',
      CreationDate,
      OwnerId: SOURCE,
      Tags: [{ Key: 'Recipe', Value: 'ubuntu' }],
    });
    this.permissions.set(ImageId, permissions);
  }

  /** What was published, by topic. */
  get published(): [string, unknown][] {
    return this.services.sns
      .commandCalls(PublishCommand)
      .map(({ args: [{ input }] }) => [input.TopicArn ?? '', JSON.parse(input.Message ?? '')]);
  }
}

let aws: FakeAws;
let source: FakeSource;

useFakeClock(NOW);

beforeEach(() => {
  aws = new FakeAws();
  source = new FakeSource(aws);
  source.add(BAD, NOW, [
    { UserId: PAYMENTS },
    { UserId: WEB },
    { OrganizationArn: ORGANIZATION },
    { OrganizationalUnitArn: UNIT },
    { Group: 'all' },
  ]);
});

function tool(args: readonly string[], terminal = new FakeTerminal()) {
  return fastForward(run([...args, '--accounts-file', accountsFile()], { aws, terminal }));
}

/** What an account publishes. */
function result(account: string, changes: object = {}, kind = 'Image Revoked'): string {
  const detail = {
    ...{ account, region: 'eu-west-1', sourceAmi: BAD, images: ['ami-0c'], pending: [], parameters: [], instances: 0 },
    ...{ problems: [], ...changes },
  };
  return JSON.stringify({ source: 'image-copier', 'detail-type': kind, detail });
}

describe('revoke', () => {
  it('ends the sharing, and tells all accounts', async () => {
    const { code } = await tool(REVOKE);

    expect(code).toBe(0);
    expect(source.calls).toEqual([`disable ${BAD}`, `publish ${HOUSEKEEPING}`]);
    expect(source.published).toEqual([
      [HOUSEKEEPING, { revoke: { sourceAmis: [BAD], sourceRegion: 'eu-west-1', reason: 'CVE-1', at: NOW } }],
    ]);
    expect(source.images.get(BAD)?.Tags).toContainEqual({ Key: 'ImageCopierRevoked', Value: `${NOW} CVE-1` });
  });

  it('publishes on the topic of each Region that has copiers', async () => {
    const other = new FakeSource(aws, 'us-east-1');
    const accounts = [
      { id: PAYMENTS, name: 'payments', regions: ['eu-west-1', 'us-east-1'] },
      { id: WEB, name: 'web' },
    ];

    await fastForward(run([...REVOKE, '--accounts-file', accountsFile(accounts)], { aws }));

    const topic = `arn:aws:sns:us-east-1:${SOURCE}:${TOPIC}-housekeeping`;
    expect(other.published).toEqual([
      [topic, { revoke: { sourceAmis: [BAD], sourceRegion: 'eu-west-1', reason: 'CVE-1', at: NOW } }],
    ]);
    expect(source.published).toHaveLength(1);
  });

  it('takes the name of the topic from the accounts file', async () => {
    const file = fileWith('named.yaml', {
      source: { id: SOURCE, inputs: { housekeeping_topic_name: 'amigo-TEST-housekeeping-notify' } },
      topic: TOPIC,
      defaults: { regions: ['eu-west-1'], roleName: 'operator' },
      accounts: [{ id: PAYMENTS, name: 'payments' }],
    });

    await fastForward(run([...REVOKE, '--accounts-file', file], { aws }));

    expect(source.published.map(([topic]) => topic)).toEqual([
      `arn:aws:sns:eu-west-1:${SOURCE}:amigo-TEST-housekeeping-notify`,
    ]);
  });

  it("asks for the topic's name where another system's topics are used", async () => {
    const file = fileWith('existing.yaml', {
      source: { id: SOURCE, existingTopics: ['eu-west-1'] },
      topic: TOPIC,
      defaults: { regions: ['eu-west-1'], roleName: 'operator' },
      accounts: [{ id: PAYMENTS, name: 'payments' }],
    });

    const { code, err } = await fastForward(run([...REVOKE, '--accounts-file', file], { aws }));

    expect(code).toBe(2);
    expect(err).toContain('Name the one for housekeeping with --housekeeping-topic');
    expect(source.calls).toEqual([]);
  });

  it('waits until each account is done, and subscribes before anything is published', async () => {
    resultsQueue(source.services, [], [result(PAYMENTS, { instances: 3 })], [result(WEB)]);
    const { sns } = source.services;
    sns.on(SubscribeCommand).callsFake(() => {
      source.calls.push('subscribe');
      return { SubscriptionArn: 'arn:subscription' };
    });

    const { code, out, err } = await tool([...REVOKE, '--wait']);

    expect(code).toBe(0);
    expect(source.calls).toEqual(['subscribe', `disable ${BAD}`, `publish ${HOUSEKEEPING}`]);
    expect(out.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['ACCOUNT', 'REGION', 'SOURCE IMAGE', 'STATE', 'IMAGES', 'INSTANCES', 'REASON'],
      ['payments', 'eu-west-1', BAD, 'done', '1', '3'],
      ['web', 'eu-west-1', BAD, 'done', '1', '0'],
      [''],
    ]);
    expect(err).toContain('2 of 2 done. Instances of these images: 3.\n');
  });

  it('names an account that has problems until it is done', async () => {
    const problem = result(PAYMENTS, { problems: ['ami-0c: throttled'] });
    resultsQueue(source.services, [problem, result(WEB)], [], [result(PAYMENTS)]);

    const { code, err } = await tool([...REVOKE, '--wait']);

    expect(code).toBe(0);
    expect(err).toContain(`payments, eu-west-1: ${BAD} waiting, ami-0c: throttled\n`);
    expect(err).toContain(`payments, eu-west-1: ${BAD} done, 1 image, 0 running\n`);
  });

  it('names the accounts that gave no answer, or are not done, with the reason', async () => {
    resultsQueue(source.services, [result(PAYMENTS, { problems: ['ami-0c: throttled'] })]);

    const { code, out, err } = await tool([...REVOKE, '--wait', '--timeout', '1']);

    expect(code).toBe(1);
    expect(out).toMatch(/payments .* waiting .* ami-0c: throttled\n/);
    expect(out).toMatch(/web .* waiting .* No answer\.\n/);
    expect(err).toContain('The time (1 minutes) is over for payments, web.');
  });

  it('says which copies are still being made, and which parameters have no other copy', async () => {
    const parameters = [{ name: '/image-copier/ubuntu', from: 'ami-0c', to: null }];
    resultsQueue(source.services, [result(PAYMENTS, { pending: ['ami-0d'], parameters }), result(WEB)]);

    const { code, out } = await tool([...REVOKE, '--wait']);

    expect(code).toBe(0);
    expect(out).toContain(
      'EC2 is still making ami-0d. /image-copier/ubuntu still points to it: there is no other copy.',
    );
  });

  it.each([
    ['is of another image', result(PAYMENTS, { sourceAmi: 'ami-0123' })],
    ['is of an account that nobody asked', result('999999999999')],
    ['undoes a revocation', result(PAYMENTS, {}, 'Revocation Undone')],
    ['lacks its problems', result(PAYMENTS, { problems: undefined })],
    ['has parameters that are none', result(PAYMENTS, { parameters: [null] })],
    ['lacks its instances', result(PAYMENTS, { instances: '0' })],
    ['is of a copy', result(PAYMENTS, {}, 'Image Copied')],
    ['is no JSON', 'none'],
  ])('takes no result for its own that %s', async (_, message) => {
    resultsQueue(source.services, [message, result(WEB)]);

    const { code, out } = await tool([...REVOKE, '--wait', '--timeout', '0.5']);

    expect(code).toBe(1);
    expect(out).toMatch(/payments .* waiting .* No answer\.\n/);
  });

  it('revokes all the same where nothing can be listened to', async () => {
    source.services.sns
      .on(SubscribeCommand)
      .rejects(Object.assign(new Error('no right'), { name: 'AuthorizationError' }));
    source.services.sqs.resolves({ QueueUrl: 'https://queue' });

    const { code, err } = await tool([...REVOKE, '--wait']);

    expect(code).toBe(1);
    expect(source.calls).toEqual([`disable ${BAD}`, `publish ${HOUSEKEEPING}`]);
    expect(err).toContain('Nothing will be heard of accounts in eu-west-1');
  });

  it('tells the accounts also where the source image cannot be disabled, and fails', async () => {
    source.services.ec2.on(DisableImageCommand).rejects(new Error('throttled'));

    const { code, err } = await tool(REVOKE);

    expect(code).toBe(1);
    expect(err).toContain(`${BAD} in the source account: Error: throttled.\n`);
    expect(source.published).toHaveLength(1);
  });

  it('fails where a Region cannot be told', async () => {
    source.services.sns.on(PublishCommand).rejects(new Error('no network'));

    const { code, err } = await tool(REVOKE);

    expect(code).toBe(1);
    expect(err).toContain('The accounts in eu-west-1 could not be told: Error: no network. Run the command again.\n');
  });

  it('takes all images of a recipe that were baked before a time, those that were disabled before too', async () => {
    source.add('ami-01', '2026-11-20T10:00:00.000Z');
    source.add('ami-02', '2026-11-21T10:00:00.000Z');
    source.add('ami-03', '2026-11-23T10:00:00.000Z');
    const image = source.images.get('ami-02');
    if (image) image.State = 'disabled';

    const args = ['revoke', '--recipe', 'ubuntu', '--before', '2026-11-23', '--reason', 'old', '--yes'];
    const { code } = await tool(args);

    expect(code).toBe(0);
    expect(source.published).toMatchObject([[HOUSEKEEPING, { revoke: { sourceAmis: ['ami-01', 'ami-02'] } }]]);
    expect(source.calls).toEqual(['disable ami-01', `publish ${HOUSEKEEPING}`]);
  });

  it('tells accounts of an image that is gone, if its Region is named', async () => {
    const { code } = await tool(['revoke', 'ami-0ff', '--reason', 'x', '--yes', '--region', 'eu-west-1']);

    expect(code).toBe(0);
    expect(source.published).toMatchObject([[HOUSEKEEPING, { revoke: { sourceAmis: ['ami-0ff'] } }]]);
  });

  it('shows in a dry run what it would do', async () => {
    const { code, out } = await tool(['revoke', BAD, '--reason', 'CVE-1', '--dry-run']);

    expect({ code, out: out.split('\n') }).toEqual({
      code: 0,
      out: [
        `would disable, note the sharing of, and tag ${BAD} in eu-west-1`,
        expect.stringContaining(`would call sns:Publish ${HOUSEKEEPING}: {"revoke":{"sourceAmis":["${BAD}"]`),
        '',
      ],
    });
    expect(source.calls).toEqual([]);
  });

  it('works without an accounts file, with the credentials of the source account', async () => {
    resultsQueue(source.services, [result(PAYMENTS)]);
    source.services.sts.resolves({ Account: SOURCE });

    const { code } = await fastForward(run([...REVOKE, '--topic', TOPIC, '--accounts', PAYMENTS, '--wait'], { aws }));

    expect(code).toBe(0);
    expect(source.published.map(([topic]) => topic)).toEqual([HOUSEKEEPING]);
  });

  it('asks first on a terminal, and does nothing after a no', async () => {
    const terminal = new FakeTerminal({ columns: 120, answer: false });

    const { code, err } = await tool(['revoke', BAD, '--reason', 'CVE-1'], terminal);

    expect(code).toBe(2);
    expect(terminal.questions).toEqual(['Revoke 1 image in all accounts? Type yes:']);
    expect(err).toContain(`${BAD} in eu-west-1: image ${BAD}, available`);
    expect(source.calls).toEqual([]);
  });

  it.each([
    [['revoke', '--reason', 'x', '--yes'], 'Name images, or all of a recipe that were baked before a time'],
    [['revoke', '--recipe', 'ubuntu', '--reason', 'x', '--yes'], 'Name images, or all of a recipe'],
    [['revoke', BAD, '--recipe', 'ubuntu', '--before', '2026-11-01', '--reason', 'x', '--yes'], 'Name images, or'],
    [['revoke', '--recipe', 'ubunto', '--before', '2026-11-01', '--reason', 'x', '--yes'], 'Did you mean ubuntu?'],
    [
      ['revoke', '--recipe', 'ubuntu', '--before', '2026-11-01', '--reason', 'x', '--yes'],
      'No image of ubuntu was baked before',
    ],
    [['revoke', BAD, '--yes'], "required option '--reason <text>' not specified"],
    [['revoke', BAD, '--reason', ' ', '--yes'], 'It must be 1 to 500 characters.'],
    [['revoke', BAD, '--reason', 'x'], 'There is no terminal to ask on. Add --yes'],
    [['revoke', BAD, '--reason', 'x', '--yes', '--only', 'web'], 'this is for all that have copies'],
    [['revoke', 'ami-0ff', '--reason', 'x', '--yes'], 'There is no image ami-0ff of the source account in eu-west-1.'],
  ])('rejects %j', async (args, message) => {
    const { code, err } = await tool(args);

    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(source.calls).toEqual([]);
  });
});

describe('unrevoke', () => {
  it('enables the image, shares it as it was, and tells all accounts', async () => {
    const before = source.permissions.get(BAD);
    await tool(REVOKE);
    expect(source.permissions.get(BAD)).toBeUndefined();
    source.calls.length = 0;

    const { code } = await tool(['unrevoke', BAD, '--yes']);

    expect(code).toBe(0);
    expect(source.calls).toEqual([`enable ${BAD}`, `publish ${HOUSEKEEPING}`]);
    expect(source.permissions.get(BAD)).toEqual(before);
    expect(source.images.get(BAD)).toMatchObject({ State: 'available', Tags: [{ Key: 'Recipe', Value: 'ubuntu' }] });
    expect([...source.parameters]).toEqual([]);
    const [, message] = source.published.at(-1) ?? [];
    expect(message).toMatchObject({ unrevoke: { sourceAmis: [BAD], sourceRegion: 'eu-west-1', reason: '' } });
  });

  it('shares an image again with 1,000 accounts, in spite of what an earlier revocation has left', async () => {
    const permissions = Array.from({ length: 1000 }, (_, index) => ({ UserId: String(200_000_000_000 + index) }));
    source.permissions.set(BAD, permissions);
    source.parameters.set(`/image-copier-revoked/${BAD}/9`, JSON.stringify({ parts: 9, sharedWith: ['999999999999'] }));
    source.parameters.set(`/image-copier-revoked/${BAD}/8`, JSON.stringify({ parts: 7, sharedWith: ['888888888888'] }));
    await tool(REVOKE);

    await tool(['unrevoke', BAD, '--yes']);

    expect(source.permissions.get(BAD)).toEqual(permissions);
    const sizes = source.services.ec2
      .commandCalls(ModifyImageAttributeCommand)
      .map(({ args: [{ input }] }) => input.LaunchPermission?.Add?.length);
    expect(sizes).toEqual([500, 500]);
  });

  it('keeps what was noted when an image is revoked twice', async () => {
    await tool(REVOKE);
    await tool(REVOKE);
    await tool(['unrevoke', BAD, '--yes']);

    expect(source.permissions.get(BAD)).toHaveLength(5);
  });

  it('leaves an image as it is that was not revoked', async () => {
    const image = source.images.get(BAD);
    if (image) image.State = 'disabled';

    await tool(['unrevoke', BAD, '--yes']);

    expect(source.calls).toEqual([`publish ${HOUSEKEEPING}`]);
    expect(image).toMatchObject({ State: 'disabled' });
  });

  it('waits until each account is done', async () => {
    const done = [PAYMENTS, WEB].map((account) => result(account, {}, 'Revocation Undone'));
    resultsQueue(source.services, done);

    expect(await tool(['unrevoke', BAD, '--yes', '--wait'])).toMatchObject({ code: 0 });
  });
});
