import * as z from 'zod/mini';
import { IMAGE_ID } from './allowed-values.ts';
import { accountId, EVERY_ACCOUNT, parseCopyRequest, quoteName } from './copy-request.ts';
import { RejectedError } from './errors.ts';
import type { DeadLetter, Delivery, Reason } from './request-queue.ts';

/** How a copy of an image ended in an account, as far as it answers a request. */
export interface GivenResult {
  readonly sourceAmi: string;
  readonly account: string;
  readonly settledAt: string;
  /** Why there is no copy; null for a copy. */
  readonly reason: string | null;
}

/** Whose queues the requests are delivered to. */
export interface Subscribers {
  /** The accounts that have subscribed, each once. */
  list(): Promise<readonly string[]>;
}

/** The results that were given, each kept for longer than a request is awaited. */
export interface GivenResults {
  note(result: GivenResult): Promise<void>;
  of(sourceAmi: string): Promise<readonly GivenResult[]>;
}

/** The queues behind the watch. */
export interface WatchQueues {
  /** Puts a request with its reason where an alarm looks. */
  report(letter: DeadLetter): Promise<void>;
  /** Puts a request where it waits for its results. */
  await(body: string, requestedAtMs: number): Promise<void>;
  /** Hides a request that waits for some seconds (0 to 43,200). */
  postpone(receiptHandle: string, seconds: number): Promise<void>;
}

export interface WatchContext {
  /** How long after its request an account has to have given its result. */
  readonly overdueSeconds: number;
  readonly subscribers: Subscribers;
  readonly results: GivenResults;
  readonly queues: WatchQueues;
  readonly nowMs: () => number;
}

/** What became of a message, for the log. What is `awaited` stays in its queue. */
export interface WatchOutcome {
  readonly outcome: 'heard' | 'unheard' | 'awaited' | 'answered' | 'overdue' | 'noted' | 'passed' | 'unknown';
  readonly sourceImage?: string;
  readonly reason?: Reason;
}

const MAX_NAMED = 20;
// SQS API Reference, ChangeMessageVisibility: 12 hours at most, counted from when the message was received.
const LONGEST_SECONDS = 11 * 3600;

/** Looks who hears a request that was published, reports what reaches nobody, and has the rest wait for its results. */
export async function watchRequest(delivery: Delivery, context: WatchContext): Promise<WatchOutcome> {
  const { body, sentAtMs: requestedAtMs } = delivery;
  const { queues, subscribers } = context;
  const report = async (reason: Reason, sourceImage?: string): Promise<WatchOutcome> => {
    await queues.report({ body, reason, requestedAtMs });
    return { outcome: 'unheard', reason, ...(sourceImage !== undefined && { sourceImage }) };
  };
  let sourceImage: string;
  try {
    ({ sourceAmi: sourceImage } = parseCopyRequest(body));
  } catch (error) {
    if (error instanceof RejectedError) return await report({ code: error.code, message: error.message });
    throw error;
  }
  const request = JSON.parse(body) as { readonly targetAccounts: readonly unknown[] };
  const { heard, unheard } = hearing(request.targetAccounts, await subscribers.list());
  const outcome =
    unheard.length === 0
      ? ({ outcome: 'heard', sourceImage } as const)
      : await report({ code: 'Unheard', message: `No copier hears it: ${listed(unheard)}.` }, sourceImage);
  if (heard.length > 0) {
    await queues.await(JSON.stringify({ ...request, targetAccounts: heard }), requestedAtMs);
  }
  return outcome;
}

/**
 * Looks whether the accounts of a request that waits have given their results. Too early, it waits on.
 * @param requestedAtMs when the request was published, in milliseconds since 1970
 */
