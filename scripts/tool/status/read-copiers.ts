import {
  DescribeImageAttributeCommand,
  type EC2Client,
  paginateDescribeSnapshots,
  type Filter,
  type Image,
} from '@aws-sdk/client-ec2';
import { PAGE_SIZE } from '../../../lambda/src/adapters/ec2-image-catalogue.ts';
import { isAnnounced, MARKER, parseMarker } from '../../../lambda/src/core/copy-marker.ts';
import { COPIED_FROM } from '../../../lambda/src/core/copy-tags.ts';
import { peekLetters, type Warn } from '../common/dead-letter-queue.ts';
import type { AwsClients } from '../common/aws-clients.ts';
import type { Copier } from '../common/environment.ts';
import { ownImages, tagOf } from '../common/copies.ts';
import type { CopyInAccount, CopierFacts, SharedWith, SourceImage } from './build-report.ts';

/** Reads the copies of an environment and its dead letters: four calls, side by side. */
export async function readCopier(copier: Copier, signal: AbortSignal, warn: Warn): Promise<CopierFacts> {
  const { ec2, sqs } = copier.aws;
  const ours = { Name: 'tag-key', Values: [COPIED_FROM] };
  const [images, keys, letters] = await Promise.all([
    ownImages({ ec2 }, [ours], { disabledToo: true }),
    keysOf(ec2, ours),
    peekLetters(sqs, copier.name, signal, warn),
  ]);
  return {
    copies: images.flatMap((image) => copyOf(image, copier, keys)),
    failures: letters.flatMap(({ sourceImage, reason = 'It is a dead letter without a reason.' }) =>
      sourceImage === undefined ? [] : [{ sourceImageId: sourceImage, reason }],
    ),
  };
}

/** The available images of the source account in a Region that belong to a recipe, without the copies that it may have itself. */
export async function readSourceImages({ ec2 }: AwsClients, region: string, recipeTag: string): Promise<SourceImage[]> {
  const images = await ownImages({ ec2 }, [{ Name: 'tag-key', Values: [recipeTag] }]);
  return images.flatMap(({ ImageId, Name = '', State, CreationDate = '', Tags = [] }) =>
    ImageId === undefined || State !== 'available' || tagOf({ Tags }, COPIED_FROM) !== undefined
      ? []
      : [{ imageId: ImageId, region, name: Name, bakedAt: CreationDate, recipe: tagOf({ Tags }, recipeTag) }],
  );
}

/** Who may launch an image, beside its owner. EC2 says nothing of an organization's members. */
export async function readSharedWith({ ec2 }: AwsClients, imageId: string, ownerId: string): Promise<SharedWith> {
  const { LaunchPermissions = [] } = await ec2.send(
    new DescribeImageAttributeCommand({ ImageId: imageId, Attribute: 'launchPermission' }),
  );
  const isForMany = LaunchPermissions.some(({ UserId }) => UserId === undefined);
  return isForMany ? 'many' : [ownerId, ...LaunchPermissions.flatMap(({ UserId }) => UserId ?? [])];
}

/** The key of each snapshot. Only DescribeSnapshots gives it reliably. */
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

function copyOf(image: Image, copier: Copier, keys: ReadonlyMap<string, string>): CopyInAccount[] {
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
