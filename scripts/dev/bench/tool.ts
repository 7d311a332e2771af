import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { formatMarker, MARKER } from '../../../lambda/src/core/copy-marker.ts';
import { ROOT } from '../../tool/common/paths.ts';
import { buildTool } from '../build.ts';
import { emulatedEnvironment, withoutAws } from '../emulated-account.ts';
import { AWS_CLI, installLocalStack } from '../localstack/install.ts';
import { bakedAt, hex, idOf, imageOf, page } from './ec2-answers.ts';
import { REGION, StandIn, xml, type Answer, type Call } from './stand-in.ts';
import { spread, type Spread } from './statistics.ts';

/** What npm links as the command. */
const LAUNCHER = join(ROOT, 'scripts/tool/image-copier.mjs');
/** Of an empty script, and of the two describe calls of the AWS CLI. */
const GOALS = { help: 1.3, status: 1.5 };
const ACCOUNT = idOf(0);
const KEY_ID = '11111111-2222-3333-4444-555555555555';

export interface ToolBenchOptions {
  readonly rounds: number;
  /** Each call is answered after so many milliseconds. */
  readonly latency: number;
  /** The tool of another build, such as one of an earlier commit, to be measured in turns with this one. */
  readonly beside?: string;
}

/** Programs that run one after another, as one thing to measure. */
type Subject = readonly (readonly string[])[];

/** Milliseconds until the programs have ended, and those that processors worked for them. */
interface Run {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/**
 * Starts the tool for its help and for the status of one account, in turns with a script that does nothing and with two calls of the AWS
 * CLI. AWS is a stand-in that answers each call after a while.
 * @throws {Error} if a program fails, or a goal is missed: by processor time, which does not depend on what else the machine does
 */
export async function benchTool(options: ToolBenchOptions, report: (line: string) => void): Promise<void> {
  const { rounds, latency, beside } = options;
  await buildTool(report);
  await installLocalStack(report);
  const folder = mkdtempSync(join(tmpdir(), 'image-copier-bench-'));
  const aws = await StandIn.open(latency, answerOf);
  try {
    const env = { ...withoutAws(), ...emulatedEnvironment(aws.url, ACCOUNT, REGION), AWS_DEFAULT_REGION: REGION };
    const runs = await inTurns(subjects(folder, beside), rounds, env);
    report(
      `Node ${process.version}, ${rounds} rounds, ${latency} ms a call; load of the machine ${loadavg()[0]?.toFixed(1) ?? ''}. ` +
        'Medians, with quartiles in parentheses; ratios within a round:',
    );
    for (const line of linesOf(runs)) report(line);
    requireGoal(runs, 'image-copier --help', 'empty script', GOALS.help, report);
    requireGoal(runs, 'image-copier status', 'aws, two calls', GOALS.status, report);
  } finally {
    aws.close();
    rmSync(folder, { recursive: true });
  }
}

function subjects(folder: string, beside: string | undefined): Record<string, Subject> {
  const empty = join(folder, 'empty.mjs');
  writeFileSync(empty, '');
  const node = (...words: readonly string[]) => [[process.execPath, ...words]];
  const other = beside === undefined ? undefined : resolve(beside);
  return {
    'empty script': node(empty),
    'image-copier --help': node(LAUNCHER, '--help'),
    ...(other !== undefined && { 'beside --help': node(other, '--help') }),
    'image-copier --version': node(LAUNCHER, '--version'),
    'image-copier status --help': node(LAUNCHER, 'status', '--help'),
    'aws, two calls': [
      [AWS_CLI, 'ec2', 'describe-images', '--owners', 'self'],
      [AWS_CLI, 'ec2', 'describe-snapshots', '--owner-ids', 'self'],
    ],
    'image-copier status': node(LAUNCHER, 'status'),
    ...(other !== undefined && { 'beside status': node(other, 'status') }),
  };
}

/** One run of each first, which is not counted: it brings the files into memory. */
async function inTurns(
  all: Readonly<Record<string, Subject>>,
  rounds: number,
  env: NodeJS.ProcessEnv,
): Promise<Map<string, Run[]>> {
  const runs = new Map<string, Run[]>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, programs] of Object.entries(all)) {
      const parts: Run[] = [];
      for (const words of programs) parts.push(await timed(words, env));
      const sum = (of: (run: Run) => number) => parts.reduce((total, part) => total + of(part), 0);
      if (round === 0) runs.set(name, []);
      else runs.get(name)?.push({ wallMs: sum(({ wallMs }) => wallMs), cpuMs: sum(({ cpuMs }) => cpuMs) });
    }
  }
  return runs;
}