export async function watchAwaited(
  { body, receiptHandle }: Delivery,
  requestedAtMs: number,
  { overdueSeconds, results, queues, nowMs }: WatchContext,
): Promise<WatchOutcome> {
  const { sourceAmi: sourceImage, targetAccounts } = parseCopyRequest(body);
  const leftSeconds = Math.ceil((requestedAtMs - nowMs()) / 1000) + overdueSeconds;
  if (leftSeconds > 0) {
    await queues.postpone(receiptHandle, Math.min(leftSeconds, LONGEST_SECONDS));
    return { outcome: 'awaited', sourceImage };
  }
  const answers = await results.of(sourceImage);
  const answered = new Set(answers.filter(answersSince(requestedAtMs)).map(({ account }) => account));
  const overdue = targetAccounts.filter((account) => !answered.has(account));
  if (overdue.length === 0) return { outcome: 'answered', sourceImage };
  const message = `No result of ${sourceImage} within ${hours(overdueSeconds)}: ${listed(overdue)}.`;
  const reason = { code: 'Overdue', message };
  const open: object = { ...(JSON.parse(body) as object), targetAccounts: overdue };
  await queues.report({ body: JSON.stringify(open), reason, requestedAtMs });
  return { outcome: 'overdue', sourceImage, reason };
}

/** Notes a message of the results topic. */
export async function noteResult(body: string, { results }: WatchContext): Promise<WatchOutcome> {
  const result = readResult(body);
  if (!result) return { outcome: isOfAnEnd(body) ? 'passed' : 'unknown' };
  await results.note(result);
  return { outcome: 'noted', sourceImage: result.sourceAmi };
}

/** Which accounts of a list hear the request, each once, and the entries that reach nobody, in words. */
function hearing(targetAccounts: readonly unknown[], subscribers: readonly string[]) {
  const heard = new Set<string>();
  const unheard = new Set<string>();
  if (targetAccounts.length === 0) unheard.add('targetAccounts is empty');
  for (const entry of targetAccounts) {
    if (entry === EVERY_ACCOUNT) {
      for (const account of subscribers) heard.add(account);
      if (subscribers.length === 0) unheard.add('"*", since no account has subscribed');
      continue;
    }
    // A subscription's filter compares texts: a number passes none, whatever it would be read as.
    const account = typeof entry === 'string' ? accountId(entry) : undefined;
    if (account === undefined) unheard.add(`${shown(entry)} is no account id in quotes`);
    else if (subscribers.includes(account)) heard.add(account);
    else unheard.add(`${account} has not subscribed`);
  }
  return { heard: Array.from(heard), unheard: Array.from(unheard) };
}

function shown(entry: unknown): string {
  return typeof entry === 'string' ? quoteName(entry) : quoteName(JSON.stringify(entry)).slice(1, -1);
}

/** A copy answers every request for it: a copier that finds it there makes none and gives no result. A failure is of its own time. */
function answersSince(requestedAtMs: number): (result: GivenResult) => boolean {
  return ({ reason, settledAt }) => reason === null || Date.parse(settledAt) >= requestedAtMs;
}

const given = z.object({
  sourceAmi: z.string().check(z.regex(IMAGE_ID)),
  account: z.string().check(z.regex(/^[0-9]{12}$/)),
  settledAt: z.string(),
  reason: z.nullable(z.string()),
});
const source = z.literal('image-copier');
const message = z.object({ source, detail: given });
const { sourceAmi, account } = given.shape;
const revocation = z.object({
  source,
  'detail-type': z.literal('Image Revoked'),
  detail: z.object({ sourceAmi, account, reason: z.string(), at: z.string() }),
});
const END_KINDS = ['Image Quarantined', 'Image Retired', 'Image Kept', 'Image Restored', 'Revocation Undone'];
const endOfImage = z.object({ source, 'detail-type': z.enum(END_KINDS) });

/** How a copy ended. No copy comes of an image that is revoked. */
function readResult(body: string): GivenResult | undefined {
  const revoked = read(revocation, body)?.detail;
  if (!revoked) return read(message, body)?.detail;
  const { at: settledAt, reason, ...about } = revoked;
  return { ...about, settledAt, reason: `Revoked: ${reason}` };
}

/** Whether a result says what became of a copy that was announced long ago. */
function isOfAnEnd(body: string): boolean {
  return read(endOfImage, body) !== undefined;
}

/** A result as {@link GivenResults} wrote it down, or undefined if the text is none. */
export function readGivenResult(text: string): GivenResult | undefined {
  return read(given, text);
}

function read<T>(schema: z.ZodMiniType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function listed(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return `${names.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function hours(seconds: number): string {
  return seconds % 3600 === 0 ? `${seconds / 3600} h` : `${seconds} s`;
}
