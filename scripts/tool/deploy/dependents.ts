import { paginateDescribeVolumes } from '@aws-sdk/client-ec2';
import { DescribeKeyCommand, NotFoundException } from '@aws-sdk/client-kms';
import { paginateGetParametersByPath } from '@aws-sdk/client-ssm';
import { PAGE_SIZE } from '../../../lambda/src/adapters/ec2-image-catalogue.ts';
import { snapshotIdsOf } from '../../../lambda/src/core/ownership.ts';
import { toImageFacts } from '../../../lambda/src/adapters/ec2-image-facts.ts';
import { ownImages } from '../common/copies.ts';
import type { Environment, Copier } from '../common/environment.ts';
import { ownSnapshots } from '../common/known-copies.ts';
import { formatTable } from '../common/table.ts';

/** How much there is in an account and Region that is of no use without the key of its copier. */
export interface Dependents {
  /** Images with a snapshot under the key. */
  readonly copies: number;
  /** Those that point to such images. */
  readonly parameters: number;
  /** Those that have a volume under the key, running or not: it is attached as long as they are not terminated. */
  readonly instances: number;
}

type KeyOwner = Pick<Copier, 'name' | 'parameterPath' | 'aws'>;

/** What needs the key that the module made. One that was made elsewhere stays, and nothing is counted for it. */
export async function dependentsOf(copier: KeyOwner): Promise<Dependents> {
  const keyArn = await ownKeyOf(copier);
  if (keyArn === undefined) return { copies: 0, parameters: 0, instances: 0 };
  const [copies, targets, instances] = await Promise.all([
    copiesUnder(keyArn, copier),
    parameterTargets(copier),
    instancesUnder(keyArn, copier),
  ]);
  return { copies: copies.size, parameters: targets.filter((id) => copies.has(id)).length, instances: instances.size };
}

/** The counts as a table, and what they mean. */
export function formatDependents(
  counted: readonly { readonly copier: Environment; readonly value: Dependents }[],
  width: number | undefined,
): string {
  const rows = counted.map(({ copier: { account, region }, value: { copies, parameters, instances } }) => [
    account,
    region,
    ...[copies, parameters, instances].map(String),
  ]);
  const table = formatTable(['ACCOUNT', 'REGION', 'COPIES', 'PARAMETERS', 'INSTANCES'], rows, width);
  return `These need the keys that go. Without its key no copy can be launched, and no instance started again.\n\n${table}\n`;
}

/** The key behind the alias, which the module gives to no key but its own. */
async function ownKeyOf({ name, aws: { kms } }: KeyOwner): Promise<string | undefined> {
  try {
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: `alias/${name}` }));
    return KeyMetadata?.Arn;
  } catch (error) {
    if (error instanceof NotFoundException) return undefined;
    throw error;
  }
}

async function copiesUnder(keyArn: string, { aws }: KeyOwner): Promise<Set<string>> {
  const [images, snapshots] = await Promise.all([
    ownImages(aws, [], { disabledToo: true }),
    ownSnapshots(aws.ec2, { Name: 'encrypted', Values: ['true'] }),
  ]);
  const under = new Set(snapshots.filter(({ kmsKeyArn }) => kmsKeyArn === keyArn).map(({ snapshotId }) => snapshotId));
  const copies = images.map(toImageFacts).filter((image) => snapshotIdsOf(image).some((id) => under.has(id)));
  return new Set(copies.map(({ imageId }) => imageId));
}

/** The images that the copier's parameters point to. */
async function parameterTargets({ parameterPath: Path, aws: { ssm } }: KeyOwner): Promise<string[]> {
  const targets: string[] = [];
  for await (const { Parameters = [] } of paginateGetParametersByPath({ client: ssm }, { Path, Recursive: true })) {
    targets.push(...Parameters.flatMap(({ Value }) => Value ?? []));
  }
  return targets;
}

async function instancesUnder(keyArn: string, { aws: { ec2 } }: KeyOwner): Promise<Set<string>> {
  const instances = new Set<string>();
  const Filters = [
    { Name: 'encrypted', Values: ['true'] },
    { Name: 'attachment.status', Values: ['attached'] },
  ];
  for await (const { Volumes = [] } of paginateDescribeVolumes({ client: ec2, pageSize: PAGE_SIZE }, { Filters })) {
    for (const { KmsKeyId, Attachments = [] } of Volumes) {
      for (const { InstanceId } of KmsKeyId === keyArn ? Attachments : []) if (InstanceId) instances.add(InstanceId);
    }
  }
  return instances;
}
