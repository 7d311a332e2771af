import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';

/** Waits until no message is in a queue, neither waiting nor being handled. */
export async function untilEmpty({ id, sqs }: EmulatedAccount, QueueUrl: string): Promise<void> {
  await waitFor(`the queue of ${id} to be empty`, async () => {
    const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    const { ApproximateNumberOfMessages: waiting, ApproximateNumberOfMessagesNotVisible: handled } = Attributes;
    return waiting === '0' && handled === '0' ? true : undefined;
  });
}
