import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatMarker, MARKER } from '../../../lambda/src/core/copy-marker.ts';
import { PARALLEL } from '../../tool/common/in-environments.ts';
import { runProgram } from '../../tool/common/run-command.ts';
import type { StatusReport } from '../../tool/status/report.ts';
import { OPERATORS_ACCOUNT } from '../administrator-role.ts';
import { buildTool } from '../build.ts';
import { TOOL } from '../tool-bundle.ts';
import { emulatedEnvironment, withoutAws } from '../emulated-account.ts';
import { assumedRole, bakedAt, hex, imageOf, page } from './ec2-answers.ts';
import {
  accountsFileOf,
  json,
  jsonOperation,
  REGION,
  SOURCE,
  StandIn,
  xml,
  type Answer,
  type Call,
} from './stand-in.ts';
import { median } from './statistics.ts';

/** How many calls of one account wait for each other: its role, its images, their snapshots. */
const IN_TURN = 3;
const KEY_ID = '11111111-2222-3333-4444-555555555555';

export interface StatusOptions {
  readonly accounts: number;
  readonly recipes: number;
  /** Copies of each recipe in each account: its history. */
  readonly copies: number;
  /** Each call is answered after so many milliseconds. */
  readonly latency: number;
  readonly rounds: number;
  /** Another build of the tool, which runs in turns with this one. */
  readonly against?: string;
}

interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly mebibytes: number;
  readonly calls: number;
}

/**
 * Has `status` read many accounts of a server that stands in for AWS and answers each call after a while, and says how far that is from
 * what its calls take by themselves.
 * @throws {Error} if the report does not show a copy of every recipe in every account
 */
export async function benchStatus(options: StatusOptions, report: (line: string) => void): Promise<void> {
  const { accounts, recipes, copies, latency, rounds, against } = options;
  await buildTool(report);
  const folder = mkdtempSync(join(tmpdir(), 'image-copier-bench-'));
  const account = accountWith(options);
  const aws = await StandIn.open(latency, (call) => answerOf(call, account));
  const accountsFile = join(folder, 'accounts.yaml');
  writeFileSync(accountsFile, accountsFileOf(accounts));
  const tools = { ...(against !== undefined && { [against]: against }), 'this one': TOOL };
  const runs = new Map<string, Run[]>(Object.keys(tools).map((name) => [name, []]));
  const bound = (Math.ceil(accounts / PARALLEL) * IN_TURN * latency) / 1000;
  report(
    `status of ${accounts} accounts, ${recipes} recipes, ${copies} copies of each, ${latency} ms a call. Its calls by ` +
      `themselves: ${bound.toFixed(1)} s.`,
  );
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, tool] of Object.entries(tools)) {
        const run = await runOnce(tool, accountsFile, aws, join(folder, 'usage'));
        requireCopies(run.report, accounts * recipes);
        runs.get(name)?.push(run);
      }
    }
    for (const [name, all] of runs) {
      const of = (figure: keyof Run) => median(all.map((run) => run[figure]));
      report(
        `${name}: ${of('seconds').toFixed(1)} s (${(of('seconds') / bound).toFixed(1)} times), ${of('cpuSeconds').toFixed(1)} s of CPU, ` +
          `${of('mebibytes').toFixed(0)} MiB, ${(of('calls') / accounts).toFixed(1)} calls an account`,
      );
    }
  } finally {
    aws.close();
    rmSync(folder, { recursive: true });
  }
}

/** Says at its end what the process has used. */
const USAGE = `process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  require('node:fs').writeFileSync(process.env.BENCH_USAGE, JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1e6, rss: maxRSS / 1024 }));
});`;

