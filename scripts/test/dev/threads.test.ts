import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { answerDoctor } from '../../dev/bench/doctor-stand-in.ts';
import { idOf } from '../../dev/bench/ec2-answers.ts';
import {
  accountsFileOf,
  json,
  jsonOperation,
  REGION,
  StandIn,
  xml,
  type Answer,
  type Call,
} from '../../dev/bench/stand-in.ts';
import { accountWith, answerStatus } from '../../dev/bench/status-stand-in.ts';
import { bundleTool, TOOL } from '../../dev/tool-bundle.ts';
import { makeConnect } from '../../tool/common/aws-clients.ts';
import { reasonOf } from '../../tool/common/aws-errors.ts';
import type { ChosenCopier } from '../../tool/common/environment.ts';
import { startThreads, type Threads } from '../../tool/common/threads.ts';
import { inWords } from '../../tool/doctor/finding.ts';
import { examine } from '../../tool/doctor/examine.ts';
import { readCopier } from '../../tool/status/read-copiers.ts';

const IMAGES = accountWith({ recipes: 3, copies: 2 });
const RECIPES = 3;
const TOO_LONG_MS = 120_000;

let folder: string;
let thread: URL;
let aws: StandIn;
/** What AWS answers. A test may change it. */
let answer: (call: Call) => Answer;
let variables: NodeJS.ProcessEnv;
let threads: Threads | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'threads-'));
  // The tool looks for the modules above itself.
  mkdirSync(join(folder, 'terraform/modules'), { recursive: true });
  const { outputFiles } = await bundleTool();
  for (const { path, contents } of outputFiles) writeFileSync(join(folder, basename(path)), contents);
  const [file] = readdirSync(folder).filter((name) => name.startsWith('thread-'));
  thread = pathToFileURL(join(folder, file ?? 'none'));
  aws = await StandIn.open(0, (call) => answer(call));
}, TOO_LONG_MS);

afterAll(() => {
  aws.close();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  answer = (call) => answerStatus(call, IMAGES);
  variables = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name);
  // A program that says how often it has run, as one that logs in does.
  const program = join(folder, 'credentials.sh');
  const given = { Version: 1, AccessKeyId: '999999999999', SecretAccessKey: 'secret' };
  writeFileSync(join(folder, 'runs'), '');
  writeFileSync(program, `echo run >> ${join(folder, 'runs')}\necho '${JSON.stringify(given)}'\n`);
  writeFileSync(join(folder, 'config'), `[default]\ncredential_process = sh ${program}\n`);
  Object.assign(process.env, {
    AWS_CONFIG_FILE: join(folder, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none'),
    AWS_ENDPOINT_URL: aws.url,
    AWS_EC2_METADATA_DISABLED: 'true',
  });
});

afterEach(async () => {
  await threads?.close();
  threads = undefined;
  for (const name of Object.keys(process.env)) if (!(name in variables)) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, variables);
});

function copiers(count: number): ChosenCopier[] {
  const connect = makeConnect();
  return Array.from({ length: count }, (_, index) => {
    const accountId = idOf(index);
    const access = { roleArn: `arn:aws:iam::${accountId}:role/operator`, region: REGION };
    return {
      ...{ accountId, account: `account-${index}`, region: REGION, labels: {}, name: 'image-copier' },
      ...{ parameterPath: '/image-copier', recipeTag: 'Recipe', copyTags: [], chosenBy: [] },
      access,
      aws: connect(access),
    };
  });
}

const signal = new AbortController().signal;
const noWarning = (line: string) => {
  throw new Error(line);
};

function start(file: URL = thread, answers: Parameters<typeof startThreads>[2] = {}): Threads {
  threads = startThreads(file, 2, answers, signal);
  return threads;
}

