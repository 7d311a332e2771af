import {
  paginateDescribeImageReferences,
  paginateDescribeInstances,
  type EC2Client,
  type ResourceTypeRequest,
} from '@aws-sdk/client-ec2';
import { GetParametersCommand, paginateDescribeParameters, type SSMClient } from '@aws-sdk/client-ssm';
import type { ImageReference, ImageReferences, ReferencesFound } from '../core/account-images.ts';
import { asError } from '../core/errors.ts';
import { spellOutHidden } from '../core/hidden-characters.ts';
import {
  autoScalingGroups,
  ec2Fleets,
  launchConfigurations,
  resolveTemplates,
  spotFleetRequests,
  spotInstanceRequests,
  type LaunchClients,
  type Launcher,
} from './launch-references.ts';
import { MAX_FILTER_VALUES, PAGE_SIZE } from './ec2-image-catalogue.ts';
import { required } from './ec2-image-facts.ts';
import { PARAMETER_PAGE_SIZE } from './ssm-image-parameters.ts';

export interface ReferenceClients extends LaunchClients {
  readonly ssm: SSMClient;
}

/** EC2 API Reference, InstanceState: all but `terminated`. A stopped instance can be started, and a group may replace any. */
const STATES = ['pending', 'running', 'shutting-down', 'stopping', 'stopped'];

/** EC2 API Reference, DescribeImageReferences: without options the newest 10 versions of a launch template, and terminated instances too. */
const RESOURCE_TYPES: ResourceTypeRequest[] = [
  { ResourceType: 'ec2:Instance', ResourceTypeOptions: [{ OptionName: 'state-name', OptionValues: STATES }] },
  {
    ResourceType: 'ec2:LaunchTemplate',
    ResourceTypeOptions: [{ OptionName: 'version-depth', OptionValues: ['10000'] }],
  },
  { ResourceType: 'ssm:Parameter' },
  { ResourceType: 'imagebuilder:ImageRecipe' },
  { ResourceType: 'imagebuilder:ContainerRecipe' },
];

/** In words, for each type of DescribeImageReferences. */
const KINDS: Readonly<Record<string, string>> = {
  'ec2:Instance': 'instance',
  'ec2:LaunchTemplate': 'launch template',
  'ssm:Parameter': 'parameter',
  'imagebuilder:ImageRecipe': 'Image Builder recipe',
  'imagebuilder:ContainerRecipe': 'Image Builder container recipe',
};

/** Each of these reads one kind of reference; where one fails, nobody knows what uses an image. */
const LAUNCHERS: readonly (readonly [what: string, read: (clients: LaunchClients) => Promise<Launcher[]>])[] = [
  ['Auto Scaling groups', autoScalingGroups],
  ['Launch configurations', launchConfigurations],
  ['EC2 Fleets', ec2Fleets],
  ['Spot Fleet requests', spotFleetRequests],
  ['Spot Instance requests', spotInstanceRequests],
];

export class AccountImageReferences implements ImageReferences {
  readonly #clients: ReferenceClients;

  constructor(clients: ReferenceClients) {
    this.#clients = clients;
  }

  async find(imageIds: readonly string[]): Promise<ReferencesFound> {
    if (imageIds.length === 0) return { references: [], unreadable: [] };
    const unreadable: string[] = [];
    const attempt = async <T>(what: string, part: () => Promise<T[]>): Promise<T[]> => {
      try {
        return await part();
      } catch (error) {
        const { name, message } = asError(error);
        unreadable.push(`${what} could not be read: ${name}: ${spellOutHidden(message)}`);
        return [];
      }
    };
    const clients = this.#clients;
    const [known, instances, parameters, ...launchers] = await Promise.all([
      attempt('Image references', () => imageReferences(imageIds, clients.ec2)),
      attempt('Instances', () => instancesOf(imageIds, clients.ec2)),
      attempt('Parameters', () => imageParameters(clients.ssm)),
      ...LAUNCHERS.map(([what, read]) => attempt(what, () => read(clients))),
    ]);
    const all = launchers.flat();
    const named = all.flatMap(({ kind, name, imageIds: own }) => own.map((imageId) => ({ imageId, kind, name })));
    const resolved = await attempt('Launch templates', () => resolveTemplates(all, clients));
    const found = [...known, ...instances, ...parameters, ...named, ...resolved];
    return { references: distinct(found.filter(({ imageId }) => imageIds.includes(imageId))), unreadable };
  }

  async countInstances(imageIds: readonly string[]): Promise<number> {
    return (await instancesOf(imageIds, this.#clients.ec2)).length;
  }
}

async function imageReferences(imageIds: readonly string[], ec2: EC2Client): Promise<ImageReference[]> {
  const references: ImageReference[] = [];
  const input = { ImageIds: [...imageIds], ResourceTypes: RESOURCE_TYPES };
  for await (const { ImageReferences = [] } of paginateDescribeImageReferences({ client: ec2 }, input)) {
    for (const { ImageId, ResourceType = '', Arn = '' } of ImageReferences) {
      references.push({
        imageId: required(ImageId, 'ImageId'),
        kind: KINDS[ResourceType] ?? ResourceType,
        name: nameIn(Arn),
      });
    }
  }
  return references;
}

/** The name of a resource at the end of its ARN. Of a parameter the slash before a path is part of it (SSM User Guide, "Parameter hierarchies"). */
function nameIn(arn: string): string {
  return arn.replace(/^[^/]*:(?:parameter(?=\/[^/]+\/)|[^/:]*\/)/, '');
}

/** Asked for beside the references: it has been there for long, and says the same of every account. */
async function instancesOf(imageIds: readonly string[], ec2: EC2Client): Promise<ImageReference[]> {
  const references: ImageReference[] = [];
  for (let start = 0; start < imageIds.length; start += MAX_FILTER_VALUES) {
    const Filters = [
      { Name: 'image-id', Values: imageIds.slice(start, start + MAX_FILTER_VALUES) },
      { Name: 'instance-state-name', Values: STATES },
    ];
    for await (const { Reservations = [] } of paginateDescribeInstances(
      { client: ec2, pageSize: PAGE_SIZE },
      { Filters },
    )) {
      for (const { ImageId, InstanceId: name = '' } of Reservations.flatMap(({ Instances = [] }) => Instances)) {
        references.push({ imageId: required(ImageId, 'ImageId'), kind: 'instance', name });
      }
    }
  }
  return references;
}

/** The parameters for images, wherever they are. */
async function imageParameters(ssm: SSMClient): Promise<ImageReference[]> {
  const names: string[] = [];
  const ParameterFilters = [{ Key: 'DataType', Values: ['aws:ec2:image'] }];
  for await (const { Parameters = [] } of paginateDescribeParameters(
    { client: ssm, pageSize: 50 },
    { ParameterFilters },
  )) {
    names.push(...Parameters.flatMap(({ Name }) => Name ?? []));
  }
  const references: ImageReference[] = [];
  for (let start = 0; start < names.length; start += PARAMETER_PAGE_SIZE) {
    const Names = names.slice(start, start + PARAMETER_PAGE_SIZE);
    const { Parameters = [] } = await ssm.send(new GetParametersCommand({ Names }));
    references.push(
      ...Parameters.map(({ Name: name = '', Value: imageId = '' }) => ({ imageId, kind: 'parameter', name })),
    );
  }
  return references;
}

function distinct(references: readonly ImageReference[]): ImageReference[] {
  return [...new Map(references.map((each) => [`${each.imageId} ${each.kind} ${each.name}`, each])).values()];
}
