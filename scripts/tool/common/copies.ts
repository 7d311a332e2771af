import {
  DescribeSnapshotsCommand,
  paginateDescribeImages,
  type EC2Client,
  type Filter,
  type Image,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { PAGE_SIZE } from '../../../lambda/src/adapters/ec2-image-catalogue.ts';
import { isAnnounced as isMarkedAnnounced, MARKER, parseMarker } from '../../../lambda/src/core/copy-marker.ts';

interface WithEc2 {
  readonly ec2: EC2Client;
}

/** The account's own images that were copied from the source. */
export async function findCopies(account: WithEc2, sourceImageId: string): Promise<Image[]> {
  return await ownImages(account, [{ Name: 'source-image-id', Values: [sourceImageId] }]);
}

/** The account's own images, or those that match the filters; disabled ones if they are wanted too. */
export async function ownImages(
  { ec2 }: WithEc2,
  filters: Filter[] = [],
  { disabledToo = false }: { readonly disabledToo?: boolean } = {},
): Promise<Image[]> {
  const images: Image[] = [];
  const input = { Owners: ['self'], IncludeDisabled: disabledToo, Filters: filters };
  for await (const page of paginateDescribeImages({ client: ec2, pageSize: PAGE_SIZE }, input)) {
    images.push(...(page.Images ?? []));
  }
  return images;
}

export async function snapshotsOf({ ec2 }: WithEc2, image: Image): Promise<Snapshot[]> {
  const ids = (image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => (Ebs?.SnapshotId ? [Ebs.SnapshotId] : []));
  if (ids.length === 0) return [];
  const { Snapshots = [] } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: ids }));
  return Snapshots;
}

/** The value of a tag, if it is there. */
export function tagOf({ Tags = [] }: Pick<Image, 'Tags'>, name: string): string | undefined {
  return Tags.find(({ Key }) => Key === name)?.Value;
}

/** Whether this copier has announced a copy, as its marker says. */
export function isAnnounced(image: Pick<Image, 'Tags'>, copier: string): boolean {
  return isMarkedAnnounced(parseMarker(tagOf(image, MARKER), copier));
}
