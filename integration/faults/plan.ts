import * as fc from 'fast-check';
import {
  COPY_IMAGE_ACTIONS,
  RETIRE_IMAGE_ACTIONS,
  SETTLE_COPY_ACTIONS,
} from '../../scripts/tool/doctor/called-actions.ts';
import type { FunctionName } from '../tests/support/handler-process.ts';

/** The place in the pool of an image whose owner is not trusted. */
export const STRANGERS_IMAGE = 6;
/** The place in the pool of an image that nobody asks for. */
export const UNASKED_IMAGE = 7;
/** The places of the source account's images, of two recipes. Nobody takes the others away. */
export const ENDED_IMAGES: readonly number[] = [0, 1, 2, 3, 4, 5];
/** How often a copy fails that never succeeds. */
export const ALWAYS = 99;

/** All choices of one run. They come from its seed alone, so the same seed makes the same run. */
export interface RunPlan {
  readonly requests: readonly RequestPlan[];
  readonly accounts: readonly AccountPlan[];
}

/** A request, as every account gets it. */
interface RequestPlan {
  readonly image: number;
  /** The places of accounts in the run, or all of them. There is always another account, too. */
  readonly targets: 'all' | readonly number[];
}

type Sharing = 'shared' | 'late' | 'imageOnly' | 'never';

/** What happens in one account. */
export interface AccountPlan {
  /** How each image of the pool is shared with the account: from the start, later, or never in full. */
  readonly sharing: readonly Sharing[];
  /** How many copies of each image fail. */
  readonly failures: readonly number[];
  /** How long EC2 takes for a copy. */
  readonly copySeconds: number;
  /** Whether EC2's events that have not been handled by the end are lost, so that sweeps have to do. */
  readonly losesEvents: boolean;
  /** How many snapshots EC2 keeps that are to go with their images. */
  readonly keptSnapshots: number;
  /** The retention policy as the function gets it, in its variable; none where nothing goes by itself. */
  readonly retention: RetentionRule | null;
  readonly rollbackDepth: number;
  /** What comes between the functions and AWS, each once, as soon as its call is made. */
  readonly interruptions: readonly Interruption[];
  readonly steps: readonly Step[];
}

/** For all recipes. */
interface RetentionRule {
  readonly keepNewest: number;
  readonly minAgeDays: number;
  readonly quarantineDays: number;
}

export type Step =
  /** The next request comes into the queue. */
  | { readonly do: 'arrive' }
  /** A request comes a second time, as it was or with other tags. */
  | { readonly do: 'repeat'; readonly request: number; readonly changed: boolean }
  /** The next permission that came late is given. */
  | { readonly do: 'share' }
  | AmigoCopy
  /** A copy with our marker turns up that is not encrypted under the account's key. */
  | { readonly do: 'impostor'; readonly encrypted: boolean }
  /** A copy of ours failed and is gone, but its snapshots are left. */
  | { readonly do: 'leftover' }
  /** Somebody takes a tag off the snapshots of the copies that are not announced. */
  | { readonly do: 'untag' }
  /** All requests but the last come, all permissions are given, the copies end, requests and events are handled, and a sweep settles what is left. */
  | { readonly do: 'calm' }
  | EndStep
  | Round;

/**
 * What decides on the end of images, and what comes in its way. An image is given by its place among those whose copies the step is
 * about at that time, the oldest first: most of these steps would miss a place in the pool.
 */
export type EndStep =
  /** Somebody wants the copy gone: AMIgo, or an operator who names it by its own id or its source's. */
  | {
      readonly do: 'retire';
      readonly place: number;
      readonly by: 'amigo' | 'copy' | 'source';
      readonly quarantineDays: number;
    }
  | { readonly do: 'restore'; readonly place: number; readonly by: 'copy' | 'source' }
  | { readonly do: 'revoke'; readonly place: number }
  | { readonly do: 'unrevoke'; readonly place: number }
  /** The daily sweep of what is to go. */
  | { readonly do: 'sweepEnds' }
  /** The time is over after which a revocation is looked at again. */
  | { readonly do: 'lookAgain' }
  /** An instance is launched from one of the copies that are available, the oldest image's first. */
  | { readonly do: 'launch'; readonly place: number }
  /** Days go by. */
  | { readonly do: 'days' };

/** AMIgo's own copier copies an image that is asked for, and tags the copy afterwards. */
export interface AmigoCopy {
  readonly do: 'amigo';
  /** The place of the request in the run. */
  readonly request: number;
  readonly ends: 'available' | 'failed';
  /** Whether it tags the copy, or is never heard of again. */
  readonly tags: boolean;
  /** When requests are delivered, while the copy is pending. */
  readonly deliveries: 'beforeTags' | 'afterTags' | 'none';
}

/** Functions run, all at the same time. */
export interface Round {
  readonly do: 'round';
  readonly deliveries: readonly Delivery[];
  /** Whether the second delivery is of the same messages as the first. */
  readonly sameMessages: boolean;
  readonly settling: Settling | null;
  /** Messages about the end of images, each lane one after the other. */
  readonly retiring: readonly Delivery[];
  readonly errors: readonly ServiceError[];
}

