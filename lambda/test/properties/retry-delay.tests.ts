import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { retryDelaySeconds } from '../../src/core/retry-delay.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const queueTf = readFileSync(join(root, 'terraform/modules/image-copier/queue.tf'), 'utf8');

/** A number in the module's queue.tf, so that the two cannot part. */
function numberIn(pattern: RegExp): number {
  const [, digits] = pattern.exec(queueTf) ?? [];
  if (digits === undefined) throw new Error(`queue.tf does not say ${pattern.source}`);
  return Number(digits);
}

const timeoutSeconds = numberIn(/function_timeout_seconds = (\d+)\n/);
const visibilitySeconds =
  numberIn(/visibility_timeout_seconds = (\d+) \* local\.function_timeout_seconds\n/) * timeoutSeconds;
const firstWaits = numberIn(
  /max_receive_count = (\d+) \+ ceil\(local\.retry_seconds \/ local\.visibility_timeout_seconds\)\n/,
);
const maxReceiveCount = (retrySeconds: number) => firstWaits + Math.ceil(retrySeconds / visibilitySeconds);

const hours = fc.integer({ min: 6, max: 96 }); // retry_hours in variables.tf
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
/** How deliveries end, over and over: in a wait of that randomness, or in a crash. */
const endings = fc.array(fc.oneof(random, fc.constant(0), fc.constant('crash' as const)), {
  minLength: 1,
  maxLength: 30,
});

describe('retryDelaySeconds', () => {
  it('lets the function give up, with its reason, before SQS does', () => {
    fc.assert(
      fc.property(hours, endings, (retryHours, ends) => {
        const retrySeconds = retryHours * 3600;
        let deliveries = 1;
        for (let age = 0; age < retrySeconds; deliveries += 1) {
          const end = ends[deliveries % ends.length] ?? 0;
          age += end === 'crash' ? visibilitySeconds : retryDelaySeconds(deliveries, end);
        }
        expect(deliveries).toBeLessThanOrEqual(maxReceiveCount(retrySeconds));
        expect(maxReceiveCount(retrySeconds)).toBeLessThanOrEqual(1000); // SQS takes no more
      }),
    );
  });

  it('grows, spreads over as much as its least wait, and stays within a quarter of an hour', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), random, (receiveCount, anyRandom) => {
        const least = retryDelaySeconds(receiveCount, 0);
        expect(least).toBe(Math.min(450, 15 * 2 ** receiveCount));
        const seconds = retryDelaySeconds(receiveCount, anyRandom);
        expect(seconds).toBeGreaterThanOrEqual(least);
        expect(seconds).toBeLessThanOrEqual(2 * least);
        expect(Number.isInteger(seconds)).toBe(true); // SQS takes whole seconds, up to 43,200
      }),
    );
  });
});
