import { describe, expect, it, jest } from '@jest/globals';
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { ACCOUNT, SOURCE_ACCOUNT, SOURCE_IMAGE } from '../../factories.ts';
import { publishEnvironment } from '../../publisher.ts';
import { logLinesIn } from './log-lines.ts';
import { warm } from './warm.ts';

const lines = logLinesIn(publishEnvironment);
const SWEEP = { source: 'aws.events', 'detail-type': 'Scheduled Event' };
const TARGETS = `[{"ids":["${ACCOUNT}"],"labels":{"wave":"canary"},"regions":["us-east-1"]}]`;

/** Loads the function as Lambda does, after its environment is set, with clients that are mocked. */
const loadFunction = warm(async () => {
  jest.resetModules();
  const sdk = {
    ...(await import('@aws-sdk/client-ec2')),
    ...(await import('@aws-sdk/client-organizations')),
    ...(await import('@aws-sdk/client-sns')),
    ...(await import('@aws-sdk/client-ssm')),
  };
  const clients = {
    ec2: mockClient(sdk.EC2Client),
    organizations: mockClient(sdk.OrganizationsClient),
    sns: mockClient(sdk.SNSClient),
    ssm: mockClient(sdk.SSMClient),
  };
  const { handler } = await import('../../../src/functions/handlers/publish-image.ts');
  return { sdk, clients, handler };
});

/** The function beside an image that is tagged with `value`. */
async function load({ value = '*', targets = TARGETS } = {}) {
  const { sdk, clients, handler } = await loadFunction();
  for (const client of Object.values(clients)) client.reset();
  const image = {
    ImageId: SOURCE_IMAGE,
    OwnerId: SOURCE_ACCOUNT,
    CreationDate: '2026-11-23T22:10:00.000Z',
    Name: 'ubuntu_1',
    BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-1' } }, { VirtualName: 'ephemeral0' }],
    Tags: [{ Key: 'ImageCopierTargets', Value: value }],
  };
  clients.ec2.on(sdk.DescribeImagesCommand).resolves({ Images: [image] });
  clients.ec2.on(sdk.DescribeImageAttributeCommand).resolves({ LaunchPermissions: [] });
  clients.ec2.on(sdk.DescribeSnapshotAttributeCommand).resolves({ CreateVolumePermissions: [] });
  const Parameters = targets === '' ? [] : [{ Name: 'the parameter', Value: targets }];
  clients.ssm.on(sdk.GetParametersByPathCommand).resolves({ Parameters });
  const invoke = (...bodies: readonly object[]) =>
    handler({ Records: bodies.map((body) => ({ body: JSON.stringify(body) }) as SQSRecord) } satisfies SQSEvent, {
      awsRequestId: 'request-1',
      getRemainingTimeInMillis: () => 120_000,
    } as Context);
  const filters = () => clients.ec2.commandCalls(sdk.DescribeImagesCommand).map(({ args }) => args[0].input.Filters);
  return { ...clients, sdk, filters, invoke };
}

const stateChange = (imageId: string) => ({
  source: 'aws.ec2',
  'detail-type': 'EC2 AMI State Change',
  detail: { ImageId: imageId, State: 'available' },
});
const metrics = () => lines.find((line) => '_aws' in line);

