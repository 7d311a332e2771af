import { beforeAll, describe, expect, it } from '@jest/globals';
import { DescribeImagesCommand, DescribeSnapshotsCommand, type Image } from '@aws-sdk/client-ec2';
import { DescribeRuleCommand, EventBridgeClient, PutRuleCommand } from '@aws-sdk/client-eventbridge';
import { PublishCommand } from '@aws-sdk/client-sns';
import { share, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import { findCopies, isAnnounced, ownImages, snapshotsOf } from '../../../scripts/tool/common/copies.ts';
import { emulatedSettings } from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import type { StatusReport } from '../../../scripts/tool/status/report.ts';
import { endpoint, REGION } from '../support/emulator.ts';
import { accounts } from './accounts.ts';

const BAKES_TIMEOUT_MS = 300_000;
const RECIPE = 'retirements';
const RULE = 'image-copier-retention';
const { source, canary, payments } = accounts;

const idOf = ({ ImageId = '' }: Image) => ImageId;

async function announcedCopy({ imageId }: BakedImage): Promise<Image> {
  return await waitFor(`the announced copy of ${imageId}`, async () => {
    const [copy] = await findCopies(payments, imageId);
    return copy && isAnnounced(copy, 'image-copier') ? copy : undefined;
  });
}

async function stateOf(image: Image): Promise<string | undefined> {
  const filter = { Name: 'image-id', Values: [idOf(image)] };
  const [found] = await ownImages(payments, [filter], { disabledToo: true });
  return found?.State;
}

async function readStatus(): Promise<StatusReport> {
  const { stdout } = await accounts.run('status', '--recipe', RECIPE, '--only', 'payments', '--json');
  return JSON.parse(stdout) as StatusReport;
}

/** Has the rule of the retention policy come once a minute until the returned function is called. */
async function sweepEachMinute(): Promise<() => Promise<void>> {
  const events = new EventBridgeClient(emulatedSettings(endpoint(), payments.id, REGION));
  const { Description, ScheduleExpression } = await events.send(new DescribeRuleCommand({ Name: RULE }));
  const schedule = async (expression: string | undefined) => {
    await events.send(new PutRuleCommand({ Name: RULE, Description, ScheduleExpression: expression }));
  };
  await schedule('rate(1 minute)');
  return async () => {
    await schedule(ScheduleExpression);
  };
}

describe('images that are to go from a deployed account', () => {
  let images: BakedImage[];
  /** In the order of the images, the oldest first. */
  let copies: Image[];

  beforeAll(async () => {
    images = [];
    for (const build of [1, 2, 3, 4, 5]) {
      const image = await accounts.bake(RECIPE, build);
      await share(source.ec2, image, [payments.id]);
      images.push(image);
    }
    const asked = await accounts.run(
      'backfill',
      ...['--recipe', RECIPE, '--since', '2026-01-01', '--only', 'payments'],
    );
    expect(asked).toMatchObject({ code: 0, stdout: expect.stringContaining('Asked for 5 copies.') });
    copies = await Promise.all(images.map(announcedCopy));
  }, BAKES_TIMEOUT_MS);

  it("are removed with their snapshots at AMIgo's message, in the accounts that it names", async () => {
    const [oldest, older, ...newer] = copies as [Image, Image, ...Image[]];
    const snapshots = await snapshotsOf(payments, oldest);
    expect(snapshots).toHaveLength(2);
    const amis = [
      { account: payments.id, id: idOf(oldest) },
      { account: canary.id, id: idOf(older) },
    ];
    const TopicArn = `arn:aws:sns:${REGION}:${source.id}:${accounts.topic}-housekeeping`;
    await source.sns.send(new PublishCommand({ TopicArn, Message: JSON.stringify({ amis }) }));

    await waitFor('the copy to be gone', async () => ((await stateOf(oldest)) === undefined ? true : undefined));
    const Filters = [{ Name: 'snapshot-id', Values: snapshots.map(({ SnapshotId = '' }) => SnapshotId) }];
    await waitFor('its snapshots to be gone', async () => {
      const { Snapshots = [] } = await payments.ec2.send(new DescribeSnapshotsCommand({ Filters }));
      return Snapshots.length === 0 || undefined;
    });
    expect(await Promise.all([older, ...newer].map(stateOf))).toEqual(Array(4).fill('available'));
  });

  it('are not asked for again', async () => {
    const [{ imageId } = { imageId: '' }] = images;

    const filled = await accounts.run(
      'backfill',
      ...['--recipe', RECIPE, '--since', '2026-01-01', '--only', 'payments'],
    );
    const asked = await accounts.run('request', imageId, '--only', 'payments', '--dry-run');

    expect(filled).toMatchObject({ code: 0, stdout: 'Asked for 0 copies.\n' });
    expect(filled.stderr).toMatch(new RegExp(`^LEFT OUT .*\n${imageId} +payments .* retired `));
    expect(asked).toMatchObject({ code: 0, stderr: expect.stringMatching(new RegExp(`^REFUSED .*\n${imageId} `)) });
  });

  it('are disabled by the daily rule, as the retention policy says', async () => {
    const [older, ...newest] = copies.slice(1) as [Image, ...Image[]];
    const { storage } = await readStatus();
    expect(storage).toMatchObject([{ recipe: RECIPE, copies: 4, freed: { copies: 1 } }]);

    const eachDay = await sweepEachMinute();
    try {
      await waitFor('the copy to be disabled', async () => ((await stateOf(older)) === 'disabled' ? true : undefined));
    } finally {
      await eachDay();
    }

    const { Images: kept } = await payments.ec2.send(new DescribeImagesCommand({ ImageIds: newest.map(idOf) }));
    expect(kept?.map(({ State }) => State)).toEqual(['available', 'available', 'available']);
    const after = await readStatus();
    expect(after.ended).toMatchObject([{ imageId: idOf(older), state: 'retired' }]);
    expect(after.storage?.[0]).not.toHaveProperty('freed');
  });
});
