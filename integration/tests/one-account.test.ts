import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GetRolePolicyCommand, IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { CreateTopicCommand, DeleteTopicCommand, PublishCommand } from '@aws-sdk/client-sns';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { bakeImage, copyRequestFor, share } from '../../scripts/bake.ts';
import { findCopies, inspectCopy } from '../../scripts/copies.ts';
import { COPY_IMAGE_ACTIONS, SETTLE_COPY_ACTIONS } from '../../scripts/doctor/called-actions.ts';
import { emulatedAccount, emulatedEnvironment, emulatedSettings, withoutAws } from '../../scripts/emulated-account.ts';
import { CACHE, ROOT } from '../../scripts/paths.ts';
import { TerraformRoot } from '../../scripts/terraform.ts';
import { waitFor } from '../../scripts/wait-for.ts';
import { endpoint, newAccountId, REGION } from './support/emulator.ts';
import { removeImages } from './support/remove-images.ts';

const APPLY_TIMEOUT_MS = 300_000;
const source = emulatedAccount(endpoint(), newAccountId(), REGION);
const target = emulatedAccount(endpoint(), newAccountId(), REGION);
const iam = new IAMClient(emulatedSettings(endpoint(), target.id, REGION));
let topicArn: string;
let resultsTopicArn: string;
let root: TerraformRoot;

beforeAll(async () => {
  [topicArn = '', resultsTopicArn = ''] = await Promise.all(
    ['amigo-notify', 'amigo-notify-results'].map(async (Name) => {
      const { TopicArn = '' } = await source.sns.send(new CreateTopicCommand({ Name }));
      return TopicArn;
    }),
  );
  root = new TerraformRoot({
    directory: join(ROOT, 'terraform', 'examples', 'one-account'),
    workDirectory: join(CACHE, 'test', 'one-account', target.id),
    variables: {
      account_id: target.id,
      request_topic_arn: topicArn,
      results_topic_arn: resultsTopicArn,
      region: REGION,
    },
    // The credentials of the target account and of no other.
    env: { ...withoutAws(), ...emulatedEnvironment(endpoint(), target.id, REGION) },
  });
  await root.init();
  await root.apply();
}, APPLY_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([source, target].map(removeImages));
  for (const TopicArn of [topicArn, resultsTopicArn]) await source.sns.send(new DeleteTopicCommand({ TopicArn }));
});

describe('one account, applied with its own credentials alone', () => {
  it('copies what is asked of every account', async () => {
    const image = await bakeImage(source.ec2, {
      name: 'amigo_ubuntu_1',
      description: '',
      tags: { Recipe: 'ubuntu' },
      volumeSizes: [8],
    });
    await share(source.ec2, image, [target.id]);
    const Message = JSON.stringify(copyRequestFor(image, REGION, ['*']));
    await source.sns.send(new PublishCommand({ TopicArn: topicArn, Message }));

    const copy = await waitFor('the copy', async () => {
      const [found] = await findCopies(target, image.imageId);
      return found?.State === 'available' ? found : undefined;
    });
    expect(await inspectCopy(target, copy, image)).toMatchObject({ encryptedSnapshots: 1, tagsComplete: true });
  });

  it('has nothing left to change after the apply', async () => {
    expect(await root.plannedChanges()).toEqual([]);
  });

  it.each([
    ['copy-image', COPY_IMAGE_ACTIONS],
    ['settle-copy', SETTLE_COPY_ACTIONS],
  ])('allows each call that %s makes', async (name, actions) => {
    const { Roles = [] } = await iam.send(new ListRolesCommand({}));
    const { RoleName = '' } = Roles.find((role) => role.RoleName?.startsWith(`image-copier-${name}`)) ?? {};
    const { PolicyDocument = '' } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: name }));
    const { Statement } = JSON.parse(decodeURIComponent(PolicyDocument)) as {
      Statement: { Effect: string; Action: string | string[] }[];
    };
    const allowed = Statement.filter(({ Effect }) => Effect === 'Allow').flatMap(({ Action }) => Action);

    expect(allowed).toEqual(expect.arrayContaining([...actions]));
    expect(allowed.filter((action) => action.includes('*'))).toEqual([]);
  });

  it(
    'is gone after destroy',
    async () => {
      await root.destroy();

      const { QueueUrls = [] } = await target.sqs.send(new ListQueuesCommand({}));
      const { Roles = [] } = await iam.send(new ListRolesCommand({}));
      expect(QueueUrls).toEqual([]);
      expect(Roles).toEqual([]);
    },
    APPLY_TIMEOUT_MS,
  );
});
