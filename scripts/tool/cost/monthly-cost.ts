import { ASSUMPTIONS } from './assumptions.ts';
import {
  COPIER,
  COPY_METRICS,
  DAILY_METRICS,
  EVENTS_PER_COPY,
  REQUESTS_PER_COPY,
  REQUESTS_PER_MESSAGE,
  RESULTS_PER_COPY,
  SOURCE,
  WATCH,
} from './copier.ts';
import { pacePrice, PRICES, type PriceList } from './prices.ts';
import { count, plural } from './words.ts';

/** What is asked for. Every image is copied into each account and Region. */
export interface CostPlan {
  /** Target accounts. */
  readonly accounts: number;
  /** Regions in which each of them has a copier. */
  readonly regions: number;
  /** Images baked a day. */
  readonly bakesPerDay: number;
  /** GiB of data in an image: blocks that were written, of all its snapshots together, not the size of its volumes. */
  readonly imageGib: number;
  /** Days from a copy to its removal, with its snapshots. */
  readonly keepDays: number;
  /** What is kept instead, however old it is. */
  readonly newest?: NewestCopies;
  /** Whether images are baked in one Region, and copied from it into the others. */
  readonly crossRegion: boolean;
  /** Where EC2 makes incremental copies; by default each copy is full. */
  readonly incremental?: IncrementalCopies;
  /** Minutes within which EC2 is asked to make each copy; by default it takes its own time. */
  readonly withinMinutes?: number;
  /** Rotations that each key has behind it. */
  readonly keyRotations: number;
  /** Milliseconds that Lambda bills for an invocation, on average. */
  readonly durationMs: number;
  /** MB of each function. */
  readonly memoryMb: number;
}

export interface NewestCopies {
  readonly recipes: number;
  /** Copies of each recipe. */
  readonly copies: number;
}

export interface IncrementalCopies {
  /** Recipes, of each of which one copy is full. */
  readonly recipes: number;
  /** GiB that each other copy adds. */
  readonly gib: number;
}

/** How much there is of all that is billed, of all accounts and Regions, in a month. */
export interface Quantities {
  /** Accounts times Regions. */
  readonly copiers: number;
  /** Copies made. */
  readonly copies: number;
  /** Copies that are there at any time, in each account and Region. */
  readonly keptCopies: number;
  /** GiB of snapshots that are there at any time. */
  readonly snapshotGib: number;
  /** GiB that are copied. */
  readonly copiedGib: number;
  readonly transferGib: number;
  readonly keys: number;
  /** Rotations that are billed. */
  readonly rotations: number;
  readonly keyRequests: number;
  readonly dashboards: number;
  readonly alarms: number;
  /** Metrics times the share of hours in which they are sent. */
  readonly metrics: number;
  readonly logGb: number;
  readonly standardQueueRequests: number;
  readonly fifoQueueRequests: number;
  readonly copyInvocations: number;
  readonly settleInvocations: number;
  readonly retireInvocations: number;
  /** Of the source account's function. */
  readonly watchInvocations: number;
  readonly gbSeconds: number;
  /** Requests and results that are published, in pieces of 64 KB. */
  readonly published: number;
  readonly filteredGb: number;
  readonly customEvents: number;
}

/** Hours a month, as AWS's pricing calculator has them. */
const HOURS_A_MONTH = 730;
const DAYS_A_MONTH = HOURS_A_MONTH / 24;
const SECONDS_A_MONTH = HOURS_A_MONTH * 3600;
const GB = 1e9;
/** SNS and SQS bill a message for each piece of so many bytes (their pricing pages). */
const PIECE_BYTES = 64 * 1024;
/** KMS bills no later rotation of a key (its pricing page). */
const MAX_BILLED_ROTATIONS = 2;

/** Counts what a plan uses once as many copies are kept as it says. Nothing is taken off for a free tier. */
export function quantitiesOf(plan: CostPlan): Quantities {
  const { accounts, regions, bakesPerDay, keepDays, newest } = plan;
  const copiers = accounts * regions;
  const copies = copiers * bakesPerDay * DAYS_A_MONTH;
  const copiedGib = copies * (plan.incremental?.gib ?? plan.imageGib);
  const keptCopies = newest ? newest.copies * newest.recipes : bakesPerDay * keepDays;
  const copyInvocations = copies * REQUESTS_PER_COPY;
  const sweeps = copiers * ((HOURS_A_MONTH * 60) / COPIER.sweepMinutes);
  const settleInvocations = copies * EVENTS_PER_COPY + sweeps;
  const pollsOfPoller = SECONDS_A_MONTH / ASSUMPTIONS.pollSeconds.value;
  const pollers = (isFifo: boolean) =>
    COPIER.queues.filter((queue) => queue.isFifo === isFifo).reduce((sum, queue) => sum + queue.pollers, 0);
  const requestBytes = ASSUMPTIONS.requestBytes.value + accounts * ASSUMPTIONS.accountBytes.value;
  const requestPieces = Math.ceil(requestBytes / PIECE_BYTES);
  const requests = bakesPerDay * DAYS_A_MONTH * regions;
  const watchedRequests = requests * WATCH.invocationsPerRequest;
  const watchedResults = copies * WATCH.invocationsPerResult;
  const watchInvocations = watchedRequests + watchedResults;
  const retireInvocations = copiers * DAYS_A_MONTH;
  const invocations = copyInvocations + settleInvocations + retireInvocations + watchInvocations;
  return {
    copiers,
    copies,
    keptCopies,
    snapshotGib: copiers * storedGib(plan, keptCopies),
    copiedGib,
    transferGib: plan.crossRegion ? copiedGib * ((regions - 1) / regions) : 0,
    keys: copiers * COPIER.keys,
    rotations: copiers * COPIER.keys * Math.min(plan.keyRotations, MAX_BILLED_ROTATIONS),
    keyRequests: copies * ASSUMPTIONS.keyRequests.value,
    dashboards: copiers * COPIER.dashboards + regions * SOURCE.dashboards,
    alarms: copiers * COPIER.alarms + regions * SOURCE.alarms,
    // Bakes are taken to be spread over the day: up to 24 of them each come in an hour of their own.
    metrics: copiers * (DAILY_METRICS.length / 24 + COPY_METRICS.length * Math.min(1, bakesPerDay / 24)),
    logGb: (invocations * ASSUMPTIONS.logBytes.value) / GB,
    standardQueueRequests:
      (copiers * pollers(false) + regions * WATCH.queues * ASSUMPTIONS.pollers.value) * pollsOfPoller +
      ((copyInvocations + watchedRequests) * requestPieces + watchedResults + retireInvocations) * REQUESTS_PER_MESSAGE,
    fifoQueueRequests: copiers * pollers(true) * pollsOfPoller + settleInvocations * REQUESTS_PER_MESSAGE,
    copyInvocations,
    settleInvocations,
    retireInvocations,
    watchInvocations,
    gbSeconds: invocations * (plan.durationMs / 1000) * (plan.memoryMb / 1024),
    published: requests * requestPieces + copies,
    filteredGb: (requests * accounts * requestBytes) / GB,
    customEvents: copies * RESULTS_PER_COPY,
  };
}

