import { ThrottledError } from './errors.ts';
import type {
  CopyPlan,
  ImageCatalogue,
  ImageFacts,
  ImageState,
  SnapshotFacts,
  SourceImage,
} from './image-catalogue.ts';

export interface Patience {
  /** No wait ends later than this, in milliseconds since 1970. */
  readonly untilMs: number;
  readonly nowMs: () => number;
  /** 0 <= random < 1 */
  readonly random: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

// EC2 Developer Guide, "Request throttling": CopyImage has a bucket of 100 requests, refilled with one a second.
const REFILL_MS = 1000;

/**
 * A catalogue that starts copies one after the other, and waits while EC2 takes no more of them for the moment. The wait
 * is as long as EC2's bucket needs to refill, so that a burst of requests is copied as fast as EC2 allows: messages that
 * go back to the queue wait far longer.
 */
export class PatientCatalogue implements ImageCatalogue {
  readonly #catalogue: ImageCatalogue;
  readonly #patience: Patience;
  #lastStart: Promise<unknown> = Promise.resolve();

  constructor(catalogue: ImageCatalogue, patience: Patience) {
    this.#catalogue = catalogue;
    this.#patience = patience;
  }

  findSource(imageId: string, region: string): Promise<SourceImage | undefined> {
    return this.#catalogue.findSource(imageId, region);
  }

  findCopies(sourceImageId: string, sourceRegion: string): Promise<ImageFacts[]> {
    return this.#catalogue.findCopies(sourceImageId, sourceRegion);
  }

  findSnapshots(snapshotIds: readonly string[]): Promise<SnapshotFacts[]> {
    return this.#catalogue.findSnapshots(snapshotIds);
  }

  stateOf(imageId: string): Promise<ImageState | undefined> {
    return this.#catalogue.stateOf(imageId);
  }

  startCopy(plan: CopyPlan): Promise<string> {
    const start = this.#lastStart.then(() => this.#startPatiently(plan));
    this.#lastStart = start.catch(() => undefined); // who asked for that copy is told
    return start;
  }

  async #startPatiently(plan: CopyPlan): Promise<string> {
    const { untilMs, nowMs, random, pause } = this.#patience;
    for (;;) {
      try {
        return await this.#catalogue.startCopy(plan);
      } catch (error) {
        const waitMs = REFILL_MS * (0.5 + random());
        if (!(error instanceof ThrottledError) || nowMs() + waitMs > untilMs) throw error;
        await pause(waitMs);
      }
    }
  }
}
