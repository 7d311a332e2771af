/** How a copy ended: the detail of the event, and the message on the results topic. */
export interface CopyResult {
  readonly sourceAmi: string;
  readonly sourceRegion: string;
  readonly account: string;
  readonly region: string;
  readonly imageId: string;
  readonly name: string;
  readonly kmsKeyArn: string;
  readonly snapshotIds: readonly string[];
  /** Devices without a snapshot for which EC2 makes an empty, unencrypted volume at each launch that does not ask for more. */
  readonly unencryptedDevices: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
  readonly startedAt: string;
  /** The same in each announcement of one copy, should it be repeated. */
  readonly settledAt: string;
  readonly attempt: number;
  /** Minutes within which EC2 has taken it on to copy; null where it copies at its own pace. */
  readonly withinMinutes: number | null;
  /** The name of its recipe's parameter, which points to it, or to the copy of a newer image; null if there is none. */
  readonly parameter: string | null;
  /** Why there is no parameter for a copy, or why it does not point to this one yet. */
  readonly parameterReason: string | null;
  /** Why there is no copy; null for a copy. */
  readonly reason: string | null;
}

/** Where results are told. */
export interface CopyResults {
  /** Tells that an image is copied, or, with a reason, that it is not. Returns once everybody is told. */
  announce(result: CopyResult): Promise<void>;
  /** Tells that an image is approved whose copy was announced before. Returns once everybody is told. */
  announceApproval(result: CopyResult): Promise<void>;
}
