import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { unzipSync } from 'fflate';
import { startAwsStub, type AwsRequest, type AwsStub } from '../../scripts/dev/bench/cold-start/aws-stub.ts';
import {
  cannedAnswers,
  COPY,
  copyRequest,
  OLDER_COPY,
  REGION,
  SOURCE_ACCOUNT,
} from '../../scripts/dev/bench/cold-start/canned-answers.ts';
import { MB_OF_ONE_CPU } from '../../scripts/dev/bench/cold-start/cpu-limit.ts';
import { runProcess } from '../../scripts/dev/bench/cold-start/lambda-process.ts';
import {
  environment,
  nodeRuntime,
  sqsEvent,
  stateChange,
} from '../../scripts/dev/bench/cold-start/lambda-environment.ts';
import { ZIP } from '../../scripts/dev/lambda-bundle.ts';
import { ROOT } from '../../scripts/tool/common/paths.ts';

type Answer = (request: AwsRequest) => string | undefined;

const directory = mkdtempSync(join(tmpdir(), 'image-copier-work-'));
const canned = cannedAnswers();
let stub: AwsStub;
/** What AWS answers where it is not as usual. */
let unusual: Answer;

beforeAll(async () => {
  for (const [name, content] of Object.entries(unzipSync(readFileSync(ZIP)))) {
    writeFileSync(join(directory, name), content);
  }
  stub = await startAwsStub({
    ...canned,
    answer: (request) => unusual(request) ?? canned.answer(request),
    error: (request) => (unusual(request) === undefined ? canned.error?.(request) : undefined),
  });
});

afterAll(() => {
  stub.close();
  rmSync(directory, { recursive: true });
});

interface Work {
  readonly calls: string[];
  readonly connections: number;
}

/** Has a function, as it is in the zip, handle an event so many times. Gives what its start took, and each time. */
async function run(name: string, event: unknown, answer: Answer, invocations: number): Promise<Work[]> {
  unusual = answer;
  const work: Work[] = [];
  const note = () => {
    const calls = stub.takeSteps().flatMap((step) => step.map(({ service, operation }) => `${service}:${operation}`));
    work.push({ calls, connections: stub.takeConnections() });
  };
  const beforeEvent = () => {
    note();
    stub.startOver();
  };
  const env = environment(stub.endpoint, `${name}.handler`, directory);
  const logFile = join(directory, 'function.log');
  await runProcess({
    command: nodeRuntime(),
    env,
    memoryMb: MB_OF_ONE_CPU,
    invocations,
    event,
    beforeEvent,
    logFile,
  });
  note();
  expect(readFileSync(logFile, 'utf8')).not.toContain('prewarming failed');
  expect(work[0]?.calls).toEqual([]);
  return work;
}

/** Has a function handle an event as the first and as a later one; both must take the same. */
async function workOf(name: string, event: unknown, answer: Answer = () => undefined) {
  const [start, first, second] = await run(name, event, answer, 2);
  expect(second).toEqual({ ...first, connections: 0 });
  return { calls: first?.calls, opened: { before: start?.connections, later: first?.connections } };
}

/** SQS as it answers: the SDK compares the digest. */
const sqs: Answer = ({ service, operation, body }) => {
  if (service !== 'sqs') return undefined;
  if (operation !== 'SendMessage') return '{}';
  const { MessageBody } = JSON.parse(body) as { MessageBody: string };
  const MD5OfMessageBody = createHash('md5').update(MessageBody).digest('hex');
  return JSON.stringify({ MessageId: '94f20ce6-13c5-43a0-9a9e-ca52d816e90b', MD5OfMessageBody });
};

/** An answer of EC2 without an image, as to a search for copies where there are none. */
const noImage: Answer = (request) =>
  canned.answer({ ...request, body: 'Filter.1.Name=source-image-id&Filter.1.Value.1=x' });

const isSearchForCopies = ({ body }: AwsRequest) => /source-image-id|CopiedFromAMI/.test(body);
/** EC2 shows the copy of the image that is asked for. */
const copied: Answer = (request) =>
  isSearchForCopies(request) ? canned.answer({ ...request, body: `ImageId.1=${COPY}` }) : undefined;
/** EC2 shows no image that is asked for by its id. */
const notShared: Answer = (request) =>
  request.service === 'ec2' && !isSearchForCopies(request) ? noImage(request) : sqs(request);
