import { randomBytes } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  DeleteTagsCommand,
  DeregisterImageCommand,
  ModifyImageAttributeCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { DeleteMessageCommand, SetQueueAttributesCommand, type Message } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../../scripts/tool/common/bake.ts';
import { findCopies, snapshotsOf } from '../../scripts/tool/common/copies.ts';
import { tagsOf } from '../../scripts/dev/inspect-copy.ts';
import { emulatedAccount, type EmulatedAccount } from '../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { endpoint, injectFault, newAccountId, REGION } from './support/emulator.ts';
import type { HandlerProcess } from './support/handler-process.ts';
import { removeImages } from './support/remove-images.ts';
import { ResultsInbox } from './support/results-inbox.ts';
import { imageStateWakeUp, sweepWakeUp, TargetAccount } from './support/target-account.ts';

const MAX_MESSAGE_BYTES = 256 * 1024;
const MISSING = 'ami-0123456789abcdef0';
// Controls of all kinds, what turns or hides text, halves of pairs, and breaks of lines and paragraphs.
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/u;

const source = emulatedAccount(endpoint(), newAccountId(), REGION);
const stranger = emulatedAccount(endpoint(), newAccountId(), REGION);
let target: TargetAccount;
let handler: HandlerProcess;
let bakes = 0;
let delivered = 0;

beforeAll(async () => {
  target = await TargetAccount.create(source.id);
  handler = await target.startFunction();
  // As the Terraform module has them: SNS delivers no more, and a letter must not need more.
  for (const QueueUrl of [target.queueUrl, target.deadLetterQueueUrl]) {
    const Attributes = { MaximumMessageSize: String(MAX_MESSAGE_BYTES) };
    await target.account.sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));
  }
});

afterAll(async () => {
  await target.close();
  await Promise.all([source, stranger].map(removeImages));
});

interface Handled {
  readonly outcome: 'done' | 'kept';
  /** The line about it in the log. */
  readonly line: Record<string, unknown> | undefined;
}

/** Delivers a message to the function of all tests, or to another one. */
async function deliver(body: string, to: HandlerProcess = handler): Promise<Handled> {
  const { batchItemFailures } = await run(to, ...(await target.receive(body)));
  return { outcome: batchItemFailures.length > 0 ? 'kept' : 'done', line: outcomesOf(to).at(-1) };
}

/** Runs the function, and takes its messages away: those that are kept would come back in a later test. */
async function run(to: HandlerProcess, ...records: SQSRecord[]): Promise<SQSBatchResponse> {
  if (to === handler) delivered += records.length;
  const answer = await to.invoke(...records);
  for (const { receiptHandle: ReceiptHandle } of records) {
    await target.account.sqs.send(new DeleteMessageCommand({ QueueUrl: target.queueUrl, ReceiptHandle }));
  }
  return answer;
}

const outcomesOf = (to: HandlerProcess) => to.logLines().filter((line) => 'outcome' in line);

async function bake(account: EmulatedAccount = source): Promise<BakedImage> {
  bakes += 1;
  const name = `amigo_ubuntu_${bakes}`;
  return await bakeImage(account.ec2, { name, description: '', tags: { Recipe: 'ubuntu' }, volumeSizes: [8] });
}

async function bakeFor(account: EmulatedAccount): Promise<BakedImage> {
  const image = await bake(account);
  await share(account.ec2, image, [target.account.id]);
  return image;
}

function requestFor(image: Pick<BakedImage, 'imageId'>, changes: object = {}): string {
  const request = { name: 'amigo_ubuntu', description: '', tags: {}, snapshotIds: [], ...image };
  return JSON.stringify({ ...copyRequestFor(request, REGION, ['*']), ...changes });
}

/** JSON with spaces behind it, until it is as long as a message may be. */
function longest(json: string): string {
  return json + ' '.repeat(MAX_MESSAGE_BYTES - Buffer.byteLength(json));
}

async function endedCopy(image: BakedImage): Promise<Image> {
  return await waitFor(`the copy of ${image.imageId} to end`, async () => {
    const [found] = await findCopies(target.account, image.imageId);
    return found && found.State !== 'pending' ? found : undefined;
  });
}

