import {
  DescribeImageAttributeCommand,
  EC2Client,
  paginateDescribeSnapshots,
  type Filter,
  type Image,
} from '@aws-sdk/client-ec2';
import { SQSClient } from '@aws-sdk/client-sqs';
import { PAGE_SIZE } from '../../lambda/src/adapters/ec2-image-catalogue.ts';
import { isAnnounced, MARKER, parseMarker } from '../../lambda/src/core/copy-marker.ts';
import { COPIED_FROM } from '../../lambda/src/core/copy-tags.ts';
import { peekLetters } from '../cli/dead-letter-queue.ts';
import type { Place } from '../cli/places.ts';
import { ownImages, tagOf } from '../copies.ts';
import type { CopyInPlace, PlaceFacts, SharedWith, SourceImage } from './build-report.ts';

/** Reads the copies of one place and its dead letters: four calls, side by side. */
export async function readPlace({ settings, copier }: Place, signal: AbortSignal): Promise<PlaceFacts> {
  const ec2 = new EC2Client(settings);
  const sqs = new SQSClient({ ...settings, useQueueUrlAsEndpoint: false });
  try {
    const ours = { Name: 'tag-key', Values: [COPIED_FROM] };
    const [images, keys, letters] = await Promise.all([
      ownImages({ ec2 }, [ours], { disabledToo: true }),
      keysOf(ec2, ours),
      peekLetters(sqs, `${copier.name}-dead-letters`, signal),
    ]);
    return {
      copies: images.flatMap((image) => copyOf(image, copier, keys)),
      failures: letters.flatMap(({ sourceImage, reason = 'It is a dead letter without a reason.' }) =>
        sourceImage === undefined ? [] : [{ sourceImageId: sourceImage, reason }],
      ),
    };
  } finally {
    ec2.destroy();
    sqs.destroy();
  }
}

/** The available images of the source account in a Region that belong to a recipe. */
export async function readSourceImages(settings: Place['settings'], recipeTag: string): Promise<SourceImage[]> {
  const ec2 = new EC2Client(settings);
  try {
    const images = await ownImages({ ec2 }, [{ Name: 'tag-key', Values: [recipeTag] }]);
    return images.flatMap(({ ImageId, Name = '', State, CreationDate = '', Tags = [] }) =>
      ImageId === undefined || State !== 'available'
        ? []
        : [
            {
              imageId: ImageId,
              region: settings.region,
              name: Name,
              bakedAt: CreationDate,
              recipe: tagOf({ Tags }, recipeTag),
            },
          ],
    );
  } finally {
    ec2.destroy();
  }
}

/** Who may launch an image. Of an organization's members EC2 tells nothing. */
export async function readSharedWith(settings: Place['settings'], imageId: string): Promise<SharedWith> {
  const ec2 = new EC2Client(settings);
  try {
    const { LaunchPermissions = [] } = await ec2.send(
      new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: 'launchPermission' }),
    );
    const isForMany = LaunchPermissions.some(({ UserId }) => UserId === undefined);
    return isForMany ? 'many' : LaunchPermissions.flatMap(({ UserId }) => UserId ?? []);
  } finally {
    ec2.destroy();
  }
}

/** The key of each snapshot. Only DescribeSnapshots tells it reliably. */
async function keysOf(ec2: EC2Client, filter: Filter): Promise<ReadonlyMap<string, string>> {
  const keys = new Map<string, string>();
  const input = { OwnerIds: ['self'], Filters: [filter] };
  for await (const { Snapshots = [] } of paginateDescribeSnapshots({ client: ec2, pageSize: PAGE_SIZE }, input)) {
    for (const { SnapshotId, KmsKeyId } of Snapshots) {
      if (SnapshotId !== undefined && KmsKeyId !== undefined) keys.set(SnapshotId, KmsKeyId);
    }
  }
  return keys;
}

function copyOf(image: Image, copier: Place['copier'], keys: ReadonlyMap<string, string>): CopyInPlace[] {
  const { ImageId, SourceImageId, State, StateReason, CreationDate = '', BlockDeviceMappings = [] } = image;
  if (ImageId === undefined || SourceImageId === undefined || State === undefined) return [];
  const marker = parseMarker(tagOf(image, MARKER), copier.name);
  const keyArn = BlockDeviceMappings.map(({ Ebs }) => keys.get(Ebs?.SnapshotId ?? '')).find((key) => key !== undefined);
  const { announcement } = marker ?? {};
  return [
    {
      fact: {
        imageId: ImageId,
        sourceImageId: SourceImageId,
        // AMIgo's copier notes no such time: its copies are made right after the bake.
        bakedAt: marker?.bakedAt ?? CreationDate,
        startedAt: CreationDate,
        ...(announcement && isAnnounced(marker) && { settledAt: announcement.settledAt }),
        attempt: marker?.attempt ?? 1,
        ...(keyArn !== undefined && { keyArn }),
      },
      state: State,
      isOurs: marker !== undefined,
      ...(StateReason?.Message !== undefined && { stateReason: StateReason.Message }),
      recipe: tagOf(image, copier.recipeTag),
    },
  ];
}
