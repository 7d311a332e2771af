import { MARKER } from './copy-marker.ts';
import { quoteName, type CopyRequest, type Tag } from './copy-request.ts';
import { RejectedError } from './errors.ts';

// EC2 User Guide, "Tag your Amazon EC2 resources": 50 tags a resource, values of up to 256 characters, the prefix
// aws: is reserved in any case. The guide allows keys of 128 characters, the API Reference (Tag) only 127.
const MAX_TAGS = 50;
const MAX_KEY_LENGTH = 127;
const MAX_VALUE_LENGTH = 256;
const RESERVED = /^aws:/i;
// EC2 User Guide, "Share tags of an AMI": such a tag of an image is seen wherever it is shared. No other
// resource may have one; in another case it may be just a tag, but a snapshot can do without it rather than a copy fail.
const SHARED = /^ec2:SharedTag\//i;

/** The tag that says which image a copy was made of. */
export const COPIED_FROM = 'CopiedFromAMI';
const ENCRYPTED = 'Encrypted';

/**
 * The tags of a copy, and of each of its snapshots as far as {@link snapshotTags} leaves them: those of the request, then those that this account sets on every copy, then
 * `Encrypted` and `CopiedFromAMI`. What comes later wins over tags of the same name. Tags with the reserved prefix `aws:` are left
 * out. The copier's own tag comes on top.
 * @throws {RejectedError} with code `InvalidTags` where EC2 could not take them all; nothing is cut off.
 */
export function planTags(request: CopyRequest, copyTags: readonly Tag[]): Tag[] {
  const tags = [
    ...requestedTags(request.tags).filter(({ key }) => !copyTags.some((tag) => isSameToIam(tag.key, key))),
    ...copyTags,
    { key: ENCRYPTED, value: 'true' },
    { key: COPIED_FROM, value: request.sourceAmi },
  ];
  const count = tags.length + 1;
  if (count > MAX_TAGS) {
    reject(`the copy would have ${count} tags, EC2 allows ${MAX_TAGS}. Remove ${count - MAX_TAGS}.`);
  }
  for (const { key, value } of tags) {
    if (key === '') reject('a tag has an empty name.');
    if (characters(key) > MAX_KEY_LENGTH) {
      reject(
        `the tag name ${quoteName(key)} has ${characters(key)} characters, at most ${MAX_KEY_LENGTH} are allowed.`,
      );
    }
    if (characters(value) > MAX_VALUE_LENGTH) {
      reject(
        `the tag ${quoteName(key)} has a value of ${characters(value)} characters, EC2 allows ${MAX_VALUE_LENGTH}.`,
      );
    }
  }
  return tags;
}

/** Those of an image's tags that its snapshots may have too. */
export function snapshotTags(tags: readonly Tag[]): Tag[] {
  return tags.filter(({ key }) => !SHARED.test(key));
}

/** Those tags of a copy, or of a request, that are the bake's own. */
export function requestedTags(tags: readonly Tag[]): Tag[] {
  return tags.filter(
    ({ key }) => !RESERVED.test(key) && key !== ENCRYPTED && key !== COPIED_FROM && !isSameToIam(key, MARKER),
  );
}

/**
 * Whether IAM takes two names for the same: it compares names without case, and a condition on a tag matches neither of two names
 * that differ by case alone (IAM User Guide, "Controlling access to AWS resources using tags").
 */
function isSameToIam(key: string, other: string): boolean {
  return key.toLowerCase() === other.toLowerCase();
}

function reject(problem: string): never {
  throw new RejectedError('InvalidTags', `Bad copy request: tags: ${problem}`);
}

function characters(value: string): number {
  return Array.from(value).length;
}