export interface Delivery {
  /** Whether messages that are hidden, or that a killed function had, are visible again. */
  readonly hiddenToo: boolean;
  readonly messages: number;
}

export interface Settling {
  /** Whether the copies have ended by then. */
  readonly waits: boolean;
  /** How many of EC2's events have come. */
  readonly events: number;
  readonly fate: 'handled' | 'handledTwice' | 'lost';
  readonly sweep: boolean;
}

/** What comes between a function and AWS at one of its calls. */
export interface Interruption {
  readonly functionName: FunctionName;
  /** The IAM action of the call. */
  readonly action: string;
  /** How many of these calls are left alone before. */
  readonly spared: number;
  readonly when: 'before' | 'after';
  /** The function is killed, the connection is cut, or an instance is launched from a copy while the function works. */
  readonly how: 'kill' | 'cut' | 'launch';
}

/** An error that a service answers with, a few times, as the emulator takes it. */
interface ServiceError {
  readonly kind: 'error';
  readonly service: string;
  readonly operation: string;
  readonly code: string;
  readonly message: string;
  readonly status: number;
  readonly times: number;
}

/** A throttle and an error of the service's own, as each service calls them. */
const ERRORS: Readonly<Record<string, readonly [throttle: string, status: number, serverError: string]>> = {
  ec2: ['RequestLimitExceeded', 503, 'InternalError'],
  sqs: ['ThrottlingException', 400, 'InternalFailure'],
  ssm: ['ThrottlingException', 400, 'InternalServerError'],
  events: ['ThrottlingException', 400, 'InternalException'],
  sns: ['Throttling', 400, 'InternalError'],
  autoscaling: ['Throttling', 400, 'InternalFailure'],
};

const LIMIT = {
  kind: 'error',
  service: 'ec2',
  operation: 'CopyImage',
  code: 'ResourceLimitExceeded',
  message: 'Too many snapshot copies in progress. The limit is 20 for this destination region.',
  status: 400,
} as const;

/** The only error that no later try fixes. */
export const REFUSAL = {
  kind: 'error',
  service: 'ec2',
  operation: 'CopyImage',
  code: 'TagPolicyViolation',
  message: "The tag policy does not allow the specified value for the following tag key: 'Recipe'.",
  status: 400,
} as const;

const ACTIONS = Array.from(new Set([...COPY_IMAGE_ACTIONS, ...SETTLE_COPY_ACTIONS]));
const ALL_ACTIONS = Array.from(new Set([...ACTIONS, ...RETIRE_IMAGE_ACTIONS]));

/** The choices of the run with this seed. */
export function planOf(seed: number): RunPlan {
  const [plan] = fc.sample(fc.noBias(run), { seed, numRuns: 1 });
  if (!plan) throw new Error('fast-check gave no plan');
  return plan;
}

const nullable = <T>(each: fc.Arbitrary<T>, one: number, of: number): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: one, arbitrary: each }, { weight: of - one, arbitrary: fc.constant(null) });

/** Values with how often each comes. */
const weighted = <T>(...choices: readonly (readonly [weight: number, value: T])[]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));

const list = <T>(each: fc.Arbitrary<T>, minLength: number, maxLength: number): fc.Arbitrary<T[]> =>
  fc.array(each, { minLength, maxLength, size: 'max' });

/** Before and after a read nothing has changed, so the writes are where it counts. */
const READS = /:(Describe|Get)/;

const KILLED_OR_CUT = weighted<Interruption['how']>([4, 'kill'], [1, 'cut']);

const interruptionsOf = (
  functionName: FunctionName,
  actions: readonly string[],
  fewest: number,
  most: number,
  how = KILLED_OR_CUT,
) =>
  list(
    fc.record({
      functionName: fc.constant(functionName),
      action: weighted(...actions.map((action) => [READS.test(action) ? 1 : 3, action] as const)),
      spared: weighted([4, 0], [2, 1], [1, 2]),
      when: fc.constantFrom('before' as const, 'after' as const),
      how,
    }),
    fewest,
    most,
  );

const serviceError: fc.Arbitrary<ServiceError> = fc
  .record({
    action: fc.oneof(fc.constantFrom(...ACTIONS), fc.constantFrom(...ALL_ACTIONS)),
    sort: weighted([4, 'throttle'], [4, 'serverError'], [2, 'limit'], [1, 'refusal']),
    // The SDK tries a call twice by itself.
    times: fc.constantFrom(1, 2, 3, 4),
  })
  .map(({ action, sort, times }): ServiceError => {
    if (sort === 'limit') return { ...LIMIT, times };
    if (sort === 'refusal') return { ...REFUSAL, times: 1 };
    const [service = '', operation = ''] = action.split(':');
    const [throttle, throttleStatus, serverError] = ERRORS[service] ?? ['Throttling', 400, 'InternalError'];
    return sort === 'throttle'
      ? { kind: 'error', service, operation, code: throttle, message: 'Rate exceeded.', status: throttleStatus, times }
      : { kind: 'error', service, operation, code: serverError, message: 'Try again.', status: 500, times };
  });

