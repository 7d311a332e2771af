import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatMarker, MARKER } from '../../../lambda/src/core/copy-marker.ts';
import { runProgram } from '../../tool/common/run-command.ts';
import { OPERATORS_ACCOUNT } from '../administrator-role.ts';
import { buildTool } from '../build.ts';
import { TOOL } from '../tool-bundle.ts';
import { emulatedEnvironment, withoutAws } from '../emulated-account.ts';
import { assumedRole, bakedAt, hex, idOf, imageOf, page, valuesOf } from './ec2-answers.ts';
import { accountsFileOf, json, jsonOperation, REGION, StandIn, xml, type Answer, type Call } from './stand-in.ts';

const GOAL_SECONDS = 60;
/** Copies of the recipe in each account. The last account lacks the newest, so that it is the one before that all have. */
const COPIES = 20;
const RECIPE = 1;
const KEY_ID = '11111111-2222-3333-4444-555555555555';
const PARAMETER = `/image-copier/recipe-${RECIPE}/channels/prod`;
/** SSM answers at once, and stores an image once it has checked it. */
const CHECK_MS = 1000;

export interface PromoteBenchOptions {
  readonly accounts: number;
  /** Each call is answered after so many milliseconds. */
  readonly latency: number;
}

/**
 * Has `promote` point a channel to a copy in many accounts of a server that stands in for AWS, answers each call after a while, and
 * stores a parameter a second after it was set.
 * @throws {Error} if a channel does not point to the copy of the one image, an image was copied, or the goal is missed
 */
export async function benchPromote(options: PromoteBenchOptions, report: (line: string) => void): Promise<void> {
  const { accounts, latency } = options;
  await buildTool(report);
  const folder = mkdtempSync(join(tmpdir(), 'image-copier-bench-'));
  const channels: Channels = new Map();
  const aws = await StandIn.open(latency, (call) => answerOf(call, accounts, channels));
  try {
    const accountsFile = join(folder, 'accounts.yaml');
    writeFileSync(accountsFile, accountsFileOf(accounts));
    const env = { ...withoutAws(), ...emulatedEnvironment(aws.url, OPERATORS_ACCOUNT, REGION) };
    const start = performance.now();
    const words = ['promote', `recipe-${RECIPE}`, '--to', 'prod', '--accounts-file', accountsFile, '--yes', '--json'];
    await runProgram(process.execPath, [TOOL, ...words], { env, stdout: () => undefined, stderr: 'inherit' });
    const seconds = (performance.now() - start) / 1000;
    for (let account = 0; account < accounts; account += 1) {
      const pointsTo = channels.get(idOf(account));
      const expected = copyOf(idOf(account), COPIES - 2);
      if (pointsTo !== expected)
        throw new Error(`${idOf(account)} points to ${pointsTo ?? 'nothing'}, not to ${expected}.`);
    }
    report(
      `promote in ${accounts} accounts, ${latency} ms a call: ${seconds.toFixed(1)} s, ` +
        `${aws.calls} calls (${(aws.calls / accounts).toFixed(1)} an account)`,
    );
    const goal = `within ${GOAL_SECONDS} s`;
    if (seconds > GOAL_SECONDS) throw new Error(`The goal is ${goal}, and it is missed.`);
    report(`The goal is ${goal}, and it is met.`);
  } finally {
    aws.close();
    rmSync(folder, { recursive: true });
  }
}

/** What the channel points to, by account. */
type Channels = Map<string, string>;

/** STS, EC2 and SSM as `promote` meets them: what it asks for, each account has; anything else, such as CopyImage, is an error. */
function answerOf(call: Call, accounts: number, channels: Channels): Answer {
  const { account, body } = call;
  const operation = jsonOperation(call);
  if (operation === undefined) return xml(ofEc2(new URLSearchParams(body), account, accounts));
  const input = JSON.parse(body) as { Name: string; Value: string };
  const { status, answer } = ofSsm(operation, input, account, channels);
  return json(answer, status);
}

function ofSsm(
  operation: string,
  { Name, Value }: { readonly Name: string; readonly Value: string },
  account: string,
  channels: Channels,
) {
  const stored = channels.get(account);
  if (Name === PARAMETER && operation === 'PutParameter') {
    setTimeout(() => channels.set(account, Value), CHECK_MS);
    return { status: 200, answer: { Version: 1, Tier: 'Standard' } };
  }
  if (Name === PARAMETER && operation === 'GetParameter' && stored !== undefined) {
    return { status: 200, answer: { Parameter: { Name, Value: stored } } };
  }
  return { status: 400, answer: { __type: operation === 'GetParameter' ? 'ParameterNotFound' : 'NotHere' } };
}

function ofEc2(call: URLSearchParams, account: string, accounts: number): string | undefined {
  switch (call.get('Action')) {
    case 'AssumeRole':
      return assumedRole(call.get('RoleArn')?.split(':')[4] ?? '');
    case 'DescribeImages':
      return page('DescribeImages', 'imagesSet', copiesIn(account, accounts));
    case 'DescribeSnapshots':
      return page(
        'DescribeSnapshots',
        'snapshotSet',
        valuesOf(call).map((id) => snapshot(id, account)),
      );
    default:
      return undefined;
  }
}

function copiesIn(account: string, accounts: number): string[] {
  const isLast = account === idOf(accounts - 1);
  return Array.from({ length: isLast ? COPIES - 1 : COPIES }, (_, build) => copy(account, build));
}

function copyOf(account: string, build: number): string {
  return hex('ami', Number(account) * 1000 + build);
}

function copy(account: string, build: number): string {
  const announcement = { state: 'announced', settledAt: bakedAt(build) } as const;
  const at = bakedAt(build);
  const marker = formatMarker({ copier: 'image-copier', attempt: 1, bakedAt: at, keyId: KEY_ID, announcement });
  return imageOf(
    account,
    copyOf(account, build),
    RECIPE,
    build,
    `<sourceImageId>${hex('ami', build)}</sourceImageId><sourceImageRegion>${REGION}</sourceImageRegion>`,
    `<item><key>${MARKER}</key><value>${marker}</value></item>`,
  );
}

function snapshot(id: string, account: string): string {
  const keyArn = `arn:aws:kms:${REGION}:${account}:key/${KEY_ID}`;
  return `<snapshotId>${id}</snapshotId><encrypted>true</encrypted><kmsKeyId>${keyArn}</kmsKeyId>`;
}
