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

/** A message that is not handled, with its reason. */
export interface DeadLetter {
  readonly body: string;
  readonly reason: Reason;
  readonly requestedAtMs: number;
  /** How often the queue has delivered it. */
  readonly receiveCount?: number;
  /** How often a copy of it was tried. */
  readonly attempt?: number;
}

/** What copy-image does with the messages that it is given. */
export interface RequestQueue {
  /** Hides the message for some seconds (0 to 43,200); after that the queue delivers it again. */
  postpone(delivery: Delivery, seconds: number): Promise<void>;
  /** Puts a message with its reason into the dead-letter queue. */
  deadLetter(letter: DeadLetter): Promise<void>;
}

/** Where settle-copy enqueues requests: the next try of a copy that failed, or what no message asked for. It gives copies up there too. */
export interface NextTries {
  /** Puts a request into the queue, to be delivered after some seconds (0 to 900), or else after the queue's own delay. */
  enqueue(body: string, delaySeconds?: number): Promise<void>;
  /** Puts a message with its reason into the dead-letter queue. */
  deadLetter(letter: DeadLetter): Promise<void>;
}
