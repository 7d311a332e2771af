import { beforeAll, describe, expect, it } from '@jest/globals';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import type { BakedImage } from '../../../scripts/tool/common/bake.ts';
import { findCopies } from '../../../scripts/tool/common/copies.ts';
import type { EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import type { StatusReport } from '../../../scripts/tool/status/report.ts';
import { accounts } from './accounts.ts';

const BAKES_TIMEOUT_MS = 300_000;
const RECIPE = 'promoted';
const BOTH = ['--only', 'canary,payments'] as const;
const { canary, payments } = accounts;

/** What a channel points to in each account, or `none`; without a channel what the recipe's own parameter points to. */
async function pointedTo(channel?: string): Promise<string[]> {
  const Name = `/image-copier/${RECIPE}${channel === undefined ? '' : `/channels/${channel}`}`;
  const values = accounts.targets.map(async ({ ssm }) => {
    try {
      const { Parameter } = await ssm.send(new GetParameterCommand({ Name }));
      return Parameter?.Value ?? '';
    } catch (error) {
      if (error instanceof Error && error.name === 'ParameterNotFound') return 'none';
      throw error;
    }
  });
  return await Promise.all(values);
}

async function copyIn(account: EmulatedAccount, image: BakedImage | undefined): Promise<string> {
  const [copy] = await findCopies(account, image?.imageId ?? '');
  return copy?.ImageId ?? 'none';
}

const promote = (...args: string[]) => accounts.run('promote', RECIPE, '--yes', ...args);

describe('a channel', () => {
  /** Of which canary and payments have copies, the oldest first; of the last one canary alone. */
  const images: BakedImage[] = [];
  /** The copies of an image in canary and payments, and none in web. */
  const copiesOf = async (image: BakedImage | undefined) => [
    await copyIn(canary, image),
    await copyIn(payments, image),
    'none',
  ];

  beforeAll(async () => {
    for (const only of ['canary,payments', 'canary,payments', 'canary,payments', 'canary']) {
      const image = await accounts.bake(RECIPE, images.length + 1);
      const asked = await accounts.run('request', image.imageId, '--only', only, '--share', '--wait');
      expect(asked).toMatchObject({ code: 0 });
      images.push(image);
    }
  }, BAKES_TIMEOUT_MS);

  it('is set nowhere while one of the accounts has no copy, which is named', async () => {
    const [, , third] = images;

    const { code, stderr } = await promote('--to', 'prod');

    expect(code).toBe(1);
    expect(stderr).toContain(`web, eu-west-1: There is no copy of ${third?.imageId ?? ''} that belongs to ${RECIPE}.`);
    expect(stderr).toContain('Nothing was set: 1 of 3 accounts and Regions cannot follow.');
    expect(await pointedTo('prod')).toEqual(['none', 'none', 'none']);
  });

  it('points in each account to its own copy of the one image', async () => {
    const [first] = images;

    expect(await promote('--to', 'prod', ...BOTH, '--image', first?.imageId ?? '')).toMatchObject({ code: 0 });
    expect(await pointedTo('prod')).toEqual(await copiesOf(first));
    expect(await promote('--to', 'next', '--only', 'canary')).toMatchObject({ code: 0 });
    expect(await pointedTo('next')).toEqual([await copyIn(canary, images[3]), 'none', 'none']);
  });

  it('is shown by status', async () => {
    const { stdout } = await accounts.run('status', '--recipe', RECIPE, '--json');

    const { channels = [] } = JSON.parse(stdout) as StatusReport;
    const shown = channels.map(({ channel, account, state, sourceImageId }) => [
      channel,
      account,
      state,
      sourceImageId,
    ]);
    expect(shown).toEqual([
      ['next', 'canary', 'available', images[3]?.imageId],
      ['next', 'payments', 'not set', undefined],
      ['prod', 'canary', 'available', images[0]?.imageId],
      ['prod', 'payments', 'available', images[0]?.imageId],
    ]);
  });

  it('keeps what it points to from being retired', async () => {
    const copy = await copyIn(payments, images[0]);

    const { code, stdout } = await accounts.run('retire', copy, '--only', 'payments', '--yes', '--json');

    const [row] = JSON.parse(stdout) as { state: string; reasons: { code: string; message: string }[] }[];
    expect({ code, state: row?.state }).toEqual({ code: 1, state: 'stays' });
    expect(row?.reasons).toContainEqual({
      code: 'Parameter',
      message: `The parameter /image-copier/${RECIPE}/channels/prod points to it.`,
    });
    expect(await accounts.run('restore', copy, '--only', 'payments')).toMatchObject({ code: 0 });
  });

  it('goes on to the newest image that all have, and back again', async () => {
    const [first, , third] = images;

    expect(await promote('--to', 'prod', ...BOTH)).toMatchObject({ code: 0 });
    expect(await pointedTo('prod')).toEqual(await copiesOf(third));
    const { stdout } = await accounts.run('history', RECIPE, '--channel', 'prod', '--only', 'payments', '--json');
    expect(JSON.parse(stdout)).toMatchObject([
      { version: 2, sourceImageId: third?.imageId, verified: true },
      { version: 1, sourceImageId: first?.imageId, verified: true },
    ]);
    expect(await accounts.run('rollback', RECIPE, '--channel', 'prod', ...BOTH, '--yes')).toMatchObject({ code: 0 });
    expect(await pointedTo('prod')).toEqual(await copiesOf(first));
    expect((await pointedTo())[0]).toBe(await copyIn(canary, images[3]));
  });

  it('is not moved by the next copy', async () => {
    const [first, , , fourth] = images;
    const asked = ['request', fourth?.imageId ?? '', '--only', 'payments', '--share', '--wait'] as const;

    expect(await accounts.run(...asked)).toMatchObject({ code: 0 });
    expect(await pointedTo()).toEqual(await copiesOf(fourth));
    expect(await pointedTo('prod')).toEqual(await copiesOf(first));
  });

  it('goes to the newest older copy when its image is revoked, though there are newer ones', async () => {
    const [, second, third, fourth] = images;
    expect(await promote('--to', 'prod', ...BOTH, '--image', third?.imageId ?? '')).toMatchObject({ code: 0 });

    const revoked = ['revoke', third?.imageId ?? '', '--reason', 'CVE-2026-12345', '--wait', '--yes'] as const;
    expect(await accounts.run(...revoked)).toMatchObject({ code: 0 });

    expect(await pointedTo('prod')).toEqual(await copiesOf(second));
    expect(await pointedTo()).toEqual(await copiesOf(fourth));
    const { code, stderr } = await promote('--to', 'prod', ...BOTH, '--image', third?.imageId ?? '');
    expect({ code, isSaid: stderr.includes('is revoked: its source image is bad.') }).toEqual({
      code: 1,
      isSaid: true,
    });
    expect(await pointedTo('prod')).toEqual(await copiesOf(second));
  });

  it('stays there when the revocation is undone', async () => {
    expect(await accounts.run('unrevoke', images[2]?.imageId ?? '', '--wait', '--yes')).toMatchObject({ code: 0 });
    expect(await pointedTo('prod')).toEqual(await copiesOf(images[1]));
  });
});
