import {
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DeleteVolumeCommand,
  DeregisterImageCommand,
  DescribeAvailabilityZonesCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  RegisterImageCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { GetTopicAttributesCommand, PublishCommand } from '@aws-sdk/client-sns';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { smokeCopy } from '../../../tool/deploy/smoke-copy.ts';
import { formatMarker, MARKER } from '../../../../lambda/src/core/copy-marker.ts';
import { UserError } from '../../../tool/common/user-error.ts';
import { IDS, Rollout } from './rollout.ts';

let rollout: Rollout;

/** In order: each message on the topic for copy requests, and each image that is deregistered. */
let deeds: unknown[];

beforeEach(() => {
  rollout = new Rollout();
  rollout.list({
    payments: { labels: { wave: 'canary' }, regions: ['eu-west-1', 'us-east-1'] },
    web: {},
  });
  deeds = [];
  for (const region of ['eu-west-1', 'us-east-1']) {
    bakesIn(region);
    copiesIn('payments', region);
  }
  copiesIn('web', 'eu-west-1');
});

afterEach(() => {
  rollout.terraform.remove();
});

const ofImages = (region: string) => ({ ImageId: `ami-source-${region}`, State: 'available' }) as const;

/** The source account, where every bake is done at once. */
function bakesIn(region: string): void {
  const { ec2, sns } = rollout.aws.in(IDS.source, region);
  ec2
    .on(DescribeAvailabilityZonesCommand)
    .resolves({ AvailabilityZones: [{ ZoneName: `${region}c` }] })
    .on(CreateVolumeCommand)
    .resolves({ VolumeId: 'vol-1' })
    .on(DescribeVolumesCommand)
    .resolves({ Volumes: [{ State: 'available' }] })
    .on(CreateSnapshotCommand)
    .resolves({ SnapshotId: 'snap-1' })
    .on(DescribeSnapshotsCommand)
    .resolves({ Snapshots: [{ State: 'completed' }] })
    .on(DeleteVolumeCommand)
    .resolves({})
    .on(RegisterImageCommand)
    .resolves({ ImageId: ofImages(region).ImageId })
    .on(DescribeImagesCommand)
    .resolves({ Images: [ofImages(region)] })
    .on(ModifyImageAttributeCommand)
    .resolves({})
    .on(ModifySnapshotAttributeCommand)
    .resolves({});
  deregistersIn(IDS.source, region);
  sns.on(GetTopicAttributesCommand).resolves({});
  sns.on(PublishCommand).callsFake(({ TopicArn, Message }: { TopicArn: string; Message: string }) => {
    const { sourceAmi, sourceRegion, targetAccounts } = JSON.parse(Message) as Record<string, unknown>;
    deeds.push({ TopicArn, sourceAmi, sourceRegion, targetAccounts });
    return {};
  });
}

/** A target account that has its copy by the time it is asked for it. */
function copiesIn(
  name: 'payments' | 'web',
  region: string,
  { Encrypted = true, OwnerId = IDS[name] }: { Encrypted?: boolean; OwnerId?: string } = {},
): void {
  const { ec2 } = rollout.aws.in(IDS[name], region);
  const announced = formatMarker({
    copier: 'image-copier',
    attempt: 1,
    bakedAt: '2026-11-23T22:10:00.000Z',
    announcement: { state: 'announced', settledAt: '2026-11-23T22:20:00.000Z' },
  });
  const copy: Image = {
    ImageId: `ami-${name}-${region}`,
    OwnerId,
    SourceImageId: ofImages(region).ImageId,
    SourceImageRegion: region,
    State: 'available',
    BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-2' } }],
    Tags: [{ Key: MARKER, Value: announced }],
  };
  ec2
    .on(DescribeImagesCommand)
    .resolves({ Images: [] })
    .on(DescribeImagesCommand, {
      Owners: ['self'],
      Filters: [{ Name: 'source-image-id', Values: [ofImages(region).ImageId] }],
    })
    .resolves({ Images: [copy] })
    .on(DescribeSnapshotsCommand, { Filters: [{ Name: 'snapshot-id', Values: ['snap-2'] }] })
    .resolves({ Snapshots: [{ SnapshotId: 'snap-2', Encrypted }] });
  deregistersIn(IDS[name], region);
}

function deregistersIn(accountId: string, region: string): void {
  const { ec2 } = rollout.aws.in(accountId, region);
  ec2.on(DeregisterImageCommand).callsFake((input: object) => {
    deeds.push(input);
    return {};
  });
}

const requested = (region: string) => ({
  TopicArn: `arn:aws:sns:${region}:111111111111:amigo-TEST-notify`,
  sourceAmi: `ami-source-${region}`,
  sourceRegion: region,
  targetAccounts: ['222222222222'],
});
const deregistered = (ImageId: string) => ({ ImageId, DeleteAssociatedSnapshots: true });

describe('deploy --smoke', () => {
  it('has an image copied in each Region of the first wave of targets, removes all of it, and goes on', async () => {
    const { code, err } = await rollout.run(['deploy', '--waves', 'wave=canary', '--smoke']);

    expect(code).toBe(0);
    expect(err).toBe(`\
[1/3] source: done in 0 s: +2 ~1 -0
[2/3] payments: done in 0 s: +2 ~1 -0
Smoke copy in eu-west-1: asked for copies of ami-source-eu-west-1 in 222222222222.
Smoke copy in eu-west-1: ami-payments-eu-west-1 in 222222222222 is encrypted and announced.
Smoke copy in us-east-1: asked for copies of ami-source-us-east-1 in 222222222222.
Smoke copy in us-east-1: ami-payments-us-east-1 in 222222222222 is encrypted and announced.
[3/3] web: done in 0 s: +2 ~1 -0
`);
    expect(deeds).toEqual([
      requested('eu-west-1'),
      deregistered('ami-payments-eu-west-1'),
      deregistered('ami-source-eu-west-1'),
      requested('us-east-1'),
      deregistered('ami-payments-us-east-1'),
      deregistered('ami-source-us-east-1'),
    ]);
  });

  it('shares the image with the targets of the Region before it asks for copies', async () => {
    await rollout.run(['deploy', '--waves', 'wave=canary', '--smoke']);

    const { ec2 } = rollout.aws.in(IDS.source);
    const Add = [{ UserId: '222222222222' }];
    expect(ec2.commandCalls(ModifyImageAttributeCommand).map(({ args: [{ input }] }) => input)).toEqual([
      { ImageId: 'ami-source-eu-west-1', LaunchPermission: { Add } },
    ]);
    expect(ec2.commandCalls(ModifySnapshotAttributeCommand).map(({ args: [{ input }] }) => input)).toEqual([
      { SnapshotId: 'snap-1', Attribute: 'createVolumePermission', CreateVolumePermission: { Add } },
    ]);
  });

  it('shares nothing with the source account, which may be a target too', async () => {
    const { ec2 } = rollout.aws.in(IDS.source);
    const clientsOf = (id: string) =>
      rollout.aws.connect({ roleArn: `arn:aws:iam::${id}:role/deployer`, region: 'eu-west-1' });
    const requestTopicArn = requested('eu-west-1').TopicArn;
    const source = { id: IDS.source, ...clientsOf(IDS.source), requestTopicArn };
    copiesIn('payments', 'eu-west-1', { OwnerId: IDS.source });
    const target = { id: IDS.source, copier: 'image-copier', ec2: clientsOf(IDS.payments).ec2 };

    await smokeCopy(source, [target], () => undefined, new AbortController().signal);

    expect(deeds[0]).toMatchObject({ targetAccounts: [IDS.source] });
    expect(ec2.commandCalls(ModifyImageAttributeCommand)).toEqual([]);
    expect(ec2.commandCalls(ModifySnapshotAttributeCommand)).toEqual([]);
  });

  it('begins no further wave after a copy that is not encrypted, and checks again when it is resumed', async () => {
    copiesIn('payments', 'eu-west-1', { Encrypted: false });

    const failed = await rollout.run(['deploy', '--waves', 'wave=canary', '--smoke']);
    rollout.terraform.takeCalls();
    copiesIn('payments', 'eu-west-1');
    const resumed = await rollout.run(['deploy', '--resume']);
    const again = await rollout.run(['deploy', '--resume']);

    expect(failed.code).toBe(1);
    expect(failed.err).toContain(
      '\n\nThe smoke copy ami-payments-eu-west-1 in 222222222222, eu-west-1, is not verified: snap-2 is not encrypted.\n\nFix the cause, then go on: ',
    );
    expect(failed.out).toMatch(/web .* not reached /);
    expect(deeds.slice(0, 3)).toEqual([
      requested('eu-west-1'),
      deregistered('ami-payments-eu-west-1'),
      deregistered('ami-source-eu-west-1'),
    ]);
    expect(resumed.code).toBe(0);
    expect(resumed.err).toMatch(/^Smoke copy in eu-west-1: asked for [^]*\[1\/1\] web: done/);
    expect(rollout.terraform.calls).toEqual(['init web', 'apply web']);
    expect(again.out).toBe('The last run is done: there is nothing to resume.\n');
  });

  it('names what it could not remove, which changes nothing about the check', async () => {
    rollout.aws
      .in(IDS.payments)
      .ec2.on(DeregisterImageCommand)
      .rejects(Object.assign(new Error('You may not.'), { name: 'UnauthorizedOperation' }));

    const { code, err } = await rollout.run(['deploy', '--only', 'source,web,payments', '--smoke']);

    expect(code).toBe(0);
    expect(err).toContain(
      'What the smoke copy of ami-source-eu-west-1 left must be removed by hand: Access denied: You may not.',
    );
    expect(deeds).toContainEqual(deregistered('ami-web-eu-west-1'));
    expect(deeds).toContainEqual(deregistered('ami-source-eu-west-1'));
  });

  it('begins no further wave if the source account cannot be used', async () => {
    const { ec2 } = rollout.aws.in(IDS.source);
    ec2.reset();
    ec2.rejects(Object.assign(new Error('It is over.'), { name: 'ExpiredToken' }));

    const { code, err } = await rollout.run(['deploy', '--waves', 'wave=canary', '--smoke']);

    expect(code).toBe(1);
    expect(err).toContain('\n\nThe AWS credentials have expired. Log in again (for example aws sso login).\n\nFix the');
    expect(deeds).toEqual([]);
  });

  it('removes the images when it is stopped while it waits for copies, and checks again when it is resumed', async () => {
    const stopped = new AbortController();
    const copies = { Images: [{ ImageId: 'ami-web-eu-west-1', OwnerId: IDS.web, State: 'pending' as const }] };
    rollout.aws
      .in(IDS.web)
      .ec2.on(DescribeImagesCommand)
      .callsFakeOnce(() => {
        stopped.abort(new UserError('Stopped.', 2));
        return {};
      })
      .resolves(copies);

    const { code, err } = await rollout.run(['deploy', '--smoke'], { stopped });
    const removed = deeds.slice(1);
    copiesIn('web', 'eu-west-1');
    const resumed = await rollout.run(['deploy', '--resume']);

    expect(code).toBe(2);
    expect(err).toBe(`\
[1/3] source: done in 0 s: +2 ~1 -0
[2/3] payments: done in 0 s: +2 ~1 -0
[3/3] web: done in 0 s: +2 ~1 -0
Smoke copy in eu-west-1: asked for copies of ami-source-eu-west-1 in 222222222222, 333333333333.
Stopping: no further account is begun. Those that run go on to their end; Ctrl-C again interrupts them.
Smoke copy in eu-west-1: ami-payments-eu-west-1 in 222222222222 is encrypted and announced.
Error: Stopped.
`);
    expect(removed).toEqual([
      deregistered('ami-payments-eu-west-1'),
      deregistered('ami-web-eu-west-1'),
      deregistered('ami-source-eu-west-1'),
    ]);
    expect(resumed.code).toBe(0);
    expect(resumed.err).toContain('Smoke copy in eu-west-1: ami-web-eu-west-1 in 333333333333 is encrypted');
  });
});