/** GiB that the copies in one account and Region take together. */
function storedGib({ imageGib, incremental }: CostPlan, keptCopies: number): number {
  if (!incremental) return keptCopies * imageGib;
  const full = Math.min(incremental.recipes, keptCopies);
  return full * imageGib + (keptCopies - full) * incremental.gib;
}

/** A line of the bill. */
export interface CostPart {
  readonly part: string;
  /** US dollars a month, in all accounts and Regions. */
  readonly dollars: number;
  /** How much of it there is, in words. */
  readonly counted: string;
}

export interface MonthlyCost {
  readonly quantities: Quantities;
  readonly parts: readonly CostPart[];
  /** US dollars a month. */
  readonly dollars: number;
}

const MILLION = 1e6;

/** What a plan costs in a month, the source account's topics, alarms and watch included. */
export function monthlyCost(plan: CostPlan, prices: PriceList = PRICES): MonthlyCost {
  const quantities = quantitiesOf(plan);
  const q = quantities;
  const price = (name: keyof PriceList) => prices[name].dollars;
  const logRetentionMonths = COPIER.logRetentionDays / DAYS_A_MONTH;
  const parts: CostPart[] = [
    {
      part: 'EBS snapshots',
      dollars: q.snapshotGib * price('snapshot'),
      counted: `${count(q.snapshotGib)} GiB`,
    },
    ...(plan.crossRegion
      ? [
          {
            part: 'Transfer between Regions',
            dollars: q.transferGib * price('transfer'),
            counted: `${count(q.transferGib)} GiB`,
          },
        ]
      : []),
    ...(plan.withinMinutes === undefined
      ? []
      : [
          {
            part: 'EBS time-based copies',
            dollars: q.copiedGib * pacePrice(plan.withinMinutes),
            counted: `${count(q.copiedGib)} GiB`,
          },
        ]),
    {
      part: 'KMS keys',
      dollars: q.keys * price('key') + q.rotations * price('rotation'),
      counted: `${plural(q.keys, 'key')}, ${plural(q.rotations, 'rotation')}`,
    },
    {
      part: 'KMS requests',
      dollars: (q.keyRequests / 10_000) * price('keyRequests'),
      counted: `${count(q.keyRequests)} requests`,
    },
    {
      part: 'CloudWatch dashboards',
      dollars: q.dashboards * price('dashboard'),
      counted: plural(q.dashboards, 'dashboard'),
    },
    { part: 'CloudWatch alarms', dollars: q.alarms * price('alarm'), counted: `${count(q.alarms)} alarms` },
    { part: 'CloudWatch metrics', dollars: q.metrics * price('metric'), counted: `${count(q.metrics)} metrics` },
    {
      part: 'CloudWatch Logs',
      dollars: q.logGb * (price('logIngestion') + logRetentionMonths * price('logStorage')),
      counted: `${count(q.logGb)} GB`,
    },
    {
      part: 'SQS',
      dollars:
        (q.standardQueueRequests / MILLION) * price('standardQueue') +
        (q.fifoQueueRequests / MILLION) * price('fifoQueue'),
      counted: `${count(q.standardQueueRequests + q.fifoQueueRequests)} requests, most of them polls`,
    },
    {
      part: 'Lambda',
      dollars:
        ((q.copyInvocations + q.settleInvocations + q.retireInvocations + q.watchInvocations) / MILLION) *
          price('invocations') +
        q.gbSeconds * price('duration'),
      counted: `${count(q.copyInvocations)} of copy-image, ${count(q.settleInvocations)} of settle-copy, ${count(q.retireInvocations)} of retire-image, ${count(q.watchInvocations)} of the watch`,
    },
    {
      part: 'SNS',
      dollars: (q.published / MILLION) * price('publishing') + q.filteredGb * price('filtering'),
      counted: `${count(q.published)} requests and results, ${count(q.filteredGb)} GB filtered`,
    },
    {
      part: 'EventBridge',
      dollars: (q.customEvents / MILLION) * price('customEvents'),
      counted: `${count(q.customEvents)} results`,
    },
    { part: 'SSM parameters', dollars: 0, counted: 'standard parameters cost nothing' },
  ];
  return { quantities, parts, dollars: parts.reduce((sum, { dollars }) => sum + dollars, 0) };
}
