import { paginateDescribeImages, type EC2Client } from '@aws-sdk/client-ec2';
import { paginateGetParametersByPath, type SSMClient } from '@aws-sdk/client-ssm';
import { MARKER, parseMarker } from '../../../lambda/src/core/copy-marker.ts';
import type { ImageFacts } from '../../../lambda/src/core/image-catalogue.ts';
import { channelOf } from '../../../lambda/src/core/image-parameters.ts';
import { allOf } from '../common/aws-answers.ts';
import { tagOf } from '../common/copies.ts';
import { isCopy, knownTo, unencryptedDevicesOf } from '../common/known-copies.ts';
import { awsCommand, toolCommand } from './commands.ts';
import { applyAfter, found, inWords, listed, type CheckedCopier, type Finding, type Remedy } from './finding.ts';

/** The images of an account in a Region, and the parameters that name some. */
export interface OwnImagesFacts {
  readonly images: number;
  /** Copies that EC2 is making, also those that others asked for. */
  readonly copying: number;
  readonly parameters: readonly ParameterFacts[];
  /** Images that have the copier's marker and are no copies of it, with what EC2 says. */
  readonly impostors: readonly { readonly imageId: string; readonly reason: string }[];
  /** Copies with devices for which EC2 makes empty, unencrypted volumes. */
  readonly unencrypted: readonly { readonly imageId: string; readonly devices: readonly string[] }[];
}

/** A parameter that holds an image. */
interface ParameterFacts {
  readonly name: string;
  readonly imageId: string;
  /** Missing where the account cannot see such an image. */
  readonly imageState?: string;
}

// EC2 User Guide, "How Amazon EC2 AMI copy works" and "AMI quotas".
const MAX_COPYING = 300;
const MAX_IMAGES = 50_000;
const NEAR = 0.9;
const PAGE = 1000;
// EC2 API Reference, DescribeImages: up to 200 values a filter.
const FILTER_VALUES = 200;

/** Reads what counts against EC2's quotas, and the parameters below the path. */
export async function readOwnImages(
  ec2: EC2Client,
  ssm: SSMClient,
  parameterPath: string,
  copier: CheckedCopier,
): Promise<OwnImagesFacts> {
  const [images, parameters] = await Promise.all([
    allOf(
      paginateDescribeImages({ client: ec2, pageSize: PAGE }, { Owners: ['self'], IncludeDisabled: true }),
      (page) => page.Images,
    ),
    allOf(
      paginateGetParametersByPath({ client: ssm }, { Path: parameterPath, Recursive: true }),
      (page) => page.Parameters,
    ),
  ]);
  const named = parameters
    .filter(({ DataType }) => DataType === 'aws:ec2:image')
    .map(({ Name = '', Value = '' }) => ({ name: Name, imageId: Value }));
  const states = new Map(images.map(({ ImageId = '', State = '' }) => [ImageId, State] as [string, string]));
  const others = named.map(({ imageId }) => imageId).filter((imageId) => !states.has(imageId));
  for (const [imageId, state] of await statesOf(ec2, others)) states.set(imageId, state);
  const known = images.map((image) => knownTo(copier, image));
  const unencrypted = await unencryptedDevicesOf(ec2, known.filter(isCopy));
  return {
    images: images.length,
    copying: known.filter(({ facts }) => facts.state === 'pending' && isBeingCopied(facts)).length,
    impostors: known.flatMap(({ image, facts, ownership }) =>
      ownership.kind === 'none' && parseMarker(tagOf(image, MARKER), copier.name)
        ? [{ imageId: facts.imageId, reason: ownership.reason }]
        : [],
    ),
    unencrypted: Array.from(unencrypted, ([{ facts }, devices]) => ({ imageId: facts.imageId, devices })),
    parameters: named.map((parameter) => {
      const imageState = states.get(parameter.imageId);
      return imageState === undefined ? parameter : { ...parameter, imageState };
    }),
  };
}

/** EC2 notes a source of images of instances too. */
function isBeingCopied({ source, sourceInstanceId }: ImageFacts): boolean {
  return source !== undefined && sourceInstanceId === undefined;
}