/**
 * Bash measures it: Node does not say how long processors worked for a child.
 * @throws {Error} with what the program wrote, if it fails
 */
async function timed(words: readonly string[], env: NodeJS.ProcessEnv): Promise<Run> {
  const script = 'TIMEFORMAT="%3R %3U %3S"; time "$@" > /dev/null';
  const child = spawn('bash', ['-c', script, 'bash', ...words], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const [code] = (await once(child, 'close')) as [number | null];
  const [, wall, user, system] = /([\d.]+) ([\d.]+) ([\d.]+)\n$/.exec(err) ?? [];
  if (code !== 0) throw new Error(`${words.join(' ')} failed: ${err}`);
  return { wallMs: Number(wall) * 1000, cpuMs: (Number(user) + Number(system)) * 1000 };
}

function linesOf(runs: ReadonlyMap<string, readonly Run[]>): string[] {
  return Array.from(runs, ([name, own]) => {
    const wall = spread(own.map(({ wallMs }) => wallMs));
    const cpu = spread(own.map(({ cpuMs }) => cpuMs));
    const floor = `${ratio(runs, name, 'empty script', 'cpuMs').toFixed(2)} of the empty script`;
    return `${name.padEnd(26)} processor ${inMs(cpu)} ms, ${floor}; until its end ${inMs(wall)} ms`;
  });
}

function inMs({ median, low, high }: Spread): string {
  return `${median.toFixed(0)} (${low.toFixed(0)}-${high.toFixed(0)})`;
}

/** The median of the ratios within a round. */
function ratio(runs: ReadonlyMap<string, readonly Run[]>, name: string, other: string, field: keyof Run): number {
  const others = runs.get(other) ?? [];
  return spread((runs.get(name) ?? []).map((run, round) => run[field] / (others[round]?.[field] ?? NaN))).median;
}

function requireGoal(
  runs: ReadonlyMap<string, readonly Run[]>,
  name: string,
  other: string,
  goal: number,
  report: (line: string) => void,
): void {
  const [cpu, wall] = [ratio(runs, name, other, 'cpuMs'), ratio(runs, name, other, 'wallMs')];
  const found = `${name} took ${cpu.toFixed(2)} of the processor time of: ${other}, and ${wall.toFixed(2)} of the time until its end`;
  if (!(cpu <= goal)) throw new Error(`${found}. The goal is ${goal}, and it is missed.`);
  report(`${found}. The goal is ${goal}, and it is met.`);
}

/** STS, EC2, SQS and SSM as `status` and the AWS CLI meet them: an account with one copy, to which its parameter points. */
function answerOf({ headers, body }: Call): Answer {
  const target = String(headers['x-amz-target'] ?? '');
  if (target === '') return xml(ofQuery(new URLSearchParams(body).get('Action')));
  const answer = JSON_ANSWERS[target];
  const status = answer === undefined ? 501 : 200;
  return { status, contentType: 'application/x-amz-json-1.1', body: JSON.stringify(answer ?? {}) };
}

const COPY = hex('ami', 1);

const JSON_ANSWERS: Readonly<Record<string, object>> = {
  'AmazonSQS.GetQueueUrl': { QueueUrl: `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/image-copier-dead-letters` },
  'AmazonSQS.GetQueueAttributes': { Attributes: { ApproximateNumberOfMessages: '0' } },
  'AmazonSSM.GetParametersByPath': { Parameters: [{ Name: '/image-copier/recipe-1', Value: COPY }] },
};

function ofQuery(action: string | null): string | undefined {
  switch (action) {
    case 'GetCallerIdentity':
      return `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>${ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`;
    case 'DescribeImages':
      return page('DescribeImages', 'imagesSet', [copy()]);
    case 'DescribeSnapshots': {
      const keyArn = `arn:aws:kms:${REGION}:${ACCOUNT}:key/${KEY_ID}`;
      const snapshot = `<snapshotId>${COPY.replace('ami', 'snap')}</snapshotId><encrypted>true</encrypted><kmsKeyId>${keyArn}</kmsKeyId>`;
      return page('DescribeSnapshots', 'snapshotSet', [snapshot]);
    }
    default:
      return undefined;
  }
}

function copy(): string {
  const at = bakedAt(0);
  const announcement = { state: 'announced', settledAt: at } as const;
  const marker = formatMarker({ copier: 'image-copier', attempt: 1, bakedAt: at, keyId: KEY_ID, announcement });
  const source = `<sourceImageId>${hex('ami', 0)}</sourceImageId><sourceImageRegion>${REGION}</sourceImageRegion>`;
  return imageOf(ACCOUNT, COPY, 1, 0, source, `<item><key>${MARKER}</key><value>${marker}</value></item>`);
}
