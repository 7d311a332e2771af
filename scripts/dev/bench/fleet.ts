import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatMarker, MARKER } from '../../../lambda/src/core/copy-marker.ts';
import { runProgram } from '../../tool/common/run-command.ts';
import type { FleetReport } from '../../tool/fleet/report.ts';
import { buildTool } from '../build.ts';
import { TOOL } from '../tool-bundle.ts';
import { OPERATORS_ACCOUNT } from '../administrator-role.ts';
import { emulatedEnvironment, withoutAws } from '../emulated-account.ts';
import { assumedRole, bakedAt, hex, idOf, imageOf, page, valuesOf } from './ec2-answers.ts';
import { accountsFileOf, REGION, SOURCE, StandIn, xml, type Call } from './stand-in.ts';

const GOAL_SECONDS = 60;
const RECIPES = 10;
/** Copies of each recipe in each account. */
const COPIES = 5;

export interface FleetBenchOptions {
  readonly accounts: number;
  readonly instances: number;
  /** Each call is answered after so many milliseconds. */
  readonly latency: number;
}

/**
 * Has `fleet` read many accounts of a server that stands in for AWS and answers each call after a while. Each account has copies of
 * some recipes, and its share of the instances runs them by turns.
 * @throws {Error} if the report does not have each instance, or the goal is missed
 */
export async function benchFleet(options: FleetBenchOptions, report: (line: string) => void): Promise<void> {
  const { accounts, instances, latency } = options;
  await buildTool(report);
  const folder = mkdtempSync(join(tmpdir(), 'image-copier-bench-'));
  const aws = await StandIn.open(latency, (call) => xml(answerOf(call, options)));
  try {
    const accountsFile = join(folder, 'accounts.yaml');
    writeFileSync(accountsFile, accountsFileOf(accounts));
    const env = { ...withoutAws(), ...emulatedEnvironment(aws.url, OPERATORS_ACCOUNT, REGION) };
    let output = '';
    const start = performance.now();
    await runProgram(process.execPath, [TOOL, 'fleet', '--accounts-file', accountsFile, '--json'], {
      env,
      stdout: (text) => (output += text),
      stderr: 'inherit',
    });
    const seconds = (performance.now() - start) / 1000;
    requireAll(JSON.parse(output) as FleetReport, options);
    report(
      `fleet of ${accounts} accounts and ${instances} instances, ${latency} ms a call: ${seconds.toFixed(1)} s, ` +
        `${aws.calls} calls (${(aws.calls / accounts).toFixed(1)} an account)`,
    );
    const goal = `under ${GOAL_SECONDS} s`;
    if (seconds >= GOAL_SECONDS) throw new Error(`The goal is ${goal}, and it is missed.`);
    report(`The goal is ${goal}, and it is met.`);
  } finally {
    aws.close();
    rmSync(folder, { recursive: true });
  }
}

/** Each instance is there, and of the states that the stand-in has by turns. */
function requireAll({ instances, environments }: FleetReport, options: FleetBenchOptions): void {
  const problems = environments.flatMap(({ problem }) => problem ?? []);
  if (problems.length > 0) throw new Error(`Accounts could not be read: ${problems[0] ?? ''}`);
  const shown = new Set(instances.map(({ instanceId }) => instanceId)).size;
  if (shown !== options.instances) throw new Error(`${shown} instances are shown, not ${options.instances}.`);
  for (const instance of instances) {
    const expected = ageOf(Number.parseInt(instance.instanceId.slice(2), 16));
    if (instance.behind !== expected) throw new Error(`${instance.instanceId} is said to be ${instance.state}.`);
  }
}

/** How many copies newer than its own there are for an instance. */
function ageOf(instance: number): number {
  return instance % COPIES;
}

/** STS and EC2 as `fleet` meets them: what it asks for, each account has; anything else is an error. */
function answerOf({ account, body }: Call, options: FleetBenchOptions): string | undefined {
  const call = new URLSearchParams(body);
  switch (call.get('Action')) {
    case 'AssumeRole':
      return assumedRole(call.get('RoleArn')?.split(':')[4] ?? '');
    case 'DescribeImages':
      return page('DescribeImages', 'imagesSet', account === SOURCE ? sourceImages() : copiesIn(account));
    case 'DescribeSnapshots':
      return page('DescribeSnapshots', 'snapshotSet', valuesOf(call).map(snapshot));
    case 'DescribeInstanceImageMetadata':
      return page('DescribeInstanceImageMetadata', 'instanceImageMetadataSet', instancesOf(account, options));
    default:
      return undefined;
  }
}

/** The share of all instances that an account has. */
function instancesOf(account: string, { accounts, instances }: FleetBenchOptions): string[] {
  const first = Number(account) - Number(idOf(0));
  const shown: string[] = [];
  for (let number = first; number < instances; number += accounts) {
    const recipe = number % RECIPES;
    const image = copyOf(account, recipe, COPIES - 1 - ageOf(number));
    shown.push(
      `<instanceId>${hex('i', number)}</instanceId><imageMetadata><imageId>${image}</imageId>` +
        `<imageOwnerId>${account}</imageOwnerId><creationDate>${bakedAt(0)}</creationDate></imageMetadata>`,
    );
  }
  return shown;
}

function snapshot(id: string): string {
  return `<snapshotId>${id}</snapshotId><encrypted>true</encrypted>`;
}

function sourceOf(recipe: number, build: number): string {
  return hex('ami', recipe * COPIES + build);
}

function copyOf(account: string, recipe: number, build: number): string {
  return hex('ami', Number(account) * 1000 + recipe * COPIES + build);
}

/** Each build of each recipe. */
function builds<T>(make: (recipe: number, build: number) => T): T[] {
  return Array.from({ length: RECIPES * COPIES }, (_, index) => make(Math.floor(index / COPIES), index % COPIES));
}

function sourceImages(): string[] {
  return builds((recipe, build) => imageOf(SOURCE, sourceOf(recipe, build), recipe, build, ''));
}

function copiesIn(account: string): string[] {
  return builds((recipe, build) => {
    const copy = copyOf(account, recipe, build);
    const settledAt = bakedAt(build);
    const announcement = { state: 'announced', settledAt } as const;
    const marker = formatMarker({ copier: 'image-copier', attempt: 1, bakedAt: bakedAt(build), announcement });
    return imageOf(
      account,
      copy,
      recipe,
      build,
      `<sourceImageId>${sourceOf(recipe, build)}</sourceImageId><sourceImageRegion>${REGION}</sourceImageRegion>`,
      `<item><key>${MARKER}</key><value>${marker}</value></item>`,
    );
  });
}
