import { createHash } from 'node:crypto';

/** What makes a copy the same copy. Names and tags are left out: the same image requested twice is still one copy. */
export interface CopyIdentity {
  readonly sourceImageId: string;
  readonly sourceRegion: string;
  readonly kmsKeyArn: string;
  /** The copy that is gone and that this one replaces; EC2 answers a token that it knows with the copy that is gone. */
  readonly after?: string;
}

/**
 * The ClientToken of a copy: 64 hexadecimal characters, the most that EC2 takes (EC2 Developer Guide, "Ensuring
 * idempotency in Amazon EC2 API requests"). The key's ARN holds the account and the Region.
 */
export function clientToken({ sourceImageId, sourceRegion, kmsKeyArn, after }: CopyIdentity): string {
  return createHash('sha256')
    .update(JSON.stringify([sourceImageId, sourceRegion, kmsKeyArn, after ?? null]))
    .digest('hex');
}
