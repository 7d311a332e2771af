import { createHash } from 'node:crypto';

/** A copy that an account is asked for: in one of its Regions. */
export interface WantedCopy {
  readonly account: string;
  readonly region: string;
}

/**
 * What was published of an image, in as much as a tag can hold of it. Thousands of accounts have no room there, so there are checksums, each
 * of the wanted copies in one of {@link PARTS} parts: if an account comes or goes, those in its part are asked again, and no others.
 */
export type Checksums = readonly string[];

// EC2 User Guide, "Tag restrictions": a value has up to 256 characters. These, a time and the longest id of an image take 254.
const PARTS = 48;
const LENGTH = 4;

/** Which of the parts a wanted copy is in. */
export function partOf({ account, region }: WantedCopy): number {
  return digest(`${account}/${region}`).readUInt32BE() % PARTS;
}

export function checksumsOf(copies: readonly WantedCopy[]): Checksums {
  const parts = Array.from({ length: PARTS }, (): string[] => []);
  for (const copy of copies) parts[partOf(copy)]?.push(`${copy.account}/${copy.region}`);
  return parts.map((part) => digest(part.toSorted().join(' ')).toString('base64url').slice(0, LENGTH));
}

/**
 * The value of the tag.
 * @param at when it was published, such as `2026-11-30T14:00:00.000Z`
 * @param imageId the image's own: a copy of it in the source account may get all its tags, and was not published
 */
export function formatPublished(at: string, imageId: string, checksums: Checksums): string {
  return `${at} ${imageId} ${checksums.join('')}`;
}

const PUBLISHED = new RegExp(`^\\S+ (\\S+) ([\\w-]{${PARTS * LENGTH}})$`);

/** Reads what {@link formatPublished} wrote of an image; undefined for anything else, which says of nothing that it was published. */
export function parsePublished(value: string | undefined, imageId: string): Checksums | undefined {
  const [, of, joined] = PUBLISHED.exec(value ?? '') ?? [];
  if (joined === undefined || of !== imageId) return undefined;
  return Array.from({ length: PARTS }, (_, part) => joined.slice(part * LENGTH, (part + 1) * LENGTH));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
