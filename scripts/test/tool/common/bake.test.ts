import { describe, expect, it } from '@jest/globals';
import {
  CreateSnapshotCommand,
  CreateVolumeCommand,
  DeleteVolumeCommand,
  DescribeAvailabilityZonesCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  RegisterImageCommand,
} from '@aws-sdk/client-ec2';
import { bakeImage } from '../../../tool/common/bake.ts';
import { WaitError } from '../../../tool/common/wait-for.ts';
import { FakeAws } from '../support/fake-aws.ts';
import { fastForward, useFakeClock } from '../support/fake-clock.ts';

const ACCOUNT = '111111111111';
const RECIPE = { name: 'ubuntu-1', description: 'Ubuntu', tags: { Recipe: 'ubuntu' }, volumeSizes: [8] };

function ec2With({ aws = new FakeAws() } = {}) {
  const { ec2 } = aws.in(ACCOUNT);
  ec2.on(DescribeAvailabilityZonesCommand).resolves({ AvailabilityZones: [{ ZoneName: 'eu-west-1c' }] });
  ec2.on(CreateVolumeCommand).resolves({ VolumeId: 'vol-1' });
  ec2.on(DescribeVolumesCommand).resolves({ Volumes: [{ State: 'available' }] });
  ec2.on(CreateSnapshotCommand).resolves({ SnapshotId: 'snap-1' });
  ec2.on(DescribeSnapshotsCommand).resolves({ Snapshots: [{ State: 'completed' }] });
  ec2.on(DeleteVolumeCommand).resolves({});
  ec2.on(RegisterImageCommand).resolves({ ImageId: 'ami-01' });
  ec2.on(DescribeImagesCommand).resolves({ Images: [{ State: 'available' }] });
  return { ec2, client: aws.connect({}).ec2 };
}

useFakeClock('2026-11-24T00:00:00.000Z');

describe('a bake', () => {
  it('ends when EC2 has the snapshot and the image ready, and asks every few seconds', async () => {
    const { ec2, client } = ec2With();
    const start = Date.now();
    const asked: [string, number][] = [];
    const isReady = (what: string) => asked.push([what, Date.now() - start]) % 2 === 0;
    ec2
      .on(DescribeSnapshotsCommand, { SnapshotIds: ['snap-1'] })
      .callsFake(() => ({ Snapshots: [{ State: isReady('snapshot') ? 'completed' : 'pending' }] }));
    ec2
      .on(DescribeImagesCommand, { ImageIds: ['ami-01'] })
      .callsFake(() => ({ Images: [{ State: isReady('image') ? 'available' : 'pending' }] }));

    expect(await fastForward(bakeImage(client, RECIPE))).toEqual({
      imageId: 'ami-01',
      snapshotIds: ['snap-1'],
      name: 'ubuntu-1',
      description: 'Ubuntu',
      tags: { Recipe: 'ubuntu' },
    });
    expect(asked).toEqual([
      ['snapshot', 0],
      ['snapshot', 3000],
      ['image', 3000],
      ['image', 6000],
    ]);
    expect(ec2.commandCalls(DeleteVolumeCommand)).toHaveLength(1);
    expect(ec2.commandCalls(CreateVolumeCommand)[0]?.args[0].input).toEqual({
      AvailabilityZone: 'eu-west-1c',
      Size: 8,
      Encrypted: false,
      KmsKeyId: undefined,
    });
  });

  it('ends at once when EC2 cannot make the snapshot', async () => {
    const { ec2, client } = ec2With();
    ec2.on(DescribeSnapshotsCommand).resolves({ Snapshots: [{ State: 'error', StateMessage: 'No key.' }] });

    await expect(fastForward(bakeImage(client, RECIPE))).rejects.toThrow(
      /^Waited in vain for snapshot snap-1 to be completed: .*No key\./,
    );
    expect(ec2.commandCalls(RegisterImageCommand)).toEqual([]);
  });

  it('gives up when the time is over, with what EC2 answered', async () => {
    const { ec2, client } = ec2With();
    ec2.on(DescribeImagesCommand).rejects(new Error('You are not allowed.'));

    const baking = fastForward(bakeImage(client, RECIPE));

    await expect(baking).rejects.toThrow(WaitError);
    await expect(baking).rejects.toThrow(/^Waited in vain for image ami-01 to be available: .*You are not allowed\./);
  });

  it('stops when it is told to, with the reason', async () => {
    const { ec2, client } = ec2With();
    ec2.on(DescribeVolumesCommand).resolves({ Volumes: [{ State: 'creating' }] });
    const stop = new AbortController();
    const baking = bakeImage(client, RECIPE, stop.signal);
    setTimeout(() => {
      stop.abort(new Error('Stopped by you.'));
    }, 1000);

    await expect(fastForward(baking)).rejects.toThrow(new Error('Stopped by you.'));
    expect(ec2.commandCalls(CreateSnapshotCommand)).toEqual([]);
  });
});
