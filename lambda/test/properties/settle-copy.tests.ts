import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CopySnapshot, OwnCopy } from '../../src/core/copy-inventory.ts';
import type { CopyMarker } from '../../src/core/copy-marker.ts';
import type { ImageState } from '../../src/core/image-catalogue.ts';
import { sweep } from '../../src/core/settle-copies.ts';
import {
  COPY,
  copyMarker,
  copyTags,
  FakeAccount,
  NOW_MS,
  ownCopy,
  PARAMETER,
  settleContext,
  settleCopy,
  target,
} from '../factories.ts';
import { isoTime } from './arbitraries.ts';

const QUARTER_MS = 15 * 60 * 1000;
const attempt = fc.integer({ min: 1, max: 3 });

const state = fc.constantFrom<ImageState>(
  'pending',
  'available',
  'invalid',
  'deregistered',
  'transient',
  'failed',
  'error',
  'disabled',
);
const marker: fc.Arbitrary<CopyMarker> = fc
  .record(
    {
      attempt,
      bakedAt: isoTime,
      announcement: fc.record({ state: fc.constantFrom('announcing', 'announced'), settledAt: isoTime }),
    },
    { requiredKeys: ['attempt', 'bakedAt'] },
  )
  .map(copyMarker);

/** A device of an image; `shown` says how much of its snapshot EC2 shows, if it has one. Most are sound. */
interface Device {
  readonly shown: 'snapshot' | 'id' | 'blank';
  readonly encrypted: boolean;
  readonly key: 'ours' | 'another' | 'none';
  readonly tagged: boolean;
}
const mostly = <T>(usual: T, ...others: readonly T[]) =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const device: fc.Arbitrary<Device> = fc.record({
  shown: mostly<Device['shown']>('snapshot', 'id', 'blank'),
  encrypted: mostly(true, false),
  key: mostly<Device['key']>('ours', 'another', 'none'),
  tagged: fc.boolean(),
});
const devices = fc.array(device, { maxLength: 4 });

const isBlank = ({ shown }: Device) => shown === 'blank';
const isSound = (all: readonly Device[]) =>
  !all.every(isBlank) &&
  all.every((each) => isBlank(each) || (each.shown === 'snapshot' && each.encrypted && each.key === 'ours'));
const idOf = (imageId: string, index: number) => imageId.replace('ami', `snap-${index}`);

function snapshotIdsOf(imageId: string, all: readonly Device[]): string[] {
  return all.flatMap((each, index) => (isBlank(each) ? [] : idOf(imageId, index)));
}

function snapshotsOf(imageId: string, all: readonly Device[]): CopySnapshot[] {
  return all.flatMap(({ shown, encrypted, key, tagged }, index) => {
    if (shown !== 'snapshot') return [];
    const kmsKeyArn = key === 'ours' ? target.kmsKeyArn : `${target.kmsKeyArn}0`;
    const named = key === 'none' ? {} : { kmsKeyArn };
    return [{ snapshotId: idOf(imageId, index), encrypted, ...named, tags: tagged ? copyTags() : [] }];
  });
}

