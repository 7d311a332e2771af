/** Why an image stays, or what happened to it, in a word and in a sentence. */
export interface EndReason {
  readonly code: string;
  readonly message: string;
}

/** What became of an image that was to go. */
export interface RetirementResult {
  readonly kind: 'Image Quarantined' | 'Image Retired' | 'Image Kept' | 'Image Restored';
  readonly imageId: string;
  /** The image that it is a copy of; null for one that is no copy. */
  readonly sourceAmi: string | null;
  readonly sourceRegion: string | null;
  readonly name: string;
  readonly recipe: string | null;
  /** Why it is kept, or was restored. */
  readonly reasons: readonly EndReason[];
  /** Of an image in quarantine: when it may be removed. */
  readonly quarantineUntil: string | null;
  /** Snapshots of a removed image that EC2 has not deleted. Those that other images use are not among them. */
  readonly remainingSnapshots: readonly string[];
  readonly at: string;
}

/** What a revocation, or its end, did in this account and Region. */
export interface RevocationResult {
  readonly kind: 'Image Revoked' | 'Revocation Undone';
  readonly sourceAmi: string;
  readonly sourceRegion: string;
  readonly reason: string | null;
  /** The images that are disabled now, or enabled again. */
  readonly images: readonly string[];
  /** The copies that EC2 is still making. They are disabled once they are available. */
  readonly pending: readonly string[];
  /** The parameters that pointed to one of them, and what they point to now: null where there is no other copy. */
  readonly parameters: readonly MovedParameter[];
  /** Instances that are not terminated and were launched from one of the images. */
  readonly instances: number;
  /** What could not be done, in words. */
  readonly problems: readonly string[];
  readonly at: string;
}

export interface MovedParameter {
  readonly name: string;
  /** Null for one that was not there. */
  readonly from: string | null;
  readonly to: string | null;
}

/** Where it is told what became of images. */
export interface RetirementResults {
  /** Returns once everybody is told. */
  tell(result: RetirementResult | RevocationResult): Promise<void>;
}
