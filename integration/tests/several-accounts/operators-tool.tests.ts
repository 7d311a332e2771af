import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { DeleteTagsCommand, DeregisterImageCommand } from '@aws-sdk/client-ec2';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { share, shareImage, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import { findCopies, isAnnounced } from '../../../scripts/tool/common/copies.ts';
import type { EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import type { StatusReport } from '../../../scripts/tool/status/report.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { accounts } from './accounts.ts';
import { requestTests } from './request.tests.ts';
import { startCommand } from '../support/command.ts';
import { injectFault, REGION, refuseCopies } from '../support/emulator.ts';

const BAKES_TIMEOUT_MS = 900_000;
const { source, canary, payments, web } = accounts;

/** Asks some accounts for copies of an image, and waits until they have it. */
async function copyTo(image: BakedImage, ...names: string[]): Promise<void> {
  const { code, stderr } = await accounts.run('request', image.imageId, '--only', names.join(','), '--share', '--wait');
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
}

async function copyIn(account: EmulatedAccount, { imageId }: BakedImage): Promise<string> {
  const copies = await findCopies(account, imageId);
  return copies[0]?.ImageId ?? 'none';
}

async function parameterIn({ ssm }: EmulatedAccount, recipe: string): Promise<string | undefined> {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: `/image-copier/${recipe}` }));
  return Parameter?.Value;
}

async function untilAnnounced(account: EmulatedAccount, image: BakedImage): Promise<void> {
  await waitFor(`the copy in ${account.id}`, async () => {
    const copies = await findCopies(account, image.imageId);
    return copies.some((copy) => isAnnounced(copy, 'image-copier')) ? true : undefined;
  });
}

async function statusOf(...args: string[]): Promise<{ code: number | null; report: StatusReport; stderr: string }> {
  const { code, stdout, stderr } = await accounts.run('status', ...args, '--json');
  return { code, stderr, report: JSON.parse(stdout) as StatusReport };
}

const statesOf = ({ rows }: StatusReport) =>
  Object.fromEntries(rows.map(({ title, cells }) => [title, cells.map(({ state }) => state)]));

describe('request', () => {
  requestTests(accounts);
});