/** By filter, not by id: an id that does not exist would fail the whole call. */
async function statesOf(ec2: EC2Client, imageIds: readonly string[]): Promise<[string, string][]> {
  const states: [string, string][] = [];
  for (let start = 0; start < imageIds.length; start += FILTER_VALUES) {
    const Values = imageIds.slice(start, start + FILTER_VALUES);
    const images = await allOf(
      paginateDescribeImages(
        { client: ec2, pageSize: PAGE },
        { Filters: [{ Name: 'image-id', Values }], IncludeDeprecated: true, IncludeDisabled: true },
      ),
      (page) => page.Images,
    );
    states.push(...images.map(({ ImageId = '', State = '' }): [string, string] => [ImageId, State]));
  }
  return states;
}

/**
 * Checks how near the account is to EC2's quotas, that each parameter names an image that can be launched, and that copies are what
 * they seem to be.
 */
export function checkOwnImages(
  { images, copying, parameters, impostors, unencrypted }: OwnImagesFacts,
  copier: CheckedCopier,
): Finding[] {
  return found(
    copying >= MAX_COPYING * NEAR && {
      code: 'CopiesNearQuota',
      severity: 'warning',
      subject: `copies in progress in ${copier.region}`,
      what: `EC2 makes ${copying} copies, and ${MAX_COPYING} at once are allowed by default.`,
      why: 'Further copies wait until others end. They are tried again for retry_hours.',
      ...applyAfter(
        'Raise the quota "Concurrent AMI copies" in the Region; or set the input retry_hours higher.',
        copier,
      ),
    },
    images >= MAX_IMAGES * NEAR && {
      code: 'ImagesNearQuota',
      severity: 'warning',
      subject: `AMIs in ${copier.region}`,
      what: `The account has ${images} images, and ${MAX_IMAGES} are allowed by default.`,
      why: 'At the quota no further image can be made.',
      ...inWords('Deregister images that are not used, or raise the quota "AMIs" in the Region.'),
    },
    ...impostors.map(({ imageId, reason }): Finding => ({
      code: 'NotOurCopy',
      severity: 'warning',
      subject: imageId,
      what: `It has the tag ${MARKER} of this copier and is no copy of it. ${reason}`,
      why: 'It is not verified, not announced, and no parameter is pointed to it.',
      fix: 'Take the tag off, as an administrator; or, if another of its tags was edited, set that back.',
      commands: [awsCommand(copier, 'ec2', 'delete-tags', '--resources', imageId, '--tags', `Key=${MARKER}`)],
    })),
    ...unencrypted.map(({ imageId, devices }): Finding => ({
      code: 'EmptyVolumesUnencrypted',
      severity: 'warning',
      subject: imageId,
      what: `It has no snapshot for ${listed(devices)}, and says nothing of encryption there.`,
      why: 'EC2 makes these volumes empty and unencrypted at each launch that does not ask for more.',
      fix: 'Let the account encrypt by default, as an administrator; or bake with Encrypted = true for the device.',
      commands: [awsCommand(copier, 'ec2', 'enable-ebs-encryption-by-default')],
    })),
    ...parameters
      .filter(({ imageState }) => imageState !== 'available')
      .map(({ name: subject, imageId, imageState }): Finding => ({
        code: 'ParameterDangles',
        severity: 'problem',
        subject,
        what: `It names ${imageId}, which ${imageState === undefined ? 'does not exist' : `is ${imageState}`}.`,
        why: 'Nothing can be launched by this parameter.',
        ...pointBack(subject, copier),
      })),
  );
}

function pointBack(parameter: string, copier: CheckedCopier): Remedy {
  const start = `${copier.parameterPath}/`;
  const fix = 'Point it to the verified copy before. If none is left, give it another by hand.';
  if (!parameter.startsWith(start)) return inWords(fix);
  const found = channelOf(parameter, copier);
  if (found) {
    const { recipe, channel } = found;
    return { fix, commands: [toolCommand(copier, 'rollback', recipe, '--channel', channel, '--yes')] };
  }
  return { fix, commands: [toolCommand(copier, 'rollback', parameter.slice(start.length), '--yes')] };
}
