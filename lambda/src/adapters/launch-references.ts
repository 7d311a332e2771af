import {
  paginateDescribeAutoScalingGroups,
  paginateDescribeLaunchConfigurations,
  type AutoScalingClient,
  type AutoScalingGroup,
  type LaunchTemplateSpecification,
} from '@aws-sdk/client-auto-scaling';
import {
  paginateDescribeFleets,
  paginateDescribeLaunchTemplateVersions,
  paginateDescribeSpotFleetRequests,
  paginateDescribeSpotInstanceRequests,
  type EC2Client,
  type FleetLaunchTemplateSpecification,
} from '@aws-sdk/client-ec2';
import type { ImageReference } from '../core/account-images.ts';
import { asError } from '../core/errors.ts';

export interface LaunchClients {
  readonly ec2: EC2Client;
  readonly autoScaling: AutoScalingClient;
}

/** What launches instances by itself: the images that it names, and the launch templates. */
export interface Launcher {
  readonly kind: string;
  readonly name: string;
  readonly imageIds: readonly string[];
  readonly templates: readonly TemplateVersion[];
}

/** A version of a launch template, by its number, `$Latest` or `$Default`. */
interface TemplateVersion {
  readonly template: { readonly id: string } | { readonly name: string };
  readonly version: string;
}

type Specification = LaunchTemplateSpecification | FleetLaunchTemplateSpecification | undefined;

/** An Auto Scaling group launches by `$Default` where it names no version (Amazon EC2 Auto Scaling API Reference, LaunchTemplateSpecification). */
const DEFAULT_VERSION = '$Default';

/** The groups, with the launch configurations that they use. */
export async function autoScalingGroups({ autoScaling }: LaunchClients): Promise<Launcher[]> {
  const launchers: Launcher[] = [];
  for await (const { AutoScalingGroups = [] } of paginateDescribeAutoScalingGroups({ client: autoScaling }, {})) {
    launchers.push(...AutoScalingGroups.map(toLauncher));
  }
  return launchers;
}

function toLauncher({ AutoScalingGroupName = '', LaunchTemplate, MixedInstancesPolicy }: AutoScalingGroup): Launcher {
  const { LaunchTemplate: mixed } = MixedInstancesPolicy ?? {};
  const overrides = mixed?.Overrides ?? [];
  return {
    kind: 'Auto Scaling group',
    name: AutoScalingGroupName,
    imageIds: overrides.flatMap(({ ImageId }) => ImageId ?? []),
    templates: versionsIn(
      LaunchTemplate,
      mixed?.LaunchTemplateSpecification,
      ...overrides.map(({ LaunchTemplateSpecification: own }) => own),
    ),
  };
}

/** The launch configurations, whether a group uses them or not: one that has none may get it at any time. */
export async function launchConfigurations({ autoScaling }: LaunchClients): Promise<Launcher[]> {
  const launchers: Launcher[] = [];
  for await (const { LaunchConfigurations = [] } of paginateDescribeLaunchConfigurations({ client: autoScaling }, {})) {
    for (const { LaunchConfigurationName: name = '', ImageId } of LaunchConfigurations) {
      launchers.push({ kind: 'launch configuration', name, imageIds: ImageId ? [ImageId] : [], templates: [] });
    }
  }
  return launchers;
}

/** The EC2 Fleets that may still launch: those that were deleted do no more. */
export async function ec2Fleets({ ec2 }: LaunchClients): Promise<Launcher[]> {
  const launchers: Launcher[] = [];
  for await (const { Fleets = [] } of paginateDescribeFleets({ client: ec2 }, {})) {
    for (const { FleetId = '', FleetState, LaunchTemplateConfigs = [] } of Fleets) {
      // EC2 API Reference, DeleteFleets: a deleted fleet launches no new instances, also while those that it has go on.
      if (FleetState?.startsWith('deleted') || FleetState === 'failed') continue;
      launchers.push({
        kind: 'EC2 Fleet',
        name: FleetId,
        imageIds: LaunchTemplateConfigs.flatMap(({ Overrides = [] }) => Overrides).flatMap(
          ({ ImageId }) => ImageId ?? [],
        ),
        templates: versionsIn(...LaunchTemplateConfigs.map(({ LaunchTemplateSpecification: own }) => own)),
      });
    }
  }
  return launchers;
}

