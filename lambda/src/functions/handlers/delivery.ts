import type { SQSRecord } from 'aws-lambda';
import type { Delivery } from '../../core/request-queue.ts';

/** A record of SQS as the core knows it. */
export function toDelivery({ messageId, receiptHandle, body, attributes }: SQSRecord): Delivery {
  return {
    messageId,
    receiptHandle,
    body,
    receiveCount: Number(attributes.ApproximateReceiveCount),
    sentAtMs: Number(attributes.SentTimestamp),
  };
}