describe('threads', () => {
  it(
    'read what is read without them, with credentials that are asked for once',
    async () => {
      const here = await Promise.all(copiers(5).map((copier) => readCopier(copier, { ends: true }, signal, noWarning)));
      writeFileSync(join(folder, 'runs'), '');
      const { run } = start();

      const read = await Promise.all(copiers(5).map((copier) => run('status', copier, { ends: true }, noWarning)));

      expect(read).toEqual(here);
      expect(read.map(({ copies }) => copies.length)).toEqual([6, 6, 6, 6, 6]);
      expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('run\n');
    },
    TOO_LONG_MS,
  );

  it(
    'fail as it fails without them, each account by itself',
    async () => {
      const denied = idOf(1);
      answer = (call) =>
        call.account === denied
          ? {
              ...xml(
                '<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>',
              ),
              status: 403,
            }
          : answerStatus(call, IMAGES);
      const [, refused] = copiers(2);
      if (!refused) throw new Error('no copier');
      const here: unknown = await readCopier(refused, { ends: true }, signal, noWarning).catch(reasonOf);
      const { run } = start();

      const read = await Promise.allSettled(
        copiers(3).map((copier) => run('status', copier, { ends: true }, noWarning)),
      );

      expect(read.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(read[1]).toHaveProperty('reason.message', here);
    },
    TOO_LONG_MS,
  );

  it(
    'say what they warn of',
    async () => {
      answer = (call) =>
        jsonOperation(call) === 'GetParametersByPath'
          ? { ...json({ message: 'no' }, 400), errorType: 'AccessDeniedException' }
          : answerStatus(call, IMAGES);
      const warnings: string[] = [];
      const [copier] = copiers(1);
      if (!copier) throw new Error('no copier');

      const { copies } = await start().run('status', copier, { ends: true }, (line) => warnings.push(line));

      expect(copies).toHaveLength(6);
      expect(warnings).toEqual([
        expect.stringMatching(/^Channels, and what may go, could not be read: Access denied: no\./),
      ]);
    },
    TOO_LONG_MS,
  );

  it(
    'ask the source account through the first one',
    async () => {
      answer = (call) =>
        new URLSearchParams(call.body).get('Action') === 'ListSubscriptions'
          ? xml(
              '<ListSubscriptionsResponse><ListSubscriptionsResult><Subscriptions/></ListSubscriptionsResult></ListSubscriptionsResponse>',
            )
          : answerDoctor(call, IMAGES, RECIPES);
      const [one] = copiers(1);
      if (!one) throw new Error('no copier');
      const { aws: clients, ...copier } = one;
      const checked = {
        ...copier,
        partition: 'aws',
        program: 'image-copier',
        apply: inWords('a'),
        applyWithSource: inWords('b'),
      };
      const asked: string[] = [];
      const subscriptions = (region: string) => {
        asked.push(region);
        return Promise.resolve([]);
      };
      const topic = { arn: 'arn:aws:sns:eu-west-1:111111111111:amigo-notify', isExisting: false };
      const question = { builtSha256: undefined };
      const here = await examine(checked, clients, question, {
        topicArnIn: () => topic.arn,
        hasExistingTopicIn: () => topic.isExisting,
        subscriptions,
        regionOf: () => Promise.resolve(undefined),
        ownersView: () => Promise.reject(new Error('nobody asks')),
      });

      const there = await start(thread, { subscriptions }).run('doctor', one, { copier: checked, question, topic });

      expect(there.findings.map(({ code }) => code)).toContain('NoSubscription');
      expect(there).toEqual(here);
      expect(asked).toEqual([REGION, REGION]);
    },
    TOO_LONG_MS,
  );

  it('that end fail what they were to do, and what comes after', async () => {
    const { run } = start(new URL('data:text/javascript,process.exit()'));
    const [one, other] = copiers(2);
    if (!one || !other) throw new Error('no copier');

    await expect(run('status', one, { ends: false })).rejects.toThrow('has ended');
    await expect(run('status', other, { ends: false })).rejects.toThrow('has ended');
  });

  it.each([
    ['none', 64, 0],
    ['some, but for one processor', 65, availableParallelism() === 1 ? 0 : Math.min(availableParallelism(), 3)],
  ])(
    'of the tool are %s for %i accounts',
    async (_, accounts, expected) => {
      const file = join(folder, 'accounts.yaml');
      const started = join(folder, 'started');
      const preloaded = join(folder, 'count.cjs');
      writeFileSync(file, accountsFileOf(accounts));
      writeFileSync(started, '');
      // Node loads it in each thread.
      writeFileSync(preloaded, `require('node:fs').appendFileSync(${JSON.stringify(started)}, 'x');`);
      const words = ['--require', preloaded, join(folder, basename(TOOL)), 'status', '--accounts-file', file, '--json'];

      const { stdout } = await promisify(execFile)(process.execPath, words, { env: process.env, maxBuffer: 2 ** 26 });

      const { rows } = JSON.parse(stdout) as { rows: { cells: { state: string }[] }[] };
      expect(rows.flatMap(({ cells }) => cells.map(({ state }) => state))).toEqual(
        Array.from({ length: RECIPES * accounts }, () => 'available'),
      );
      expect(readFileSync(started, 'utf8')).toHaveLength(1 + expected);
    },
    TOO_LONG_MS,
  );
});
