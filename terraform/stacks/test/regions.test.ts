import { describe, expect, it } from '@jest/globals';
import { partitionOf, REGIONS } from '../regions.ts';

describe('partitionOf', () => {
  it('knows the partition of each Region that is listed', () => {
    const others = REGIONS.map((region) => [region, partitionOf(region)]).filter(
      ([, partition]) => partition !== 'aws',
    );

    expect(others).toEqual([
      ['cn-north-1', 'aws-cn'],
      ['cn-northwest-1', 'aws-cn'],
      ['us-iso-east-1', 'aws-iso'],
      ['us-iso-west-1', 'aws-iso'],
      ['us-isob-east-1', 'aws-iso-b'],
      ['us-isob-west-1', 'aws-iso-b'],
      ['eu-isoe-west-1', 'aws-iso-e'],
      ['us-isof-east-1', 'aws-iso-f'],
      ['us-isof-south-1', 'aws-iso-f'],
      ['us-gov-east-1', 'aws-us-gov'],
      ['us-gov-west-1', 'aws-us-gov'],
    ]);
  });

  it.each([
    ['eu-west-9', 'aws'],
    ['cn-south-1', 'aws-cn'],
    ['us-gov-central-1', 'aws-us-gov'],
    ['eusc-de-east-1', 'aws-eusc'],
  ])('takes a new Region as %s by its name', (region, partition) => {
    expect(partitionOf(region)).toBe(partition);
  });
});

it('lists no Region whose ARNs the oldest provider that the modules take refuses', () => {
  expect(REGIONS.filter((region) => partitionOf(region) === 'aws-eusc')).toEqual([]);
});