describe('status', () => {
  it('knows every state of a copy, with its times and key, and why it failed', async () => {
    const [first, second] = [await accounts.bake('states', 1), await accounts.bake('states', 2)];
    await copyTo(first, 'canary', 'payments');
    await share(source.ec2, second, [canary.id, payments.id, web.id]);
    await copyTo(second, 'canary');
    const failing = await accounts.bake('failing', 1);
    const fix = await refuseCopies(web.id);
    const slow = await injectFault({ kind: 'slow-copy', account: payments.id, seconds: 3600 });
    try {
      await accounts.run('request', failing.imageId, '--only', 'payments,web', '--share');
      await waitFor('the copy and the refusal', async () => {
        const { report } = await statusOf('--recipe', 'failing');
        const states = statesOf(report)['failing'];
        return states?.includes('pending') && states.includes('failed') ? true : undefined;
      });

      const { code, report } = await statusOf('--recipe', 'states,failing');

      expect(statesOf(report)).toEqual({
        failing: ['not shared', 'pending', 'failed'],
        states: ['available', 'stale', 'missing'],
      });
      expect(code).toBe(1);
      const [failed, states] = report.rows;
      expect(failed?.cells[2]?.reason).toContain('TagPolicyViolation');
      expect(states?.images).toEqual([
        { imageId: second.imageId, region: REGION, name: second.name, bakedAt: expect.any(String) },
      ]);
      expect(states?.cells[0]?.copy).toEqual({
        imageId: await copyIn(canary, second),
        sourceImageId: second.imageId,
        bakedAt: states?.images[0]?.bakedAt,
        startedAt: expect.any(String),
        settledAt: expect.any(String),
        attempt: 1,
        keyArn: expect.stringContaining(`:${canary.id}:key/`),
      });
      expect(states?.cells[1]?.copy?.imageId).toBe(await copyIn(payments, first));
    } finally {
      await slow();
      await fix();
    }
  });

  it('says of a recipe that cannot be the name of a parameter that none points to its copies, as request did', async () => {
    const image = await accounts.bake('ubuntu 24', 1);
    const asked = await accounts.run('request', image.imageId, '--only', 'canary', '--share', '--wait');

    const { code, report } = await statusOf('--recipe', 'ubuntu 24', '--only', 'canary');
    const { stdout } = await accounts.run('status', '--recipe', 'ubuntu 24', '--only', 'canary');

    const reason = 'The value of the tag Recipe, "ubuntu 24", cannot end the name of a parameter: ';
    expect(asked.code).toBe(0);
    expect(asked.stderr).toContain(`No parameter will point to the copies of ${image.imageId}. ${reason}`);
    expect(code).toBe(0);
    const expected = { state: 'available', reason: expect.stringContaining(reason) as unknown };
    expect(report.rows.map(({ cells }) => cells)).toEqual([[expect.objectContaining(expected)]]);
    expect(stdout).toContain(reason);
  });

  it('has nothing to say of a recipe of more levels, which history knows too', async () => {
    const image = await accounts.bake('linux/ubuntu', 1);
    await copyTo(image, 'canary');

    const { report } = await statusOf('--recipe', 'linux/ubuntu', '--only', 'canary');
    const { code, stdout } = await accounts.run('history', 'linux/ubuntu', '--only', 'canary');

    const copy = await copyIn(canary, image);
    expect(report.rows[0]?.cells[0]).toMatchObject({ state: 'available', copy: { imageId: copy } });
    expect(report.rows[0]?.cells[0]).not.toHaveProperty('reason');
    expect(await parameterIn(canary, 'linux/ubuntu')).toBe(copy);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(copy) as unknown });
  });

  it('shows a matrix for people, and each copy that is not available in a line', async () => {
    const { code, stdout } = await accounts.run('status', '--recipe', 'states');

    const [head, row, , lines, stale, missing] = stdout.split('\n');
    expect(code).toBe(1);
    expect(head?.split(/ {2,}/)).toEqual(['', 'BAKED', 'canary', 'payments', 'web']);
    expect(row?.split(/ {2,}/).filter((_, index) => index !== 1)).toEqual(['states', 'available', 'stale', 'missing']);
    expect(lines?.split(/ {2,}/)).toEqual([
      'IMAGE',
      'ACCOUNT',
      'REGION',
      'STATE',
      'COPY',
      'AGE',
      'TOOK',
      'KEY',
      'REASON',
    ]);
    expect(stale).toMatch(/^states {2}payments {2}eu-west-1 {2}stale +ami-/);
    expect(missing).toMatch(/^states {2}web {7}eu-west-1 {2}missing +-/);
  });

  it('is 0 where all is available, and has a row for each image if that is wanted', async () => {
    const { code, report } = await statusOf('--recipe', 'states', '--only', 'wave=canary', '--images');

    expect(code).toBe(0);
    expect(Object.values(statesOf(report))).toEqual([['available'], ['available']]);
  });

  it('knows one account alone by its copies', async () => {
    const { code, stdout } = await accounts.runAlone(
      'status',
      ...['--accounts', payments.id, '--role-name', 'operator', '--recipe', 'states', '--json'],
    );

    expect(code).toBe(0);
    expect(statesOf(JSON.parse(stdout) as StatusReport)).toEqual({ states: ['available'] });
  });

  it('writes a page', async () => {
    const file = join(accounts.folder, 'status.html');

    const { stderr } = await accounts.run('status', '--html', file);

    expect(stderr).toBe(`Wrote ${file}.\n`);
    expect(readFileSync(file, 'utf8')).toContain('<th');
  });

  it('tells of an account that cannot be read, and shows the others', async () => {
    const fix = await injectFault({
      kind: 'error',
      account: web.id,
      operation: 'DescribeImages',
      code: 'UnauthorizedOperation',
      message: 'You are not authorized to perform this operation.',
      status: 403,
    });
    try {
      const { code, report, stderr } = await statusOf('--recipe', 'states');

      expect({ code, states: statesOf(report) }).toEqual({
        code: 1,
        states: { states: ['available', 'stale', 'unknown'] },
      });
      expect(stderr).toContain(`web, ${REGION}: `);
      expect(report.rows[0]?.cells[2]?.reason).toContain('You are not authorized to perform this operation.');
    } finally {
      await fix();
    }
  });
});

describe('backfill', () => {
  it('shows what it would ask for, asks for it, and then has nothing to ask for', async () => {
    const [old, image] = [await accounts.bake('late', 1), await accounts.bake('late', 2)];
    await copyTo(old, 'canary');
    await share(source.ec2, old, [web.id]);
    await share(source.ec2, image, [canary.id, web.id]);
    const backfill = ['backfill', '--recipe', 'late'] as const;

    const dry = await accounts.run(...backfill, '--dry-run');
    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain(`would call sns:Publish`);
    expect(dry.stdout).toContain('Would ask for 2 copies.');
    expect(await copyIn(web, image)).toBe('none');

    const { code, stdout } = await accounts.run(...backfill);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `Asked for ${image.imageId} (late) in ${REGION}: canary, web\nAsked for 2 copies.\n`,
    });
    await untilAnnounced(canary, image);
    await untilAnnounced(web, image);
    expect(await copyIn(web, old)).toBe('none');

    expect((await accounts.run(...backfill)).stdout).toBe('Asked for 0 copies.\n');
  });

  it('asks for all images since a date', async () => {
    const { code, stdout } = await accounts.run('backfill', '--recipe', 'late', '--since', '2026-01-01', '--json');

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([{ recipe: 'late', accounts: [{ account: 'web' }] }]);
  });

  it('says what is missing on the snapshots, and goes on', async () => {
    const image = await accounts.bake('halfshared', 1);
    await shareImage(source.ec2, image, [web.id]);

    const { code, stdout, stderr } = await accounts.run('backfill', '--recipe', 'halfshared');

    expect({ code, stdout }).toEqual({ code: 1, stdout: 'Asked for 0 copies.\n' });
    expect(stderr).toContain(`${image.imageId} lacks createVolume permission on `);
  });

  it('needs the source account', async () => {
    const { code, stderr } = await accounts.runAlone(
      'backfill',
      '--accounts',
      web.id,
      '--role-name',
      'operator',
      '--region',
      REGION,
    );

    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'Error: backfill needs the source account: name an --accounts-file.\n',
    });
  });
});

