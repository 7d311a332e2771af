import { beforeAll, describe, expect, it } from '@jest/globals';
import { DescribeImagesCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { GetParameterCommand, GetParametersByPathCommand } from '@aws-sdk/client-ssm';
import { REVOKED_TAG } from '../../../lambda/src/core/source-image.ts';
import { share, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import { findCopies, tagOf } from '../../../scripts/tool/common/copies.ts';
import type { EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import type { FleetReport } from '../../../scripts/tool/fleet/report.ts';
import type { EndedCopy, StatusReport } from '../../../scripts/tool/status/report.ts';
import { accounts } from './accounts.ts';

const BAKES_TIMEOUT_MS = 300_000;
const RECIPE = 'ends';
const { source, canary, payments, web } = accounts;

/** A line of what retire, restore, revoke and unrevoke print for programs. */
interface Row {
  readonly account: string;
  readonly imageId: string;
  readonly state: string;
  readonly reasons: readonly { readonly code: string }[];
  readonly images: readonly string[];
  readonly instances: number;
  readonly stuckParameters: readonly string[];
}

async function rowsOf(...args: readonly [command: string, ...others: string[]]) {
  const [command, ...others] = args;
  const { code, stdout, stderr } = await accounts.run(command, ...others, '--json');
  if (stdout === '') throw new Error(stderr);
  return { code, stderr, rows: JSON.parse(stdout) as Row[] };
}

/** What becomes of each image, without the time at which a quarantine ends. */
const fates = (rows: readonly Row[]) =>
  rows.map(({ imageId, state, reasons }) => [
    imageId,
    state.replace(/ until .*/, ''),
    ...reasons.map(({ code }) => code),
  ]);

/** What status shows of the accounts that ask for copies. */
async function ended(): Promise<{ code: number | null; copies: EndedCopy[] }> {
  const { code, stdout } = await accounts.run('status', '--recipe', RECIPE, '--only', 'canary,payments', '--json');
  return { code, copies: [...((JSON.parse(stdout) as StatusReport).ended ?? [])] };
}

async function copyIn(account: EmulatedAccount, { imageId }: BakedImage): Promise<string> {
  const [copy] = await findCopies(account, imageId);
  return copy?.ImageId ?? 'none';
}

async function stateOf({ ec2 }: EmulatedAccount, imageId: string): Promise<string | undefined> {
  const { Images: [image] = [] } = await ec2.send(
    new DescribeImagesCommand({ ImageIds: [imageId], IncludeDisabled: true }),
  );
  return image?.State;
}

async function parameterIn({ ssm }: EmulatedAccount): Promise<string | undefined> {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: `/image-copier/${RECIPE}` }));
  return Parameter?.Value;
}

