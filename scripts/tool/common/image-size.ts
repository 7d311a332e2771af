import { PRICES } from '../cost/prices.ts';

/** How large the snapshots of an image are. */
export interface ImageSize {
  readonly gib: number;
  /** `full`: what EC2 stores of each snapshot as if it were the only one. `volume`: where EC2 does not say, the size of its volume. */
  readonly by: 'full' | 'volume';
}

const GIB = 1024 ** 3;

/** The size of an image by those of its snapshots, as far as EC2 shows them. */
export function sizeOf(snapshots: readonly { readonly size: ImageSize }[]): ImageSize {
  return {
    gib: snapshots.reduce((sum, { size }) => sum + size.gib, 0),
    by: snapshots.every(({ size }) => size.by === 'full') ? 'full' : 'volume',
  };
}

/** The size of a snapshot, as far as EC2 tells it (EC2 API Reference, Snapshot: FullSnapshotSizeInBytes). */
export function snapshotSize(snapshot: {
  readonly FullSnapshotSizeInBytes?: number | undefined;
  readonly VolumeSize?: number | undefined;
}): ImageSize {
  const { FullSnapshotSizeInBytes: bytes, VolumeSize = 0 } = snapshot;
  return bytes === undefined ? { gib: VolumeSize, by: 'volume' } : { gib: bytes / GIB, by: 'full' };
}

/** What GiB of snapshots cost a month by the list price. */
export function dollarsAMonth(gib: number): number {
  return gib * PRICES.snapshot.dollars;
}
