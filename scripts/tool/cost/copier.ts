import { ASSUMPTIONS } from './assumptions.ts';

/** What the module image-copier makes in one account and Region, and its defaults. A test compares them with Terraform. */
export const COPIER = {
  keys: 1,
  alarms: 12,
  /** None unless `dashboard` asks for one. */
  dashboards: 0,
  /** The queues that Lambda polls, by their names in the template, and how many polls at a time while nothing happens. */
  queues: [
    { name: 'Requests', isFifo: false, pollers: ASSUMPTIONS.pollers.value },
    { name: 'Settle', isFifo: true, pollers: ASSUMPTIONS.pollers.value },
    { name: 'Retirements', isFifo: false, pollers: ASSUMPTIONS.fewestPollers.value },
  ],
  /** Minutes between two sweeps of settle-copy; retire-image has one a day. */
  sweepMinutes: 15,
  /** MB of each function: `memory_size`. */
  memoryMb: 256,
  /** Days that logs are kept: `log_retention_days`. */
  logRetentionDays: 30,
} as const;

/** What the module source-account makes in each Region. Its topics cost nothing by themselves. */
export const SOURCE = { alarms: 8, dashboards: 1 } as const;

/** The watch of the module source-account, in each Region. */
export const WATCH = {
  /** Queues that it polls. */
  queues: 3,
  /** Invocations for a request: when it is published, and while it waits for its results, at once, after 11, 22 and 24 hours. */
  invocationsPerRequest: 5,
  /** Invocations for a result, at the most: there may be ten in one. */
  invocationsPerResult: 1,
} as const;

/** Metrics that are sent with the sweep of retire-image, so in one hour of the day. */
export const DAILY_METRICS = ['RetirementSweeps', 'SnapshotsRemaining'] as const;

/** Metrics that are sent with each copy that goes well. */
export const COPY_METRICS = ['CopiesStarted', 'RequestWait', 'CopiesSettled', 'CopyTime'] as const;

/** Invocations of copy-image for a copy: its request, which is delivered once if the image is shared before it is announced. */
export const REQUESTS_PER_COPY = 1;

/** Invocations of settle-copy for a copy, besides sweeps: EC2's event when it is available, and when it is deregistered. */
export const EVENTS_PER_COPY = 2;

/** Requests to a queue for each message, besides polling: SendMessage and DeleteMessage. */
export const REQUESTS_PER_MESSAGE = 2;

/** Custom events for each copy: its result on the account's event bus. */
export const RESULTS_PER_COPY = 1;
