import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { CreateRoleCommand, DeleteRolePolicyCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  CreateAccountCommand,
  CreateOrganizationalUnitCommand,
  CreateOrganizationCommand,
  ListRootsCommand,
  MoveAccountCommand,
  OrganizationsClient,
} from '@aws-sdk/client-organizations';
import { PublishCommand } from '@aws-sdk/client-sns';
import { GetQueueUrlCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { readSharedTags } from '../../lambda/src/core/shared-tags.ts';
import { PUBLISHED_TAG, REVOKED_TAG, TARGETS_TAG } from '../../lambda/src/core/source-image.ts';
import { toTags } from '../../lambda/src/adapters/ec2-image-facts.ts';
import { emulatedAccount, emulatedSettings } from '../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { bakeImage, type BakedImage } from '../../scripts/tool/common/bake.ts';
import { findCopies, ownImages, tagOf } from '../../scripts/tool/common/copies.ts';
import { credentialsIn, Identity, onceOpened, roleOf } from './attacks/identity.ts';
import { endpoint, injectFault, newAccountId, REGION } from './support/emulator.ts';
import { leaveAccount } from './support/leave-account.ts';
import { logLines } from './support/log-lines.ts';
import { ROLE, Rollout } from './support/rollout.ts';

const DEPLOY_TIMEOUT_MS = 900_000;
const rollout = new Rollout();
const source = emulatedAccount(endpoint(), rollout.source, REGION);
const web = emulatedAccount(endpoint(), newAccountId(), REGION);
const late = emulatedAccount(endpoint(), newAccountId(), REGION);
const cloudwatch = new CloudWatchClient(emulatedSettings(endpoint(), source.id, REGION));
const WEB = { web: { id: web.id, labels: { wave: 'canary' } } };
// As Rollout names it.
const TOPIC = 'amigo-TEST-notify';
const PUBLISHER = `${TOPIC}-publish`;
const UNIT_READER = { RoleName: 'read-units', PolicyName: 'read' };
const management = emulatedSettings(endpoint(), newAccountId(), REGION);
const iam = new IAMClient(management);
const organizations = new OrganizationsClient(management);
/** An account of a unit, which the accounts file does not name. */
let member: string;
let unit: string;
let bakes = 0;

/** Makes an organization, with one account in a unit, and the role that lists it for the publisher. */
async function makeOrganization(): Promise<void> {
  await organizations.send(new CreateOrganizationCommand({}));
  const { Roots: [{ Id: root } = {}] = [] } = await organizations.send(new ListRootsCommand({}));
  const { OrganizationalUnit } = await organizations.send(
    new CreateOrganizationalUnitCommand({ ParentId: root, Name: 'web' }),
  );
  const Tags = [{ Key: 'stage', Value: 'beta' }];
  const { CreateAccountStatus } = await organizations.send(
    new CreateAccountCommand({ AccountName: 'member', Email: 'member@example.com', Tags }),
  );
  unit = OrganizationalUnit?.Id ?? '';
  member = CreateAccountStatus?.AccountId ?? '';
  await organizations.send(
    new MoveAccountCommand({ AccountId: member, SourceParentId: root, DestinationParentId: unit }),
  );
  const Principal = { AWS: rollout.source };
  const AssumeRolePolicyDocument = policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal });
  await iam.send(new CreateRoleCommand({ ...UNIT_READER, AssumeRolePolicyDocument }));
  await letReadUnits();
}

async function letReadUnits(): Promise<void> {
  const Action = [
    'organizations:ListAccountsForParent',
    'organizations:ListOrganizationalUnitsForParent',
    'organizations:ListTagsForResource',
  ];
  const PolicyDocument = policy({ Effect: 'Allow', Action, Resource: '*' });
  await iam.send(new PutRolePolicyCommand({ ...UNIT_READER, PolicyDocument }));
}

function policy(Statement: object): string {
  return JSON.stringify({ Version: '2012-10-17', Statement });
}

async function deploy(targets: Readonly<Record<string, object>>): Promise<void> {
  const role_arn = `arn:aws:iam::${management.credentials.accessKeyId}:role/${UNIT_READER.RoleName}`;
  rollout.write(targets, undefined, { publisher: { organization: { regions: [REGION], role_arn, unit_ids: [unit] } } });
  const { code, stderr } = await rollout.run('deploy');
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
}

beforeAll(async () => {
  await Promise.all([rollout.makeRoles([web.id, late.id]), makeOrganization()]);
  await deploy(WEB);
}, DEPLOY_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([source, web, late].map(leaveAccount));
  rollout.remove();
});

/** Bakes as any tool does: the tag alone says who is to have copies. */
async function bake(meant: string, tags: Record<string, string> = {}, keyArn?: string): Promise<BakedImage> {
  bakes += 1;
  return await bakeImage(source.ec2, {
    name: `ubuntu_${bakes}`,
    description: '',
    tags: { Recipe: `recipe-${bakes}`, [TARGETS_TAG]: meant, ...tags },
    volumeSizes: [8],
    ...(keyArn !== undefined && { keyArn }),
  });
}

