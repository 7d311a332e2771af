import { formatMarker, MARKER } from '../../../lambda/src/core/copy-marker.ts';
import { assumedRole, bakedAt, hex, imageOf, page } from './ec2-answers.ts';
import { json, jsonOperation, REGION, SOURCE, xml, type Answer, type Call } from './stand-in.ts';

export const KEY_ID = '11111111-2222-3333-4444-555555555555';

/** What each account has. */
interface Copies {
  readonly recipes: number;
  /** Of each recipe: its history. */
  readonly copies: number;
}

/** What an account answers; its id stands as ACCOUNT in it. */
export interface StandInAccount {
  readonly copies: string;
  readonly snapshots: string;
  readonly sources: string;
}

export function accountWith({ recipes, copies }: Copies): StandInAccount {
  const builds = <T>(make: (recipe: number, build: number, number: number) => T): T[] =>
    Array.from({ length: recipes * copies }, (_, index) => make(Math.floor(index / copies), index % copies, index));
  const keyArn = `arn:aws:kms:${REGION}:ACCOUNT:key/${KEY_ID}`;
  return {
    copies: page(
      'DescribeImages',
      'imagesSet',
      builds((recipe, build, number) => {
        const announcement = { state: 'announced', settledAt: bakedAt(build) } as const;
        const at = bakedAt(build);
        const marker = formatMarker({ copier: 'image-copier', attempt: 1, bakedAt: at, keyId: KEY_ID, announcement });
        const source = `<sourceImageId>${sourceOf(number)}</sourceImageId><sourceImageRegion>${REGION}</sourceImageRegion>`;
        const tags = `<item><key>${MARKER}</key><value>${marker}</value></item>`;
        return imageOf('ACCOUNT', hex('ami', number), recipe, build, source, tags);
      }),
    ),
    snapshots: page(
      'DescribeSnapshots',
      'snapshotSet',
      builds(
        (_recipe, _build, number) =>
          `<snapshotId>${hex('snap', number)}</snapshotId><encrypted>true</encrypted><kmsKeyId>${keyArn}</kmsKeyId>` +
          '<volumeSize>8</volumeSize><fullSnapshotSizeInBytes>4294967296</fullSnapshotSizeInBytes>',
      ),
    ),
    sources: page(
      'DescribeImages',
      'imagesSet',
      builds((recipe, build, number) => imageOf(SOURCE, sourceOf(number), recipe, build, '')),
    ),
  };
}

function sourceOf(number: number): string {
  return hex('ami', 1_000_000 + number);
}

/** AWS as `status` meets it: anything that it does not ask for is an error. */
export function answerStatus(call: Call, { copies, snapshots, sources }: StandInAccount): Answer {
  const { account, path, body } = call;
  switch (jsonOperation(call)) {
    case 'GetQueueUrl':
      return json({ QueueUrl: 'http://localhost/dead-letters' });
    case 'GetQueueAttributes':
      return json({ Attributes: { ApproximateNumberOfMessages: '0' } });
    case 'GetParametersByPath':
      return json({ Parameters: [] });
  }
  // A copier that takes no image away.
  if (path.startsWith('/2015-03-31/functions/')) {
    return { ...json({ Type: 'User', Message: 'no function' }, 404), errorType: 'ResourceNotFoundException' };
  }
  const ec2 = new URLSearchParams(body);
  switch (ec2.get('Action')) {
    case 'AssumeRole':
      return xml(assumedRole(ec2.get('RoleArn')?.split(':')[4] ?? ''));
    case 'DescribeImages':
      return xml(account === SOURCE ? sources : copies.replaceAll('ACCOUNT', account));
    case 'DescribeSnapshots':
      return xml(snapshots.replaceAll('ACCOUNT', account));
    default:
      return xml(undefined);
  }
}