async function takeLetter(): Promise<Message> {
  const [letter, ...others] = await takeLetters();
  expect(others).toEqual([]);
  return letter ?? {};
}

async function takeLetters(): Promise<Message[]> {
  const letters = await target.takeDeadLetters();
  for (const { ReceiptHandle } of letters) {
    await target.account.sqs.send(new DeleteMessageCommand({ QueueUrl: target.deadLetterQueueUrl, ReceiptHandle }));
  }
  return letters;
}

/** The message of a letter, as whoever puts it back reads it. */
function restored({ Body = '', MessageAttributes = {} }: Message): string {
  const compressed = MessageAttributes['CompressedBody']?.BinaryValue;
  return compressed ? gunzipSync(compressed, { maxOutputLength: MAX_MESSAGE_BYTES }).toString() : Body;
}

const reasonOf = ({ MessageAttributes = {} }: Message) => MessageAttributes['Reason']?.StringValue ?? '';

/** Text that hardly compresses, of characters that an SQS message may hold, turned and hidden ones among them. */
function randomText(): string {
  const bytes = randomBytes(MAX_MESSAGE_BYTES);
  const chosen: string[] = [];
  let room = MAX_MESSAGE_BYTES;
  for (let index = 0; room > 3; index += 2) {
    // Two thirds ASCII, the others from U+00A0 to U+20FF.
    const code = bytes.readUInt16LE(index % (MAX_MESSAGE_BYTES - 1));
    const character = String.fromCodePoint(code % 3 === 0 ? 0xa0 + (code % 0x2060) : 0x20 + (code % 0x5f));
    chosen.push(character);
    room -= Buffer.byteLength(character);
  }
  return chosen.join('') + 'x'.repeat(room);
}

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const entries = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag${index}`, '']));
const nobodys = { imageId: MISSING };

describe('a message of 256 KiB', () => {
  it.each<[what: string, body: () => string, reason: string]>([
    ['random text', randomText, 'The message is not JSON.'],
    ['brackets', () => '['.repeat(MAX_MESSAGE_BYTES), 'The message is not JSON.'],
    ['JSON 100,000 levels deep', () => longest(nested(100_000)), 'the message must be a JSON object.'],
    [
      'a tag 100,000 levels deep',
      () => longest(requestFor(nobodys).replace('"tags":{}', `"tags":{"a":${nested(100_000)}}`)),
      'tags["a"] must be a string.',
    ],
    ['15,000 tags', () => longest(requestFor(nobodys, { tags: entries(15_000) })), 'would have 15003 tags'],
    [
      '10,000 bad accounts',
      () => longest(requestFor(nobodys, { targetAccounts: Array.from({ length: 10_000 }, () => -222222222222) })),
      'targetAccounts[4] must be a 12-digit account id in quotes, or "*" for every account; and 9995 more.',
    ],
    [
      'one tag value',
      () => longest(requestFor(nobodys, { tags: { a: '\u202e'.repeat(80_000) } })),
      'the tag "a" has a value of 80000 characters',
    ],
  ])('with %s is in the dead-letter queue, whole, with its reason', async (_what, makeBody, reason) => {
    const body = makeBody();
    expect(Buffer.byteLength(body)).toBe(MAX_MESSAGE_BYTES);

    const { outcome, line } = await deliver(body);

    expect(outcome).toBe('done');
    expect(line).toMatchObject({ outcome: 'refused', level: 'ERROR' });
    const letter = await takeLetter();
    expect(reasonOf(letter)).toContain(reason);
    expect(restored(letter) === body).toBe(true);
  });

  it('that was rejected is copied when it is put back and its cause is fixed', async () => {
    const baked = await bakeFor(stranger);
    await deliver(longest(requestFor(baked)));
    const letter = await takeLetter();
    expect(reasonOf(letter)).toContain(`belongs to account ${stranger.id}, which is not trusted.`);

    await target.trust([source.id, stranger.id]);
    const { outcome, line } = await deliver(restored(letter), await target.startFunction());
    await target.trust([source.id]);

    expect(outcome).toBe('done');
    expect(line).toMatchObject({ outcome: 'started' });
    expect(await endedCopy(baked)).toMatchObject({ State: 'available' });
  });

  it('that lists this account among 10,000 is copied once', async () => {
    const baked = await bakeFor(source);
    const others = Array.from({ length: 10_000 }, (_, index) => String(100_000_000_000 + index));
    const targetAccounts = [...others, target.account.id, target.account.id];
    const { line } = await deliver(longest(requestFor(baked, { targetAccounts })));

    expect(line).toMatchObject({ outcome: 'started' });
    expect(await findCopies(target.account, baked.imageId)).toHaveLength(1);
  });
});

describe('an account that is none', () => {
  it('beside good ones holds up no copy, and is told in the log and counted', async () => {
    const baked = await bakeFor(source);
    const bad = ['2222222', '2222222222222', 'payments', ` ${target.account.id}`, null, {}];
    const { line } = await deliver(requestFor(baked, { targetAccounts: ['86385474502', ...bad, target.account.id] }));

    expect(line).toMatchObject({
      level: 'INFO',
      outcome: 'started',
      badAccounts: {
        count: 6,
        first: [
          'targetAccounts[1]: "2222222"',
          'targetAccounts[2]: "2222222222222"',
          'targetAccounts[3]: "payments"',
          `targetAccounts[4]: " ${target.account.id}"`,
          'targetAccounts[5]: null',
        ],
      },
    });
    expect(handler.logLines().findLast((each) => '_aws' in each)).toMatchObject({ BadAccounts: 6 });
    expect(await endedCopy(baked)).toMatchObject({ State: 'available' });
    expect(await takeLetters()).toEqual([]);
  });

  it('with nothing beside it is in the dead-letter queue with its reason', async () => {
    const { line } = await deliver(requestFor(nobodys, { targetAccounts: ['2222222', '22222222222x'] }));

    expect(line).toMatchObject({ outcome: 'refused', reason: { code: 'InvalidRequest' } });
    const each = [0, 1].map(
      (index) => `targetAccounts[${index}] must be a 12-digit account id in quotes, or "*" for every account`,
    );
    expect(reasonOf(await takeLetter())).toBe(`Bad copy request: ${each.join('; ')}.`);
  });

  it('until its lost zeros are put back is this one', async () => {
    const zeros = await TargetAccount.create(source.id, [], newAccountId().replace(/^.{3}/, '001'));
    const itsHandler = await zeros.startFunction();
    for (const [index, written] of [zeros.account.id.slice(2), Number(zeros.account.id)].entries()) {
      const baked = await bake();
      await share(source.ec2, baked, [zeros.account.id]);
      await itsHandler.invoke(
        ...(await zeros.receive(requestFor(baked, { targetAccounts: ['333333333333', written] }))),
      );
      expect(outcomesOf(itsHandler).at(index)).toMatchObject({ outcome: 'started' });
      expect(await findCopies(zeros.account, baked.imageId)).toHaveLength(1);
    }
    await zeros.close();
  });
});

describe('odd tags', () => {
  it('are on the image, on its snapshots and in the result as they are in the request', async () => {
    const results = await ResultsInbox.open(target, source);
    const settling = await target.startSettling({ RESULTS_TOPIC_ARN: results.topicArn });
    const baked = await bakeFor(source);
    const odd = {
      ['🦊'.repeat(127)]: '🦊'.repeat(256),
      'a\u202eb\u2066': '\u202dc\u2069\u200b\ufeff',
      'o\u0308\u0301': 'אובונטו',
      lines: 'b\nc\td\u2028e\u2029f',
      xml: '<a>&amp;"\']]></a>',
      constructor: 'c',
      toString: 'd',
      ['__proto__']: 'e',
    };
    const leftOut = { 'aws:a': 'b', imagecopier: 'image-copier announced=2026 attempt=1 baked=2026', Encrypted: 'no' };

    const { line } = await deliver(requestFor(baked, { tags: { ...odd, ...leftOut } }));
    const made = await endedCopy(baked);
    await settling.invoke(imageStateWakeUp(made.ImageId ?? '', 'available'));

    const expected = sorted(Object.entries({ ...odd, Encrypted: 'true', CopiedFromAMI: baked.imageId }));
    expect(line).toMatchObject({ outcome: 'started' });
    expect(expected).toHaveLength(10);
    const snapshots = await snapshotsOf(target.account, made);
    expect([made, ...snapshots].map((each) => sorted(Object.entries(tagsOf(each))))).toEqual([expected, expected]);
    const { onBus, onTopic } = await results.all();
    const told = [...onBus, ...onTopic].map(({ detail }) => sorted(Object.entries(detail.tags)));
    expect(told).toEqual([expected, expected]);
    expect({}).not.toHaveProperty('polluted');
    await results.close();
  });
});

describe('shared tags', () => {
  it('are on the image, and neither set nor missed on its snapshots', async () => {
    const settling = await target.startSettling();
    const baked = await bakeFor(source);
    const shared = { 'ec2:SharedTag/Stage': 'PROD' };

    const { line } = await deliver(requestFor(baked, { tags: { ...shared, Stage: 'PROD' } }));
    const made = await endedCopy(baked);
    const [snapshot] = await snapshotsOf(target.account, made);
    const Resources = [snapshot?.SnapshotId ?? ''];
    await target.account.ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: 'Stage' }] }));
    await settling.invoke(imageStateWakeUp(made.ImageId ?? '', 'available'));

    expect(line).toMatchObject({ outcome: 'started' });
    expect(outcomesOf(settling).at(-1)).toMatchObject({ outcome: 'settled', repairedSnapshots: Resources });
    const tags = { Stage: 'PROD', Encrypted: 'true', CopiedFromAMI: baked.imageId };
    expect(tagsOf(made)).toEqual({ ...shared, ...tags });
    expect((await snapshotsOf(target.account, made)).map(tagsOf)).toEqual([tags]);
  });
});

describe('an image of another account', () => {
  it('that is private is tried again, and rejected when the time is over', async () => {
    const body = requestFor(await bake(stranger));

    const { outcome, line } = await deliver(body);
    const hurried = await target.startFunction({ RETRY_SECONDS: '1' });
    const [record] = await target.receive(body);
    if (!record) throw new Error('no message');
    record.attributes.SentTimestamp = String(Date.now() - 2000);
    await run(hurried, record);

    expect(outcome).toBe('kept');
    expect(line).toMatchObject({ outcome: 'retried', reason: { code: 'SourceNotVisible' } });
    expect(reasonOf(await takeLetter())).toMatch(
      /^Gave up: tried 1 times for over 1 s\. ami-\w+ is not visible to this/,
    );
  });

  it.each<[what: string, bakeIt: () => Promise<readonly [BakedImage, EmulatedAccount]>]>([
    ['that is shared with this one', async () => [await bakeFor(stranger), stranger]],
    [
      'that is public',
      async () => {
        const baked = await bake(stranger);
        const LaunchPermission = { Add: [{ Group: 'all' as const }] };
        await stranger.ec2.send(new ModifyImageAttributeCommand({ ImageId: baked.imageId, LaunchPermission }));
        return [baked, stranger];
      },
    ],
    ["that is no other: this account's own", async () => [await bake(target.account), target.account]],
  ])('%s is rejected', async (_what, bakeIt) => {
    const [baked, owner] = await bakeIt();
    const { outcome, line } = await deliver(requestFor(baked, { ownerId: source.id }));

    expect(outcome).toBe('done');
    expect(line).toMatchObject({ outcome: 'refused', reason: { code: 'UntrustedOwner' } });
    expect(reasonOf(await takeLetter())).toContain(`belongs to account ${owner.id}, which is not trusted.`);
    expect(await findCopies(target.account, baked.imageId)).toEqual([]);
  });

  it("that is a copy of ours is rejected like all of this account's own", async () => {
    const baked = await bakeFor(source);
    await deliver(requestFor(baked));
    const made = await endedCopy(baked);
    const { line } = await deliver(requestFor({ imageId: made.ImageId ?? '' }));

    expect(line).toMatchObject({ outcome: 'refused', reason: { code: 'UntrustedOwner' } });
    expect(reasonOf(await takeLetter())).toContain(`belongs to account ${target.account.id}`);
  });
});

describe('another Region', () => {
  it('in which the image is not is tried again', async () => {
    const baked = await bakeFor(source);
    const { outcome, line } = await deliver(requestFor(baked, { sourceRegion: 'us-east-1' }));

    expect(outcome).toBe('kept');
    expect(line).toMatchObject({ reason: { code: 'SourceNotVisible' } });
    expect(await findCopies(target.account, baked.imageId)).toEqual([]);
  });

  it('that this account has not opened is tried again', async () => {
    // What a Region answers to credentials of an account that has not opened it (EC2 Developer Guide, "Error codes").
    const fix = await injectFault({
      kind: 'error',
      operation: 'DescribeImages',
      account: target.account.id,
      region: 'ap-east-1',
      code: 'AuthFailure',
      message: 'AWS was not able to validate the provided access credentials',
      status: 401,
    });
    const { outcome, line } = await deliver(requestFor(await bakeFor(source), { sourceRegion: 'ap-east-1' }));
    await fix();

    expect(outcome).toBe('kept');
    expect(line).toMatchObject({ outcome: 'retried', reason: { code: 'AuthFailure' } });
  });

  it.each(['EU-WEST-1', 'eu-west-1.evil.example', 'x@evil.example/eu-west-1', 'eu-west-1\n', 'localhost'])(
    'that is none is rejected: %j',
    async (sourceRegion) => {
      const { outcome, line } = await deliver(requestFor(nobodys, { sourceRegion }));

      expect(outcome).toBe('done');
      expect(line).toMatchObject({ outcome: 'refused', reason: { code: 'InvalidRequest' } });
      expect(reasonOf(await takeLetter())).toBe('Bad copy request: sourceRegion must be a Region, such as eu-west-1.');
    },
  );
});

describe('an old request that comes again', () => {
  it('after its image was deregistered finds the copy', async () => {
    const baked = await bakeFor(source);
    await deliver(requestFor(baked));
    const made = await endedCopy(baked);
    await source.ec2.send(new DeregisterImageCommand({ ImageId: baked.imageId, DeleteAssociatedSnapshots: true }));

    const { outcome, line } = await deliver(requestFor(baked));

    expect(outcome).toBe('done');
    expect(line).toMatchObject({ outcome: 'reused', copy: made.ImageId });
    expect(await findCopies(target.account, baked.imageId)).toHaveLength(1);
  });

  it('after its image was deregistered, and was never copied, is tried again', async () => {
    const baked = await bakeFor(source);
    await source.ec2.send(new DeregisterImageCommand({ ImageId: baked.imageId, DeleteAssociatedSnapshots: true }));

    const { outcome, line } = await deliver(requestFor(baked));

    expect(outcome).toBe('kept');
    expect(line).toMatchObject({ outcome: 'retried', reason: { code: 'SourceNotVisible' } });
  });

  it('after its copy was deregistered makes a new one', async () => {
    const baked = await bakeFor(source);
    const copies: (string | undefined)[] = [];
    for (let round = 0; round < 3; round += 1) {
      await deliver(requestFor(baked));
      const { ImageId } = await endedCopy(baked);
      copies.push(ImageId);
      await target.account.ec2.send(new DeregisterImageCommand({ ImageId, DeleteAssociatedSnapshots: true }));
    }

    expect(new Set(copies).size).toBe(3);
  });
});

describe('a forged retry', () => {
  it.each([
    { attempt: 1, after: MISSING },
    { attempt: 3, after: MISSING },
  ])('does not double a copy that is there: %j', async (retry) => {
    const baked = await bakeFor(source);
    await deliver(requestFor(baked));
    const whilePending = await deliver(requestFor(baked, { retry }));
    const made = await endedCopy(baked);
    const afterwards = await deliver(requestFor(baked, { retry: { ...retry, after: made.ImageId } }));

    for (const { line } of [whilePending, afterwards]) expect(line).toMatchObject({ outcome: 'reused' });
    expect(await findCopies(target.account, baked.imageId)).toHaveLength(1);
  });

  it('does not pass by the owner of an image', async () => {
    const baked = await bakeFor(stranger);
    const { line } = await deliver(requestFor(baked, { retry: { attempt: 2, after: MISSING } }));

    expect(line).toMatchObject({ outcome: 'refused', reason: { code: 'UntrustedOwner' } });
    await takeLetter();
  });

  it('that runs ahead of the next try of a failed copy leaves one copy', async () => {
    const settling = await target.startSettling();
    const baked = await bakeFor(source);
    const stateReason = { code: 'Client.InternalError', message: 'no luck' };
    const fix = await injectFault({ kind: 'fail-copy', account: target.account.id, times: 1, stateReason });
    await deliver(requestFor(baked));
    const failed = await endedCopy(baked);
    await fix();

    const ahead = await deliver(requestFor(baked, { retry: { attempt: 3, after: failed.ImageId } }));
    await settling.invoke(imageStateWakeUp(failed.ImageId ?? '', 'failed'));
    const [next] = await target.receive();
    if (!next) throw new Error('no next try');
    const { batchItemFailures } = await run(handler, next);

    expect(failed.State).toBe('failed');
    expect(ahead.line).toMatchObject({ outcome: 'started' });
    expect(JSON.parse(next.body)).toMatchObject({ retry: { attempt: 2, after: failed.ImageId } });
    expect(batchItemFailures).toEqual([]);
    expect(outcomesOf(handler).at(-1)).toMatchObject({ outcome: 'reused', copy: ahead.line?.['copy'] });
    expect(await findCopies(target.account, baked.imageId)).toHaveLength(1);
    await settling.invoke(sweepWakeUp());
  });
});

describe('a batch of hostile messages', () => {
  it('does not hold up the good one among them', async () => {
    const baked = await bakeFor(source);
    const forged = '\u202e\u2028\u0085\u001b[2J\n{"level":"INFO","outcome":"started","copy":"ami-0forged"}\n';
    const bodies = [
      forged.replace('\u001b', ''),
      ...['sourceAmi', 'sourceRegion', 'targetAccounts', 'name', 'description'].map((field) =>
        requestFor(nobodys, { [field]: field === 'targetAccounts' ? [forged] : forged }),
      ),
      requestFor(nobodys, { tags: { [forged]: 'a' } }),
      requestFor(nobodys, { tags: { [forged.replace('\u001b', '').repeat(3)]: 'a' } }),
      requestFor(nobodys, { retry: { attempt: forged, after: forged } }),
      requestFor(baked),
    ];
    const records = await target.receive(...bodies);

    const { batchItemFailures } = await run(handler, ...records);

    expect(batchItemFailures).toEqual([]);
    const outcomes = outcomesOf(handler).slice(-bodies.length);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([...Array<string>(9).fill('refused'), 'started']);
    expect(outcomes.map(({ messageId }) => messageId)).toEqual(records.map(({ messageId }) => messageId));
    expect(await findCopies(target.account, baked.imageId)).toHaveLength(1);
    const letters = await takeLetters();
    expect(letters).toHaveLength(9);
    expect(letters.map(reasonOf).filter((reason) => HIDDEN.test(reason) || reason === '')).toEqual([]);
    expect(new Set(letters.map(({ Body }) => Body))).toEqual(new Set(bodies.slice(0, 9)));
  });
});

describe('the log of all these messages', () => {
  it('has one line for each, that of its own outcome, and nothing hidden in any', () => {
    const lines = handler.logLines();
    const [outcomes, metrics] = [lines.filter((line) => 'outcome' in line), lines.filter((line) => '_aws' in line)];

    expect(outcomes).toHaveLength(delivered);
    expect(lines).toHaveLength(outcomes.length + metrics.length);
    for (const line of outcomes) {
      expect(line).toMatchObject({
        level: expect.stringMatching(/^(INFO|WARN|ERROR)$/) as unknown,
        service: 'image-copier-copy-image',
        requestId: expect.stringMatching(/^request-[0-9]+$/) as unknown,
        messageId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      });
      expect(textsOf(line).filter((text) => HIDDEN.test(text))).toEqual([]);
    }
  });
});

/** All texts of a line and their names; stacks have line breaks. */
function textsOf(line: unknown): string[] {
  const texts: string[] = [];
  JSON.stringify(line, (key, value: unknown) => {
    texts.push(key);
    if (typeof value === 'string') texts.push(key === 'stack' ? value.replaceAll('\n', '') : value);
    return value;
  });
  return texts;
}

function sorted(pairs: [string, string][]): [string, string][] {
  return pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
}
