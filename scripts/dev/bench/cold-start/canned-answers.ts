import { formatMarker, MARKER } from '../../../../lambda/src/core/copy-marker.ts';
import type { Answers, AwsRequest } from './aws-stub.ts';

export const REGION = 'eu-west-1';
export const ACCOUNT = '222222222222';
export const SOURCE_ACCOUNT = '111111111111';
export const COPIER = 'image-copier';
export const KEY_ARN = `arn:aws:kms:${REGION}:${ACCOUNT}:key/11111111-2222-3333-4444-555555555555`;
export const COPY = 'ami-0c0ffee0c0ffee0c0';
const SOURCE_IMAGE = 'ami-0123456789abcdef0';
/** One that is announced. */
export const OLDER_COPY = 'ami-0ddba110ddba110dd';
const SNAPSHOTS = ['snap-0aaaaaaaaaaaaaaaa', 'snap-0bbbbbbbbbbbbbbbb'];
const BAKED_AT = '2026-11-23T22:10:00.000Z';

const bakeTags: Readonly<Record<string, string>> = {
  BuiltBy: 'amigo',
  AmigoStage: 'PROD',
  Name: 'amigo_ubuntu_12',
  Recipe: 'ubuntu',
  BuildNumber: '12',
  BaseImage: 'ubuntu-24.04',
};

/** A request as guardian/amigo publishes it. */
export const copyRequest = {
  sourceAmi: SOURCE_IMAGE,
  sourceRegion: REGION,
  targetAccounts: [ACCOUNT],
  name: 'amigo_ubuntu_12_2026/11/23_22-10-00',
  description: 'AMI for ubuntu built by Amigo: #12',
  tags: bakeTags,
};

/**
 * Answers for one copy that is asked for and one that has become available, with two snapshots, in the order in which AWS
 * would give them: the parameter that a function stores is answered afterwards.
 */
export function cannedAnswers(): Answers {
  let parameter = OLDER_COPY;
  const answer: Answers['answer'] = ({ service, operation, body }) => {
    const form = new URLSearchParams(body);
    switch (`${service}:${operation}`) {
      case 'ec2:DescribeImages':
        return images(describedImages(form));
      case 'ec2:CopyImage':
        return xml('CopyImage', `<imageId>${COPY}</imageId>`);
      case 'ec2:DescribeSnapshots':
        return xml('DescribeSnapshots', set('snapshotSet', SNAPSHOTS.map(snapshot)));
      case 'ec2:CreateTags':
        return xml('CreateTags', '<return>true</return>');
      case 'ssm:GetParameters':
        return JSON.stringify(parametersNamed((JSON.parse(body) as { Names: string[] }).Names, parameter));
      case 'ssm:PutParameter':
        parameter = (JSON.parse(body) as { Value: string }).Value;
        return JSON.stringify({ Version: 8, Tier: 'Standard' });
      case 'events:PutEvents':
        return JSON.stringify({ FailedEntryCount: 0, Entries: [{ EventId: '11710aed-b79e-4468-a20b-bb3c0c3b4860' }] });
      case 'sns:Publish':
        return '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>94f20ce6-13c5-43a0-9a9e-ca52d816e90b</MessageId></PublishResult><ResponseMetadata><RequestId>f187a3c1-376f-11df-8963-01868b7c937a</RequestId></ResponseMetadata></PublishResponse>';
      default:
        return undefined;
    }
  };
  return { answer, error: notEnded, startOver: () => (parameter = OLDER_COPY) };
}

/** No source image was retired or revoked, and no request refused. */
function notEnded({ operation }: AwsRequest): string | undefined {
  if (operation !== 'GetParameter') return undefined;
  return JSON.stringify({ __type: 'ParameterNotFound' });
}

/** There are parameters of recipes alone: no source image was retired or revoked. */
function parametersNamed(names: readonly string[], value: string): object {
  const isThere = (name: string) => name.startsWith('/image-copier/');
  const found = (Name: string) => ({
    Name,
    Type: 'String',
    Value: value,
    Version: 7,
    LastModifiedDate: 1764000000.123,
    ARN: `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter${Name}`,
    DataType: 'aws:ec2:image',
  });
  return {
    Parameters: names.filter(isThere).map(found),
    InvalidParameters: names.filter((name) => !isThere(name)),
  };
}

