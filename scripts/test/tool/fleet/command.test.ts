import {
  DescribeImagesCommand,
  DescribeInstanceImageMetadataCommand,
  DescribeSnapshotsCommand,
  type Image,
  type InstanceImageMetadata,
} from '@aws-sdk/client-ec2';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { writeAccountsFile } from '../support/accounts-file.ts';
import { FakeAws } from '../support/fake-aws.ts';
import { run } from '../support/run.ts';
import type { FleetReport } from '../../../tool/fleet/report.ts';

const SOURCE = '111111111111';
const PAYMENTS = '222222222222';
const WEB = '333333333333';

const NEW = 'ami-0000000000000002';
const OLD = 'ami-0000000000000001';
const NEW_COPY = 'ami-000000000000000b';
const OLD_COPY = 'ami-000000000000000a';
const NEW_AT = '2026-11-23T10:00:00.000Z';
const OLD_AT = '2026-11-22T10:00:00.000Z';
const MADE_AT = '2026-11-23T10:12:00.000Z';
const ROOT = { SnapshotId: 'snap-01', Encrypted: true };

const FILE = writeAccountsFile({
  source: { id: SOURCE, roleName: 'reader' },
  topic: 'amigo-PROD-notify',
  defaults: { roleName: 'reader', regions: ['eu-west-1'] },
  accounts: [
    { id: PAYMENTS, name: 'payments' },
    { id: WEB, name: 'web' },
  ],
});

let aws: FakeAws;

beforeEach(() => {
  aws = new FakeAws();
});

function has(
  accountId: string,
  { images = [], instances = [] }: { images?: readonly Image[]; instances?: readonly InstanceImageMetadata[] } = {},
): void {
  const { ec2 } = aws.in(accountId);
  ec2.on(DescribeImagesCommand).resolves({ Images: images.map((image) => ({ OwnerId: accountId, ...image })) });
  ec2.on(DescribeSnapshotsCommand).resolves({ Snapshots: [ROOT] });
  ec2.on(DescribeInstanceImageMetadataCommand).resolves({ InstanceImageMetadata: [...instances] });
}

function runs(InstanceId: string, ImageId: string, metadata: InstanceImageMetadata['ImageMetadata'] = {}) {
  return { InstanceId, ImageMetadata: { ImageId, OwnerId: PAYMENTS, CreationDate: MADE_AT, ...metadata } };
}

interface Marked extends Image {
  readonly bakedAt?: string;
  readonly state?: string;
  readonly was?: string;
}

function copyOf(
  SourceImageId: string,
  { bakedAt = NEW_AT, state = `announced=${MADE_AT}`, was = '', ...changes }: Marked = {},
): Image {
  return {
    ImageId: SourceImageId === NEW ? NEW_COPY : OLD_COPY,
    Name: `name-of-${SourceImageId}`,
    SourceImageId,
    SourceImageRegion: 'eu-west-1',
    State: 'available',
    CreationDate: MADE_AT,
    BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-01' } }],
    Tags: [
      { Key: 'Recipe', Value: 'ubuntu' },
      { Key: 'ImageCopier', Value: `image-copier ${state} attempt=1 baked=${bakedAt}${was}` },
    ],
    ...changes,
  };
}

const MARK = { Key: 'ImageCopierEnd', Value: `image-copier revoked=${MADE_AT} source=${OLD}` };
const NEWEST = copyOf(NEW);
const OLDER = copyOf(OLD, { bakedAt: OLD_AT });
const REVOKED = copyOf(OLD, {
  bakedAt: OLD_AT,
  state: `revoked=${MADE_AT}`,
  was: ` announced=${MADE_AT}`,
  State: 'disabled',
});

async function report(...args: readonly string[]) {
  const { code, out, err } = await run(['fleet', '--json', '--accounts-file', FILE, ...args], { aws });
  return { code, err, report: JSON.parse(out) as FleetReport };
}

