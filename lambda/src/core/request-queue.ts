/** One delivery of a message by the queue. */
export interface Delivery {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  /** How often the queue has delivered the message, from 1. */
  readonly receiveCount: number;
  /** When the message came into the queue, in milliseconds since 1970. */
  readonly sentAtMs: number;
}

/** Why a message is not handled, in words for the one who finds it in the dead-letter queue. */
export interface Reason {
  readonly code: string;
  readonly message: string;
}

export interface RequestQueue {
  /** Hides the message for some seconds (0 to 43,200); after that the queue delivers it again. */
  postpone(delivery: Delivery, seconds: number): Promise<void>;
  /** Puts the message with its reason into the dead-letter queue. */
  refuse(delivery: Delivery, reason: Reason): Promise<void>;
}
