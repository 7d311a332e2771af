import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  CreateImageCommand,
  CreateTagsCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  RunInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import { formatMarker, MARKER, parseMarker } from '../../../lambda/src/core/copy-marker.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import type { EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import type { BakedImage } from '../../../scripts/tool/common/bake.ts';
import { findCopies, tagOf } from '../../../scripts/tool/common/copies.ts';
import type { FleetReport } from '../../../scripts/tool/fleet/report.ts';
import { accounts } from './accounts.ts';
import { injectFault, REGION } from '../support/emulator.ts';

const BAKES_TIMEOUT_MS = 900_000;
const RECIPE = 'fleet';
const { canary, payments, web } = accounts;

/** The instances of this test by what they are, with their ids. */
const instances = new Map<string, string>();

async function launch(what: string, { ec2 }: EmulatedAccount, imageId: string): Promise<string> {
  const { Instances: [instance] = [] } = await ec2.send(
    new RunInstancesCommand({ ImageId: imageId, InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 }),
  );
  const id = instance?.InstanceId ?? '';
  instances.set(id, what);
  return id;
}

async function copyIn(account: EmulatedAccount, { imageId }: BakedImage): Promise<string> {
  const [copy] = await findCopies(account, imageId);
  return copy?.ImageId ?? 'none';
}

async function untilAvailable({ ec2 }: EmulatedAccount, imageId: string): Promise<void> {
  await waitFor(`the image ${imageId}`, async () => {
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
    return Images.some(({ State }) => State === 'available') ? true : undefined;
  });
}

async function fleetOf(...args: string[]): Promise<{ code: number | null; report: FleetReport; stderr: string }> {
  const { code, stdout, stderr } = await accounts.run('fleet', ...args, '--json');
  return { code, stderr, report: JSON.parse(stdout) as FleetReport };
}

/** What is said of each instance of this test. */
function statesOf({ instances: shown }: FleetReport): Record<string, string> {
  return Object.fromEntries(
    shown.flatMap(({ instanceId, state, behind = 0 }) => {
      const what = instances.get(instanceId);
      return what === undefined ? [] : [[what, state === 'behind' ? `${behind} behind` : state]];
    }),
  );
}

describe('fleet', () => {
  let old: BakedImage;
  let image: BakedImage;

  beforeAll(async () => {
    [old, image] = [await accounts.bake(RECIPE, 1), await accounts.bake(RECIPE, 2)];
    for (const each of [old, image]) {
      const asked = ['request', each.imageId, '--only', 'canary,payments', '--share', '--wait'] as const;
      expect(await accounts.run(...asked)).toMatchObject({ code: 0 });
    }
    const olderCopy = await copyIn(canary, old);
    await launch('the newest copy', canary, await copyIn(canary, image));
    const baseId = await launch('an older copy', canary, olderCopy);
    const made = await canary.ec2.send(new CreateImageCommand({ InstanceId: baseId, Name: `made of ${olderCopy}` }));
    await untilAvailable(canary, made.ImageId ?? '');
    await launch('an image of an older copy', canary, made.ImageId ?? '');
    await launch('the source image itself', canary, image.imageId);
    const stopped = await launch('a stopped instance', canary, olderCopy);
    await canary.ec2.send(new StopInstancesCommand({ InstanceIds: [stopped] }));
    const gone = await copyIn(payments, old);
    await launch('a copy that is gone', payments, gone);
    await payments.ec2.send(new DeregisterImageCommand({ ImageId: gone, DeleteAssociatedSnapshots: true }));
  }, BAKES_TIMEOUT_MS);

  it('tells what each running instance runs, also when the image is gone', async () => {
    const { code, stderr, report } = await fleetOf();

    expect({ code, stderr, states: statesOf(report) }).toEqual({
      code: 0,
      stderr: '',
      states: {
        'the newest copy': 'current',
        'an older copy': '1 behind',
        'an image of an older copy': '1 behind',
        'the source image itself': 'no copy',
        'a copy that is gone': '1 behind',
      },
    });
    expect(report.recipes).toContainEqual({
      recipe: RECIPE,
      instances: 5,
      states: { current: 1, behind: 3, revoked: 0, 'no copy': 1, unknown: 0 },
    });
  });

  it('counts them for people, and on the status page', async () => {
    const file = join(accounts.folder, 'fleet.html');
    const { code, stdout } = await accounts.run('fleet', '--recipe', RECIPE);
    await accounts.run('status', '--recipe', RECIPE, '--html', file);

    const totals = '5 instances in 3 accounts and Regions: 1 current, 3 behind, 1 no copy.';
    expect(code).toBe(0);
    expect(stdout).toContain(totals);
    expect(readFileSync(file, 'utf8')).toContain(`<p>${totals}</p>`);
  });

  it('names an account that cannot be read, and shows the others', async () => {
    const fix = await injectFault({
      kind: 'error',
      account: web.id,
      operation: 'DescribeInstanceImageMetadata',
      code: 'UnauthorizedOperation',
      message: 'You are not authorized to perform this operation.',
      status: 403,
    });
    try {
      const { code, stderr, report } = await fleetOf('--recipe', RECIPE);

      expect(code).toBe(1);
      expect(stderr).toContain(`web, ${REGION}: Access denied: You are not authorized`);
      expect(Object.keys(statesOf(report))).toHaveLength(5);
    } finally {
      await fix();
    }
  });

  // The last one here: it leaves the copy so.
  it('ends with 1 where an instance runs a revoked image, one that was made of it, or one that is gone', async () => {
    const copy = (await findCopies(canary, old.imageId))[0] ?? {};
    const marker = parseMarker(tagOf(copy, MARKER), 'image-copier');
    if (!marker || copy.ImageId === undefined) throw new Error('no copy of ours');
    const Value = formatMarker({ ...marker, end: { state: 'revoked', at: new Date().toISOString() } });
    await canary.ec2.send(new CreateTagsCommand({ Resources: [copy.ImageId], Tags: [{ Key: MARKER, Value }] }));

    const { code, report } = await fleetOf('--recipe', RECIPE);

    expect({ code, states: statesOf(report) }).toEqual({
      code: 1,
      states: {
        'the newest copy': 'current',
        'an older copy': 'revoked',
        'an image of an older copy': 'revoked',
        'the source image itself': 'no copy',
        'a copy that is gone': 'revoked',
      },
    });
  });
});
