import { reasonOf } from '../common/aws-errors.ts';
import { listed } from '../doctor/finding.ts';
import { admissionOfAccount, readSourceKey, SHARED_KEY_ACTIONS, type SourceKey } from '../doctor/source-key.ts';
import type { AwsClients } from '../common/aws-clients.ts';

/** An account that is to copy an image, and where. */
interface CopyingAccount {
  readonly accountId: string;
  readonly region: string;
}

/** A key that snapshots of an image are encrypted with; without what it is, where that could not be read. */
export interface ImageKey {
  readonly arn: string;
  readonly key?: SourceKey;
  readonly unread?: string;
}

/** Reads the keys of an image. What may not be read stops nothing: the key itself decides, once accounts copy. */
export async function readKeys(kms: AwsClients['kms'], arns: Iterable<string>): Promise<ImageKey[]> {
  const keys: ImageKey[] = [];
  for (const arn of arns) {
    try {
      keys.push({ arn, key: await readSourceKey(kms, arn) });
    } catch (error) {
      keys.push({ arn, unread: reasonOf(error) });
    }
  }
  return keys;
}

/** Says whom a key does not let copy the image, or that it is not known. */
export function keyWarnings(
  imageId: string,
  { arn, key, unread }: ImageKey,
  copying: readonly CopyingAccount[],
): string[] {
  const ofImage = `${arn}, the key of ${imageId},`;
  if (!key) {
    return [`Whether ${ofImage} lets the accounts copy under it could not be checked: ${unread ?? 'it was not read.'}`];
  }
  const [, partition = '', , keyRegion = ''] = arn.split(':');
  const admissions = copying.map(({ accountId, region }) => ({
    accountId,
    // It is not documented through EC2 of which Region a copy for another one asks the key.
    admission: admissionOfAccount(key.policy, `arn:${partition}:iam::${accountId}:`, [keyRegion, region]),
  }));
  const whose = (kind: (typeof admissions)[number]['admission']) =>
    Array.from(new Set(admissions.flatMap(({ accountId, admission }) => (admission === kind ? [accountId] : []))));
  const [refused, members] = [whose('refused'), whose('members')];
  const roots = refused.map((accountId) => `arn:${partition}:iam::${accountId}:root`);
  return [
    ...(refused.length === 0
      ? []
      : [
          `The policy of ${ofImage} does not let ${some(refused)} copy under it: unless a grant does, EC2 starts these copies, ` +
            `and they fail. Allow ${listed(SHARED_KEY_ACTIONS)} in it to ${some(roots)}.`,
        ]),
    ...(members.length === 0
      ? []
      : [
          `Whether the policy of ${ofImage} lets ${some(members)} copy under it could not be checked: it admits members of an organization.`,
        ]),
  ];
}

/** More are counted. */
const MAX_NAMED = 3;

/** Some by their names, and how many more there are. */
export function some(names: readonly string[]): string {
  const others = names.length - MAX_NAMED;
  if (others <= 0) return listed(names);
  return listed([...names.slice(0, MAX_NAMED), `${others} ${others === 1 ? 'other' : 'others'}`]);
}