/** Bakes an image that nobody is to have. */
async function bakeUntagged(): Promise<BakedImage> {
  return await bakeImage(source.ec2, {
    name: 'untagged',
    description: '',
    tags: { Recipe: 'other' },
    volumeSizes: [8],
  });
}

/** What the schedule puts into the publisher's queue, at once. */
async function sweep(): Promise<void> {
  const { QueueUrl } = await source.sqs.send(new GetQueueUrlCommand({ QueueName: `${PUBLISHER}.fifo` }));
  const MessageBody = JSON.stringify({
    source: 'aws.events',
    'detail-type': 'Scheduled Event',
    time: new Date().toISOString(),
  });
  await source.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageGroupId: 'publish' }));
}

async function loseEvents(): Promise<() => Promise<void>> {
  return await injectFault({ kind: 'lose-event', account: source.id, state: 'available' });
}

async function sourceImage({ imageId }: BakedImage): Promise<Image> {
  const [image] = await ownImages(source, [{ Name: 'image-id', Values: [imageId] }]);
  if (!image) throw new Error(`There is no ${imageId}.`);
  return image;
}

async function untilPublished(image: BakedImage): Promise<Image> {
  return await waitFor(`${image.imageId} to be published`, async () => {
    const found = await sourceImage(image);
    return tagOf(found, PUBLISHED_TAG) === undefined ? undefined : found;
  });
}

async function untilCopied(account: typeof web, { imageId }: BakedImage): Promise<Image> {
  return await waitFor(`the copy of ${imageId}`, async () => {
    const [copy] = await findCopies(account, imageId);
    return copy?.State === 'available' ? copy : undefined;
  });
}

async function launchersOf({ imageId }: BakedImage): Promise<(string | undefined)[]> {
  const { LaunchPermissions = [] } = await source.ec2.send(
    new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: 'launchPermission' }),
  );
  return LaunchPermissions.map(({ UserId }) => UserId).toSorted();
}

/** What the publisher last said of an image. */
async function saidOf({ imageId }: BakedImage) {
  return await waitFor(`word of ${imageId}`, async () =>
    (await publisherLog()).findLast(({ image }) => image === imageId),
  );
}

