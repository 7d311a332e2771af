import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DescribeSnapshotsCommand } from '@aws-sdk/client-ec2';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { bakeImage, type BakedImage } from '../../scripts/tool/common/bake.ts';
import { findCopies, snapshotsOf } from '../../scripts/tool/common/copies.ts';
import type { Finding } from '../../scripts/tool/doctor/finding.ts';
import type { StatusReport } from '../../scripts/tool/status/report.ts';
import { OPERATORS_ACCOUNT } from '../../scripts/dev/administrator-role.ts';
import { emulatedAccount, emulatedEnvironment, withoutAws } from '../../scripts/dev/emulated-account.ts';
import { endCopies, endpoint, injectFault, newAccountId, REGION } from './support/emulator.ts';
import { leaveAccount } from './support/leave-account.ts';
import { changesOf, NO_CHANGES, Rollout } from './support/rollout.ts';
import { runHere } from './support/run-here.ts';

const TIMEOUT_MS = 900_000;
const REGIONS = [REGION, 'us-east-1'];
const rollout = new Rollout();
const payments = newAccountId();
/** The source account copies too: it also runs instances. */
const places = [payments, rollout.source].flatMap((id) =>
  REGIONS.map((region) => emulatedAccount(endpoint(), id, region)),
);
const source = emulatedAccount(endpoint(), rollout.source, REGION);
const environment = { ...withoutAws(), ...emulatedEnvironment(endpoint(), OPERATORS_ACCOUNT, REGION) };
let image: BakedImage;

beforeAll(async () => {
  await rollout.makeRoles([payments]);
  rollout.write({
    payments: { id: payments, regions: REGIONS },
    tools: { id: rollout.source, regions: REGIONS },
  });
  image = await bakeImage(source.ec2, {
    name: 'ubuntu-1',
    description: '',
    tags: { Recipe: 'ubuntu' },
    volumeSizes: [8],
  });
}, TIMEOUT_MS);

afterAll(async () => {
  await Promise.all(places.map(leaveAccount));
  rollout.remove();
});

async function run(...args: string[]) {
  return await runHere([...args, '--accounts-file', rollout.accountsFile], environment);
}

/** The copies in an environment, with the keys of their snapshots. */
async function copiesIn(place: (typeof places)[number]) {
  const copies = await findCopies(place, image.imageId);
  return await Promise.all(
    copies.map(async (copy) => ({
      state: copy.State,
      keys: (await snapshotsOf(place, copy)).map(({ KmsKeyId = '' }) => KmsKeyId),
    })),
  );
}

