import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  DescribeLaunchConfigurationsCommand,
  type AutoScalingGroup,
} from '@aws-sdk/client-auto-scaling';
import {
  DescribeFleetsCommand,
  DescribeImageReferencesCommand,
  DescribeInstancesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeSpotFleetRequestsCommand,
  DescribeSpotInstanceRequestsCommand,
  EC2Client,
  EC2ServiceException,
  type FleetData,
  type ImageReference,
  type SpotFleetRequestConfig,
} from '@aws-sdk/client-ec2';
import { DescribeParametersCommand, GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { AccountImageReferences } from '../../src/adapters/account-image-references.ts';
import { ACCOUNT, answerPages, COPY, REGION } from '../factories.ts';

const clients = {
  ec2: new EC2Client({ region: REGION }),
  ssm: new SSMClient({ region: REGION }),
  autoScaling: new AutoScalingClient({ region: REGION }),
};
const ec2 = mockClient(clients.ec2);
const ssm = mockClient(clients.ssm);
const autoScaling = mockClient(clients.autoScaling);
const references = new AccountImageReferences(clients);
const OTHER = 'ami-0bbbbbbbbbbbbbbbb';
const STATES = ['pending', 'running', 'shutting-down', 'stopping', 'stopped'];

/** What names the one image, as "kind name". Nothing may be unreadable. */
async function namedBy(imageId = COPY): Promise<string[]> {
  const found = await references.find([imageId]);
  expect(found.unreadable).toEqual([]);
  return found.references.map(({ kind, name }) => `${kind} ${name}`);
}

function awsError(name: string, message: string): EC2ServiceException {
  return new EC2ServiceException({ name, message, $fault: 'client', $metadata: { httpStatusCode: 400 } });
}

const denied = awsError('UnauthorizedOperation', 'You are not authorized.');
const versionOf = (template: { LaunchTemplateId: string } | { LaunchTemplateName: string }, version: string) =>
  ec2.on(DescribeLaunchTemplateVersionsCommand, { ...template, Versions: [version], ResolveAlias: true });
const images = (...ids: string[]) => ({
  LaunchTemplateVersions: ids.map((ImageId) => ({ LaunchTemplateData: { ImageId } })),
});

beforeEach(() => {
  for (const client of [ec2, ssm, autoScaling]) client.reset();
  ec2.onAnyCommand().resolves({});
  ssm.onAnyCommand().resolves({});
  autoScaling.onAnyCommand().resolves({});
});

describe('find', () => {
  it('asks nothing about no image', async () => {
    expect(await references.find([])).toEqual({ references: [], unreadable: [] });
    expect([...ec2.calls(), ...ssm.calls(), ...autoScaling.calls()]).toEqual([]);
  });

  it('finds nothing in an account that has nothing', async () => {
    expect(await references.find([COPY])).toEqual({ references: [], unreadable: [] });
  });

  it('names a reference once, however many reads find it, and none to another image', async () => {
    const Instances = [
      { InstanceId: 'i-1', ImageId: COPY },
      { InstanceId: 'i-2', ImageId: OTHER },
    ];
    ec2.on(DescribeInstancesCommand).resolves({ Reservations: [{ Instances }, { Instances }] });
    const Arn = `arn:aws:ec2:${REGION}:${ACCOUNT}:instance/i-1`;
    ec2.on(DescribeImageReferencesCommand).resolves({
      ImageReferences: [{ ImageId: COPY, ResourceType: 'ec2:Instance', Arn }],
    });

    expect(await references.find([COPY])).toEqual({
      references: [{ imageId: COPY, kind: 'instance', name: 'i-1' }],
      unreadable: [],
    });
  });

  it.each([
    ['Image references', () => ec2.on(DescribeImageReferencesCommand).rejects(denied)],
    ['Instances', () => ec2.on(DescribeInstancesCommand).rejects(denied)],
    ['Parameters', () => ssm.on(DescribeParametersCommand).rejects(denied)],
    ['Auto Scaling groups', () => autoScaling.on(DescribeAutoScalingGroupsCommand).rejects(denied)],
    ['Launch configurations', () => autoScaling.on(DescribeLaunchConfigurationsCommand).rejects(denied)],
    ['EC2 Fleets', () => ec2.on(DescribeFleetsCommand).rejects(denied)],
    ['Spot Fleet requests', () => ec2.on(DescribeSpotFleetRequestsCommand).rejects(denied)],
    ['Spot Instance requests', () => ec2.on(DescribeSpotInstanceRequestsCommand).rejects(denied)],
  ])('says that it could not read: %s; and reads the rest', async (what, refuse) => {
    ec2
      .on(DescribeInstancesCommand)
      .resolves({ Reservations: [{ Instances: [{ InstanceId: 'i-1', ImageId: COPY }] }] });
    const LaunchConfigurations = [
      { LaunchConfigurationName: 'old', ImageId: COPY, InstanceType: 't3.micro', CreatedTime: new Date() },
    ];
    autoScaling.on(DescribeLaunchConfigurationsCommand).resolves({ LaunchConfigurations });
    refuse();

    const found = await references.find([COPY]);
    expect(found.unreadable).toEqual([`${what} could not be read: UnauthorizedOperation: You are not authorized.`]);
    const read = ['Instances', 'Launch configurations'].filter((other) => other !== what);
    expect(found.references).toHaveLength(read.length);
  });

  it('says so where a later page fails', async () => {
    answerPages(ec2.on(DescribeInstancesCommand), {
      Reservations: [{ Instances: [{ InstanceId: 'i-1', ImageId: COPY }] }],
      NextToken: 'more',
    });

    const { unreadable } = await references.find([COPY]);
    expect(unreadable).toEqual(['Instances could not be read: Error: There are no more pages.']);
  });
});

describe('what EC2 says of references', () => {
  it('is asked for all kinds, of instances that are not terminated and of all versions', async () => {
    const inputs = answerPages(
      ec2.on(DescribeImageReferencesCommand),
      { NextToken: 'more' },
      {
        ImageReferences: [
          { ImageId: COPY, ResourceType: 'ec2:LaunchTemplate', Arn: 'arn:aws:ec2:r:a:launch-template/lt-1' },
        ],
      },
    );
    expect(await namedBy()).toEqual(['launch template lt-1']);

    const page = {
      ImageIds: [COPY],
      ResourceTypes: [
        { ResourceType: 'ec2:Instance', ResourceTypeOptions: [{ OptionName: 'state-name', OptionValues: STATES }] },
        {
          ResourceType: 'ec2:LaunchTemplate',
          ResourceTypeOptions: [{ OptionName: 'version-depth', OptionValues: ['10000'] }],
        },
        { ResourceType: 'ssm:Parameter' },
        { ResourceType: 'imagebuilder:ImageRecipe' },
        { ResourceType: 'imagebuilder:ContainerRecipe' },
      ],
    };
    expect(inputs).toEqual([page, { ...page, NextToken: 'more' }]);
  });

  const arn = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
  it.each<[ImageReference['ResourceType'], string, string]>([
    ['ec2:Instance', arn('ec2', 'instance/i-1'), 'instance i-1'],
    ['ec2:LaunchTemplate', arn('ec2', 'launch-template/lt-1'), 'launch template lt-1'],
    ['ssm:Parameter', arn('ssm', 'parameter/image-copier/ubuntu'), 'parameter /image-copier/ubuntu'],
    ['ssm:Parameter', arn('ssm', 'parameter/golden'), 'parameter golden'],
    ['imagebuilder:ImageRecipe', arn('imagebuilder', 'image-recipe/web/1.0.0'), 'Image Builder recipe web/1.0.0'],
    [
      'imagebuilder:ContainerRecipe',
      arn('imagebuilder', 'container-recipe/web/1.0.0'),
      'Image Builder container recipe web/1.0.0',
    ],
    ['ecs:Cluster' as ImageReference['ResourceType'], arn('ecs', 'cluster/new'), 'ecs:Cluster new'],
  ])('names a resource of type %s by its name: %s', async (ResourceType, Arn, named) => {
    ec2.on(DescribeImageReferencesCommand).resolves({ ImageReferences: [{ ImageId: COPY, ResourceType, Arn }] });

    expect(await namedBy()).toEqual([named]);
  });

  it('is unreadable where an image has no id', async () => {
    ec2.on(DescribeImageReferencesCommand).resolves({ ImageReferences: [{ ResourceType: 'ec2:Instance' }] });

    expect((await references.find([COPY])).unreadable).toEqual([
      'Image references could not be read: Error: EC2 answered without ImageId',
    ]);
  });
});

describe('instances', () => {
  it('are asked for by at most 200 images at a time, in all states but terminated, page by page', async () => {
    const inputs = answerPages(
      ec2.on(DescribeInstancesCommand),
      { Reservations: [{ Instances: [{ InstanceId: 'i-1', ImageId: COPY }] }], NextToken: 'more' },
      { Reservations: [{ Instances: [{ InstanceId: 'i-2', ImageId: COPY }] }, {}] },
      {},
    );
    const ids = [COPY, ...Array.from({ length: 200 }, (_, index) => `ami-${index}`)];

    expect(await references.countInstances(ids)).toBe(2);
    const asked = (Values: string[]) => ({
      Filters: [
        { Name: 'image-id', Values },
        { Name: 'instance-state-name', Values: STATES },
      ],
      MaxResults: 1000,
    });
    expect(inputs).toEqual([
      asked(ids.slice(0, 200)),
      { ...asked(ids.slice(0, 200)), NextToken: 'more' },
      asked(ids.slice(200)),
    ]);
  });

  it('are none of no image', async () => {
    expect(await references.countInstances([])).toBe(0);
    expect(ec2.calls()).toEqual([]);
  });

  it('are not counted where EC2 refuses', async () => {
    ec2.on(DescribeInstancesCommand).rejects(denied);

    await expect(references.countInstances([COPY])).rejects.toBe(denied);
  });
});

describe('parameters', () => {
  it('are all those for images, ten at a time, whatever their names', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `/team/image-${index}`);
    const pages = answerPages(
      ssm.on(DescribeParametersCommand),
      { Parameters: names.slice(0, 7).map((Name) => ({ Name })), NextToken: 'more' },
      { Parameters: [...names.slice(7).map((Name) => ({ Name })), {}] },
    );
    const reads = answerPages(
      ssm.on(GetParametersCommand),
      { Parameters: [{ Name: '/team/image-3', Value: COPY }] },
      // One that was deleted meanwhile is named apart.
      { Parameters: [{ Name: '/team/image-11', Value: COPY }, {}], InvalidParameters: ['/team/image-10'] },
    );

    expect(await namedBy()).toEqual(['parameter /team/image-3', 'parameter /team/image-11']);
    const page = { ParameterFilters: [{ Key: 'DataType', Values: ['aws:ec2:image'] }], MaxResults: 50 };
    expect(pages).toEqual([page, { ...page, NextToken: 'more' }]);
    expect(reads).toEqual([{ Names: names.slice(0, 10) }, { Names: names.slice(10) }]);
  });

  it('are unreadable where their values are', async () => {
    ssm.on(DescribeParametersCommand).resolves({ Parameters: [{ Name: 'golden' }] });
    ssm.on(GetParametersCommand).rejects(awsError('AccessDeniedException', 'no'));

    expect((await references.find([COPY])).unreadable).toEqual([
      'Parameters could not be read: AccessDeniedException: no',
    ]);
  });
});

