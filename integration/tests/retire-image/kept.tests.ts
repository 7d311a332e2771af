import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AutoScalingClient,
  CreateAutoScalingGroupCommand,
  CreateLaunchConfigurationCommand,
} from '@aws-sdk/client-auto-scaling';
import {
  CopyImageCommand,
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  CreateTagsCommand,
  DisableImageDeregistrationProtectionCommand,
  EnableImageDeregistrationProtectionCommand,
  ModifyLaunchTemplateCommand,
  RequestSpotFleetCommand,
  RequestSpotInstancesCommand,
  RunInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import { DeleteParameterCommand, GetParametersCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { keyIdOf } from '../../../lambda/src/core/copy-marker.ts';
import type { EndReason, RetirementResult } from '../../../lambda/src/core/retirement-results.ts';
import { emulatedSettings } from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { endCopies, endpoint, injectFault, REGION } from '../support/emulator.ts';
import { copyNew, linesOf, markerOf, openStage, retire, stateOf, toldOf, type Copied, type Stage } from './stage.ts';

const RECIPE = 'ubuntu';
const SPOT_ROLE = 'arn:aws:iam::123456789012:role/aws-ec2-spot-fleet-tagging-role';
const TYPE = 't4g.micro';
const PROTECTION = 'its deregistration protection';

let stage: Stage;
let copies: Copied[];
let newest: string;
let names = 0;

const ec2 = () => stage.target.account.ec2;
const autoScaling = () => new AutoScalingClient(emulatedSettings(endpoint(), stage.target.account.id, REGION));
const used = (kind: string, name: string): EndReason => ({
  code: 'Referenced',
  message: `The ${kind} ${name} uses it.`,
});

/** A name that nothing else has. */
function newName(): string {
  names += 1;
  return `web-${names}`;
}

async function launch(ImageId: string): Promise<string> {
  const { Instances = [] } = await ec2().send(
    new RunInstancesCommand({ ImageId, InstanceType: TYPE, MinCount: 1, MaxCount: 1 }),
  );
  return Instances[0]?.InstanceId ?? '';
}

/** A launch template with a version for each image; the last one is the latest, and the one with that number the default. */
async function createTemplate(images: readonly string[], defaultVersion = 1): Promise<string> {
  const [first, ...others] = images.map((ImageId) => ({ ImageId, InstanceType: TYPE }) as const);
  const made = await ec2().send(
    new CreateLaunchTemplateCommand({ LaunchTemplateName: newName(), LaunchTemplateData: first }),
  );
  const { LaunchTemplateId = '' } = made.LaunchTemplate ?? {};
  for (const LaunchTemplateData of others)
    await ec2().send(new CreateLaunchTemplateVersionCommand({ LaunchTemplateId, LaunchTemplateData }));
  await ec2().send(new ModifyLaunchTemplateCommand({ LaunchTemplateId, DefaultVersion: String(defaultVersion) }));
  return LaunchTemplateId;
}

async function createGroup(launched: object): Promise<string> {
  const AutoScalingGroupName = newName();
  await autoScaling().send(
    new CreateAutoScalingGroupCommand({
      AutoScalingGroupName,
      AvailabilityZones: [`${REGION}a`],
      MinSize: 0,
      MaxSize: 2,
      DesiredCapacity: 0,
      ...launched,
    }),
  );
  return AutoScalingGroupName;
}

/** Sets a parameter, and waits until it is stored: SSM looks at the image first (SSM API Reference, PutParameter, DataType). */
async function putParameter(Name: string, Value: string): Promise<void> {
  const { ssm } = stage.target.account;
  const parameter = { Name, Value, Type: 'String', DataType: 'aws:ec2:image', Overwrite: true } as const;
  await ssm.send(new PutParameterCommand(parameter));
  await waitFor(`the parameter ${Name}`, async () => {
    const { Parameters = [] } = await ssm.send(new GetParametersCommand({ Names: [Name] }));
    return Parameters.some((stored) => stored.Value === Value) || undefined;
  });
}

/** A group by a version of a template that has the image in this place, and another one in the others. */
const groupBy = (Version: string, place: number, defaultVersion: number) => async (image: string) => {
  const images = [newest, newest, newest].with(place - 1, image);
  const LaunchTemplateId = await createTemplate(images, defaultVersion);
  const group = await createGroup({ LaunchTemplate: { LaunchTemplateId, Version } });
  return [used('Auto Scaling group', group), used('launch template', LaunchTemplateId)];
};

/** What keeps an image: makes it, and says how it is named. */
type Keeper = (image: string) => Promise<EndReason[]>;

const KEEPERS: readonly (readonly [what: string, keeper: Keeper])[] = [
  ['a running instance', async (image) => [used('instance', await launch(image))]],
  [
    'a stopped instance',
    async (image) => {
      const id = await launch(image);
      await ec2().send(new StopInstancesCommand({ InstanceIds: [id] }));
      return [used('instance', id)];
    },
  ],
  [
    'an old version of a launch template',
    async (image) => [used('launch template', await createTemplate([image, ...Array<string>(11).fill(newest)], 12))],
  ],
  ['an Auto Scaling group by $Latest', groupBy('$Latest', 3, 1)],
  ['an Auto Scaling group by $Default', groupBy('$Default', 2, 2)],
  ['an Auto Scaling group by a number', groupBy('1', 1, 2)],
  [
    'an override of a mixed instances policy',
    async (image) => {
      const LaunchTemplateId = await createTemplate([newest]);
      const LaunchTemplate = {
        LaunchTemplateSpecification: { LaunchTemplateId, Version: '$Latest' },
        Overrides: [{ InstanceType: TYPE }, { InstanceType: 'm7g.large', ImageId: image }],
      };
      return [used('Auto Scaling group', await createGroup({ MixedInstancesPolicy: { LaunchTemplate } }))];
    },
  ],
  [
    "an override's own launch template",
    async (image) => {
      const LaunchTemplateSpecification = { LaunchTemplateId: await createTemplate([newest]), Version: '1' };
      const own = { LaunchTemplateId: await createTemplate([image]), Version: '$Default' };
      const Overrides = [{ InstanceType: 'm7g.large', LaunchTemplateSpecification: own }];
      const group = await createGroup({
        MixedInstancesPolicy: { LaunchTemplate: { LaunchTemplateSpecification, Overrides } },
      });
      return [used('Auto Scaling group', group), used('launch template', own.LaunchTemplateId)];
    },
  ],
  [
    'a launch configuration',
    async (ImageId) => {
      const LaunchConfigurationName = newName();
      const configuration = { LaunchConfigurationName, ImageId, InstanceType: TYPE };
      await autoScaling().send(new CreateLaunchConfigurationCommand(configuration));
      return [used('launch configuration', LaunchConfigurationName)];
    },
  ],
  [
    // DescribeImageReferences shows what a parameter points to, not what its older versions did.
    'a group whose template names an old version of a parameter',
    async (image) => {
      const name = `/${newName()}/image`;
      await putParameter(name, image);
      await putParameter(name, newest);
      const LaunchTemplateId = await createTemplate([`resolve:ssm:${name}:1`]);
      return [used('Auto Scaling group', await createGroup({ LaunchTemplate: { LaunchTemplateId, Version: '1' } }))];
    },
  ],
  [
    'an EC2 Fleet',
    async (image) => {
      const LaunchTemplateId = await createTemplate([newest]);
      const { FleetId = '' } = await ec2().send(
        new CreateFleetCommand({
          TargetCapacitySpecification: { TotalTargetCapacity: 0, DefaultTargetCapacityType: 'on-demand' },
          LaunchTemplateConfigs: [
            {
              LaunchTemplateSpecification: { LaunchTemplateId, Version: '1' },
              Overrides: [{ InstanceType: TYPE, ImageId: image }],
            },
          ],
        }),
      );
      return [used('EC2 Fleet', FleetId)];
    },
  ],
  [
    'a Spot Fleet request',
    async (ImageId) => {
      const { SpotFleetRequestId = '' } = await ec2().send(
        new RequestSpotFleetCommand({
          SpotFleetRequestConfig: {
            IamFleetRole: SPOT_ROLE,
            TargetCapacity: 0,
            LaunchSpecifications: [{ ImageId, InstanceType: TYPE }],
          },
        }),
      );
      return [used('Spot Fleet request', SpotFleetRequestId)];
    },
  ],
  [
    'a Spot Instance request',
    async (ImageId) => {
      const LaunchSpecification = { ImageId, InstanceType: TYPE } as const;
      const { SpotInstanceRequests = [] } = await ec2().send(new RequestSpotInstancesCommand({ LaunchSpecification }));
      const [{ InstanceId = '', SpotInstanceRequestId = '' } = {}] = SpotInstanceRequests;
      return [used('Spot Instance request', SpotInstanceRequestId), used('instance', InstanceId)];
    },
  ],
  [
    'a parameter for images that is not of this copier',
    async (image) => {
      const name = `/${newName()}/image`;
      await putParameter(name, image);
      return [used('parameter', name)];
    },
  ],
  [
    'the parameter of its recipe',
    async (image) => {
      const name = `/image-copier/${RECIPE}`;
      await putParameter(name, image);
      return [{ code: 'Parameter', message: `The parameter ${name} points to it.` }, used('parameter', name)];
    },
  ],
  [
    'a copy that EC2 makes of it',
    async (SourceImageId) => {
      const { account } = stage.target;
      const restore = await injectFault({ kind: 'slow-copy', account: account.id, seconds: 3600 });
      const request = { SourceImageId, SourceRegion: REGION, Name: newName() };
      const { ImageId = '' } = await ec2().send(new CopyImageCommand(request));
      await restore();
      return [{ code: 'PendingCopy', message: `${ImageId} is being made of it.` }];
    },
  ],
  [
    PROTECTION,
    async (ImageId) => {
      await ec2().send(new EnableImageDeregistrationProtectionCommand({ ImageId }));
      return [{ code: 'Protected', message: 'It is protected from being deregistered.' }];
    },
  ],
  [
    'a tag keep',
    async (image) => {
      await ec2().send(new CreateTagsCommand({ Resources: [image], Tags: [{ Key: 'Keep', Value: 'audit' }] }));
      return [{ code: 'KeepTag', message: 'It has the tag Keep.' }];
    },
  ],
];

describe('an image stays', () => {
  beforeAll(async () => {
    stage = await openStage();
    copies = await copyNew(stage, KEEPERS.length + 1, RECIPE);
    newest = copies.at(-1)?.copyId ?? '';
  });

  /** Asks that an image goes, and has the result, the log and the image say that it stays and why. */
  async function expectKept(imageId: string, reasons: readonly EndReason[]): Promise<void> {
    const { image } = copies.find(({ copyId }) => copyId === imageId) ?? {};
    const before = linesOf(stage, imageId).length;
    await retire(stage, [imageId], 7);

    const [told] = (await toldOf<RetirementResult>(stage, imageId)).slice(-1);
    expect(told).toMatchObject({
      source: 'image-copier',
      'detail-type': 'Image Kept',
      detail: { imageId, sourceAmi: image?.imageId, sourceRegion: REGION, recipe: RECIPE, name: image?.name },
    });
    expect(inOrder(told?.detail.reasons)).toEqual(inOrder(reasons));
    const lines = linesOf(stage, imageId).slice(before);
    expect(lines).toEqual([expect.objectContaining({ message: 'image kept', reasons: told?.detail.reasons })]);
    expect(await stateOf(stage, imageId)).toBe('available');
  }

  const inOrder = (reasons: readonly EndReason[] = []) =>
    reasons.toSorted((one, other) => one.message.localeCompare(other.message));

  it.each(KEEPERS.map(([what, keeper], place) => [what, keeper, place] as const))(
    'because of %s',
    async (_what, keeper, place) => {
      const { copyId = '' } = copies[place] ?? {};
      const reasons = await keeper(copyId);

      await expectKept(copyId, reasons);
      expect(await markerOf(stage, copyId)).toMatch(/ announced=.* asked=\S+ quarantine=7$/);
    },
  );

  afterAll(async () => {
    const ImageId = copies[KEEPERS.findIndex(([what]) => what === PROTECTION)]?.copyId;
    await ec2().send(new DisableImageDeregistrationProtectionCommand({ ImageId }));
  });
});

describe('of a recipe', () => {
  /** The codes of the reasons why an image stays. */
  async function codesFor(imageId: string): Promise<string[] | undefined> {
    await retire(stage, [imageId]);
    const [told] = (await toldOf<RetirementResult>(stage, imageId)).slice(-1);
    expect([told?.['detail-type'], await stateOf(stage, imageId)]).toEqual(['Image Kept', 'available']);
    return told?.detail.reasons.map(({ code }) => code);
  }

  beforeAll(async () => {
    stage = await openStage({ ROLLBACK_DEPTH: '2' });
    copies = await copyNew(stage, 4, RECIPE);
    newest = copies.at(-1)?.copyId ?? '';
  });

  it('the newest image stays, and so do as many before it as one may go back to', async () => {
    const [oldest = '', second = '', third = ''] = copies.map(({ copyId }) => copyId);

    expect(await codesFor(newest)).toEqual(['Newest', 'Parameter', 'Referenced']);
    expect(await codesFor(third)).toEqual(['Rollback']);
    expect(await codesFor(second)).toEqual(['Rollback']);
    await retire(stage, [oldest]);
    expect(await stateOf(stage, oldest)).toBeUndefined();
  });

  it('the newest image stays, though the marker of another one says that it is newer', async () => {
    const { account, keyArn } = stage.target;
    const marker = `image-copier announced=2030-01-01T00:00:00.000Z attempt=1 baked=2030-01-01T00:00:00.000Z key=${keyIdOf(keyArn)}`;
    const Tags = Object.entries({ ImageCopier: marker, Recipe: RECIPE }).map(([Key, Value]) => ({ Key, Value }));
    const { ImageId: forged = '' } = await ec2().send(
      new CopyImageCommand({
        SourceImageId: copies.at(-1)?.image.imageId,
        SourceRegion: REGION,
        Name: 'forged',
        TagSpecifications: [{ ResourceType: 'image', Tags }],
      }),
    );
    await endCopies(account.id);
    await waitFor('the copy', async () => ((await stateOf(stage, forged)) === 'available' ? true : undefined));
    await account.ssm.send(new DeleteParameterCommand({ Name: `/image-copier/${RECIPE}` }));

    expect(await codesFor(newest)).toEqual(['Newest']);
    expect(await codesFor(forged)).toEqual(['NotOurs']);
  });
});
