import { afterAll, describe, expect, it } from '@jest/globals';
import { CloudWatchLogsClient, DescribeLogStreamsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { PublishCommand } from '@aws-sdk/client-sns';
import { DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { copyRequestFor, share, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import { findCopies } from '../../../scripts/tool/common/copies.ts';
import { inspectCopy } from '../../../scripts/dev/inspect-copy.ts';
import type { AppliedCopier } from '../../../scripts/dev/demo-accounts.ts';
import { emulatedSettings, type EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { untilEmpty } from '../support/empty-queue.ts';
import { endpoint, REGION } from '../support/emulator.ts';
import { logLines } from '../support/log-lines.ts';
import { removeImages } from '../support/remove-images.ts';
import { accounts } from './accounts.ts';

const COPY_TIMEOUT_MS = 300_000;
const { source, canary: first, payments: second, web: third, targets } = accounts;
let bakes = 0;

async function bake(): Promise<BakedImage> {
  bakes += 1;
  return await accounts.bake('debian', bakes);
}

async function shareWithAll(image: BakedImage): Promise<void> {
  await share(
    source.ec2,
    image,
    targets.map(({ id }) => id),
  );
}

async function publish(message: string): Promise<void> {
  await source.sns.send(new PublishCommand({ TopicArn: accounts.applied.requestTopicArn, Message: message }));
}

const request = (image: BakedImage, ...asked: EmulatedAccount[]) =>
  JSON.stringify(
    copyRequestFor(
      image,
      REGION,
      asked.map(({ id }) => id),
    ),
  );

async function availableCopies(account: EmulatedAccount, image: BakedImage) {
  return await waitFor(
    `an available copy of ${image.imageId} in ${account.id}`,
    async () => {
      const copies = await findCopies(account, image.imageId);
      return copies.length > 0 && copies.every(({ State }) => State === 'available') ? copies : undefined;
    },
    { timeoutMs: COPY_TIMEOUT_MS },
  );
}

function copierOf({ id }: EmulatedAccount): AppliedCopier {
  const copier = accounts.applied.copiers[id];
  if (!copier) throw new Error(`Terraform put out no copier for ${id}`);
  return copier;
}

const logLinesOf = (account: EmulatedAccount) => logLines(account, copierOf(account).log_group_name);

describe('the whole way from a publish to a copy', () => {
  // The parts that come after it look at all images.
  afterAll(async () => {
    await Promise.all([source, ...targets].map(removeImages));
  });

  it(
    'copies into the accounts that are asked, and wakes nobody else',
    async () => {
      const image = await bake();
      await shareWithAll(image);
      await publish(request(image, first, second));

      for (const account of [first, second]) {
        const [copy, ...others] = await availableCopies(account, image);
        expect(others).toEqual([]);
        expect(await inspectCopy(account, copy ?? {}, image)).toMatchObject({
          state: 'available',
          snapshots: 2,
          encryptedSnapshots: 2,
          keyAliases: [copierOf(account).key_alias],
          tagsComplete: true,
        });
      }
      expect(await findCopies(third, image.imageId)).toEqual([]);
      const logs = new CloudWatchLogsClient(emulatedSettings(endpoint(), third.id, REGION));
      const { logStreams } = await logs.send(
        new DescribeLogStreamsCommand({ logGroupName: copierOf(third).log_group_name }),
      );
      expect(logStreams).toEqual([]);
    },
    COPY_TIMEOUT_MS,
  );

  it(
    'makes one copy of a request that is published many times',
    async () => {
      const image = await bake();
      await shareWithAll(image);
      await Promise.all(Array.from({ length: 5 }, () => publish(request(image, first))));

      await availableCopies(first, image);
      await untilEmpty(first, copierOf(first).queue_url);
      expect(await findCopies(first, image.imageId)).toHaveLength(1);
    },
    COPY_TIMEOUT_MS,
  );

  it(
    'puts a request that cannot be read into the dead-letter queue with its reason',
    async () => {
      const body = JSON.stringify({ targetAccounts: [first.id], sourceAmi: 'the newest' });
      await publish(body);

      const QueueUrl = copierOf(first).dead_letter_queue_url;
      const letter = await waitFor('the dead letter', async () => {
        const { Messages: [message] = [] } = await first.sqs.send(
          new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ['All'] }),
        );
        return message;
      });
      await first.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: letter.ReceiptHandle }));
      expect(letter.Body).toBe(body);
      expect(letter.MessageAttributes?.['Reason']?.StringValue).toContain('sourceAmi must be an image id');
    },
    COPY_TIMEOUT_MS,
  );

  it(
    'logs each outcome as one line of JSON in the log group of the function',
    async () => {
      const image = await bake();
      await shareWithAll(image);
      await publish(request(image, first));
      const [copy] = await availableCopies(first, image);

      const outcome = await waitFor('the log line', async () => {
        const lines = await logLinesOf(first);
        return lines.find((line) => line.includes('"outcome":"started"') && line.includes(image.imageId));
      });
      expect(JSON.parse(outcome)).toMatchObject({
        level: 'INFO',
        sourceImage: image.imageId,
        copy: copy?.ImageId,
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      });
    },
    COPY_TIMEOUT_MS,
  );
});
