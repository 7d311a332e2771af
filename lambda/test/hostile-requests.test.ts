import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { CopyImageCommandInput, Image } from '@aws-sdk/client-ec2';
import type { SendMessageCommandInput } from '@aws-sdk/client-sqs';
import type { Context, SQSRecord } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import {
  ACCOUNT,
  BAKED_AT,
  environment,
  parameterNotFound,
  requestJson,
  SOURCE_ACCOUNT,
  SOURCE_IMAGE,
} from './factories.ts';

const MAX_BODY_BYTES = 256 * 1024;
const COPY = 'ami-0bbbbbbbbbbbbbbbb';
const REQUEST_ID = 'request-1';
const documented = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'messages.md'), 'utf8');
const original = process.env;
let output: string;

beforeAll(async () => {
  process.env = { ...original, ...environment };
  loaded = await load();
});

afterAll(() => {
  process.env = original;
});

beforeEach(() => {
  for (const stream of [process.stdout, process.stderr]) {
    jest.spyOn(stream, 'write').mockImplementation((written) => {
      output += written.toString();
      return true;
    });
  }
});

afterEach(() => {
  jest.restoreAllMocks();
});

interface Handled {
  readonly kept: boolean;
  readonly started: readonly CopyImageCommandInput[];
  readonly letters: readonly SendMessageCommandInput[];
  /** The line about the outcome. */
  readonly line: Record<string, unknown>;
}

/** The function as Lambda loads it, and the clients under it. */
type Loaded = Awaited<ReturnType<typeof load>>;
let loaded: Loaded;

async function load() {
  const { CopyImageCommand, DescribeImagesCommand, EC2Client } = await import('@aws-sdk/client-ec2');
  const { SendMessageCommand, SQSClient } = await import('@aws-sdk/client-sqs');
  const { GetParameterCommand, SSMClient } = await import('@aws-sdk/client-ssm');
  const [ec2, sqs] = [mockClient(EC2Client), mockClient(SQSClient)];
  mockClient(SSMClient).on(GetParameterCommand).rejects(parameterNotFound());
  const { handler } = await import('../src/functions/handlers/copy-image.ts');
  return { ec2, sqs, handler, CopyImageCommand, DescribeImagesCommand, SendMessageCommand };
}

/** Runs a body through the function, over an EC2 that shares the source image and answers CopyImage as told. */
async function handle(body: string, { copyImageError = undefined as Error | undefined } = {}): Promise<Handled> {
  const { ec2, sqs, handler, CopyImageCommand, DescribeImagesCommand, SendMessageCommand } = loaded;
  const image: Image = { ImageId: SOURCE_IMAGE, OwnerId: SOURCE_ACCOUNT, State: 'available', CreationDate: BAKED_AT };
  ec2.reset();
  sqs.reset();
  ec2.on(DescribeImagesCommand).resolves({ Images: [] });
  ec2.on(DescribeImagesCommand, { ImageIds: [SOURCE_IMAGE] }).resolves({ Images: [image] });
  ec2.on(DescribeImagesCommand, { ImageIds: [COPY] }).resolves({ Images: [{ State: 'pending' }] });
  if (copyImageError) ec2.on(CopyImageCommand).rejects(copyImageError);
  else ec2.on(CopyImageCommand).resolves({ ImageId: COPY });
  output = '';

  const attributes = { ApproximateReceiveCount: '1', SentTimestamp: String(Date.now()) };
  const record = { messageId: 'message-1', receiptHandle: 'receipt-1', body, attributes } as SQSRecord;
  const { batchItemFailures } = await handler({ Records: [record] }, {
    awsRequestId: REQUEST_ID,
    getRemainingTimeInMillis: () => 60_000,
  } as Context);
  return {
    kept: batchItemFailures.length > 0,
    started: ec2.commandCalls(CopyImageCommand).map(({ args }) => args[0].input),
    letters: sqs.commandCalls(SendMessageCommand).map(({ args }) => args[0].input),
    line: outcomeLine(),
  };
}