/** The requests for a Spot Fleet that may still launch. */
export async function spotFleetRequests({ ec2 }: LaunchClients): Promise<Launcher[]> {
  const launchers: Launcher[] = [];
  for await (const { SpotFleetRequestConfigs = [] } of paginateDescribeSpotFleetRequests({ client: ec2 }, {})) {
    for (const { SpotFleetRequestId = '', SpotFleetRequestState, SpotFleetRequestConfig } of SpotFleetRequestConfigs) {
      if (SpotFleetRequestState?.startsWith('cancelled') || SpotFleetRequestState === 'failed') continue;
      const { LaunchSpecifications = [], LaunchTemplateConfigs = [] } = SpotFleetRequestConfig ?? {};
      launchers.push({
        kind: 'Spot Fleet request',
        name: SpotFleetRequestId,
        imageIds: LaunchSpecifications.flatMap(({ ImageId }) => ImageId ?? []),
        templates: versionsIn(...LaunchTemplateConfigs.map(({ LaunchTemplateSpecification: own }) => own)),
      });
    }
  }
  return launchers;
}

/** The requests for Spot Instances that may still launch: one whose instance is stopped is `disabled`, and opens once that is started. */
export async function spotInstanceRequests({ ec2 }: LaunchClients): Promise<Launcher[]> {
  const launchers: Launcher[] = [];
  const Filters = [{ Name: 'state', Values: ['open', 'active', 'disabled'] }];
  const pages = paginateDescribeSpotInstanceRequests({ client: ec2 }, { Filters });
  for await (const { SpotInstanceRequests = [] } of pages) {
    for (const { SpotInstanceRequestId: name = '', LaunchSpecification } of SpotInstanceRequests) {
      const { ImageId } = LaunchSpecification ?? {};
      launchers.push({ kind: 'Spot Instance request', name, imageIds: ImageId ? [ImageId] : [], templates: [] });
    }
  }
  return launchers;
}

function versionsIn(...specifications: readonly Specification[]): TemplateVersion[] {
  return specifications.flatMap((specification): TemplateVersion[] => {
    const { LaunchTemplateId: id, LaunchTemplateName: name, Version: version = DEFAULT_VERSION } = specification ?? {};
    if (id !== undefined) return [{ template: { id }, version }];
    return name === undefined ? [] : [{ template: { name }, version }];
  });
}

/**
 * The image that each version of a launch template stands for. EC2 resolves what names a parameter, also an older version of it, which
 * no parameter points to any more.
 * @throws {Error} naming the first version that cannot be resolved, and what launches by it
 */
export async function resolveTemplates(
  launchers: readonly Launcher[],
  { ec2 }: LaunchClients,
): Promise<ImageReference[]> {
  const asked = new Map<string, { version: TemplateVersion; launchers: Launcher[] }>();
  for (const launcher of launchers) {
    for (const version of launcher.templates) {
      const key = JSON.stringify(version);
      const known = asked.get(key) ?? { version, launchers: [] };
      known.launchers.push(launcher);
      asked.set(key, known);
    }
  }
  const references: ImageReference[] = [];
  for (const { version, launchers: users } of asked.values()) {
    const imageIds = await imagesOf(version, ec2).catch((thrown: unknown) => {
      const { name, message } = asError(thrown);
      const by = users.map((user) => `${user.kind} ${user.name}`).join(', ');
      throw new Error(`${describe(version)}, by which ${by} launches: ${name}: ${message}`, { cause: thrown });
    });
    for (const imageId of imageIds) {
      references.push(...users.map(({ kind, name }) => ({ imageId, kind, name })));
    }
  }
  return references;
}

async function imagesOf({ template, version }: TemplateVersion, ec2: EC2Client): Promise<string[]> {
  const named = 'id' in template ? { LaunchTemplateId: template.id } : { LaunchTemplateName: template.name };
  const imageIds: string[] = [];
  const input = { ...named, Versions: [version], ResolveAlias: true };
  try {
    for await (const { LaunchTemplateVersions = [] } of paginateDescribeLaunchTemplateVersions(
      { client: ec2 },
      input,
    )) {
      imageIds.push(...LaunchTemplateVersions.flatMap(({ LaunchTemplateData }) => LaunchTemplateData?.ImageId ?? []));
    }
    // Which image it stands for is not known then: it may be any of them.
    const unresolved = imageIds.find((imageId) => imageId.startsWith('resolve:'));
    if (unresolved !== undefined) throw new Error(`EC2 did not resolve ${unresolved}`);
  } catch (error) {
    // A group whose template is gone launches nothing.
    if (error instanceof Error && /^InvalidLaunchTemplate(Id|Name)\.(NotFound|VersionNotFound)/.test(error.name))
      return [];
    throw error;
  }
  return imageIds;
}

function describe({ template, version }: TemplateVersion): string {
  return `version ${version} of ${'id' in template ? template.id : template.name}`;
}
