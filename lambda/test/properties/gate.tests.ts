import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sweep } from '../../src/core/settle-copies.ts';
import { copyMarker, FakeAccount, FakeSources, NOW_MS, ownCopy, PARAMETER, settleContext } from '../factories.ts';

const QUARTER_MS = 15 * 60 * 1000;
const SWEEPS = 12;

/** Copies of one recipe, and what goes wrong in sweep after sweep. */
const scenario = fc.record({
  made: fc.array(
    fc.record({
      minute: fc.nat(3),
      /** The sweep before which EC2 is done with it. */
      endsBefore: fc.nat(3),
      /** The sweep before which its source image is approved, if ever. */
      approvedBefore: fc.option(fc.nat(6), { nil: Infinity }),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  faults: fc.array(
    fc.record({ call: fc.integer({ min: 1, max: 25 }), lost: fc.boolean(), readsSources: fc.boolean() }),
    { maxLength: 5 },
  ),
});

describe('sweep with a gate', () => {
  it('points to approved copies alone, never backwards, and ends at the newest, whatever is interrupted', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ made, faults }) => {
        const all = made.map(({ minute, ...others }, index) => {
          const bakedAt = new Date(NOW_MS - 86_400_000 + minute * 60_000).toISOString();
          return { ...others, imageId: `ami-0c${index}`, sourceImageId: `ami-0a${index}`, bakedAt };
        });
        const account = new FakeAccount(
          ...all.map(({ imageId, sourceImageId, bakedAt }) =>
            ownCopy({
              imageId,
              sourceImageId,
              state: 'pending',
              marker: copyMarker({ bakedAt }),
              snapshotIds: [imageId.replace('ami', 'snap')],
            }),
          ),
        );
        const sources = new FakeSources();
        const find = (imageId: string | undefined) => all.find((copy) => copy.imageId === imageId);

        let before = '';
        for (let sweeps = 0; sweeps < SWEEPS; sweeps += 1) {
          account.copies = account.copies.map((copy) =>
            (find(copy.imageId)?.endsBefore ?? Infinity) <= sweeps ? { ...copy, state: 'available' } : copy,
          );
          for (const { approvedBefore, sourceImageId } of all) {
            if (approvedBefore === sweeps) sources.approve(sourceImageId);
          }
          const { call = Infinity, lost = false, readsSources = true } = faults[sweeps] ?? {};
          const failing = account.calls.length + call;
          account.fails = (_call, count) => count === failing;
          account.loseAnswers = lost;
          sources.failure = readsSources ? undefined : new Error('slow down');
          await sweep(settleContext(account, { gate: sources.gate() }), account.nowMs + QUARTER_MS);
          account.nowMs += QUARTER_MS;

          const pointedTo = find(account.parameters.get(PARAMETER));
          if (pointedTo) expect(pointedTo.approvedBefore).toBeLessThanOrEqual(sweeps);
          const now = pointedTo?.bakedAt ?? '';
          expect(now >= before).toBe(true);
          before = now;
        }

        const approved = all.filter(({ approvedBefore }) => approvedBefore < Infinity);
        expect(before).toBe(
          approved
            .map(({ bakedAt }) => bakedAt)
            .toSorted()
            .at(-1) ?? '',
        );
        const told = (results: readonly { readonly imageId: string }[], imageId: string) =>
          Array.from(new Set(results.filter((each) => each.imageId === imageId).map((each) => JSON.stringify(each))));
        for (const { imageId, approvedBefore } of all) {
          const [copied = '', ...others] = told(account.announced, imageId);
          expect(others).toEqual([]);
          const { parameter } = JSON.parse(copied) as { parameter: string | null };
          const isToldLater = parameter === null && approvedBefore < Infinity;
          expect(told(account.approved, imageId)).toHaveLength(isToldLater ? 1 : 0);
          const isWaiting = account.copy(imageId)?.marker.announcement?.unapproved === true;
          expect(isWaiting).toBe(approvedBefore === Infinity);
        }
      }),
      { numRuns: 300 },
    );
  });
});
