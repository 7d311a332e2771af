import { createHash } from 'node:crypto';
import type { CopyRequest } from './copy-request.ts';

/**
 * What settle-copy has asked copy-image for by itself. A request is tried again for hours, and there is no copy as long: without
 * this note each sweep would ask once more.
 */
export interface AskedImages {
  /** The source images, each with the time at which it was asked for, in milliseconds since 1970. */
  list(): Promise<ReadonlyMap<string, number>>;
  /** Notes these in place of all that were noted before. */
  note(asked: ReadonlyMap<string, number>): Promise<void>;
}

/** That a request was rejected, and for what. */
export interface Refusal {
  /** {@link digestOf} the request. */
  readonly digest: string;
  /** When, in ISO 8601. */
  readonly at: string;
  readonly reason: string;
}

/** The requests that copy-image has rejected, the last one for each source image. Whoever asks in other words may ask again. */
export interface RefusedRequests {
  find(sourceImageId: string): Promise<Refusal | undefined>;
  /** Notes a refusal, in place of one that is noted already. */
  note(sourceImageId: string, refusal: Refusal): Promise<void>;
}

/** What a request says of the copy, in 64 hexadecimal characters: the same for whomever it is meant, and in whatever order its tags are. */
export function digestOf({ sourceAmi, sourceRegion, name, description, tags }: CopyRequest): string {
  const sorted = tags.map(({ key, value }) => JSON.stringify([key, value])).toSorted();
  const said = JSON.stringify([sourceAmi, sourceRegion, name, description, sorted]);
  return createHash('sha256').update(said).digest('hex');
}