describe('the publish-image function', () => {
  it('publishes the image of an event on the topic of the Region that asks for it', async () => {
    const { sns, ec2, sdk, filters, invoke } = await load();

    await invoke(stateChange(SOURCE_IMAGE), stateChange(SOURCE_IMAGE));

    expect(filters()).toEqual([
      [
        { Name: 'tag-key', Values: ['ImageCopierTargets'] },
        { Name: 'state', Values: ['available'] },
        { Name: 'image-id', Values: [SOURCE_IMAGE] },
      ],
    ]);
    expect(ec2.commandCalls(sdk.ModifySnapshotAttributeCommand)[0]?.args[0].input).toEqual({
      SnapshotId: 'snap-1',
      Attribute: 'createVolumePermission',
      CreateVolumePermission: { Add: [{ UserId: ACCOUNT }] },
    });
    expect(ec2.commandCalls(sdk.ModifyImageAttributeCommand)[0]?.args[0].input).toEqual({
      ImageId: SOURCE_IMAGE,
      LaunchPermission: { Add: [{ UserId: ACCOUNT }] },
    });
    expect(sns.calls().map(({ args }) => args[0].input)).toMatchObject([
      { TopicArn: `arn:aws:sns:us-east-1:${SOURCE_ACCOUNT}:amigo-DEMO-notify` },
    ]);
    expect(lines[0]).toMatchObject({ level: 'INFO', message: 'image published', image: SOURCE_IMAGE, asked: 1 });
    expect(metrics()).toMatchObject({ ImagesPublished: 1, service: 'amigo-DEMO-notify-publish' });
  });

  it('reads the targets by their path, and all tagged images in a sweep', async () => {
    const { ssm, filters, invoke } = await load();

    await invoke(SWEEP);

    expect(ssm.calls().map(({ args }) => args[0].input)).toMatchObject([{ Path: publishEnvironment.TARGETS_PATH }]);
    expect(filters()[0]).not.toContainEqual(expect.objectContaining({ Name: 'image-id' }));
    expect(metrics()).toMatchObject({ ImagesPublished: 1 });
  });

  it('says what is wrong with a tag, and counts it', async () => {
    const { sns, invoke } = await load({ value: 'wave=canry' });

    await invoke(SWEEP);

    expect(sns.calls()).toEqual([]);
    expect(lines[0]).toMatchObject({
      level: 'ERROR',
      message: 'image refused, with problems',
      image: SOURCE_IMAGE,
      problems: ['No target account has the label "wave=canry".'],
    });
    expect(metrics()).toMatchObject({ PublishProblems: 1 });
  });

  it.each([
    ['OperationNotPermitted', 400, 'PublishProblems', 'image refused, with problems'],
    ['RequestLimitExceeded', 503, 'PublishingsPutOff', 'image putOff'],
  ])('tells what EC2 answers: %s', async (name, httpStatusCode, metric, message) => {
    const { ec2, sdk, invoke } = await load();
    const error = Object.assign(new Error('It says no.'), { name, $metadata: { httpStatusCode } });
    ec2.on(sdk.ModifySnapshotAttributeCommand).rejects(error);

    await invoke(SWEEP);

    expect(lines[0]).toMatchObject({ level: 'ERROR', message });
    expect(metrics()).toMatchObject({ [metric]: 1 });
  });

  it.each(['no JSON', '[{"ids":["1"],"labels":{},"regions":[]}]', '{}'])(
    'puts all off where it cannot read the targets: %s',
    async (targets) => {
      const { ec2, sdk, invoke } = await load({ targets });

      await invoke(SWEEP);

      expect(ec2.commandCalls(sdk.ModifySnapshotAttributeCommand)).toEqual([]);
      expect(JSON.stringify(lines[0])).toContain('The parameter the parameter is not as the module source-account');
      expect(metrics()).toMatchObject({ PublishingsPutOff: 1 });
    },
  );

  it('counts the images for which the time was not enough', async () => {
    const { sns, invoke } = await load();
    jest.spyOn(Date, 'now').mockReturnValueOnce(0);

    await invoke(SWEEP);

    expect(sns.calls()).toEqual([]);
    expect(lines[0]).toMatchObject({ level: 'WARN', remaining: 1 });
    expect(metrics()).toMatchObject({ PublishingsPutOff: 1 });
  });

  it('logs a message that it does not know, and does nothing', async () => {
    const { ec2, invoke } = await load();

    await invoke({ source: 'somebody' });

    expect(ec2.calls()).toEqual([]);
    expect(lines).toMatchObject([{ level: 'WARN', message: 'message unknown' }]);
  });

  describe('beside an organization', () => {
    const MEMBER = '444444444444';
    const UNIT = 'ou-ab12-1a2b3c4d';

    async function loadBesideOrganization() {
      process.env['ORGANIZATION'] = JSON.stringify({
        roleArn: 'arn:aws:iam::999999999999:role/read-units',
        unitIds: [UNIT],
        regions: ['eu-west-1'],
      });
      return await load();
    }

    it('asks the accounts of the units for copies too', async () => {
      const { organizations, sns, sdk, invoke } = await loadBesideOrganization();
      organizations.on(sdk.ListAccountsForParentCommand).resolves({ Accounts: [{ Id: MEMBER, State: 'ACTIVE' }] });
      organizations.on(sdk.ListOrganizationalUnitsForParentCommand).resolves({});

      await invoke(SWEEP);

      const asked = sns.commandCalls(sdk.PublishCommand).map(({ args }) => args[0].input);
      expect(asked.find(({ TopicArn }) => TopicArn?.includes('eu-west-1'))?.Message).toContain(MEMBER);
      expect(metrics()).toMatchObject({ ImagesPublished: 1 });
    });

    it('publishes to the others where it cannot be read, and counts that as put off', async () => {
      const { organizations, sns, sdk, invoke } = await loadBesideOrganization();
      organizations.on(sdk.ListAccountsForParentCommand).rejects(new Error('not authorized'));

      await invoke(SWEEP);

      expect(sns.commandCalls(sdk.PublishCommand)).toHaveLength(1);
      expect(lines).toContainEqual(
        expect.objectContaining({ level: 'ERROR', message: 'accounts of the organization put off' }),
      );
      expect(JSON.stringify(lines)).toContain('not authorized');
      expect(metrics()).toMatchObject({ ImagesPublished: 1, PublishingsPutOff: 1 });
    });
  });
});