describe('Auto Scaling', () => {
  const group = (changes: Partial<AutoScalingGroup>) =>
    ({ AutoScalingGroupName: 'web', ...changes }) as AutoScalingGroup;
  const grouped = (changes: Partial<AutoScalingGroup>) =>
    autoScaling.on(DescribeAutoScalingGroupsCommand).resolves({ AutoScalingGroups: [group(changes)] });

  it.each([
    [
      'by its id',
      { LaunchTemplateId: 'lt-1', LaunchTemplateName: 'web', Version: '3' },
      { LaunchTemplateId: 'lt-1' },
      '3',
    ],
    ['by its name', { LaunchTemplateName: 'web', Version: '$Latest' }, { LaunchTemplateName: 'web' }, '$Latest'],
    [
      'by its default version',
      { LaunchTemplateId: 'lt-1', Version: '$Default' },
      { LaunchTemplateId: 'lt-1' },
      '$Default',
    ],
    ['without a version: the default one', { LaunchTemplateId: 'lt-1' }, { LaunchTemplateId: 'lt-1' }, '$Default'],
  ])('uses the image of a launch template %s', async (_how, LaunchTemplate, template, version) => {
    grouped({ LaunchTemplate });
    versionOf(template, version).resolves(images(COPY));

    expect(await namedBy()).toEqual(['Auto Scaling group web']);
    expect(await namedBy(OTHER)).toEqual([]);
  });

  it('uses images and templates of a mixed instances policy, and of its overrides', async () => {
    grouped({
      MixedInstancesPolicy: {
        LaunchTemplate: {
          LaunchTemplateSpecification: { LaunchTemplateId: 'lt-1', Version: '1' },
          Overrides: [
            { InstanceType: 'm6g.large', LaunchTemplateSpecification: { LaunchTemplateId: 'lt-2', Version: '2' } },
            { InstanceType: 'm5.large', ImageId: 'ami-4' },
            { InstanceType: 'm6i.large' },
          ],
        },
      },
    });
    versionOf({ LaunchTemplateId: 'lt-1' }, '1').resolves(images('ami-1'));
    versionOf({ LaunchTemplateId: 'lt-2' }, '2').resolves(images('ami-2'));

    const { references: found } = await references.find(['ami-1', 'ami-2', 'ami-3', 'ami-4']);
    expect(found.map(({ imageId, kind, name }) => `${imageId} ${kind} ${name}`)).toEqual([
      'ami-4 Auto Scaling group web',
      'ami-1 Auto Scaling group web',
      'ami-2 Auto Scaling group web',
    ]);
  });

  it('reads all groups, and each version once for all that launch by it', async () => {
    const LaunchTemplate = { LaunchTemplateId: 'lt-1', Version: '1' };
    answerPages(
      autoScaling.on(DescribeAutoScalingGroupsCommand),
      { AutoScalingGroups: [group({ LaunchTemplate })], NextToken: 'more' },
      {
        AutoScalingGroups: [
          group({ AutoScalingGroupName: 'api', LaunchTemplate }),
          group({ AutoScalingGroupName: 'old' }),
        ],
      },
    );
    versionOf({ LaunchTemplateId: 'lt-1' }, '1').resolves(images(COPY));

    expect(await namedBy()).toEqual(['Auto Scaling group web', 'Auto Scaling group api']);
    expect(ec2.commandCalls(DescribeLaunchTemplateVersionsCommand)).toHaveLength(1);
  });

  it.each([
    'InvalidLaunchTemplateId.NotFound',
    'InvalidLaunchTemplateId.VersionNotFound',
    'InvalidLaunchTemplateName.NotFoundException',
  ])('launches nothing by a template that is gone: %s', async (code) => {
    grouped({ LaunchTemplate: { LaunchTemplateName: 'gone', Version: '1' } });
    versionOf({ LaunchTemplateName: 'gone' }, '1').rejects(awsError(code, 'gone'));

    expect(await namedBy()).toEqual([]);
  });

  it('launches by a template without an image: nobody needs one for it', async () => {
    grouped({ LaunchTemplate: { LaunchTemplateId: 'lt-1', Version: '1' } });
    versionOf({ LaunchTemplateId: 'lt-1' }, '1').resolves({ LaunchTemplateVersions: [{ LaunchTemplateData: {} }, {}] });

    expect(await namedBy()).toEqual([]);
  });

  it.each([
    [
      'EC2 refuses to resolve it',
      () => versionOf({ LaunchTemplateId: 'lt-1' }, '7').rejects(awsError('InvalidParameterValue', 'no /golden')),
      'InvalidParameterValue: no /golden',
    ],
    [
      'EC2 answers with the parameter in place of its image',
      () => versionOf({ LaunchTemplateId: 'lt-1' }, '7').resolves(images('resolve:ssm:/golden')),
      'Error: EC2 did not resolve resolve:ssm:/golden',
    ],
  ])('may use any image where %s', async (_what, answer, said) => {
    grouped({ LaunchTemplate: { LaunchTemplateId: 'lt-1', Version: '7' } });
    answer();

    expect((await references.find([COPY])).unreadable).toEqual([
      'Launch templates could not be read: Error: version 7 of lt-1, by which Auto Scaling group web launches: ' + said,
    ]);
  });

  it('has launch configurations, which count whether a group uses them or not', async () => {
    const configuration = (LaunchConfigurationName: string, ImageId: string) => ({
      LaunchConfigurationName,
      ImageId,
      InstanceType: 't3.micro',
      CreatedTime: new Date(),
    });
    answerPages(
      autoScaling.on(DescribeLaunchConfigurationsCommand),
      { LaunchConfigurations: [configuration('other', OTHER)], NextToken: 'more' },
      { LaunchConfigurations: [configuration('old', COPY), configuration('from-instance', '')] },
    );

    expect(await namedBy()).toEqual(['launch configuration old']);
  });
});