describe('the end of images', () => {
  let oldest: BakedImage;
  let older: BakedImage;
  let before: BakedImage;
  let newest: BakedImage;
  /** Of each image, by account. */
  let copies: {
    oldest: string;
    older: string;
    before: string;
    newest: string;
    canaryBefore: string;
    canaryNewest: string;
  };

  beforeAll(async () => {
    const bake = async (build: number, ...only: string[]) => {
      const image = await accounts.bake(RECIPE, build);
      const asked = ['request', image.imageId, '--only', only.join(','), '--share', '--wait'] as const;
      expect(await accounts.run(...asked)).toMatchObject({ code: 0 });
      return image;
    };
    oldest = await bake(1, 'payments');
    older = await bake(2, 'payments');
    before = await bake(3, 'canary', 'payments');
    newest = await bake(4, 'canary', 'payments');
    // It has not asked for a copy so far.
    await share(source.ec2, newest, [web.id]);
    copies = {
      oldest: await copyIn(payments, oldest),
      older: await copyIn(payments, older),
      before: await copyIn(payments, before),
      newest: await copyIn(payments, newest),
      canaryBefore: await copyIn(canary, before),
      canaryNewest: await copyIn(canary, newest),
    };
  }, BAKES_TIMEOUT_MS);

  it('retires what nothing needs, and says why others stay', async () => {
    const { code, rows } = await rowsOf(
      'retire',
      oldest.imageId,
      copies.older,
      ...['--only', 'payments', '--quarantine-days', '30', '--yes'],
    );

    expect(fates(rows)).toEqual([
      [copies.oldest, 'quarantined'],
      [copies.older, 'stays', 'Rollback'],
    ]);
    expect(code).toBe(1);
    expect(await stateOf(payments, copies.oldest)).toBe('disabled');
    expect(await stateOf(payments, copies.older)).toBe('available');
  });

  it('shows in status what is to go', async () => {
    const { code, copies: shown } = await ended();

    expect(code).toBe(0);
    expect(shown.map(({ account, imageId, state, reasons }) => [account, imageId, state, reasons])).toEqual(
      expect.arrayContaining([
        ['payments', copies.oldest, 'retired', [expect.stringMatching(/^It may be removed from \S+ on\.$/)]],
        ['payments', copies.older, 'asked', [expect.stringContaining('(rollback_depth)')]],
      ]),
    );
    expect(shown).toHaveLength(2);
  });

  it('restores both', async () => {
    const { code, rows } = await rowsOf('restore', oldest.imageId, older.imageId, '--only', 'payments');

    expect({ code, fates: fates(rows) }).toEqual({
      code: 0,
      fates: [
        [copies.oldest, 'restored'],
        [copies.older, 'restored'],
      ],
    });
    expect(await stateOf(payments, copies.oldest)).toBe('available');
    expect(await ended()).toEqual({ code: 0, copies: [] });
  });

  it('revokes an image everywhere', async () => {
    await canary.ec2.send(
      new RunInstancesCommand({ ImageId: copies.canaryNewest, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 }),
    );

    const { code, rows } = await rowsOf('revoke', newest.imageId, '--reason', 'CVE-2026-12345', '--wait', '--yes');

    const ofRows = rows.map(({ account, state, images, instances }) => [account, state, images, instances]);
    expect({ code, rows: ofRows }).toEqual({
      code: 0,
      rows: [
        ['canary', 'done', [copies.canaryNewest], 1],
        ['payments', 'done', [copies.newest], 0],
        ['web', 'done', [], 0],
      ],
    });
    expect(await stateOf(source, newest.imageId)).toBe('disabled');
    expect(await stateOf(canary, copies.canaryNewest)).toBe('disabled');
    expect(await stateOf(payments, copies.newest)).toBe('disabled');
    expect(await parameterIn(canary)).toBe(copies.canaryBefore);
    expect(await parameterIn(payments)).toBe(copies.before);
  });

  it('shows in status and fleet what is revoked, and lets nobody ask for it', async () => {
    const shown = await ended();
    const fleet = await accounts.run('fleet', '--recipe', RECIPE, '--json');
    const asked = await accounts.run('request', newest.imageId, '--only', 'web', '--share');

    expect({
      code: shown.code,
      copies: shown.copies.map(({ account, imageId, state }) => [account, imageId, state]),
    }).toEqual({
      code: 0,
      copies: [
        ['canary', copies.canaryNewest, 'revoked'],
        ['payments', copies.newest, 'revoked'],
      ],
    });
    const { instances } = JSON.parse(fleet.stdout) as FleetReport;
    expect({ code: fleet.code, states: instances.map(({ account, state }) => [account, state]) }).toEqual({
      code: 1,
      states: [['canary', 'revoked']],
    });
    expect(asked).toMatchObject({ code: 1, stderr: expect.stringContaining('CVE-2026-12345') });
  });

  it('undoes all of it, the sharing too', async () => {
    const { code, rows } = await rowsOf('unrevoke', newest.imageId, '--wait', '--yes');

    expect({ code, rows: rows.map(({ account, state, images }) => [account, state, images]) }).toEqual({
      code: 0,
      rows: [
        ['canary', 'done', [copies.canaryNewest]],
        ['payments', 'done', [copies.newest]],
        ['web', 'done', []],
      ],
    });
    expect(await stateOf(canary, copies.canaryNewest)).toBe('available');
    expect(await parameterIn(canary)).toBe(copies.canaryNewest);
    expect(await parameterIn(payments)).toBe(copies.newest);
    const { Images: [image] = [] } = await source.ec2.send(new DescribeImagesCommand({ ImageIds: [newest.imageId] }));
    expect({ state: image?.State, revoked: tagOf(image ?? {}, REVOKED_TAG) }).toEqual({ state: 'available' });
    const { Parameters } = await source.ssm.send(
      new GetParametersByPathCommand({ Path: '/image-copier-revoked', Recursive: true }),
    );
    expect(Parameters).toEqual([]);
    expect(await ended()).toMatchObject({ copies: [] });
    expect(await accounts.run('fleet', '--recipe', RECIPE)).toMatchObject({ code: 0 });
    // It would say what is not shared: nothing is shared here.
    expect(await accounts.run('request', newest.imageId, '--only', 'web', '--wait')).toMatchObject({ code: 0 });
  });
});
