import { describe, expect, it } from '@jest/globals';
import { isSamePartition } from '../../src/core/partition.ts';

describe('isSamePartition', () => {
  it.each([
    ['eu-west-1', 'ap-southeast-2'],
    ['us-east-1', 'us-west-2'],
    ['cn-north-1', 'cn-northwest-1'],
    ['us-gov-west-1', 'us-gov-east-1'],
    ['eusc-de-east-1', 'eusc-de-east-1'],
    // One that is not known yet.
    ['xx-north-1', 'eu-west-1'],
  ])('takes %s and %s for neighbours', (region, other) => {
    expect(isSamePartition(region, other)).toBe(true);
  });

  it.each([
    ['eu-west-1', 'cn-north-1'],
    ['us-east-1', 'us-gov-east-1'],
    ['us-iso-east-1', 'us-isob-east-1'],
    ['eu-isoe-west-1', 'eu-west-1'],
    ['us-isof-south-1', 'us-east-1'],
    ['eu-central-1', 'eusc-de-east-1'],
  ])('knows the border between %s and %s', (region, other) => {
    expect(isSamePartition(region, other)).toBe(false);
  });
});
