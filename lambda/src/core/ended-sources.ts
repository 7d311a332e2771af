/** What was decided of a source image in this account and Region. */
export interface SourceEnd {
  /**
   * `retired`: its copy was removed. `revoked`: the image is bad, and no copy of it may be launched. `unrevoked`: it was taken for bad,
   * and is not any more: a revocation from before that may still come late.
   */
  readonly kind: 'retired' | 'revoked' | 'unrevoked';
  /** When, in ISO 8601. */
  readonly at: string;
  readonly reason: string;
}

/**
 * The source images that were retired or revoked, of which this copier makes no copy again. It outlives the copies: once an image is deregistered, EC2 knows
 * nothing of it, and a request that comes late would bring it back.
 */
export interface EndedSources {
  find(sourceImageId: string): Promise<SourceEnd | undefined>;
  /** What was decided of those images of which something was. An error: what is noted of one cannot be read. */
  findAll(sourceImageIds: readonly string[]): Promise<ReadonlyMap<string, SourceEnd | Error>>;
  /** Notes an end, in place of one that is noted already. */
  note(sourceImageId: string, end: SourceEnd): Promise<void>;
  /** Forgets the end of an image. One that is not noted is no error. */
  forget(sourceImageId: string): Promise<void>;
  list(): Promise<EndedSource[]>;
}

export interface EndedSource extends SourceEnd {
  readonly sourceImageId: string;
}

/** Whether a copy of the image is never made. */
export function isOver(end: SourceEnd | undefined): end is SourceEnd & { readonly kind: 'retired' | 'revoked' } {
  return end?.kind === 'retired' || end?.kind === 'revoked';
}

/** How an end is stored. */
export function formatSourceEnd({ kind, at, reason }: SourceEnd): string {
  return JSON.stringify({ kind, at, reason });
}
