import { quoteName, type CopyRequest, type Tag } from './copy-request.ts';
import { RefusedError } from './errors.ts';

// EC2 User Guide, "Tag your Amazon EC2 resources": 50 tags a resource, values of up to 256 characters, the prefix
// aws: is reserved in any case. The guide allows keys of 128 characters, the API Reference (Tag) only 127.
const MAX_TAGS = 50;
const MAX_KEY_LENGTH = 127;
const MAX_VALUE_LENGTH = 256;
const RESERVED = /^aws:/i;

/** The tag that says which image a copy was made of. */
export const COPIED_FROM = 'CopiedFromAMI';

/**
 * The tags of a copy and of each of its snapshots: those of the request, then `Encrypted` and `CopiedFromAMI`, which
 * win over tags of the same name. Tags with the reserved prefix `aws:` are left out.
 * @throws {RefusedError} with code `InvalidTags` where EC2 could not take them all; nothing is cut off.
 */
export function planTags(request: CopyRequest): Tag[] {
  const own = new Map([
    ['Encrypted', 'true'],
    [COPIED_FROM, request.sourceAmi],
  ]);
  const tags = [
    ...request.tags.filter(({ key }) => !RESERVED.test(key) && !own.has(key)),
    ...Array.from(own, ([key, value]): Tag => ({ key, value })),
  ];
  if (tags.length > MAX_TAGS) {
    refuse(`the copy would have ${tags.length} tags, EC2 allows ${MAX_TAGS}. Remove ${tags.length - MAX_TAGS}.`);
  }
  for (const { key, value } of tags) {
    if (key === '') refuse('a tag has an empty name.');
    if (characters(key) > MAX_KEY_LENGTH) {
      refuse(
        `the tag name ${quoteName(key)} has ${characters(key)} characters, at most ${MAX_KEY_LENGTH} are allowed.`,
      );
    }
    if (characters(value) > MAX_VALUE_LENGTH) {
      refuse(
        `the tag ${quoteName(key)} has a value of ${characters(value)} characters, EC2 allows ${MAX_VALUE_LENGTH}.`,
      );
    }
  }
  return tags;
}

function refuse(problem: string): never {
  throw new RefusedError('InvalidTags', `Bad copy request: tags: ${problem}`);
}

function characters(value: string): number {
  return Array.from(value).length;
}
