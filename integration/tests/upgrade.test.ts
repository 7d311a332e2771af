import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PublishCommand } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { GetParameterCommand, type Parameter } from '@aws-sdk/client-ssm';
import { MARKER, parseMarker } from '../../lambda/src/core/copy-marker.ts';
import type { CopyResult } from '../../lambda/src/core/copy-results.ts';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../../scripts/tool/common/bake.ts';
import { findCopies, tagOf } from '../../scripts/tool/common/copies.ts';
import { ROOT } from '../../scripts/tool/common/paths.ts';
import { ResultsInbox, type ResultMessage } from '../../scripts/tool/common/results-inbox.ts';
import type { Changes } from '../../scripts/tool/deploy/terraform-root.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { untilEmpty } from './support/empty-queue.ts';
import { endCopies, injectFault, refuseCopies, REGION } from './support/emulator.ts';
import { NO_CHANGES } from './support/rollout.ts';
import { runHere } from './support/run-here.ts';
import { sweepWakeUp } from './support/target-account.ts';
import { UpgradedAccounts } from './upgrade/upgraded-accounts.ts';

const TIMEOUT_MS = 900_000;
/** What `npm run keep-version` kept, one folder a version. */
const KEPT = join(ROOT, 'integration', 'upgrades');
/** Stands for a source image in a result that a test publishes, to see that no other is on its way. */
const LAST = 'last';

/** What may go or be made anew: it has no state, and nothing refers to it. All else that stands in an account stays. */
const MAY_GO = '.aws_cloudwatch_dashboard.';

/** The states in which the upgrade meets an image, each of a recipe of its own. */
const CASES = ['announced', 'announcing', 'event', 'failed', 'given-up', 'pending', 'rejected', 'requested'] as const;
type Case = (typeof CASES)[number];

const recipeOf = ({ tags }: CopyResult) => tags['Recipe'];