describe('an image that was baked in one Region, for two accounts in two Regions, one of them the source account', () => {
  it(
    'is deployed for',
    async () => {
      expect((await rollout.rowsOf('deploy')).rows.map(({ problem }) => problem)).toEqual([null, null, null]);
      expect((await rollout.rowsOf('deploy', '--plan')).rows.map(changesOf)).toEqual([
        NO_CHANGES,
        NO_CHANGES,
        NO_CHANGES,
      ]);
    },
    TIMEOUT_MS,
  );

  it('is copied four times, under four keys', async () => {
    const { code, stdout } = await run('request', image.imageId, '--share', '--wait', '--json');
    const states = JSON.parse(stdout) as { account: string; region: string; state: string }[];

    expect(code).toBe(0);
    expect(states.map(({ account, region, state }) => [account, region, state])).toEqual(
      ['payments', 'tools']
        .flatMap((account) => REGIONS.map((region) => [account, region, 'available']))
        .sort(([, one = ''], [, other = '']) => REGIONS.indexOf(one) - REGIONS.indexOf(other)),
    );
    const copies = await Promise.all(places.map(copiesIn));
    expect(copies).toEqual(places.map(() => [{ state: 'available', keys: [expect.any(String)] }]));
    const keys = copies.flat().flatMap((copy) => copy.keys);
    expect(keys.map((key) => key.split(':').slice(3, 5))).toEqual(places.map(({ region, id }) => [region, id]));
    expect(new Set(keys).size).toBe(4);
  });

  it('is in the accounts that are asked alone', async () => {
    const { code, stdout } = await run('request', image.imageId, '--only-region', 'us-east-1', '--dry-run', '--json');

    expect(code).toBe(0);
    expect((JSON.parse(stdout) as { resource: string }[]).map(({ resource }) => resource)).toEqual([
      `arn:aws:sns:us-east-1:${rollout.source}:amigo-TEST-notify`,
    ]);
  });

  it(
    'is copied in a hurry where EC2 has throughput for it, and otherwise at its pace',
    async () => {
      const [place] = places;
      if (!place) throw new Error('no account');
      const bake = async (name: string, ...volumeSizes: number[]) =>
        await bakeImage(source.ec2, { name, description: '', tags: { Recipe: 'hurry' }, volumeSizes });
      const request = async ({ imageId }: BakedImage, ...options: string[]) => {
        const one = ['--only', 'payments', '--only-region', REGION, '--share', '--within', '15m', '--json'];
        const { stdout } = await run('request', imageId, ...one, ...options);
        return JSON.parse(stdout) as { state: string; reason: string | null }[];
      };
      const durationsOf = async ({ imageId }: BakedImage) => {
        const { Snapshots = [] } = await place.ec2.send(
          new DescribeSnapshotsCommand({
            OwnerIds: ['self'],
            Filters: [{ Name: 'tag:CopiedFromAMI', Values: [imageId] }],
          }),
        );
        return Snapshots.map(({ CompletionDurationMinutes }) => CompletionDurationMinutes);
      };
      const [small, large, next] = [
        await bake('small', 8),
        await bake('large', 600, 600, 600, 600),
        await bake('next', 8),
      ];

      expect(await request(small, '--wait')).toMatchObject([{ state: 'available', reason: null }]);
      expect(await durationsOf(small)).toEqual([15]);

      const slow = await injectFault({ kind: 'slow-copy', account: payments, seconds: 3600 });
      try {
        await request(large);
        await waitFor('the copy that takes all throughput', async () =>
          (await durationsOf(large)).length === 4 ? true : undefined,
        );
      } finally {
        await slow();
      }
      const reason = "at EC2's own pace, not within 15 minutes";
      expect(await request(next, '--wait')).toMatchObject([{ state: 'available', reason }]);
      expect(await durationsOf(next)).toEqual([undefined]);
      await endCopies(payments);
    },
    TIMEOUT_MS,
  );

  it('is current in both Regions, also in the source account, whose copies are no images of its own', async () => {
    const { code, stdout } = await run('status', '--recipe', 'ubuntu', '--json');
    const { rows } = JSON.parse(stdout) as StatusReport;

    expect(code).toBe(0);
    expect(
      rows.map(({ images, cells }) => [images.map(({ imageId }) => imageId), cells.map(({ state }) => state)]),
    ).toEqual([[[image.imageId], places.map(() => 'available')]]);
    const rowsOfImages = JSON.parse(
      (await run('status', '--recipe', 'ubuntu', '--images', '--json')).stdout,
    ) as StatusReport;
    expect(rowsOfImages.rows.map(({ cells }) => cells.map(({ state }) => state))).toEqual([
      places.map(() => 'available'),
    ]);
  });

  it('may be copied in both Regions, says doctor', async () => {
    const { stdout } = await run('doctor', '--image', image.imageId, '--json');
    const rows = JSON.parse(stdout) as { findings: Finding[] }[];

    expect(rows).toHaveLength(4);
    expect(rows.flatMap(({ findings }) => findings.filter(({ subject }) => subject === image.imageId))).toEqual([]);
  });

  it(
    'is followed by one that nobody shared or asked for, which backfill shares and asks for in both Regions',
    async () => {
      const next = await bakeImage(source.ec2, {
        name: 'debian-1',
        description: '',
        tags: { Recipe: 'debian' },
        volumeSizes: [8],
      });
      const told = await run('backfill', '--recipe', 'debian', '--only', 'payments');
      expect({ code: told.code, out: told.stdout }).toEqual({ code: 0, out: 'Asked for 0 copies.\n' });
      expect(told.stderr).toMatch(new RegExp(`^${next.imageId} +debian +${REGION} +payments$`, 'm'));

      const done = await run('backfill', '--recipe', 'debian', '--only', 'payments', '--share');
      expect({ code: done.code, out: done.stdout.split('\n').sort() }).toEqual({
        code: 0,
        out: [
          '',
          ...REGIONS.map((region) => `Asked for ${next.imageId} (debian) in ${region}: payments`),
          'Asked for 2 copies.',
        ].sort(),
      });
      await waitFor('copies in both Regions', async () => {
        const { stdout } = await run('status', '--recipe', 'debian', '--only', 'payments', '--json');
        const { rows } = JSON.parse(stdout) as StatusReport;
        return rows[0]?.cells.every(({ state }) => state === 'available') ? true : undefined;
      });
    },
    TIMEOUT_MS,
  );

  it('leaves every copier healthy', async () => {
    const { stdout } = await run('doctor', '--json');
    const rows = JSON.parse(stdout) as { account: string; findings: Finding[] }[];

    expect(rows).toHaveLength(4);
    expect(rows.flatMap(({ findings }) => findings.filter(({ severity }) => severity === 'problem'))).toEqual([]);
  });
});
