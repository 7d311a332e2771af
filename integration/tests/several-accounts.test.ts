import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  DescribeLogStreamsCommand,
  paginateFilterLogEvents,
  CloudWatchLogsClient,
} from '@aws-sdk/client-cloudwatch-logs';
import { PublishCommand } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../../scripts/bake.ts';
import { findCopies, inspectCopy } from '../../scripts/copies.ts';
import type { AppliedAccounts, AppliedCopier } from '../../scripts/demo-accounts.ts';
import {
  emulatedAccount,
  emulatedEnvironment,
  emulatedSettings,
  withoutAws,
  type EmulatedAccount,
} from '../../scripts/emulated-account.ts';
import { CACHE, ROOT } from '../../scripts/paths.ts';
import { TerraformRoot } from '../../scripts/terraform.ts';
import { waitFor } from '../../scripts/wait-for.ts';
import { endpoint, newAccountId, REGION } from './support/emulator.ts';
import { leaveAccount } from './support/leave-account.ts';

const APPLY_TIMEOUT_MS = 300_000;
const COPY_TIMEOUT_MS = 120_000;
const source = emulatedAccount(endpoint(), newAccountId(), REGION);
const targets = [newAccountId(), newAccountId(), newAccountId()].map((id) => emulatedAccount(endpoint(), id, REGION));
const [first, second, third] = targets as [EmulatedAccount, EmulatedAccount, EmulatedAccount];
const root = new TerraformRoot({
  directory: join(ROOT, 'terraform', 'examples', 'several-accounts'),
  workDirectory: join(CACHE, 'test', 'several-accounts', source.id),
  variables: { source_account_id: source.id, target_account_ids: targets.map(({ id }) => id) },
  // LocalStack asks for no existing role, so an account of its own assumes those of the others, as on AWS.
  env: { ...withoutAws(), ...emulatedEnvironment(endpoint(), '999999999999', REGION) },
});
let applied: AppliedAccounts;
let bakes = 0;

async function bake(): Promise<BakedImage> {
  bakes += 1;
  return await bakeImage(source.ec2, {
    name: `amigo_debian_${bakes}`,
    description: `AMI for debian built by Amigo: #${bakes}`,
    tags: { BuiltBy: 'amigo', Recipe: 'debian', BuildNumber: String(bakes) },
    volumeSizes: [8, 20],
  });
}

async function shareWithAll(image: BakedImage): Promise<void> {
  await share(
    source.ec2,
    image,
    targets.map(({ id }) => id),
  );
}

async function publish(message: string): Promise<void> {
  await source.sns.send(new PublishCommand({ TopicArn: applied.requestTopicArn, Message: message }));
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
  const copier = applied.copiers[id];
  if (!copier) throw new Error(`Terraform put out no copier for ${id}`);
  return copier;
}

/** Waits until no message is in the account's queue, neither waiting nor being handled. */
async function quiet(account: EmulatedAccount): Promise<void> {
  await waitFor(`the queue of ${account.id} to be empty`, async () => {
    const { Attributes = {} } = await account.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: copierOf(account).queue_url, AttributeNames: ['All'] }),
    );
    const { ApproximateNumberOfMessages: waiting, ApproximateNumberOfMessagesNotVisible: handled } = Attributes;
    return waiting === '0' && handled === '0' ? true : undefined;
  });
}

function logsOf({ id }: EmulatedAccount): CloudWatchLogsClient {
  return new CloudWatchLogsClient(emulatedSettings(endpoint(), id, REGION));
}

async function logLinesOf(account: EmulatedAccount): Promise<string[]> {
  const client = logsOf(account);
  const lines: string[] = [];
  const pages = paginateFilterLogEvents({ client }, { logGroupName: copierOf(account).log_group_name });
  for await (const { events = [] } of pages) lines.push(...events.map(({ message = '' }) => message.trimEnd()));
  return lines;
}

beforeAll(async () => {
  await root.init();
  await root.apply();
  const outputs = await root.outputs();
  applied = {
    requestTopicArn: outputs['request_topic_arn'] as string,
    resultsTopicArn: outputs['results_topic_arn'] as string,
    copiers: outputs['copiers'] as AppliedAccounts['copiers'],
  };
}, APPLY_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([source, ...targets].map(leaveAccount));
});

describe('the whole way from a publish to a copy', () => {
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
      const { logStreams } = await logsOf(third).send(
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
      await quiet(first);
      expect(await findCopies(first, image.imageId)).toHaveLength(1);
    },
    COPY_TIMEOUT_MS,
  );

  it(
    'copies an image that is shared after it was asked for',
    async () => {
      const image = await bake();
      await publish(request(image, second));
      await waitFor('the first try', async () => {
        const lines = await logLinesOf(second);
        return lines.some((line) => line.includes('"outcome":"retried"') && line.includes(image.imageId)) || undefined;
      });
      await shareWithAll(image);

      expect(await availableCopies(second, image)).toHaveLength(1);
      await quiet(second);
    },
    COPY_TIMEOUT_MS,
  );

  it(
    'puts a request that cannot be read into the dead-letter queue with its reason',
    async () => {
      const body = JSON.stringify({ targetAccounts: [first.id], sourceAmi: 'the newest' });
      await publish(body);

      const letter = await waitFor('the dead letter', async () => {
        const { Messages: [message] = [] } = await first.sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: copierOf(first).dead_letter_queue_url,
            MessageAttributeNames: ['All'],
          }),
        );
        return message;
      });
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

describe('terraform', () => {
  it(
    'has nothing left to change after the apply',
    async () => {
      expect(await root.plannedChanges()).toEqual([]);
    },
    APPLY_TIMEOUT_MS,
  );
});
