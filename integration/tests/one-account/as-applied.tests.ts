import { describe, expect, it } from '@jest/globals';
import type { Image } from '@aws-sdk/client-ec2';
import { GetRolePolicyCommand, IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { PublishCommand } from '@aws-sdk/client-sns';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import { findCopies } from '../../../scripts/tool/common/copies.ts';
import { inspectCopy } from '../../../scripts/dev/inspect-copy.ts';
import { COPY_IMAGE_ACTIONS, SETTLE_COPY_ACTIONS } from '../../../scripts/tool/doctor/called-actions.ts';
import { emulatedSettings } from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { untilEmpty } from '../support/empty-queue.ts';
import { endpoint, REGION } from '../support/emulator.ts';
import { logLines } from '../support/log-lines.ts';
import { copierOf, source, target, topicArn } from './account.ts';

const COPY_TIMEOUT_MS = 300_000;
const iam = new IAMClient(emulatedSettings(endpoint(), target.id, REGION));

async function bake(name: string): Promise<BakedImage> {
  return await bakeImage(source.ec2, { name, description: '', tags: { Recipe: 'debian' }, volumeSizes: [8] });
}

async function publish(image: BakedImage, ...accounts: string[]): Promise<void> {
  const Message = JSON.stringify(copyRequestFor(image, REGION, accounts));
  await source.sns.send(new PublishCommand({ TopicArn: topicArn, Message }));
}

async function availableCopy({ imageId }: BakedImage): Promise<Image> {
  return await waitFor(
    'the copy',
    async () => {
      const [found] = await findCopies(target, imageId);
      return found?.State === 'available' ? found : undefined;
    },
    { timeoutMs: COPY_TIMEOUT_MS },
  );
}

describe('one account, applied with its own credentials alone', () => {
  it('copies what is asked of every account', async () => {
    const image = await bake('amigo_debian_1');
    await share(source.ec2, image, [target.id]);
    await publish(image, '*');

    const copy = await availableCopy(image);
    expect(await inspectCopy(target, copy, image)).toMatchObject({ encryptedSnapshots: 1, tagsComplete: true });
  });

  it(
    'copies an image that is shared after it was asked for',
    async () => {
      const { log_group_name: logGroup, queue_url: queueUrl } = await copierOf();
      const image = await bake('amigo_debian_2');
      await publish(image, target.id);
      await waitFor('the first try', async () => {
        const lines = await logLines(target, logGroup);
        return lines.some((line) => line.includes('"outcome":"retried"') && line.includes(image.imageId)) || undefined;
      });
      await share(source.ec2, image, [target.id]);

      await availableCopy(image);
      await untilEmpty(target, queueUrl);
      expect(await findCopies(target, image.imageId)).toHaveLength(1);
    },
    COPY_TIMEOUT_MS,
  );

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
});
