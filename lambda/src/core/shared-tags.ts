import { MARKER } from './copy-marker.ts';
import { REGION_NAME, tagValue, type Tag } from './copy-request.ts';

/**
 * How the tags of a source image begin that are seen in every account that it is shared with. None but its owner can set or change
 * them (EC2 User Guide, "Share tags of an AMI").
 */
export const SHARED_TAG = 'ec2:SharedTag/';

/**
 * The shared tag that says in which Regions copies are wanted: `eu-west-1,us-east-1`. It is set after all others: where it stands,
 * the others are complete.
 */
export const WANTED = `${SHARED_TAG}${MARKER}`;

/**
 * The shared tags by which an image says what a copy request would say.
 * @param tags those of a copy request
 * @param regions those in which copies are wanted, at least one
 * @returns them in the order in which they are set, {@link WANTED} last
 */
export function sharedTagsOf(tags: readonly Tag[], regions: readonly string[]): Tag[] {
  const shared = tags.map(({ key, value }) => ({ key: `${SHARED_TAG}${key}`, value }));
  const wanted = { key: WANTED, value: Array.from(new Set(regions)).toSorted().join(',') };
  // A tag of the image that is named like the copier's own never comes to be on a copy.
  return [...shared.filter(({ key }) => key !== WANTED), wanted];
}

/**
 * Reads what {@link sharedTagsOf} wrote.
 * @param tags all tags of the image that this account sees
 * @returns undefined where nothing is wanted, or not all of it is written yet
 */
export function readSharedTags(
  tags: readonly Tag[],
): { readonly regions: readonly string[]; readonly tags: Tag[] } | undefined {
  const regions = tagValue(tags, WANTED)?.split(',');
  if (!regions?.every((region) => REGION_NAME.test(region))) return undefined;
  const shared = tags.filter(({ key }) => key.startsWith(SHARED_TAG) && key !== WANTED);
  return { regions, tags: shared.map(({ key, value }) => ({ key: key.slice(SHARED_TAG.length), value })) };
}
