import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { urlOf } from './dead-letter-queue.ts';
import type { Copier } from './environment.ts';

/** The most images that a message names. */
export const MAX_NAMED_IMAGES = 100;

/** Sends a message to a copier's function for the end of images. */
export async function sendToRetirements({ aws, name }: Copier, message: object): Promise<void> {
  const QueueUrl = await urlOf(aws.sqs, name, 'retirements');
  await aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(message) }));
}