/** The image belongs to somebody else. */
const foreign: Answer = (request) =>
  request.service === 'ec2' ? canned.answer(request)?.replaceAll(SOURCE_ACCOUNT, '999999999999') : sqs(request);
/** The image was revoked, and no copy is made of it. */
const revoked: Answer = (request) => {
  if (request.operation !== 'GetParameter') return sqs(request);
  const end = { kind: 'revoked', at: '2026-11-20T00:00:00.000Z', reason: 'It is bad.' };
  return JSON.stringify({ Parameter: { Value: JSON.stringify(end) } });
};

describe('what a request costs copy-image', () => {
  const tags = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`tag${index}`, '']));
  const tooManyTags = { ...copyRequest, tags };
  const SEARCH = ['ec2:DescribeImages', 'ec2:DescribeImages', 'ec2:DescribeImages'];
  const LOOK = [...SEARCH, 'ssm:GetParameter'];

  it.each<[string, object | string, Answer | undefined, string[]]>([
    ['a copy', copyRequest, undefined, [...LOOK, 'ec2:CopyImage', 'ec2:DescribeImages']],
    ['a duplicate', copyRequest, copied, [...SEARCH, 'ec2:DescribeSnapshots']],
    ['one for another account', { ...copyRequest, targetAccounts: ['333333333333'] }, undefined, []],
    ['one that cannot be read', 'hello', sqs, ['sqs:SendMessage']],
    ['one of an image that was revoked', copyRequest, revoked, [...LOOK, 'sqs:SendMessage']],
    // It is noted, so that no sweep asks for it again.
    ['one that is refused for ever', tooManyTags, sqs, ['sqs:SendMessage', 'ec2:DescribeImages', 'ssm:PutParameter']],
    ['one of an untrusted owner', copyRequest, foreign, [...SEARCH, 'sqs:SendMessage']],
    ['one that is not shared yet', copyRequest, notShared, [...LOOK, 'sqs:ChangeMessageVisibility']],
  ])('%s', async (_, request, answer, calls) => {
    expect((await workOf('copy-image', sqsEvent(request), answer)).calls).toEqual(calls);
  });

  it('opens the connections that a copy takes before there is an event', async () => {
    expect((await workOf('copy-image', sqsEvent(copyRequest))).opened).toEqual({ before: 4, later: 0 });
  });
});

