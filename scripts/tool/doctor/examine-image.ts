import { parseTags } from '../../../lambda/src/core/copy-request.ts';
import type { AwsClients } from '../common/aws-clients.ts';
import { hidesImagesOf, type AllowedImagesFacts } from './allowed-images.ts';
import type { CheckedCopier, Finding } from './finding.ts';
import type { FunctionFacts } from './functions.ts';
import { checkImage, foreignKeys, readImageInTarget } from './image.ts';
import { keyCalls } from './role-calls.ts';
import { readRole } from './roles.ts';
import type { SourceAnswers } from './source-account.ts';

/** An image of which the user asks whether it can be copied. */
export interface AskedImage {
  readonly id: string;
  /** By default that where the source account has it; that of each copier, where this is not known. */
  readonly region: string | undefined;
}

/** What of a copier decides whether it can copy an image. */
interface Copying {
  readonly copyImage: FunctionFacts | undefined;
  readonly allowed: AllowedImagesFacts;
  readonly trustedOwners: readonly string[];
  readonly topicArn: string | undefined;
}

/** Looks whether a copier can copy an image, as its account sees it, and as the source account does if it can be asked. */
export async function examineImage(
  copier: CheckedCopier,
  { id, region }: AskedImage,
  { copyImage, allowed, trustedOwners, topicArn }: Copying,
  aws: AwsClients,
  source: SourceAnswers | undefined,
): Promise<Finding[]> {
  const imageRegion = region ?? (await source?.regionOf(id)) ?? copier.region;
  const seen = await readInTarget(id, imageRegion, copier, aws);
  const owner = source ? await source.ownersView(id, imageRegion) : 'not asked';
  const roleOnKeys = new Map(
    copyImage
      ? await Promise.all(
          foreignKeys(seen, copier).map(
            async (arn) => [arn, await readRole(aws.iam, copyImage.roleArn, keyCalls(arn, copier))] as const,
          ),
        )
      : [],
  );
  const users = {
    imageId: id,
    imageRegion,
    trustedOwners,
    topicArn,
    hasSource: source !== undefined,
    copyTags: parseTags(copyImage?.environment['COPY_TAGS'] ?? '{}') ?? [],
    roleArn: copyImage?.roleArn,
    isHidden: (ownerId: string) => hidesImagesOf(ownerId, allowed),
  };
  return checkImage({ ...seen, roleOnKeys }, owner, users, copier);
}

async function readInTarget(imageId: string, imageRegion: string, { region }: CheckedCopier, aws: AwsClients) {
  if (imageRegion === region) return await readImageInTarget(aws.ec2, imageId);
  const elsewhere = aws.inRegion(imageRegion);
  try {
    return await readImageInTarget(elsewhere.ec2, imageId);
  } finally {
    elsewhere.close();
  }
}