function describedImages(form: URLSearchParams): string[] {
  const source = image(SOURCE_IMAGE, SOURCE_ACCOUNT, {});
  const made = { ...bakeTags, Encrypted: 'true', CopiedFromAMI: SOURCE_IMAGE };
  const pending = formatMarker({ copier: COPIER, attempt: 1, bakedAt: BAKED_AT });
  const copy = image(COPY, ACCOUNT, { ...made, [MARKER]: pending });
  const announced = formatMarker({
    copier: COPIER,
    attempt: 1,
    bakedAt: '2026-11-22T22:10:00.000Z',
    announcement: { state: 'announced', settledAt: '2026-11-22T22:30:00.000Z' },
  });
  const older = image(OLDER_COPY, ACCOUNT, { ...made, [MARKER]: announced });
  const byParameter = form.get('ImageId.1');
  if (byParameter !== null) return [byParameter === SOURCE_IMAGE ? source : copy];
  const values: Record<string, string> = {};
  for (let index = 1; form.has(`Filter.${index}.Name`); index += 1) {
    values[form.get(`Filter.${index}.Name`) ?? ''] = form.get(`Filter.${index}.Value.1`) ?? '';
  }
  if (values['image-id'] !== undefined) return [values['image-id'] === COPY ? copy : older];
  // No copy of the source yet; of the recipe there is an older one.
  return 'source-image-id' in values || 'tag:CopiedFromAMI' in values ? [] : [older];
}

function image(id: string, owner: string, tags: Readonly<Record<string, string>>): string {
  const devices = SNAPSHOTS.map(
    (snapshotId, index) =>
      `<item><deviceName>/dev/sd${'af'[index]}</deviceName><ebs><snapshotId>${snapshotId}</snapshotId><volumeSize>8</volumeSize><deleteOnTermination>true</deleteOnTermination><volumeType>gp3</volumeType><encrypted>true</encrypted></ebs></item>`,
  );
  return `<item><imageId>${id}</imageId><imageLocation>${owner}/${copyRequest.name}</imageLocation><imageState>available</imageState><imageOwnerId>${owner}</imageOwnerId><creationDate>${BAKED_AT}</creationDate><isPublic>false</isPublic><architecture>arm64</architecture><imageType>machine</imageType><name>${copyRequest.name}</name><description>${copyRequest.description}</description><rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/sda1</rootDeviceName>${set('blockDeviceMapping', devices)}<virtualizationType>hvm</virtualizationType>${tagSet(tags)}<hypervisor>xen</hypervisor><enaSupport>true</enaSupport><sriovNetSupport>simple</sriovNetSupport><bootMode>uefi</bootMode><imdsSupport>v2.0</imdsSupport><sourceImageId>${SOURCE_IMAGE}</sourceImageId><sourceImageRegion>${REGION}</sourceImageRegion></item>`;
}

function snapshot(id: string): string {
  const marker = formatMarker({ copier: COPIER, attempt: 1, bakedAt: BAKED_AT });
  const tags = { ...bakeTags, Encrypted: 'true', CopiedFromAMI: SOURCE_IMAGE, [MARKER]: marker };
  return `<item><snapshotId>${id}</snapshotId><volumeId>vol-ffffffff</volumeId><status>completed</status><startTime>${BAKED_AT}</startTime><progress>100%</progress><ownerId>${ACCOUNT}</ownerId><volumeSize>8</volumeSize><description>Copied for DestinationAmi</description><encrypted>true</encrypted><kmsKeyId>${KEY_ARN}</kmsKeyId>${tagSet(tags)}</item>`;
}

function tagSet(tags: Readonly<Record<string, string>>): string {
  const items = Object.entries(tags).map(([key, value]) => `<item><key>${key}</key><value>${value}</value></item>`);
  return set('tagSet', items);
}

function images(items: readonly string[]): string {
  return xml('DescribeImages', set('imagesSet', items));
}

function set(name: string, items: readonly string[]): string {
  return `<${name}>${items.join('')}</${name}>`;
}

function xml(operation: string, content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><${operation}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>${content}</${operation}Response>`;
}