describe('settleCopy', () => {
  it('announces just the available copies whose snapshots are all encrypted under the key', async () => {
    await fc.assert(
      fc.asyncProperty(state, marker, devices, async (imageState, copiedAs, all) => {
        const copy = ownCopy({ state: imageState, marker: copiedAs, snapshotIds: snapshotIdsOf(COPY, all) });
        const account = new FakeAccount(copy);
        account.snapshots = snapshotsOf(COPY, all);
        await settleCopy(copy, settleContext(account));

        const isNew = copiedAs.announcement?.state !== 'announced';
        const isToAnnounce = isNew && imageState === 'available' && isSound(all);
        expect(account.announced.filter(({ reason }) => reason === null)).toHaveLength(isToAnnounce ? 1 : 0);
        expect(account.parameters).toEqual(new Map(isToAnnounce ? [[PARAMETER, COPY]] : []));
        if (isToAnnounce) {
          expect(account.copy()?.marker.announcement?.state).toBe('announced');
          expect(account.snapshots.every(({ tags }) => tags.some(({ key }) => key === 'ImageCopier'))).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
  });
});

/** Copies of one recipe, and what goes wrong in sweep after sweep: the call that fails, and whether it was carried out. */
const scenario = fc.record({
  made: fc.array(
    fc.record({
      minute: fc.integer({ min: 0, max: 3 }),
      attempt,
      state: fc.constantFrom<ImageState>('available', 'available', 'failed'),
      devices: fc.oneof(
        devices,
        fc.constant<Device[]>([{ shown: 'snapshot', encrypted: true, key: 'ours', tagged: true }]),
      ),
      /** The sweep before which EC2 is done with it. */
      endsBefore: fc.nat(3),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  faults: fc.array(
    fc.record({ call: fc.integer({ min: 1, max: 25 }), lost: fc.boolean(), readsUntilStored: fc.nat(3) }),
    { maxLength: 5 },
  ),
});

describe('sweep', () => {
  it('ends right whatever is interrupted, with the parameter never moving backwards', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ made, faults }) => {
        const all = made.map(({ minute, ...others }, index) => {
          const bakedAt = new Date(NOW_MS - 86_400_000 + minute * 60_000).toISOString();
          return { ...others, imageId: `ami-0c${index}`, bakedAt };
        });
        const account = new FakeAccount(
          ...all.map((copy): OwnCopy => {
            const { imageId, bakedAt } = copy;
            const copiedAs = copyMarker({ bakedAt, attempt: copy.attempt });
            return ownCopy({
              imageId,
              state: 'pending',
              marker: copiedAs,
              snapshotIds: snapshotIdsOf(imageId, copy.devices),
            });
          }),
        );
        account.snapshots = all.flatMap((copy) => snapshotsOf(copy.imageId, copy.devices));
        const bakedAtOf = (imageId: string | undefined) => all.find((copy) => copy.imageId === imageId)?.bakedAt ?? '';

        let before = '';
        for (let sweeps = 0; sweeps < faults.length + 6; sweeps += 1) {
          account.copies = account.copies.map((copy) => {
            const end = all.find(({ imageId }) => imageId === copy.imageId);
            return end && end.endsBefore <= sweeps ? { ...copy, state: end.state } : copy;
          });
          const { call = Infinity, lost = false, readsUntilStored = 0 } = faults[sweeps] ?? {};
          const failing = account.calls.length + call;
          account.fails = (_call, count) => count === failing;
          account.loseAnswers = lost;
          account.readsUntilStored = readsUntilStored;
          await sweep(settleContext(account), account.nowMs + QUARTER_MS);
          account.nowMs += QUARTER_MS;

          const now = bakedAtOf(account.parameters.get(PARAMETER));
          expect(now >= before).toBe(true);
          before = now;
        }

        const texts = (values: readonly object[]) => new Set(values.map((value) => JSON.stringify(value))).size;
        for (const { imageId, state: end, attempt: tried, devices: shown } of all) {
          const announced = account.announced.filter((result) => result.imageId === imageId);
          const isCopied = end === 'available' && isSound(shown);
          const isGivenUp = end === 'failed' && tried === 3;
          expect(texts(announced)).toBe(isCopied || isGivenUp ? 1 : 0);
          expect(announced.every(({ reason }) => (reason === null) === isCopied)).toBe(true);
          expect(texts(account.enqueued.filter(({ body }) => body.includes(imageId)))).toBe(
            end === 'failed' && tried < 3 ? 1 : 0,
          );
          expect(texts(account.deadLetters.filter(({ body }) => body.includes(imageId)))).toBe(isGivenUp ? 1 : 0);
          expect(account.copy(imageId)?.marker.announcement?.state).toBe(isCopied ? 'announced' : undefined);
          expect(account.copy(imageId) === undefined).toBe(end === 'failed');
        }
        const copied = all.filter((copy) => copy.state === 'available' && isSound(copy.devices));
        expect(before).toBe(
          copied
            .map(({ bakedAt }) => bakedAt)
            .toSorted()
            .at(-1) ?? '',
        );
      }),
      { numRuns: 300 },
    );
  });
});
