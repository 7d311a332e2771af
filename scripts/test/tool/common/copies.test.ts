import { describe, expect, it } from '@jest/globals';
import { isAnnounced } from '../../../tool/common/copies.ts';

const TIMES = 'attempt=1 baked=2026-11-23T22:10:00.000Z';
const marked = (Value: string) => ({ Tags: [{ Key: 'ImageCopier', Value }] });

describe('a copy', () => {
  it('is announced once its marker says so', () => {
    expect(isAnnounced(marked(`golden announced=2026-11-24T00:00:00.000Z ${TIMES}`), 'golden')).toBe(true);
  });

  it.each([
    ['is only being announced', marked(`golden announcing=2026-11-24T00:00:00.000Z ${TIMES}`)],
    ['is not settled', marked(`golden ${TIMES}`)],
    ['was announced by another copier', marked(`image-copier announced=2026-11-24T00:00:00.000Z ${TIMES}`)],
    ['has a marker that no copier writes', marked('golden announced=2026-11-24T00:00:00.000Z')],
    ['has no marker', {}],
  ])('is not announced where it %s', (_what, image) => {
    expect(isAnnounced(image, 'golden')).toBe(false);
  });
});