describe.each(readdirSync(KEPT))('an upgrade from %s', (version) => {
  const accounts = new UpgradedAccounts();
  const { source, target } = accounts;
  const images = new Map<Case, BakedImage>();
  const results: ResultMessage[] = [];
  let inbox: ResultsInbox;
  let outputs: Awaited<ReturnType<UpgradedAccounts['outputs']>>;
  let changes: Changes;
  let parameter: Parameter | undefined;

  const imageOf = (name: Case) => {
    const image = images.get(name);
    if (!image) throw new Error(`no image ${name}`);
    return image;
  };

  async function request(name: Case): Promise<void> {
    const Message = JSON.stringify(copyRequestFor(imageOf(name), REGION, [target.id]));
    await source.sns.send(new PublishCommand({ TopicArn: outputs.source.request_topic_arn, Message }));
  }

  async function copyOf(name: Case, state: 'announced' | 'announcing' | 'pending'): Promise<string> {
    return await waitFor(`the copy of ${name} to be ${state}`, async () => {
      const [copy] = await findCopies(target, imageOf(name).imageId);
      const { announcement } = parseMarker(tagOf(copy ?? {}, MARKER), 'image-copier') ?? {};
      return (announcement?.state ?? copy?.State) === state ? copy?.ImageId : undefined;
    });
  }

  async function untilHeld(QueueUrl: string, count: number): Promise<void> {
    await waitFor(`${count} messages or more in ${QueueUrl}`, async () => {
      const AttributeNames = ['ApproximateNumberOfMessages'] as const;
      const { Attributes } = await target.sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...AttributeNames] }),
      );
      return Number(Attributes?.ApproximateNumberOfMessages) >= count ? true : undefined;
    });
  }

  /** Receives results until there is one for each of these images. */
  async function untilTold(...names: readonly (Case | typeof LAST)[]): Promise<void> {
    const sources = names.map((name) => (name === LAST ? LAST : imageOf(name).imageId));
    await waitFor(`results of ${names.join(', ')}`, async () => {
      results.push(...(await inbox.receive()));
      return sources.every((source) => results.some(({ detail }) => detail.sourceAmi === source)) ? true : undefined;
    });
  }

  async function readParameter(): Promise<Parameter | undefined> {
    return (await target.ssm.send(new GetParameterCommand({ Name: '/image-copier/announced' }))).Parameter;
  }

  const failCopies = (name: Case) =>
    injectFault({
      kind: 'fail-copy',
      account: target.id,
      sourceImageId: imageOf(name).imageId,
      stateReason: { code: 'Client.InternalError', message: 'AMI snapshot copy failed with error: no luck' },
    });

  beforeAll(async () => {
    await accounts.apply(join(KEPT, version));
    outputs = await accounts.outputs();
    const { queue_url: requests, settle_queue_url: settling, dead_letter_queue_url: deadLetters } = outputs.copier;
    inbox = await ResultsInbox.open(source, outputs.source.results_topic_arn);
    await Promise.all(
      CASES.map(async (name) => {
        const recipe = { name: `upgrade_${name}`, description: '', tags: { Recipe: name }, volumeSizes: [8] };
        images.set(name, await bakeImage(source.ec2, recipe));
        await share(source.ec2, imageOf(name), [target.id]);
      }),
    );

    const admit = await refuseCopies(target.id);
    await request('rejected');
    await untilHeld(deadLetters, 1);
    await admit();

    // The role of 03f4130 may put none where policies decide as IAM documents it: it takes the lists of PutEvents for single values.
    const forbidEvents = await accounts.decideOnEvents('Allow');
    const heal = await Promise.all([failCopies('given-up'), failCopies('failed')]);
    await Promise.all([request('announced'), request('given-up')]);
    await Promise.all([copyOf('announced', 'announced'), untilTold('given-up', 'announced')]);
    parameter = await readParameter();
    await forbidEvents();
    const restoreEvents = await accounts.decideOnEvents('Deny');
    await request('announcing');
    await copyOf('announcing', 'announcing');

    const quicken = await injectFault({ kind: 'slow-copy', account: target.id, seconds: 600 });
    await Promise.all([request('pending'), request('event'), request('failed')]);
    await copyOf('pending', 'pending');
    const [event, failed] = [await copyOf('event', 'pending'), await copyOf('failed', 'pending')];
    await quicken();
    // From here on nothing is copied: the next try of what failed, and a new request, wait in the queue.
    await untilEmpty(target, requests);
    await accounts.stopDelivery('copy-image');
    await endCopies(target.id, failed);
    await request('requested');
    await untilHeld(requests, 2);
    // And nothing is settled: the event of a copy waits too.
    await untilEmpty(target, settling);
    await accounts.stopDelivery('settle-copy');
    await endCopies(target.id, event);
    await untilHeld(settling, 1);
    for (const end of [...heal, restoreEvents]) await end();

    changes = await accounts.plan(ROOT);
    await accounts.apply(ROOT);
  }, TIMEOUT_MS);

  afterAll(async () => {
    await accounts.leave();
    await inbox.close();
  });

  it('takes nothing away and makes nothing anew but the dashboard', () => {
    const { resources = [] } = changes;
    const gone = resources.filter(({ action }) => action === 'destroy' || action === 'replace');

    expect(resources.length).toBeGreaterThan(gone.length);
    expect(gone.filter(({ address }) => !address.includes(MAY_GO))).toEqual([]);
  });

  it('leaves everything at the addresses that others know', async () => {
    const after = await accounts.outputs();

    for (const module of ['source', 'copier'] as const) {
      const known = Object.entries(outputs[module]).filter(([name]) => /_(alias|arn|path|url)$/.test(name));
      expect(known.length).toBeGreaterThan(2);
      expect(after[module]).toMatchObject(Object.fromEntries(known));
    }
  });

  it('goes on with the request, the next try and the event that waited in the queues', async () => {
    await Promise.all((['event', 'failed', 'requested'] as const).map((name) => copyOf(name, 'announced')));
  });

  it('goes on with the copy that was pending', async () => {
    await endCopies(target.id, await copyOf('pending', 'pending'));
    await copyOf('pending', 'announced');
  });

  it('keeps the dead letters, which the tool reads and puts back', async () => {
    const list = await runHere(['dead-letters', 'list', '--json'], accounts.environment);
    const letters = JSON.parse(list.stdout) as { readonly code: string; readonly sourceImage: string }[];
    expect(letters.map(({ code, sourceImage }) => [code, sourceImage]).sort()).toEqual([
      ['CopyFailed', imageOf('given-up').imageId],
      ['TagPolicyViolation', imageOf('rejected').imageId],
    ]);

    expect(await runHere(['dead-letters', 'redrive', '--all'], accounts.environment)).toMatchObject({ code: 0 });
    await Promise.all((['given-up', 'rejected'] as const).map((name) => copyOf(name, 'announced')));
  });

  it('announces each copy once, and again none that was announced', async () => {
    const [{ body: MessageBody }, QueueUrl] = [sweepWakeUp(), outputs.copier.settle_queue_url];
    await target.sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody, MessageGroupId: 'test', MessageDeduplicationId: 'sweep' }),
    );
    await untilEmpty(target, QueueUrl);
    const Message = JSON.stringify({ 'detail-type': 'Image Copied', detail: { sourceAmi: LAST } });
    await source.sns.send(new PublishCommand({ TopicArn: outputs.source.results_topic_arn, Message }));
    await untilTold(LAST);

    const told = results.filter(({ detail }) => detail.sourceAmi !== LAST);
    expect(told.map(({ 'detail-type': type, detail }) => [recipeOf(detail), type, detail.attempt]).sort()).toEqual([
      ['announced', 'Image Copied', 1],
      ['announcing', 'Image Copied', 1],
      ['event', 'Image Copied', 1],
      ['failed', 'Image Copied', 2],
      ['given-up', 'Image Copied', 1],
      ['given-up', 'Image Copy Failed', 3],
      ['pending', 'Image Copied', 1],
      ['rejected', 'Image Copied', 1],
      ['requested', 'Image Copied', 1],
    ]);
  });

  it('leaves the parameters as they were', async () => {
    expect(parameter?.Value).toMatch(/^ami-/);
    expect(await readParameter()).toEqual(parameter);
  });

  it('ends with nothing left to change', async () => {
    expect(await accounts.plan(ROOT)).toEqual(NO_CHANGES);
  });
});