describe('history and rollback', () => {
  let images: BakedImage[];

  beforeAll(async () => {
    images = [await accounts.bake('rolled', 1), await accounts.bake('rolled', 2), await accounts.bake('rolled', 3)];
    for (const image of images) await copyTo(image, 'canary', 'payments');
  }, BAKES_TIMEOUT_MS);

  it('shows what the parameter pointed to, the newest first', async () => {
    const { code, stdout } = await accounts.run('history', 'rolled', '--only', 'canary', '--json');

    const rows = JSON.parse(stdout) as { version: number; imageId: string; sourceImageId: string; verified: boolean }[];
    expect(code).toBe(0);
    expect(rows.map(({ sourceImageId, verified }) => [sourceImageId, verified])).toEqual(
      images.toReversed().map(({ imageId }) => [imageId, true]),
    );
    expect(rows.map(({ version }) => version)).toEqual([3, 2, 1]);
  });

  it('changes nothing in a dry run, or without a terminal to ask on', async () => {
    const before = await parameterIn(canary, 'rolled');

    const dry = await accounts.run('rollback', 'rolled', '--only', 'canary', '--dry-run');
    const unasked = await startCommand(
      ['rollback', 'rolled', '--only', 'canary', '--accounts-file', accounts.accountsFile],
      accounts.environment,
    ).ended;

    expect(dry.code).toBe(0);
    expect(dry.stdout).toContain('Would set 1 parameter.');
    expect({ code: unasked.code, stderr: unasked.stderr }).toEqual({
      code: 2,
      stderr: 'Error: There is no terminal to ask on. Add --yes to set parameters without being asked.\n',
    });
    expect(await parameterIn(canary, 'rolled')).toBe(before);
  });

  it('sets the parameter back to the copy before, in each account to its own', async () => {
    const { code } = await accounts.run('rollback', 'rolled', '--only', 'canary,payments', '--yes');

    const [, second] = images as [BakedImage, BakedImage, BakedImage];
    expect(code).toBe(0);
    expect(await parameterIn(canary, 'rolled')).toBe(await copyIn(canary, second));
    expect(await parameterIn(payments, 'rolled')).toBe(await copyIn(payments, second));
  });

  it('sets it to the copy of a source image', async () => {
    const [first] = images as [BakedImage, BakedImage, BakedImage];

    const { code } = await accounts.run('rollback', 'rolled', '--only', 'canary', '--to', first.imageId, '--yes');

    expect(code).toBe(0);
    expect(await parameterIn(canary, 'rolled')).toBe(await copyIn(canary, first));
  });

  it('rejects what is no verified copy of the recipe, and leaves the parameter', async () => {
    const [, second, third] = images as [BakedImage, BakedImage, BakedImage];
    const before = await parameterIn(canary, 'rolled');
    const other = await accounts.bake('other', 1);
    await copyTo(other, 'canary');
    const unmarked = await copyIn(canary, second);
    await canary.ec2.send(new DeleteTagsCommand({ Resources: [unmarked], Tags: [{ Key: 'ImageCopier' }] }));
    const gone = await copyIn(canary, third);
    await canary.ec2.send(new DeregisterImageCommand({ ImageId: gone }));

    const told = [];
    for (const imageId of [await copyIn(canary, other), unmarked, gone, before ?? '']) {
      const { code, stderr } = await accounts.run('rollback', 'rolled', '--only', 'canary', '--to', imageId, '--yes');
      told.push({ code, told: stderr.trimEnd().replace(`canary, ${REGION}: `, '').replace(imageId, 'it') });
    }

    expect(told).toEqual([
      { code: 1, told: 'it belongs to other, not to rolled. The parameter is left as it is.' },
      { code: 1, told: 'it is no verified copy of image-copier. The parameter is left as it is.' },
      { code: 2, told: 'Error: None of the chosen accounts has the image it, or a copy of it.' },
      { code: 1, told: '/image-copier/rolled points to it already.' },
    ]);
    expect(await parameterIn(canary, 'rolled')).toBe(before);
  });

  it('says that there is no such recipe', async () => {
    const { code, stdout, stderr } = await accounts.run('history', 'nothing', '--only', 'web');

    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: 'Error: None of the chosen accounts has a parameter for the recipe nothing.\n',
    });
  });
});
