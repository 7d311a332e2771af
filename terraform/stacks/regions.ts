import { partition } from '@aws-sdk/core/client';

/**
 * The Regions that the AWS SDK for JavaScript 3.1169 lists (partitions.json of its endpoint rules), by partition.
 * A Region that AWS has opened since then is added here, and in accounts.schema.json. Not eusc-de-east-1: AWS provider 5.100, the oldest
 * that the modules take, calls its ARNs invalid.
 */
export const REGIONS: readonly string[] = [
  'af-south-1',
  'ap-east-1',
  'ap-east-2',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-northeast-3',
  'ap-south-1',
  'ap-south-2',
  'ap-southeast-1',
  'ap-southeast-2',
  'ap-southeast-3',
  'ap-southeast-4',
  'ap-southeast-5',
  'ap-southeast-6',
  'ap-southeast-7',
  'ca-central-1',
  'ca-west-1',
  'eu-central-1',
  'eu-central-2',
  'eu-north-1',
  'eu-south-1',
  'eu-south-2',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
  'il-central-1',
  'me-central-1',
  'me-south-1',
  'me-west-1',
  'mx-central-1',
  'sa-east-1',
  'sa-west-1',
  'us-east-1',
  'us-east-2',
  'us-west-1',
  'us-west-2',
  'cn-north-1',
  'cn-northwest-1',
  'us-iso-east-1',
  'us-iso-west-1',
  'us-isob-east-1',
  'us-isob-west-1',
  'eu-isoe-west-1',
  'us-isof-east-1',
  'us-isof-south-1',
  'us-gov-east-1',
  'us-gov-west-1',
];

const partitions = new Map<string, string>();

/** The partition of a Region, which is the second part of the ARNs there. That of a Region that is not listed follows from its name. */
export function partitionOf(region: string): string {
  // It is asked for each copy, and the SDK goes through all Regions.
  const name = partitions.get(region) ?? partition(region).name;
  partitions.set(region, name);
  return name;
}