async function publisherLog() {
  const lines = await logLines(source, `/aws/lambda/${PUBLISHER}`);
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('an image with one tag, under the roles that Terraform made', () => {
  it('is shared, tagged, and copied, by the event that it is available', async () => {
    const image = await bake('wave=canary');

    const copy = await untilCopied(web, image);
    const published = await untilPublished(image);

    expect(readSharedTags(toTags(published.Tags))).toEqual({
      regions: [REGION],
      tags: [{ key: 'Recipe', value: image.tags['Recipe'] }],
    });
    expect(tagOf(copy, 'Recipe')).toBe(image.tags['Recipe']);
    // It would be published itself, were the account its own source.
    expect([tagOf(copy, TARGETS_TAG), tagOf(copy, PUBLISHED_TAG)]).toEqual([undefined, undefined]);
  });

  it('is published by the next sweep, if the event is lost or the tag comes later', async () => {
    const keepEvents = await loseEvents();
    const image = await bake('*');
    await keepEvents();
    expect(tagOf(await sourceImage(image), PUBLISHED_TAG)).toBeUndefined();

    await sweep();

    await untilCopied(web, image);
    await untilPublished(image);
  });

  it('is not published once it is revoked', async () => {
    const keepEvents = await loseEvents();
    const revoked = await bake('*', { [REVOKED_TAG]: 'It is bad.' });
    const image = await bake('*');
    await keepEvents();

    await sweep();

    await untilPublished(image);
    expect(tagOf(await sourceImage(revoked), PUBLISHED_TAG)).toBeUndefined();
    expect(await findCopies(web, revoked.imageId)).toEqual([]);
  });
});

describe('an account of a unit, which Terraform does not name,', () => {
  it('is shared what its tags mean, and loses nothing while the unit cannot be read; nor are others held up', async () => {
    const image = await bake('stage=beta');
    await untilPublished(image);
    expect(await launchersOf(image)).toEqual([member]);

    await iam.send(new DeleteRolePolicyCommand(UNIT_READER));
    const next = await bake('*');

    await untilCopied(web, next);
    const isToldOf = ({ level, message, error }: Record<string, unknown>) =>
      level === 'ERROR' && message === 'accounts of the organization put off' && JSON.stringify(error).includes(unit);
    await waitFor('the error to be logged', async () => (await publisherLog()).find(isToldOf));
    expect([await launchersOf(image), await launchersOf(next)]).toEqual([[member], [web.id]]);
    expect(tagOf(await sourceImage(next), PUBLISHED_TAG)).toBeUndefined();

    await letReadUnits();
    await sweep();

    await untilPublished(next);
    expect(await launchersOf(next)).toEqual([member, web.id].toSorted());
    expect(await findCopies(web, next.imageId)).toHaveLength(1);
  });
});

describe('the role of the publisher, in other hands,', () => {
  const administrator = roleOf('source administrator', source.id, ROLE);
  let tagged: BakedImage;
  let untagged: BakedImage;
  let thief: Identity;

  beforeAll(async () => {
    [tagged, untagged] = await Promise.all([bake('wave=canary'), bakeUntagged()]);
    await untilPublished(tagged);
    thief = new Identity('publisher', source.id, async () => {
      return credentialsIn(await onceOpened(administrator, `${PUBLISHER}-${REGION}`));
    });
  });

  const Add = [{ UserId: late.id }];
  const setTag = (image: () => BakedImage, Key: string) => async () =>
    await thief.ec2.send(new CreateTagsCommand({ Resources: [image().imageId], Tags: [{ Key, Value: '*' }] }));

  it.each<[what: string, call: () => Promise<unknown>, answer: string]>([
    [
      'shares an image that no bake has tagged',
      () => {
        const ImageId = untagged.imageId;
        return thief.ec2.send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission: { Add } }));
      },
      'UnauthorizedOperation',
    ],
    [
      'makes a snapshot public',
      () => {
        const everybody = { Add: [{ Group: 'all' as const }] };
        const [SnapshotId] = tagged.snapshotIds;
        return thief.ec2.send(new ModifySnapshotAttributeCommand({ SnapshotId, CreateVolumePermission: everybody }));
      },
      'UnauthorizedOperation',
    ],
    ['tags an image for publication', setTag(() => untagged, TARGETS_TAG), 'UnauthorizedOperation'],
    ['says that an image is for others', setTag(() => tagged, TARGETS_TAG), 'UnauthorizedOperation'],
    ['notes something on an image that is not tagged', setTag(() => untagged, PUBLISHED_TAG), 'UnauthorizedOperation'],
    [
      'takes the tag of a revocation away',
      () => thief.ec2.send(new DeleteTagsCommand({ Resources: [tagged.imageId], Tags: [{ Key: REVOKED_TAG }] })),
      'UnauthorizedOperation',
    ],
    [
      'takes an image away',
      () => thief.ec2.send(new DeregisterImageCommand({ ImageId: tagged.imageId })),
      'UnauthorizedOperation',
    ],
    [
      'adds an account to the targets',
      () => {
        const Name = `/image-copier-targets/${TOPIC}/00`;
        return thief.ssm.send(new PutParameterCommand({ Name, Value: '[]', Type: 'String' }));
      },
      'AccessDeniedException',
    ],
    [
      'publishes a revocation',
      () => {
        const TopicArn = `arn:aws:sns:${REGION}:${source.id}:${TOPIC}-housekeeping`;
        return thief.sns.send(new PublishCommand({ TopicArn, Message: '{}' }));
      },
      'AuthorizationErrorException',
    ],
  ])('in vain %s', async (_, call, answer) => {
    await expect(call()).rejects.toMatchObject({ name: answer });
  });

  it('does what the publisher does', async () => {
    await setTag(() => tagged, PUBLISHED_TAG)();
    const ImageId = tagged.imageId;
    await thief.ec2.send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission: { Add } }));
    const [SnapshotId] = tagged.snapshotIds;
    await thief.ec2.send(new ModifySnapshotAttributeCommand({ SnapshotId, CreateVolumePermission: { Add } }));
  });
});

describe('an image that cannot be published as its tag says', () => {
  it.each<[what: string, meant: string, keyArn: string | undefined, problem: RegExp]>([
    ['a tag that names nobody', 'wave=canry', undefined, /No target account has the label "wave=canry"/],
    ['a snapshot under the key that AWS manages', '*', 'alias/aws/ebs', /OperationNotPermitted: .*default key/],
  ])('is told with its reason: %s', async (_, meant, keyArn, problem) => {
    const image = await bake(meant, {}, keyArn);

    expect(await saidOf(image)).toMatchObject({ outcome: 'refused', problems: [expect.stringMatching(problem)] });
  });

  it('is counted for its alarm, and is published once the tag is mended', async () => {
    const image = await bake('everybody');
    await saidOf(image);
    const { MetricAlarms: [alarm] = [] } = await cloudwatch.send(
      new DescribeAlarmsCommand({ AlarmNames: [`${PUBLISHER}-problems`] }),
    );
    const counted = (await publisherLog()).filter(
      (line) => alarm?.MetricName !== undefined && alarm.MetricName in line,
    );
    expect(counted.map(({ service }) => [{ Name: 'service', Value: service }])).toContainEqual(alarm?.Dimensions);

    const Tags = [{ Key: TARGETS_TAG, Value: web.id }];
    await source.ec2.send(new CreateTagsCommand({ Resources: [image.imageId], Tags }));
    await sweep();

    await untilCopied(web, image);
  });
});

it(
  'is shared with an account that is deployed later by the next sweep, without any command',
  async () => {
    const image = await bake('*');
    await untilPublished(image);
    await deploy({ ...WEB, late: { id: late.id } });

    await sweep();

    await untilCopied(late, image);
    expect(await findCopies(web, image.imageId)).toHaveLength(1);
  },
  DEPLOY_TIMEOUT_MS,
);
