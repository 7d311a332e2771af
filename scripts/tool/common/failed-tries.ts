import { paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import * as z from 'zod/mini';
import { age } from './age.ts';
import { allOf, ifThere } from './aws-answers.ts';
import { reasonOf } from './aws-errors.ts';
import type { Copier } from './environment.ts';

/** Tries of a copy that have failed while the copier goes on trying. */
export interface FailedTries {
  readonly count: number;
  /** Why the last one failed. */
  readonly reason: string;
  /** When the next one is due, in ISO 8601; absent where it has begun. */
  readonly nextTryAt?: string;
}

/** By source image. */
export type FailedTriesOf = ReadonlyMap<string, FailedTries>;

const TRIES_UNREAD = 'Whether a try has failed is not known, for the logs of the functions cannot be read.';

/** How far back the logs are read: between two tries are 15 minutes at most, and a copy rarely takes hours. */
export const LOOK_BACK_MS = 6 * 3_600_000;

// A try is late only where nobody takes the messages of the queue, which doctor finds: after this it is no longer promised.
const LATE_MS = 30 * 60_000;

// The field of each line about an image. An exact phrase, which is the same in logs of any form (CloudWatch Logs User Guide,
// "Filter pattern syntax").
const ABOUT_AN_IMAGE = '"sourceImage"';

/** What the functions log of an image (lambda/src/core/handle-delivery.ts and settle-copy.ts), as far as it matters here. */
const logLine = z.object({
  timestamp: z.iso.datetime(),
  sourceImage: z.string(),
  outcome: z.string(),
  reason: z.optional(z.union([z.string(), z.object({ message: z.string() })])),
  attempt: z.optional(z.number()),
  tries: z.optional(z.number()),
  // SQS API Reference, ChangeMessageVisibility: at most 12 hours.
  retryInSeconds: z.optional(z.number().check(z.gte(0), z.lte(43_200))),
});
type LogLine = z.infer<typeof logLine>;

/**
 * Reads from the logs of the functions which tries have failed of the requests that are still tried again. Nothing else tells it
 * (docs/adr/0009-failed-tries-from-logs.md).
 * @param sinceMs in milliseconds since 1970
 */
export async function readFailedTries(copier: Pick<Copier, 'name' | 'aws'>, sinceMs: number): Promise<FailedTriesOf> {
  const read = await Promise.all(['copy-image', 'settle-copy'].map((name) => readLines(copier, name, sinceMs)));
  const stories = new Map<string, Story>();
  for (const line of read.flat().sort((one, other) => Date.parse(one.timestamp) - Date.parse(other.timestamp))) {
    const story = continued(stories.get(line.sourceImage), line);
    if (story) stories.set(line.sourceImage, story);
    else stories.delete(line.sourceImage);
  }
  return new Map(
    Array.from(stories, ([image, { copies, tries, reason, nextTryAt }]) => [
      image,
      { count: copies + tries, reason, ...(nextTryAt !== undefined && { nextTryAt }) },
    ]),
  );
}

/**
 * The same, where all else can be told without the right to read the logs.
 * @param warn is told that they cannot be read
 */
export async function readFailedTriesIfAllowed(
  copier: Pick<Copier, 'name' | 'aws'>,
  sinceMs: number,
  warn: (line: string) => void,
): Promise<FailedTriesOf | undefined> {
  try {
    return await readFailedTries(copier, sinceMs);
  } catch (error) {
    warn(`${TRIES_UNREAD} ${reasonOf(error)}`);
    return undefined;
  }
}

/** Whether the copier waits for its next try, as far as its logs tell. */
export function isTriedAgain({ nextTryAt }: FailedTries, nowMs: number): boolean {
  return nextTryAt !== undefined && nowMs - Date.parse(nextTryAt) < LATE_MS;
}

/** Such as: failed twice: KMS key is disabled; next try in 4 min */
export function formatFailedTries({ count, reason, nextTryAt }: FailedTries, nowMs: number): string {
  const times = ['once', 'twice'][count - 1] ?? `${count} times`;
  const failed = `failed ${times}: ${reason.replace(/\.$/, '')}`;
  if (nextTryAt === undefined) return failed;
  const leftMs = Date.parse(nextTryAt) - nowMs;
  return `${failed}; next try ${leftMs > 0 ? `in ${age(leftMs)}` : 'is due'}`;
}

async function readLines({ name, aws }: Pick<Copier, 'name' | 'aws'>, suffix: string, startTime: number) {
  const logGroupName = `/aws/lambda/${name}-${suffix}`;
  const pages = paginateFilterLogEvents(
    { client: aws.logs },
    { logGroupName, startTime, filterPattern: ABOUT_AN_IMAGE },
  );
  const events = await ifThere(
    allOf(pages, (page) => page.events),
    'ResourceNotFoundException',
  );
  return (events ?? []).flatMap(({ message = '' }) => parseLine(message) ?? []);
}

function parseLine(message: string): LogLine | undefined {
  try {
    return logLine.safeParse(JSON.parse(message)).data;
  } catch {
    // Lambda and Node write lines of their own.
    return undefined;
  }
}

/** What is known of an image that is not settled yet. */
interface Story {
  /** Copies that EC2 failed to make. */
  readonly copies: number;
  /** Why the last of them failed. */
  readonly copyReason?: string;
  /** Tries since then in which EC2 began no copy. */
  readonly tries: number;
  readonly reason: string;
  readonly nextTryAt?: string;
}

function continued(before: Story | undefined, line: LogLine): Story | undefined {
  const { copies = 0, copyReason, tries = 0 } = before ?? {};
  const { timestamp, retryInSeconds } = line;
  const reason = typeof line.reason === 'string' ? line.reason : (line.reason?.message ?? 'No reason was given.');
  const next = retryInSeconds !== undefined && {
    nextTryAt: new Date(Date.parse(timestamp) + retryInSeconds * 1000).toISOString(),
  };
  switch (line.outcome) {
    case 'failed':
      return { copies: line.attempt ?? copies + 1, copyReason: reason, tries: 0, reason, ...next };
    case 'retried':
      return { copies, ...(copyReason && { copyReason }), tries: line.tries ?? tries + 1, reason, ...next };
    case 'started':
    case 'reused':
      return copyReason === undefined ? undefined : { copies, copyReason, tries: 0, reason: copyReason };
    case 'settled':
    case 'givenUp':
    case 'refused':
      return undefined;
    default:
      return before;
  }
}