describe('fleet', () => {
  it('has what each instance runs, by recipe', async () => {
    has(SOURCE);
    has(PAYMENTS, { images: [NEWEST, OLDER], instances: [runs('i-1', NEW_COPY), runs('i-2', OLD_COPY)] });
    has(WEB);
    const { code, report: read } = await report();

    const where = { accountId: PAYMENTS, account: 'payments', region: 'eu-west-1' };
    const none = { current: 0, behind: 0, revoked: 0, 'no copy': 0, unknown: 0 };
    expect(code).toBe(0);
    expect(read).toEqual({
      readAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      environments: [
        { ...where, labels: {} },
        { accountId: WEB, account: 'web', region: 'eu-west-1', labels: {} },
      ],
      recipes: [{ recipe: 'ubuntu', instances: 2, states: { ...none, current: 1, behind: 1 } }],
      instances: [
        {
          ...where,
          instanceId: 'i-1',
          imageId: NEW_COPY,
          state: 'current',
          recipe: 'ubuntu',
          behind: 0,
          sourceImageId: NEW,
          bakedAt: NEW_AT,
        },
        {
          ...where,
          instanceId: 'i-2',
          imageId: OLD_COPY,
          state: 'behind',
          recipe: 'ubuntu',
          behind: 1,
          sourceImageId: OLD,
          bakedAt: OLD_AT,
        },
      ],
    });
  });

  it('asks for instances that run, and for disabled images too', async () => {
    has(SOURCE);
    has(PAYMENTS, { images: [NEWEST], instances: [runs('i-1', NEW_COPY)] });
    await report('--only', 'payments');

    const { ec2 } = aws.in(PAYMENTS);
    expect(ec2.commandCalls(DescribeInstanceImageMetadataCommand).map(({ args: [{ input }] }) => input)).toEqual([
      { Filters: [{ Name: 'instance-state-name', Values: ['pending', 'running'] }], MaxResults: 1000 },
    ]);
    expect(ec2.commandCalls(DescribeImagesCommand).map(({ args: [{ input }] }) => input)).toEqual([
      expect.objectContaining({ Owners: ['self'], IncludeDisabled: true, Filters: [] }),
    ]);
  });

  it('ends with 1 if an instance runs a revoked image', async () => {
    has(SOURCE);
    has(PAYMENTS, { images: [NEWEST, REVOKED], instances: [runs('i-1', OLD_COPY), runs('i-2', NEW_COPY)] });
    const { code, report: read } = await report('--only', 'payments');

    expect(code).toBe(1);
    expect(read.instances.map(({ state }) => state)).toEqual(['revoked', 'current']);
  });

  it.each<[string, readonly Image[], readonly Image[]]>([
    ['an image of somebody else', [{ ImageId: OLD_COPY, State: 'disabled', Tags: [MARK] }], []],
    [
      'a source image',
      [OLDER],
      [
        {
          ImageId: OLD,
          State: 'disabled',
          CreationDate: OLD_AT,
          Tags: [
            { Key: 'Recipe', Value: 'ubuntu' },
            { Key: 'ImageCopierRevoked', Value: `${MADE_AT} bad` },
          ],
        },
      ],
    ],
  ])('takes the mark of %s for its revocation', async (_what, images, sources) => {
    has(SOURCE, { images: sources });
    has(PAYMENTS, { images, instances: [runs('i-1', OLD_COPY)] });

    expect((await report('--only', 'payments')).report.instances).toMatchObject([{ state: 'revoked' }]);
  });

  it('takes no instance for behind a copy that is not approved', async () => {
    has(SOURCE);
    has(PAYMENTS, { images: [copyOf(NEW, { was: ' unapproved' }), OLDER], instances: [runs('i-1', OLD_COPY)] });

    expect((await report('--only', 'payments')).report.instances).toMatchObject([{ state: 'current', behind: 0 }]);
  });

  it.each<[string, Image, string]>([
    [
      'is not announced yet',
      copyOf(NEW, { state: `announcing=${MADE_AT}` }),
      'The copy was not verified and announced.',
    ],
    [
      'has a snapshot that EC2 does not show',
      copyOf(NEW, { BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-02' } }] }),
      'The copy is not verified: EC2 does not show snap-02.',
    ],
    [
      "is somebody else's and not encrypted",
      copyOf(NEW, {
        Tags: [
          { Key: 'Recipe', Value: 'ubuntu' },
          { Key: 'CopiedFromAMI', Value: NEW },
        ],
        BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-01', Encrypted: false } }],
      }),
      'The copy is not encrypted.',
    ],
  ])('calls no instance current whose copy %s', async (_what, image, reason) => {
    has(SOURCE);
    has(PAYMENTS, { images: [image], instances: [runs('i-1', NEW_COPY)] });
    const { report: read } = await report('--only', 'payments');

    expect(read.instances).toMatchObject([{ state: 'unknown', reason }]);
  });

  it("takes the copies of AMIgo's copier for copies, baked when they were made", async () => {
    const tags = [
      { Key: 'Recipe', Value: 'ubuntu' },
      { Key: 'CopiedFromAMI', Value: OLD },
    ];
    has(SOURCE);
    has(PAYMENTS, {
      images: [copyOf(OLD, { Tags: tags, CreationDate: OLD_AT }), NEWEST],
      instances: [runs('i-1', OLD_COPY)],
    });
    const { report: read } = await report('--only', 'payments');

    expect(read.instances).toMatchObject([{ state: 'behind', behind: 1, bakedAt: OLD_AT }]);
  });

  it('tells an image that is gone by the name of its source image, also of one that is disabled', async () => {
    const Tags = [{ Key: 'Recipe', Value: 'ubuntu' }];
    const source = (State: Image['State']): Image => {
      return { ImageId: OLD, Name: `name-of-${OLD}`, State, CreationDate: OLD_AT, Tags };
    };
    has(PAYMENTS, { images: [NEWEST], instances: [runs('i-1', OLD_COPY, { Name: `name-of-${OLD}` })] });
    const told = async (state: Image['State']) => {
      has(SOURCE, { images: [source(state)] });
      return (await report('--only', 'payments')).report.instances[0];
    };

    expect(await told('disabled')).toMatchObject({ state: 'behind', behind: 1, recipe: 'ubuntu', bakedAt: OLD_AT });
    expect(await told('failed')).toMatchObject({ state: 'unknown', bakedAt: MADE_AT });
  });

  it('asks whom the images belong to that own images were made of, and nobody else', async () => {
    const own = (ImageId: string, SourceImageId: string) => ({
      ImageId,
      SourceImageId,
      SourceImageRegion: 'eu-west-1',
    });
    has(SOURCE);
    has(PAYMENTS, {
      images: [
        own('ami-own', 'ami-between'),
        own('ami-between', 'ami-amazon'),
        own('ami-unused', 'ami-other'),
        NEWEST,
      ].map((image) => ({ State: 'available', ...image })),
      instances: [runs('i-1', 'ami-own'), runs('i-2', 'ami-between'), runs('i-3', NEW_COPY)],
    });
    const { ec2 } = aws.in(PAYMENTS);
    const Filters = [{ Name: 'image-id', Values: ['ami-amazon'] }];
    ec2
      .on(DescribeImagesCommand, { Filters })
      .resolves({ Images: [{ ImageId: 'ami-amazon', OwnerId: '137112412989' }] });
    const { report: read } = await report('--only', 'payments');

    expect(read.instances.map(({ state }) => state)).toEqual(['no copy', 'no copy', 'current']);
    expect(ec2.commandCalls(DescribeImagesCommand)).toHaveLength(2);
  });

  it('shows the others where an account cannot be read, and ends with 1', async () => {
    has(SOURCE);
    has(PAYMENTS, { images: [NEWEST], instances: [runs('i-1', NEW_COPY)] });
    aws.close(WEB, Object.assign(new Error('No way in.'), { name: 'AccessDenied' }));
    const { code, err, report: read } = await report();
    const problem = 'Access denied: No way in. Allow it there, or choose another --profile or --role-arn.';

    expect({ code, err }).toEqual({ code: 1, err: `web, eu-west-1: ${problem}\n` });
    expect(read.instances).toHaveLength(1);
    expect(read.environments.map((environment) => environment.problem)).toEqual([undefined, problem]);
  });

  it('goes on without the source account, says so, and ends with 1', async () => {
    aws.close(SOURCE, Object.assign(new Error('No way in.'), { name: 'AccessDenied' }));
    has(PAYMENTS, { images: [NEWEST], instances: [runs('i-1', NEW_COPY)] });
    const { code, err, report: read } = await report('--only', 'payments');

    expect(code).toBe(1);
    expect(err).toMatch(/^source: Access denied: .* Without it, fewer images that are gone can be told\.\n$/);
    expect(read.sourceProblem).toContain('Access denied');
    expect(read.instances).toMatchObject([{ state: 'current' }]);
  });

  it('shows the instances of some recipes, and rejects a recipe that nothing has', async () => {
    has(SOURCE);
    has(PAYMENTS, {
      images: [NEWEST, REVOKED],
      instances: [runs('i-1', NEW_COPY), runs('i-2', 'ami-amazon', { OwnerId: '137112412989' })],
    });
    const { code, report: read } = await report('--only', 'payments', '--recipe', 'ubuntu');

    expect({ code, ids: read.instances.map(({ instanceId }) => instanceId) }).toEqual({ code: 0, ids: ['i-1'] });
    expect(await run(['fleet', '--accounts-file', FILE, '--only', 'payments', '--recipe', 'ubunto'], { aws })).toEqual({
      code: 2,
      out: '',
      err: 'Error: There is no copy of the recipe ubunto. Did you mean ubuntu?\n',
    });
  });

  it('knows one account alone by its own images', async () => {
    aws = new FakeAws({ ownAccount: PAYMENTS });
    has(PAYMENTS, { images: [NEWEST], instances: [runs('i-1', NEW_COPY)] });
    const { code, out, err } = await run(['fleet', '--accounts', PAYMENTS, '--role-name', 'reader'], { aws });

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('1 instance in 1 account and Region: 1 current.\n');
  });
});