describe('what an event costs settle-copy', () => {
  const sweep = { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} };
  const ofNobody: Answer = (request) => (request.operation === 'DescribeImages' ? noImage(request) : undefined);
  const nothingThere: Answer = (request) => {
    if (request.operation === 'DescribeSnapshots')
      return '<DescribeSnapshotsResponse><snapshotSet/></DescribeSnapshotsResponse>';
    return request.operation === 'GetParametersByPath' ? '{"Parameters":[]}' : ofNobody(request);
  };
  const SWEEP = ['ec2:DescribeImages', 'ec2:DescribeSnapshots', 'ssm:GetParametersByPath'];
  /** The image that the trusted account shares, tagged as one of which copies are wanted. */
  const shared: Answer = (request) => {
    if (!request.body.includes('ExecutableBy')) return nothingThere(request);
    const tags = { Recipe: 'ubuntu', ImageCopier: REGION };
    const items = Object.entries(tags).map(
      ([key, value]) => `<item><key>ec2:SharedTag/${key}</key><value>${value}</value></item>`,
    );
    const asked = { ...request, body: `ImageId.1=${copyRequest.sourceAmi}` };
    return canned.answer(asked)?.replace('<tagSet></tagSet>', `<tagSet>${items.join('')}</tagSet>`);
  };
  /** The same, where the recipe's parameter points to its copy. */
  const sharedAndCopied: Answer = (request) => {
    if (request.operation === 'GetParametersByPath')
      return JSON.stringify({ Parameters: [{ Name: '/image-copier/ubuntu', Value: OLDER_COPY }] });
    return request.body.includes('image-id') ? canned.answer(request) : shared(request);
  };
  /** The same, where it is missing: SSM and SQS take what they are told. */
  const sharedAndMissing: Answer = (request) => {
    if (request.operation === 'GetParameter') return undefined;
    return request.service === 'ssm' || request.service === 'ec2' ? shared(request) : sqs(request);
  };

  it.each<[string, object, Answer | undefined, string[]]>([
    [
      'a copy that is available',
      stateChange,
      undefined,
      [
        ...['ec2:DescribeImages', 'ec2:DescribeSnapshots', 'ec2:CreateTags'],
        // Whether the source was revoked.
        'ssm:GetParameters',
        ...['ssm:GetParameters', 'ec2:DescribeImages', 'ec2:DescribeImages', 'ssm:PutParameter', 'ssm:GetParameters'],
        ...['events:PutEvents', 'sns:Publish', 'ec2:CreateTags'],
      ],
    ],
    ["somebody else's image", stateChange, ofNobody, ['ec2:DescribeImages']],
    // The last one lists what is shared. A page more of that is a call more, and so is each further Region.
    ['a sweep that finds nothing', sweep, nothingThere, [...SWEEP, 'ec2:DescribeImages']],
    [
      'a sweep where everything wanted is there',
      sweep,
      sharedAndCopied,
      // The copies that the parameters point to are looked up in any case.
      [...SWEEP, 'ec2:DescribeImages', 'ec2:DescribeImages'],
    ],
    [
      'a sweep where a copy is missing',
      sweep,
      sharedAndMissing,
      [
        ...[...SWEEP, 'ec2:DescribeImages'],
        // All copies; what was asked for; what was decided of the image, and whether it was refused.
        ...['ec2:DescribeImages', 'ssm:GetParametersByPath', 'ssm:GetParameter', 'ssm:GetParameter'],
        ...['sqs:SendMessage', 'ssm:PutParameter'],
      ],
    ],
  ])('%s', async (_, event, answer, calls) => {
    expect((await workOf('settle-copy', sqsEvent(event), answer)).calls).toEqual(calls);
  });

  it('ten copies of ten recipes that are available, at most 7 calls each', async () => {
    const parameters = new Map<string, string>();
    const ids = Array.from({ length: 10 }, (_, index) => `${COPY.slice(0, -1)}${index}`);
    /** The items of a canned answer once for each copy: with its own id, its own snapshots, and its own recipe. */
    const forEach = (answer = '') => {
      const [, before = '', items = '', after = ''] = /^(.*?<\w+Set>)(.*)(<\/\w+Set>.*)$/s.exec(answer) ?? [];
      const ofCopy = (id: string, index: number) =>
        items
          .replaceAll(COPY, id)
          .replaceAll(/snap-0/g, `snap-${index}`)
          .replaceAll('>ubuntu<', `>recipe-${index}<`);
      return `${before}${ids.map(ofCopy).join('')}${after}`;
    };
    const tenCopies: Answer = (request) => {
      const { operation, body } = request;
      if (operation === 'DescribeImages' && body.includes(ids[0] ?? ''))
        return forEach(canned.answer({ ...request, body: `Filter.1.Name=image-id&Filter.1.Value.1=${COPY}` }));
      if (operation === 'DescribeImages') return noImage(request);
      if (operation === 'DescribeSnapshots') return forEach(canned.answer(request));
      if (operation === 'PutParameter') {
        const { Name, Value } = JSON.parse(body) as { Name: string; Value: string };
        parameters.set(Name, Value);
      }
      if (operation !== 'GetParameters') return undefined;
      return JSON.stringify({ Parameters: Array.from(parameters, ([Name, Value]) => ({ Name, Value })) });
    };
    const events = ids.map((ImageId) => ({ ...stateChange, detail: { ...stateChange.detail, ImageId } }));
    const [, first] = await run('settle-copy', sqsEvent(...events), tenCopies, 1);
    const calls = first?.calls ?? [];

    const count = (call: string) => calls.filter((each) => each === call).length;
    expect(Object.fromEntries([...new Set(calls)].map((call) => [call, count(call)]))).toEqual({
      // The copies, and the settled ones of the recipes.
      'ec2:DescribeImages': 2,
      'ec2:DescribeSnapshots': 1,
      'ec2:CreateTags': 20,
      // What was decided of the sources; the parameters, before and after.
      'ssm:GetParameters': 3,
      'ssm:PutParameter': 10,
      'events:PutEvents': 10,
      'sns:Publish': 10,
    });
    expect(calls.length / ids.length).toBeLessThanOrEqual(7);
  });

  it('opens a connection to each service before there is an event', async () => {
    expect((await workOf('settle-copy', sqsEvent(stateChange))).opened).toEqual({ before: 4, later: 0 });
  });
});