async function runOnce(tool: string, accountsFile: string, aws: StandIn, usage: string) {
  const preloaded = `${usage}.cjs`;
  writeFileSync(preloaded, USAGE);
  const env = {
    ...withoutAws(),
    ...emulatedEnvironment(aws.url, OPERATORS_ACCOUNT, REGION),
    BENCH_USAGE: usage,
  };
  const calls = aws.calls;
  let output = '';
  const start = performance.now();
  const words = ['--require', preloaded, tool, 'status', '--accounts-file', accountsFile, '--json'];
  await runProgram(process.execPath, words, { env, stdout: (text) => (output += text), stderr: 'inherit' });
  const seconds = (performance.now() - start) / 1000;
  const { cpu, rss } = JSON.parse(readFileSync(usage, 'utf8')) as { cpu: number; rss: number };
  const report = JSON.parse(output) as StatusReport;
  return { report, seconds, cpuSeconds: cpu, mebibytes: rss, calls: aws.calls - calls };
}

function requireCopies({ rows }: StatusReport, expected: number): void {
  const cells = rows.flatMap((row) => row.cells);
  const others = cells.filter(({ state }) => state !== 'available');
  if (others.length === 0 && cells.length === expected) return;
  throw new Error(`${cells.length - others.length} copies are shown, not ${expected}. ${others[0]?.reason ?? ''}`);
}

/** What an account answers; its id stands as ACCOUNT in it. */
interface StandInAccount {
  readonly copies: string;
  readonly snapshots: string;
  readonly sources: string;
}

function accountWith({ recipes, copies }: StatusOptions): StandInAccount {
  const builds = <T>(make: (recipe: number, build: number, number: number) => T): T[] =>
    Array.from({ length: recipes * copies }, (_, index) => make(Math.floor(index / copies), index % copies, index));
  const keyArn = `arn:aws:kms:${REGION}:ACCOUNT:key/${KEY_ID}`;
  return {
    copies: page(
      'DescribeImages',
      'imagesSet',
      builds((recipe, build, number) => {
        const announcement = { state: 'announced', settledAt: bakedAt(build) } as const;
        const at = bakedAt(build);
        const marker = formatMarker({ copier: 'image-copier', attempt: 1, bakedAt: at, keyId: KEY_ID, announcement });
        const source = `<sourceImageId>${sourceOf(number)}</sourceImageId><sourceImageRegion>${REGION}</sourceImageRegion>`;
        const tags = `<item><key>${MARKER}</key><value>${marker}</value></item>`;
        return imageOf('ACCOUNT', hex('ami', number), recipe, build, source, tags);
      }),
    ),
    snapshots: page(
      'DescribeSnapshots',
      'snapshotSet',
      builds(
        (_recipe, _build, number) =>
          `<snapshotId>${hex('snap', number)}</snapshotId><encrypted>true</encrypted><kmsKeyId>${keyArn}</kmsKeyId>` +
          '<volumeSize>8</volumeSize><fullSnapshotSizeInBytes>4294967296</fullSnapshotSizeInBytes>',
      ),
    ),
    sources: page(
      'DescribeImages',
      'imagesSet',
      builds((recipe, build, number) => imageOf(SOURCE, sourceOf(number), recipe, build, '')),
    ),
  };
}

function sourceOf(number: number): string {
  return hex('ami', 1_000_000 + number);
}

/** AWS as `status` meets it: anything that it does not ask for is an error. */
function answerOf(call: Call, { copies, snapshots, sources }: StandInAccount): Answer {
  const { account, path, body } = call;
  switch (jsonOperation(call)) {
    case 'GetQueueUrl':
      return json({ QueueUrl: 'http://localhost/dead-letters' });
    case 'GetQueueAttributes':
      return json({ Attributes: { ApproximateNumberOfMessages: '0' } });
    case 'GetParametersByPath':
      return json({ Parameters: [] });
  }
  // A copier that takes no image away.
  if (path.startsWith('/2015-03-31/functions/')) {
    return { ...json({ Type: 'User', Message: 'no function' }, 404), errorType: 'ResourceNotFoundException' };
  }
  const ec2 = new URLSearchParams(body);
  switch (ec2.get('Action')) {
    case 'AssumeRole':
      return xml(assumedRole(ec2.get('RoleArn')?.split(':')[4] ?? ''));
    case 'DescribeImages':
      return xml(account === SOURCE ? sources : copies.replaceAll('ACCOUNT', account));
    case 'DescribeSnapshots':
      return xml(snapshots.replaceAll('ACCOUNT', account));
    default:
      return xml(undefined);
  }
}