/** The one line about the one message, in an output that has nothing else but its metrics. */
function outcomeLine(): Record<string, unknown> {
  const lines = output.split('\n').filter((line) => line !== '');
  const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const [line, metrics, ...others] = objects;
  expect(others).toEqual([]);
  expect(metrics).toHaveProperty('_aws');
  expect(line).toMatchObject({
    service: 'image-copier-copy-image',
    requestId: REQUEST_ID,
    messageId: 'message-1',
    outcome: expect.stringMatching(/^(started|reused|ignored|refused|retried)$/) as unknown,
  });
  return line ?? {};
}

// Controls of all kinds, what turns or hides text, halves of pairs, and breaks of lines and paragraphs.
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/u;

const request = (changes: object = {}) => JSON.stringify({ ...requestJson, ...changes });
const withTags = (json: string) => request().replace(/"tags":\{.*?\}/, () => `"tags":${json}`);
const withField = (json: string) => `{${json},${request().slice(1)}`;
const manyTags = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag${index}`, '']));
const accounts = (count: number) => Array.from({ length: count }, (_, index) => String(100_000_000_000 + index));
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const padded = (json: string) => json + ' '.repeat(MAX_BODY_BYTES - Buffer.byteLength(json));

/** Text of 256 KiB that hardly compresses, of characters that an SQS message may hold. */
function randomText(characters: readonly string[]): string {
  const bytes = randomBytes(2 * MAX_BODY_BYTES);
  const chosen: string[] = [];
  let room = MAX_BODY_BYTES;
  for (let index = 0; room > 0; index += 1) {
    const character = characters[bytes.readUInt16LE((2 * index) % bytes.length) % characters.length] ?? '';
    const fits = Buffer.byteLength(character) <= room ? character : ' ';
    chosen.push(fits);
    room -= Buffer.byteLength(fits);
  }
  return chosen.join('');
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String.fromCodePoint(from + i));
const ASCII = range(0x20, 0x7f);
// The mix that compresses worst: every byte that UTF-8 has is about as frequent as any other.
const MIXED = [
  ...Array<string[]>(50).fill(ASCII).flat(),
  ...range(0xa1, 0x800),
  ...range(0x800, 0xd800).filter((_, index) => index % 80 === 0),
];
const CJK = range(0x4e00, 0x9fff);
const ASTRAL = range(0x10000, 0x1fff0);

const NOT_JSON = 'The message is not JSON. Publish the copy request as one JSON object.';
const NO_OBJECT = 'Bad copy request: the message must be a JSON object.';
const AMI = 'must be an image id, such as ami-0123456789abcdef0';
const REGION = 'sourceRegion must be a Region, such as eu-west-1';
const ACCOUNT_ID = 'a 12-digit account id in quotes, or "*" for every account';
const NAME = "name must be 3 to 128 letters, digits, spaces or ( ) [ ] . / - ' @ _";
const DESCRIPTION = 'description must be at most 255 characters';
const NO_TAGS = 'tags must be an object of tag names and values';
const STORABLE = 'must have no control characters and no halves of characters: EC2 cannot store them';
const RETRY = 'retry must be an object of attempt and after';

describe.each<[group: string, code: string, rows: [what: string, body: () => string, reason: string][]]>([
  [
    'a body that is no request',
    'InvalidRequest',
    [
      ['text', () => 'copy this please', NOT_JSON],
      ['JSON cut off', () => request().slice(0, -1), NOT_JSON],
      ['two objects', () => `${request()}\n${request()}`, NOT_JSON],
      ['JSON after a byte order mark', () => `\uFEFF${request()}`, NOT_JSON],
      ['a list of requests', () => `[${request()}]`, NO_OBJECT],
      ['a string of JSON', () => JSON.stringify(request()), NO_OBJECT],
      ['null', () => 'null', NO_OBJECT],
      ['a number', () => '1e999', NO_OBJECT],
      ['an empty object', () => '{}', 'Bad copy request: sourceAmi must be'],
      [
        'SNS without raw delivery',
        () => JSON.stringify({ Type: 'Notification', Message: request() }),
        'sourceAmi must',
      ],
      ['256 KiB of ASCII', () => randomText(ASCII), NOT_JSON],
      ['256 KiB of mixed characters', () => randomText(MIXED), NOT_JSON],
      ['256 KiB of Chinese characters', () => randomText(CJK), NOT_JSON],
      ['256 KiB of astral characters', () => randomText(ASTRAL), NOT_JSON],
      ['256 KiB of one bracket', () => '['.repeat(MAX_BODY_BYTES), NOT_JSON],
      ['100,000 lists in each other', () => nested(100_000), NO_OBJECT],
      [
        '100,000 lists in each other as a tag',
        () => withTags(`{"a":${nested(100_000)}}`),
        'tags["a"] must be a string',
      ],
      ['100,000 lists in each other as the tags', () => withTags(nested(100_000)), NO_TAGS],
      ['objects in each other', () => '{"a":'.repeat(40_000) + '1' + '}'.repeat(40_000), 'sourceAmi must be'],
    ],
  ],
  [
    'a field of the wrong kind',
    'InvalidRequest',
    [
      ...Object.keys(requestJson).flatMap((field) =>
        [7, true, null, [[]], {}, ''].flatMap((value): [string, () => string, string][] =>
          // A list of accounts may be empty: nobody is meant. A description too. So may an object of tags.
          (field === 'tags' && value?.constructor === Object) || (field === 'description' && value === '')
            ? []
            : [
                [
                  `${field} as ${JSON.stringify(value)}`,
                  () => request({ [field]: value }),
                  `Bad copy request: ${field}`,
                ],
              ],
        ),
      ),
      ['an account of 7 digits', () => request({ targetAccounts: ['2222222'] }), ACCOUNT_ID],
      ['an account of 13 digits', () => request({ targetAccounts: ['2222222222222'] }), ACCOUNT_ID],
      ['an account in other digits', () => request({ targetAccounts: ['२२२२२२२२२२२२'] }), ACCOUNT_ID],
      ['an account with a line break', () => request({ targetAccounts: [`${ACCOUNT}\n`] }), ACCOUNT_ID],
      [
        '10,000 bad accounts',
        () => request({ targetAccounts: accounts(10_000).map((id) => -Number(id)) }),
        '; and 9995 more.',
      ],
      ['only machinery', () => `{"__proto__":${request()}}`, 'Bad copy request: sourceAmi must be'],
      ['a constructor', () => `{"constructor":{"prototype":${request()}}}`, 'Bad copy request: sourceAmi must be'],
      ['a tag that is an object', () => withTags('{"__proto__":{"polluted":1}}'), 'tags["__proto__"] must be a string'],
      ['tags as a list', () => request({ tags: [{ Key: 'a', Value: 'b' }] }), NO_TAGS],
      ['tags as text', () => request({ tags: '{}' }), NO_TAGS],
      ['a bad field behind a good one', () => `${request().slice(0, -1)},"sourceAmi":7}`, 'sourceAmi must be a string'],
    ],
  ],
  [
    'an image or a Region that is none',
    'InvalidRequest',
    [
      ['an instance', () => request({ sourceAmi: 'i-0123456789abcdef0' }), AMI],
      ['an image in capitals', () => request({ sourceAmi: SOURCE_IMAGE.toUpperCase() }), AMI],
      ['an image after a line break', () => request({ sourceAmi: `${SOURCE_IMAGE}\n` }), AMI],
      ['an image with NUL', () => request({ sourceAmi: `${SOURCE_IMAGE}\u0000` }), AMI],
      ['two images', () => request({ sourceAmi: `${SOURCE_IMAGE},${SOURCE_IMAGE}` }), AMI],
      ['a wildcard', () => request({ sourceAmi: 'ami-*' }), AMI],
      ['a host name', () => request({ sourceRegion: 'evil.example' }), REGION],
      ['a host name with a path', () => request({ sourceRegion: 'evil.example/eu-west-1' }), REGION],
      ['a user before a host', () => request({ sourceRegion: 'x@evil.example#eu-west-1' }), REGION],
      ['a port', () => request({ sourceRegion: 'eu-west-1:8080' }), REGION],
      ['a Region in capitals', () => request({ sourceRegion: 'EU-WEST-1' }), REGION],
      ['a Region with a line break', () => request({ sourceRegion: 'eu-west-1\n' }), REGION],
      ['a Region with a letter that looks alike', () => request({ sourceRegion: 'еu-west-1' }), REGION],
      ['a Region with a zero width space', () => request({ sourceRegion: 'eu-west-1\u200b' }), REGION],
      ['a zone', () => request({ sourceRegion: 'eu-west-1a' }), REGION],
      ['a long Region', () => request({ sourceRegion: `eu-${'west'.repeat(100)}-1` }), REGION],
    ],
  ],
  [
    'a name or a description that EC2 does not take',
    'InvalidRequest',
    [
      ['a name with a line break', () => request({ name: 'amigo\nforged' }), NAME],
      ['a name with an escape', () => request({ name: 'amigo\u001b[2J' }), NAME],
      ['a name that is turned', () => request({ name: 'amigo\u202egpj.exe' }), NAME],
      ['a name with a combining mark', () => request({ name: 'ami\u0301go' }), NAME],
      ['a long name', () => request({ name: 'a'.repeat(129) }), NAME],
      ['256 characters', () => request({ description: '🦊'.repeat(256) }), DESCRIPTION],
      ['NUL', () => request({ description: 'a\u0000b' }), `description ${STORABLE}`],
      ['an escape', () => request({ description: '\u001b[31mred' }), `description ${STORABLE}`],
      ['half of a character', () => request({ description: 'a\ud83e' }), `description ${STORABLE}`],
      ['no character', () => request({ description: '\uffff' }), `description ${STORABLE}`],
    ],
  ],
  [
    'tags that EC2 cannot store',
    'InvalidRequest',
    [
      ['a value with NUL', () => request({ tags: { a: 'b\u0000' } }), `tags["a"] ${STORABLE}`],
      ['a value with an escape', () => request({ tags: { a: '\u001b[2J' } }), `tags["a"] ${STORABLE}`],
      ['half of a character', () => request({ tags: { a: '\udd8a\ud83e' } }), `tags["a"] ${STORABLE}`],
      ['no character', () => request({ tags: { a: '\ufffe' } }), `tags["a"] ${STORABLE}`],
      ['a name with NUL', () => request({ tags: { 'a\u0000': 'b' } }), `tags["a\\u0000"] ${STORABLE}`],
      ['a name with half of a character', () => request({ tags: { 'a\ud83e': 'b' } }), `tags["a\\ud83e"] ${STORABLE}`],
      ['a reserved name with NUL', () => request({ tags: { 'aws:\u0000': 'b' } }), `tags["aws:\\u0000"] ${STORABLE}`],
      [
        'a name that would end the line',
        () => request({ tags: { '\n{"level":"INFO","outcome":"started"}': 1 } }),
        'tags["\\n{\\"level\\":\\"INFO\\",\\"outcome\\":\\"started\\"}"] must be a string',
      ],
      [
        'a name that is turned',
        () => request({ tags: { 'a\u202eb\u2066': 1 } }),
        'tags["a\\u{202e}b\\u{2066}"] must be',
      ],
      [
        'a name with breaks',
        () => request({ tags: { 'a\u2028b\u2029\u0085': 1 } }),
        'tags["a\\u{2028}b\\u{2029}\\u{85}"]',
      ],
      [
        'a name without width',
        () => request({ tags: { '\u200b\ufeff\u{e0041}': 1 } }),
        'tags["\\u{200b}\\u{feff}\\u{e0041}"]',
      ],
      ['a long name', () => request({ tags: { ['🦊'.repeat(1000)]: 1 } }), `tags["${'🦊'.repeat(40)}…"] must be`],
      ['10,000 bad tags', () => withTags(JSON.stringify(manyTags(10_000)).replaceAll('""', '1')), '; and 9995 more.'],
    ],
  ],
  [
    'tags that are too many or too long',
    'InvalidTags',
    [
      ['48 tags', () => request({ tags: manyTags(48) }), 'the copy would have 51 tags, EC2 allows 50. Remove 1.'],
      [
        '20,000 tags',
        () => request({ tags: manyTags(20_000) }),
        'the copy would have 20003 tags, EC2 allows 50. Remove 19953.',
      ],
      ['256 KiB of tags', () => padded(request({ tags: manyTags(15_000) })), 'Remove 14953.'],
      [
        'a name of 128 astral characters',
        () => request({ tags: { ['🦊'.repeat(128)]: '' } }),
        'has 128 characters, at most 127',
      ],
      [
        'a value of 257 marks',
        () => request({ tags: { a: '\u0301'.repeat(257) } }),
        'the tag "a" has a value of 257 characters',
      ],
      [
        'a value of 250,000 characters',
        () => request({ tags: { a: 'b'.repeat(250_000) } }),
        'a value of 250000 characters',
      ],
      ['an empty name', () => request({ tags: { '': 'x' } }), 'a tag has an empty name.'],
      ['a hidden name that is long', () => request({ tags: { ['\u202e'.repeat(128)]: '' } }), '\\u{202e}\\u{202e}'],
    ],
  ],
  [
    'a forged retry',
    'InvalidRequest',
    [
      ...[null, 1, 'again', [1], true].map((retry): [string, () => string, string] => [
        `as ${JSON.stringify(retry)}`,
        () => request({ retry }),
        RETRY,
      ]),
      ...[0, 4, 1e9, 1.5, -1, '2', null, [1], '1e999'].map((attempt): [string, () => string, string] => [
        `of attempt ${String(attempt)}`,
        () => request({ retry: { attempt, after: COPY } }).replace('"1e999"', '1e999'),
        'retry["attempt"] must be',
      ]),
      ...[null, 7, 'ami-*', `${COPY}\n`, 'snap-0123', {}].map((after): [string, () => string, string] => [
        `after ${JSON.stringify(after)}`,
        () => request({ retry: { attempt: 2, after } }),
        'retry["after"] must be',
      ]),
      ['without after', () => request({ retry: { attempt: 2 } }), 'retry["after"] must be'],
      [
        'with machinery',
        () => withField(`"retry":{"__proto__":{"attempt":2,"after":"${COPY}"}}`),
        'retry["attempt"] must be',
      ],
    ],
  ],
])('%s is rejected', (_group, code, rows) => {
  it.each(rows)('%s', async (_what, makeBody, reason) => {
    const body = makeBody();
    const { kept, started, letters, line } = await handle(body);

    expect({ kept, started }).toEqual({ kept: false, started: [] });
    expect(line).toMatchObject({ outcome: 'refused', reason: { code } });
    expect((line['reason'] as { message: string }).message).toContain(reason);
    expect(letters).toHaveLength(1);
    const [letter] = letters;
    const attributes = letter?.MessageAttributes ?? {};
    expect(attributes['ErrorCode']?.StringValue).toBe(code);
    expect(attributes['Reason']?.StringValue).toContain(reason);
    expect(restored(letter)).toBe(body);
    expect(bytesOf(letter)).toBeLessThanOrEqual(MAX_BODY_BYTES);
    expectNothingHidden(line);
    expect(attributes['Reason']?.StringValue).not.toMatch(HIDDEN);
    expect(output.length).toBeLessThan(10_000);
    expect({}).not.toHaveProperty('polluted');
  });
});

/** The tags that CopyImage is called with, for the image; the snapshots' must be the same. */
function tagsOf([copy]: readonly CopyImageCommandInput[]): [string, string][] {
  const [image, snapshots] = (copy?.TagSpecifications ?? []).map(({ Tags = [] }) =>
    Tags.map(({ Key = '', Value = '' }): [string, string] => [Key, Value]),
  );
  expect(snapshots).toEqual(image);
  return image ?? [];
}

const ownTags = (attempt = 1) => [
  ['Encrypted', 'true'],
  ['CopiedFromAMI', SOURCE_IMAGE],
  ['ImageCopier', `image-copier attempt=${attempt} baked=${BAKED_AT} key=11111111-2222-3333-4444-555555555555`],
];

/** The request of a letter, as whoever restores it reads it. */
function restored(letter: SendMessageCommandInput | undefined): string {
  const compressed = letter?.MessageAttributes?.['CompressedBody']?.BinaryValue;
  return compressed ? gunzipSync(compressed).toString() : (letter?.MessageBody ?? '');
}

/** The size of a message as SQS counts it. */
function bytesOf(letter: SendMessageCommandInput | undefined): number {
  const attributes = Object.entries(letter?.MessageAttributes ?? {}).map(
    ([name, { DataType = '', StringValue = '', BinaryValue = [] }]) =>
      Buffer.byteLength(name) + Buffer.byteLength(DataType) + Buffer.byteLength(StringValue) + BinaryValue.length,
  );
  return attributes.reduce((sum, bytes) => sum + bytes, Buffer.byteLength(letter?.MessageBody ?? ''));
}

/** No text of a line of the log, nor any of its names, has anything hidden; stacks have line breaks. */
function expectNothingHidden(line: unknown): void {
  const texts: string[] = [];
  JSON.stringify(line, (key, value: unknown) => {
    texts.push(key);
    if (typeof value === 'string') texts.push(key === 'stack' ? value.replaceAll('\n', '') : value);
    return value;
  });
  expect(texts.filter((text) => HIDDEN.test(text))).toEqual([]);
}

describe('a request that is odd but sound is copied', () => {
  it.each<[what: string, body: () => string, tags: [string, string][]]>([
    ['without tags', () => request({ tags: {} }), []],
    [
      'with tags named like machinery',
      () => withTags('{"__proto__":"a","constructor":"b","toString":"c","hasOwnProperty":"d"}'),
      [
        ['__proto__', 'a'],
        ['constructor', 'b'],
        ['toString', 'c'],
        ['hasOwnProperty', 'd'],
      ],
    ],
    ['with a tag twice: the last one', () => withTags('{"a":"1","b":"2","a":"3"}'), [['a', '3'], ['b', '2']]], // prettier-ignore
    ['with names in other case', () => request({ tags: { name: 'a', Name: 'b' } }), [['name', 'a'], ['Name', 'b']]], // prettier-ignore
    ['with turned text', () => request({ tags: { 'a\u202eb': '\u2066c\u2069' } }), [['a\u202eb', '\u2066c\u2069']]],
    ['with Hebrew', () => request({ tags: { שם: 'אובונטו' } }), [['שם', 'אובונטו']]],
    ['with marks', () => request({ tags: { 'o\u0308': 'ö' } }), [['o\u0308', 'ö']]],
    ['without width', () => request({ tags: { '\u200b': '\u200d\ufeff' } }), [['\u200b', '\u200d\ufeff']]],
    ['with breaks', () => request({ tags: { a: 'b\nc\td\u2028e\u0085' } }), [['a', 'b\nc\td\u2028e\u0085']]],
    [
      'with the longest astral tag',
      () => request({ tags: { ['🦊'.repeat(127)]: '🦊'.repeat(256) } }),
      [['🦊'.repeat(127), '🦊'.repeat(256)]],
    ],
    ['with 47 tags', () => request({ tags: manyTags(47) }), Object.entries(manyTags(47))],
    [
      'with reserved tags, which are left out',
      () => request({ tags: { 'aws:a': '1', 'AWS:b': '2', aws: '3', '\u200baws:c': '4', 'ａws:d': '5' } }),
      [
        ['aws', '3'],
        ['\u200baws:c', '4'],
        ['ａws:d', '5'],
      ],
    ],
    [
      "with the copier's own tags, which are left out in any case that IAM takes for the same",
      () =>
        request({
          tags: { Encrypted: 'no', CopiedFromAMI: 'ami-0', ImageCopier: 'a', imagecopier: 'b', IMAGECOPIER: 'c' },
        }),
      [],
    ],
    [
      'for this account and 10,000 others',
      () => request({ tags: {}, targetAccounts: [...accounts(10_000), ACCOUNT] }),
      [],
    ],
    ['for this account many times', () => request({ tags: {}, targetAccounts: Array(5_000).fill(ACCOUNT) }), []],
    [
      'with unknown fields',
      () => `{"__proto__":{"polluted":1},"constructor":null,"ownerId":"1",${request({ tags: {} }).slice(1)}`,
      [],
    ],
    ['of 256 KiB', () => padded(request({ tags: {} })), []],
    ['with another field 100,000 levels deep', () => `{"a":${nested(100_000)},${request({ tags: {} }).slice(1)}`, []],
    ['with a field twice: the last one', () => `{"sourceAmi":"ami-0ff",${request({ tags: {} }).slice(1)}`, []],
  ])('%s', async (_what, makeBody, tags) => {
    const { kept, started, letters, line } = await handle(makeBody());

    expect({ kept, letters }).toEqual({ kept: false, letters: [] });
    expect(started).toHaveLength(1);
    expect(started[0]).toMatchObject({ SourceImageId: SOURCE_IMAGE, Name: requestJson.name });
    expect(tagsOf(started)).toEqual([...tags, ...ownTags()]);
    expect(line).toMatchObject({ level: 'INFO', outcome: 'started', copy: COPY });
    expect(output.length).toBeLessThan(10_000);
    expect({}).not.toHaveProperty('polluted');
  });

  it.each([
    ['an empty one', ''],
    ['breaks and turned text', 'a\nb\t\u202ec\u2028d'],
    ['255 astral characters', '🦊'.repeat(255)],
  ])('with a description of %s', async (_what, description) => {
    const { started, line } = await handle(request({ description }));

    expect(started[0]?.Description).toBe(description);
    expect(line).toMatchObject({ outcome: 'started' });
    expectNothingHidden(line);
  });

  it('with a forged retry, as that attempt and under another token', async () => {
    const [plain] = (await handle(request({ tags: {} }))).started;
    const { started } = await handle(request({ tags: {}, retry: { attempt: 3, after: 'ami-0ff', more: 1 } }));

    expect(tagsOf(started)).toEqual(ownTags(3));
    expect(started[0]?.ClientToken).not.toBe(plain?.ClientToken);
  });
});

describe('a request for others is ignored', () => {
  it.each<[what: string, body: () => string]>([
    ['for nobody', () => request({ targetAccounts: [] })],
    ['for 10,000 others', () => request({ targetAccounts: accounts(10_000) })],
    ['with accounts twice: the last ones', () => `${request().slice(0, -1)},"targetAccounts":["333333333333"]}`],
  ])('%s', async (_what, makeBody) => {
    const { kept, started, letters, line } = await handle(makeBody());

    expect({ kept, started, letters }).toEqual({ kept: false, started: [], letters: [] });
    expect(line).toMatchObject({ level: 'INFO', outcome: 'ignored' });
  });
});

describe('what EC2 repeats of a request', () => {
  it.each([
    ['TagPolicyViolation', 400, 'refused'],
    ['InternalError', 500, 'retried'],
  ])('is spelled out after %s', async (name, httpStatusCode, outcome) => {
    const { EC2ServiceException } = await import('@aws-sdk/client-ec2');
    const said = "not the key 'a\u202eb\u0085\n{\u2028\u001b[2J'";
    const copyImageError = Object.assign(
      new EC2ServiceException({
        name,
        message: said,
        $fault: 'client',
        $metadata: { httpStatusCode, requestId: 'r1' },
      }),
      { Error: { Code: name, Message: said } },
    );
    const { line, letters } = await handle(request(), { copyImageError });

    const message = `${name}: not the key 'a\\u{202e}b\\u{85}\\u{a}{\\u{2028}\\u{1b}[2J'`;
    expect(line).toMatchObject({ outcome, reason: { code: name, message } });
    expect(line).toMatchObject({ error: { cause: { name, $metadata: { requestId: 'r1' } } } });
    expectNothingHidden(line);
    expect(letters.map(({ MessageAttributes }) => MessageAttributes?.['Reason']?.StringValue)).toEqual(
      outcome === 'refused' ? [message] : [],
    );
  });
});

describe('docs/messages.md', () => {
  it.each([NOT_JSON, NO_OBJECT, AMI, REGION, ACCOUNT_ID, NAME, DESCRIPTION, NO_TAGS, STORABLE, RETRY])(
    'lists the reason "%s"',
    (reason) => {
      expect(documented).toContain(reason);
    },
  );
});