describe('EC2 Fleets', () => {
  const fleet = (FleetState: FleetData['FleetState']) => ({
    FleetId: `fleet-${FleetState ?? ''}`,
    FleetState,
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId: 'lt-1', Version: '1' },
        Overrides: [{ ImageId: OTHER }, { InstanceType: 'm5.large' as const }],
      },
      {},
    ],
  });

  it.each([
    ['submitted', true],
    ['active', true],
    ['modifying', true],
    ['failed', false],
    ['deleted', false],
    // EC2 API Reference, DeleteFleets: it launches no new instances.
    ['deleted_running', false],
    ['deleted_terminating', false],
  ] as const)('use the images of their templates and overrides while they are %s: %s', async (state, isUsed) => {
    answerPages(ec2.on(DescribeFleetsCommand), { NextToken: 'more' }, { Fleets: [fleet(state)] });
    versionOf({ LaunchTemplateId: 'lt-1' }, '1').resolves(images(COPY));

    const { references: found } = await references.find([COPY, OTHER]);
    expect(found).toEqual(
      isUsed ? [OTHER, COPY].map((imageId) => ({ imageId, kind: 'EC2 Fleet', name: `fleet-${state}` })) : [],
    );
  });
});

describe('Spot', () => {
  it.each([
    ['submitted', true],
    ['active', true],
    ['modifying', true],
    ['failed', false],
    ['cancelled', false],
    ['cancelled_running', false],
    ['cancelled_terminating', false],
  ] as const)('Fleet requests use their images while they are %s: %s', async (SpotFleetRequestState, isUsed) => {
    const SpotFleetRequestConfig = {
      LaunchSpecifications: [{ ImageId: OTHER }, {}],
      LaunchTemplateConfigs: [{ LaunchTemplateSpecification: { LaunchTemplateName: 'web', Version: '2' } }],
    } as SpotFleetRequestConfig['SpotFleetRequestConfig'];
    answerPages(
      ec2.on(DescribeSpotFleetRequestsCommand),
      { NextToken: 'more' },
      { SpotFleetRequestConfigs: [{ SpotFleetRequestId: 'sfr-1', SpotFleetRequestState, SpotFleetRequestConfig }] },
    );
    versionOf({ LaunchTemplateName: 'web' }, '2').resolves(images(COPY));

    const { references: found } = await references.find([COPY, OTHER]);
    expect(found).toEqual(
      isUsed ? [OTHER, COPY].map((imageId) => ({ imageId, kind: 'Spot Fleet request', name: 'sfr-1' })) : [],
    );
  });

  it('Fleet requests without a configuration use nothing', async () => {
    ec2.on(DescribeSpotFleetRequestsCommand).resolves({ SpotFleetRequestConfigs: [{ SpotFleetRequestId: 'sfr-1' }] });

    expect(await namedBy()).toEqual([]);
  });

  it('Instance requests use their images while they may launch', async () => {
    const inputs = answerPages(
      ec2.on(DescribeSpotInstanceRequestsCommand),
      { SpotInstanceRequests: [{ SpotInstanceRequestId: 'sir-0' }], NextToken: 'more' },
      { SpotInstanceRequests: [{ SpotInstanceRequestId: 'sir-1', LaunchSpecification: { ImageId: COPY } }] },
    );

    expect(await namedBy()).toEqual(['Spot Instance request sir-1']);
    const Filters = [{ Name: 'state', Values: ['open', 'active', 'disabled'] }];
    expect(inputs).toEqual([{ Filters }, { Filters, NextToken: 'more' }]);
  });
});
