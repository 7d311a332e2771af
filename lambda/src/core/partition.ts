// AWS General Reference, "Regional endpoints", and the SDK's own table: Regions outside the partition aws begin with these.
const PARTITIONS = ['cn-', 'us-gov-', 'us-iso-', 'us-isob-', 'us-isof-', 'eu-isoe-', 'eusc-'];

/** Whether both Regions are in one partition. Accounts, images and their ids end at its border. */
export function isSamePartition(region: string, other: string): boolean {
  return startOf(region) === startOf(other);
}

function startOf(region: string): string | undefined {
  return PARTITIONS.find((start) => region.startsWith(start));
}
