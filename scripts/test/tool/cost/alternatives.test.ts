import { describe, expect, it } from '@jest/globals';
import { alternativesOf, type Alternative } from '../../../tool/cost/alternatives.ts';
import { monthlyCost, type CostPlan } from '../../../tool/cost/monthly-cost.ts';
import { PRICES } from '../../../tool/cost/prices.ts';
import { planWith } from './plan.ts';

/** A month's. */
const DAYS = 730 / 24;
/** 200 accounts, 1,500 images of 8 GiB, keys that were rotated twice. */
const PLAN = planWith();
/** GiB in one account and Region. */
const GIB = 1500 * 8;

const named = (plan: CostPlan, name: RegExp): Alternative => {
  const [found, ...others] = alternativesOf(plan).filter((each) => name.test(each.name));
  if (!found || others.length > 0) throw new Error(`not one alternative is like ${name.source}`);
  return found;
};
const partsOf = ({ parts }: Alternative) => Object.fromEntries(parts.map(({ part, dollars }) => [part, dollars]));

describe('the alternatives', () => {
  it('keep the images of the source account once in each Region where images are shared', () => {
    expect(partsOf(named(PLAN, /unencrypted/))).toEqual({
      'Images in the source account': GIB * 0.05,
      'KMS keys': 200 * 3,
    });
    expect(partsOf(named({ ...PLAN, regions: 3 }, /unencrypted/))).toEqual({
      'Images in the source account': 3 * GIB * 0.05,
      'KMS keys': 3 * 200 * 3,
    });
  });

  it('need one key more in each Region where the image is shared under a key', () => {
    expect(partsOf(named({ ...PLAN, regions: 3 }, /customer managed key/))).toMatchObject({
      'KMS keys': 3 * 201 * 3,
    });
  });

  it('have the snapshots of Image Copier, and one key a Region, with Image Builder', () => {
    expect(partsOf(named({ ...PLAN, regions: 3 }, /Image Builder/))).toEqual({
      'Images in the source account': 3 * GIB * 0.05,
      'EBS snapshots': 3 * 200 * GIB * 0.05,
      'KMS keys': 3 * 3,
      'KMS requests': (3 * 200 * 50 * DAYS * 10 * 0.03) / 10_000,
    });
  });

  it('end with Image Copier, at what the command says without them, and the images of the source account', () => {
    const last = alternativesOf(PLAN).at(-1);

    expect(last?.name).toBe('Image Copier');
    expect(last?.parts.slice(1)).toEqual(monthlyCost(PLAN).parts);
    expect(last?.dollars).toBeCloseTo(monthlyCost(PLAN).dollars + GIB * 0.05, 6);
  });

  it('move images once into each other Region where they are shared, and each copy where each account copies', () => {
    const plan = planWith({ regions: 3, crossRegion: true });
    const moved = 50 * DAYS * 8 * 0.02;

    const shared = partsOf(named(plan, /unencrypted/));
    expect(shared).toMatchObject({ 'Images in the source account': 3 * GIB * 0.05 });
    expect(shared['Transfer between Regions']).toBeCloseTo(2 * moved, 6);
    for (const name of [/Image Builder/, /Image Copier/]) {
      const parts = partsOf(named(plan, name));
      expect(parts).toMatchObject({ 'Images in the source account': GIB * 0.05 });
      expect(parts['Transfer between Regions']).toBeCloseTo(2 * 200 * moved, 6);
    }
  });

  it('take the prices that they are given', () => {
    const prices = { ...PRICES, snapshot: { ...PRICES.snapshot, dollars: 1 } };

    expect(alternativesOf(PLAN, prices)[0]?.parts[0]).toMatchObject({ dollars: GIB });
  });

  it('are each the sum of their parts, with a risk that a reader can look up at AWS', () => {
    for (const { dollars, parts, risk, pages } of alternativesOf(planWith({ accounts: 3 }))) {
      expect(dollars).toBe(parts.reduce((sum, part) => sum + part.dollars, 0));
      expect(risk).toMatch(/^[A-Z].*\.$/);
      expect(pages.length).toBeGreaterThan(0);
      for (const page of pages) expect(page).toMatch(/^https:\/\/docs\.aws\.amazon\.com\/.*\.html$/);
    }
  });
});