const delivery: fc.Arbitrary<Delivery> = fc.record({
  hiddenToo: weighted([3, true], [1, false]),
  messages: weighted([3, 1], [2, 2], [1, 3]),
});

const settling: fc.Arbitrary<Settling> = fc.record({
  waits: weighted([4, true], [1, false]),
  events: weighted([1, 0], [2, 1], [5, 10]),
  fate: weighted<Settling['fate']>([6, 'handled'], [2, 'handledTwice'], [2, 'lost']),
  sweep: fc.boolean(),
});

const round: fc.Arbitrary<Round> = fc.record({
  do: fc.constant('round'),
  deliveries: weighted([1, 0], [4, 1], [3, 2]).chain((count) => list(delivery, count, count)),
  sameMessages: fc.boolean(),
  settling: nullable(settling, 3, 4),
  retiring: weighted([1, 0], [3, 1], [2, 2]).chain((count) => list(delivery, count, count)),
  errors: weighted([2, 0], [1, 1], [1, 2]).chain((count) => list(serviceError, count, count)),
});

const stepsBetween: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ do: 'arrive' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('repeat' as const), request: fc.nat({ max: 3 }), changed: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'share' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('amigo' as const),
      request: fc.nat({ max: 4 }),
      ends: weighted<AmigoCopy['ends']>([2, 'available'], [1, 'failed']),
      tags: weighted([4, true], [1, false]),
      deliveries: fc.constantFrom('beforeTags' as const, 'afterTags' as const, 'none' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('impostor' as const), encrypted: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: 'leftover' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'untag' as const }) },
);

const place = weighted([4, 0], [2, 1], [1, 2], [1, 3]);
const quarantineDays = weighted([2, 0], [1, 1]);

const endStep: fc.Arbitrary<EndStep> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('retire' as const),
      place,
      by: fc.constantFrom('amigo' as const, 'copy' as const, 'source' as const),
      quarantineDays,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('restore' as const),
      place,
      by: weighted<'copy' | 'source'>([3, 'copy'], [1, 'source']),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('revoke' as const), place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unrevoke' as const), place }) },
  { weight: 3, arbitrary: fc.constant({ do: 'sweepEnds' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'lookAgain' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('launch' as const), place: fc.nat({ max: 2 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'days' as const }) },
);

const retention: fc.Arbitrary<RetentionRule> = fc.record({
  keepNewest: weighted([3, 1], [1, 2]),
  minAgeDays: weighted([2, 0], [1, 1]),
  quarantineDays,
});

const forEachImage = <T>(each: fc.Arbitrary<T>) => list(each, STRANGERS_IMAGE + 1, STRANGERS_IMAGE + 1);

const accountPlan: fc.Arbitrary<AccountPlan> = fc.record({
  sharing: forEachImage(weighted<Sharing>([12, 'shared'], [4, 'late'], [1, 'imageOnly'], [1, 'never'])),
  failures: forEachImage(weighted([12, 0], [3, 1], [2, 2], [1, ALWAYS])),
  copySeconds: weighted([2, 0], [1, 0.2], [1, 0.5]),
  losesEvents: fc.boolean(),
  keptSnapshots: weighted([2, 0], [1, 1], [1, 3]),
  retention: nullable(retention, 1, 2),
  rollbackDepth: weighted([3, 0], [2, 1]),
  interruptions: fc
    .tuple(
      interruptionsOf('copy-image', COPY_IMAGE_ACTIONS, 0, 4),
      interruptionsOf('settle-copy', SETTLE_COPY_ACTIONS, 2, 9),
      interruptionsOf(
        'retire-image',
        RETIRE_IMAGE_ACTIONS,
        2,
        9,
        weighted<Interruption['how']>([5, 'kill'], [1, 'cut'], [2, 'launch']),
      ),
    )
    .map((all) => all.flat()),
  // Something happens, then functions run. Once there are copies, they are to go.
  steps: fc
    .tuple(
      list(fc.tuple(fc.oneof({ weight: 4, arbitrary: stepsBetween }, { weight: 1, arbitrary: endStep }), round), 4, 6),
      list(fc.tuple(fc.oneof({ weight: 1, arbitrary: stepsBetween }, { weight: 5, arbitrary: endStep }), round), 3, 5),
    )
    .map(([making, ending]): Step[] => [...making.flat(), { do: 'calm' }, ...ending.flat()]),
});

const targets = weighted<RequestPlan['targets']>([6, 'all'], [3, [0, 1, 2]], [1, [0]], [1, [1, 2]], [1, [2]], [1, []]);

const run: fc.Arbitrary<RunPlan> = fc.record({
  requests: fc
    .shuffledSubarray([...ENDED_IMAGES, STRANGERS_IMAGE], { minLength: 4, maxLength: 5 })
    .chain((images) => fc.tuple(...images.map((image) => fc.record({ image: fc.constant(image), targets })))),
  accounts: list(accountPlan, 2, 3),
});
