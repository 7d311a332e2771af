import { DescribeImagesCommand } from '@aws-sdk/client-ec2';
import type { Sharing } from '../../../lambda/src/core/source-image.ts';
import type { AwsClients } from '../common/aws-clients.ts';
import { PARALLEL } from '../common/in-environments.ts';
import { mapConcurrently } from '../common/map-concurrently.ts';
import { listed } from '../doctor/finding.ts';
import { some } from './source-keys.ts';

/** Accounts that have launch permission on an image only if they belong to the organizations, or units, that have it. */
export interface Members {
  /** Those that cannot see it: they do not belong to them, or hide it by the setting Allowed AMIs. */
  readonly unseeing: readonly string[];
  /** Those that could not be asked. Only the organization's own management could tell. */
  readonly unknown: readonly string[];
}

interface SharedImage extends Pick<Sharing, 'ownerId' | 'launchers' | 'isPublic' | 'organizations'> {
  readonly imageId: string;
}

/** The way into an account, for those that have one. */
interface Way {
  readonly accountId?: string;
  readonly aws?: AwsClients;
}

/**
 * Asks accounts whether they see an image that is shared with an organization.
 * @param region of the image
 */
export async function askMembers(
  { imageId, ownerId, launchers, isPublic, organizations }: SharedImage,
  region: string,
  accounts: readonly string[],
  ways: readonly Way[],
): Promise<Members> {
  const known = new Set([ownerId, ...launchers]);
  const members = isPublic || organizations.length === 0 ? [] : accounts.filter((account) => !known.has(account));
  const clients = new Map(
    ways.flatMap(({ accountId, aws }) => (accountId !== undefined && aws ? [[accountId, aws]] : [])),
  );
  const answers = await mapConcurrently(members, PARALLEL, async (account) => {
    const aws = clients.get(account);
    return { account, sees: aws && (await seesImage(aws.inRegion(region), imageId)) };
  });
  const those = (sees: boolean | undefined) => answers.flatMap((each) => (each.sees === sees ? [each.account] : []));
  return { unseeing: those(false), unknown: those(undefined) };
}

async function seesImage(aws: AwsClients, imageId: string): Promise<boolean | undefined> {
  const Filters = [{ Name: 'image-id', Values: [imageId] }];
  try {
    // A listing hides deprecated images of others.
    const { Images = [] } = await aws.ec2.send(new DescribeImagesCommand({ Filters, IncludeDeprecated: true }));
    return Images.length > 0;
  } catch {
    return undefined;
  } finally {
    aws.close();
  }
}

/** Says of which accounts it is not sure that they will ever see the image. */
export function memberWarnings({ imageId, organizations }: SharedImage, { unseeing, unknown }: Members): string[] {
  const shared = `it is shared with ${listed(organizations)}, and not with`;
  const end = 'waits for it, and is a dead letter in the end. Add --share to give launch permission.';
  const these = (accounts: readonly string[]) => (accounts.length === 1 ? 'this account' : 'these accounts');
  return [
    ...(unseeing.length === 0
      ? []
      : [`${some(unseeing)} cannot see ${imageId}: ${shared} ${these(unseeing)}. The request ${end}`]),
    ...(unknown.length === 0
      ? []
      : [
          `Whether ${some(unknown)} can see ${imageId} could not be checked: ${shared} ${these(unknown)}. ` +
            `The request of one that is not in there ${end}`,
        ]),
  ];
}
