import * as z from 'zod/mini';
import { IMAGE_ID, MAX_QUARANTINE_DAYS } from './allowed-values.ts';
import { accountId, fieldName, REGION_NAME, text } from './copy-request.ts';
import { RejectedError } from './errors.ts';
import type { Revocation } from './revoke-images.ts';

/** What a message to retire-image asks for. */
export type RetirementRequest =
  | { readonly kind: 'sweep' }
  | {
      readonly kind: 'retire';
      /** Images of this account, or source images: then their copies. */
      readonly images: readonly string[];
      readonly quarantineDays: number;
    }
  | { readonly kind: 'restore'; readonly images: readonly string[] }
  | {
      readonly kind: 'revoke';
      readonly revocations: readonly Revocation[];
      /** Whether it is looked at again, after the settlings that went on at the first time. */
      readonly again: boolean;
    }
  | { readonly kind: 'unrevoke'; readonly revocations: readonly Revocation[] };

/** AMIgo lists at most 10 images a message. A person may name more. */
const MAX_IMAGES = 100;
/** SSM keeps 4,096 characters in a standard parameter, and people read it. */
const MAX_REASON_LENGTH = 500;
const MAX_LISTED_PROBLEMS = 5;

const imageId = text(IMAGE_ID, 'an image id, such as ami-0123456789abcdef0');
const imageIds = z
  .array(imageId, 'must be a list of image ids')
  .check(z.minLength(1, 'must name an image'), z.maxLength(MAX_IMAGES, `must name at most ${MAX_IMAGES} images`));
const DAYS = `must be a whole number of days from 0 to ${MAX_QUARANTINE_DAYS}`;
const quarantineDays = z
  .number(DAYS)
  .check(z.refine((days) => Number.isInteger(days) && days >= 0 && days <= MAX_QUARANTINE_DAYS, DAYS));
const reason = z
  .string('must be a string')
  .check(z.maxLength(MAX_REASON_LENGTH, `must have at most ${MAX_REASON_LENGTH} characters`));
const time = z
  .string('must be a time, such as 2026-11-30T12:00:00.000Z')
  .check(z.refine((value) => !Number.isNaN(Date.parse(value)), 'must be a time, such as 2026-11-30T12:00:00.000Z'));

const decision = {
  sourceAmis: imageIds,
  sourceRegion: text(REGION_NAME, 'a Region, such as eu-west-1'),
  reason,
  at: time,
};

const amis = z.object({
  amis: z
    .array(z.object({ account: z.unknown(), id: imageId }, 'must be an object of account and id'), 'must be a list')
    .check(z.minLength(1, 'must name an image'), z.maxLength(MAX_IMAGES, `must name at most ${MAX_IMAGES} images`)),
});
const retire = z.object({ retire: z.object({ images: imageIds, quarantineDays }, 'must be an object') });
const restore = z.object({ restore: z.object({ images: imageIds }, 'must be an object') });
const revoke = z.object({
  revoke: z.object({ ...decision, again: z.optional(z.boolean('must be true or false')) }, 'must be an object'),
});
const unrevoke = z.object({ unrevoke: z.object(decision, 'must be an object') });
const scheduled = z.object({ source: z.literal('aws.events'), 'detail-type': z.literal('Scheduled Event') });

/**
 * Reads a message's body once; after it everything is typed. AMIgo's images of other accounts are left out, which may leave none.
 * @throws {RejectedError} with code `InvalidRequest`, naming each bad field and what is allowed
 */
export function parseRetirementRequest(body: string, account: string): RetirementRequest {
  const json = parseJson(body);
  if (scheduled.safeParse(json).success) return { kind: 'sweep' };
  if (has(json, 'amis')) {
    const listed = read(amis, json).amis;
    const images = listed.filter((entry) => accountId(entry.account) === account).map(({ id }) => id);
    // AMIgo itself waits for weeks before it lets an image go.
    return { kind: 'retire', images, quarantineDays: 0 };
  }
  if (has(json, 'retire')) return { kind: 'retire', ...read(retire, json).retire };
  if (has(json, 'restore')) return { kind: 'restore', ...read(restore, json).restore };
  if (has(json, 'revoke')) {
    const { again = false, ...decided } = read(revoke, json).revoke;
    return { kind: 'revoke', revocations: revocationsOf(decided), again };
  }
  if (has(json, 'unrevoke')) return { kind: 'unrevoke', revocations: revocationsOf(read(unrevoke, json).unrevoke) };
  throw new RejectedError(
    'InvalidRequest',
    'Bad message: it must be a JSON object with amis, retire, restore, revoke or unrevoke.',
  );
}

/** A revocation as a message that has it looked at again. */
export function formatRevocation({ sourceAmi, ...decided }: Revocation): string {
  return JSON.stringify({ revoke: { sourceAmis: [sourceAmi], ...decided, again: true } });
}

function revocationsOf({
  sourceAmis,
  ...decided
}: { readonly sourceAmis: readonly string[] } & Omit<Revocation, 'sourceAmi'>): Revocation[] {
  return sourceAmis.map((sourceAmi) => ({ sourceAmi, ...decided }));
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The parser's own error repeats the message. It is not passed on: errors are logged.
    throw new RejectedError('InvalidRequest', 'The message is not JSON. Send one JSON object.');
  }
}

function has(json: unknown, name: string): boolean {
  return typeof json === 'object' && json !== null && Object.hasOwn(json, name);
}

function read<T>(schema: z.ZodMiniType<T>, json: unknown): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${fieldName(path)} ${message}`);
  const more = problems.length - MAX_LISTED_PROBLEMS;
  const listed = problems.slice(0, MAX_LISTED_PROBLEMS).join('; ');
  throw new RejectedError('InvalidRequest', `Bad message: ${listed}${more > 0 ? `; and ${more} more` : ''}.`);
}