describe('a sweep of an account with which 200 recipes of 20 images each are shared', () => {
  const RECIPES = 200;
  const pages = [0, 1, 2, 3].map((page) => sharedPage(page, 1000, page < 3));
  const settleTerraform = readFileSync(join(ROOT, 'terraform', 'modules', 'image-copier', 'settle.tf'), 'utf8');
  const timeoutMs = Number(/settle_timeout_seconds = (\d+)/.exec(settleTerraform)?.[1]) * 1000;
  const MEMORY_MB = 256;

  /** Nothing is there yet, and nothing was decided of any image. */
  const manyShared: Answer = (request) => {
    const { operation, body } = request;
    if (operation === 'GetParameter') return undefined;
    if (operation === 'DescribeImages' && body.includes('ExecutableBy'))
      return pages[Number(new URLSearchParams(body).get('NextToken') ?? 0)];
    if (operation === 'DescribeSnapshots')
      return '<DescribeSnapshotsResponse><snapshotSet/></DescribeSnapshotsResponse>';
    if (operation === 'GetParametersByPath') return '{"Parameters":[]}';
    return operation === 'DescribeImages' ? noImage(request) : sqs(request);
  };

  it('asks for the newest of each, within the time and the memory of the function', async () => {
    unusual = manyShared;
    const event = sqsEvent({ source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} });
    const { firstMs, peakKb } = await runProcess({
      command: nodeRuntime(),
      env: environment(stub.endpoint, 'settle-copy.handler', directory),
      memoryMb: MEMORY_MB,
      invocations: 1,
      event,
      beforeEvent: () => stub.takeSteps(),
      logFile: join(directory, 'many.log'),
    });
    const calls = stub.takeSteps().flatMap((step) => step.map(({ operation }) => operation));
    const count = (operation: string) => calls.filter((each) => each === operation).length;
    process.stdout.write(`4,000 shared images: ${(firstMs / 1000).toFixed(1)} s, ${Math.round(peakKb / 1024)} MB\n`);

    // Copies that are not announced, four pages of what is shared, and all copies.
    expect(count('DescribeImages')).toBe(1 + 4 + 1);
    expect(count('SendMessage')).toBe(RECIPES);
    expect(firstMs).toBeLessThan(timeoutMs);
    expect(peakKb / 1024).toBeLessThan(MEMORY_MB);
  });

  /** A page of EC2's answer, of images one minute apart. */
  function sharedPage(page: number, size: number, hasNext: boolean): string {
    const items = Array.from({ length: size }, (_, index) => sharedItem(page * size + index));
    const next = hasNext ? `<nextToken>${page + 1}</nextToken>` : '';
    return `<DescribeImagesResponse><imagesSet>${items.join('')}</imagesSet>${next}</DescribeImagesResponse>`;
  }

  function sharedItem(number: number): string {
    const Recipe = `recipe-${number % RECIPES}`;
    const id = String(number).padStart(17, '0');
    const said = { Recipe, Name: `${Recipe}-${number}`, BuiltBy: 'amigo', AmigoStage: 'PROD', ImageCopier: REGION };
    const tags = Object.entries(said).map(
      ([key, value]) => `<item><key>ec2:SharedTag/${key}</key><value>${value}</value></item>`,
    );
    const bakedAt = new Date(Date.UTC(2026, 0, 1) + number * 60_000).toISOString();
    const device = `<item><deviceName>/dev/xvda</deviceName><ebs><snapshotId>snap-${id}</snapshotId><volumeSize>8</volumeSize><deleteOnTermination>true</deleteOnTermination><volumeType>gp3</volumeType><encrypted>false</encrypted></ebs></item>`;
    return `<item><imageId>ami-${id}</imageId><imageState>available</imageState><imageOwnerId>${SOURCE_ACCOUNT}</imageOwnerId><creationDate>${bakedAt}</creationDate><isPublic>false</isPublic><architecture>arm64</architecture><imageType>machine</imageType><name>${Recipe}-${number}</name><description>AMI for ${Recipe}</description><rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName><blockDeviceMapping>${device}</blockDeviceMapping><virtualizationType>hvm</virtualizationType><tagSet>${tags.join('')}</tagSet></item>`;
  }
});
