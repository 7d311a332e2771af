import { bake, administrator } from './cast.ts';
import * as calls from './calls.ts';

export const ATTEMPT = 'image-copier attempt=1 baked=2026-01-01T00:00:00.000Z';
export const ANNOUNCED = 'image-copier announced=2026-01-01T00:00:00.000Z attempt=1 baked=2026-01-01T00:00:00.000Z';

export const RETIRED =
  'image-copier retired=2026-01-01T00:00:00.000Z attempt=1 baked=2026-01-01T00:00:00.000Z quarantine=0';

type Use = (image: () => string, snapshot: () => string) => Promise<unknown>;

/** Does something to a new image of the target account, which is no copy. */
export async function onOwnImage(use: Use): Promise<void> {
  const { imageId, snapshotIds } = await bake(administrator);
  await use(
    () => imageId,
    () => snapshotIds[0] ?? '',
  );
}

/** Does something to an image that is marked as a copy which settle-copy has not announced. */
export async function onFailedCopy(use: Use): Promise<void> {
  await onMarkedImage(ATTEMPT, use);
}

/** Does something to an image that is marked as a copy in quarantine. */
export async function onRetiredCopy(use: Use): Promise<void> {
  await onMarkedImage(RETIRED, use);
}

async function onMarkedImage(marker: string, use: Use): Promise<void> {
  const { imageId, snapshotIds } = await bake(administrator, marker);
  const snapshot = () => snapshotIds[0] ?? '';
  await calls.tag(snapshot, marker)(administrator);
  await use(() => imageId, snapshot);
}
