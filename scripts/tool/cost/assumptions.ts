/** A figure that nothing in the product fixes. */
export interface Assumption {
  readonly value: number;
  readonly unit: string;
  /** Where it comes from. */
  readonly reason: string;
}

/** What is assumed where neither the product nor AWS's pages say how much. None of it is measured on AWS. */
export const ASSUMPTIONS = {
  /** Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings". */
  pollers: {
    value: 5,
    unit: 'pollers a queue',
    reason: 'Lambda keeps five for a standard queue with a maximum concurrency. The FIFO queue is taken alike',
  },
  /** The same page: "as few as 2" for a standard queue without a maximum concurrency. */
  fewestPollers: {
    value: 2,
    unit: 'pollers a standard queue without a maximum concurrency',
    reason: 'Lambda goes down to as few where little happens',
  },
  /** SQS API Reference, ReceiveMessage: WaitTimeSeconds is at most 20. */
  pollSeconds: { value: 20, unit: 's a poll', reason: 'The longest that SQS lets a poll of an empty queue last' },
  keyRequests: {
    value: 10,
    unit: 'KMS requests a copy',
    reason: 'EBS makes a few for each snapshot; AWS does not say how many',
  },
  logBytes: {
    value: 3000,
    unit: 'bytes of log an invocation',
    reason: "Lambda's own three lines, one line of JSON and one of metrics, with room",
  },
  requestBytes: {
    value: 1000,
    unit: 'bytes a copy request',
    reason: 'The example in docs/reference.md has 300. Real ones have more tags',
  },
  accountBytes: {
    value: 15,
    unit: 'bytes more for each account',
    reason: '12 digits, two quotation marks and a comma',
  },
} as const satisfies Record<string, Assumption>;

/** Milliseconds that Lambda bills for an invocation on average, cold starts included: a guess on the safe side. */
export const ASSUMED_DURATION_MS = 3000;

/** Rotations that each key has behind it: two, after which its price rises no more. */
export const ASSUMED_KEY_ROTATIONS = 2;
