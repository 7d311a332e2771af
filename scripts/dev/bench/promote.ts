import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { formatMarker, MARKER } from '../../../lambda/src/core/copy-marker.ts';
import { runProgram } from '../../tool/common/run-command.ts';
import { OPERATORS_ACCOUNT } from '../administrator-role.ts';
import { buildTool, TOOL } from '../build.ts';
import { emulatedEnvironment, withoutAws } from '../emulated-account.ts';
import { assumedRole, bakedAt, bodyOf, hex, idOf, imageOf, page, valuesOf } from './ec2-answers.ts';

const REGION = 'eu-west-1';
const SOURCE = '111111111111';
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
  const aws = await StandIn.open(options);
  try {
    const accountsFile = join(folder, 'accounts.yaml');
    writeFileSync(accountsFile, accountsFileOf(accounts));
    const env = { ...withoutAws(), ...emulatedEnvironment(aws.url, OPERATORS_ACCOUNT, REGION) };
    const start = performance.now();
    const words = ['promote', `recipe-${RECIPE}`, '--to', 'prod', '--accounts-file', accountsFile, '--yes', '--json'];
    await runProgram(process.execPath, [TOOL, ...words], { env, stdout: () => undefined, stderr: 'inherit' });
    const seconds = (performance.now() - start) / 1000;
    for (let account = 0; account < accounts; account += 1) {
      const pointsTo = aws.channels.get(idOf(account));
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

function accountsFileOf(accounts: number): string {
  return stringify({
    source: { id: SOURCE },
    topic: 'amigo-BENCH-notify',
    defaults: { regions: [REGION], roleName: 'operator' },
    accounts: Array.from({ length: accounts }, (_, index) => ({ id: idOf(index), name: `account-${index + 1}` })),
  });
}

/** STS, EC2 and SSM as `promote` meets them: what it asks for, each account has; anything else, such as CopyImage, is an error. */
class StandIn {
  calls = 0;
  /** What the channel points to, by account. */
  readonly channels = new Map<string, string>();
  readonly #server: Server;
  readonly #options: PromoteBenchOptions;

  private constructor(options: PromoteBenchOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.calls += 1;
      void Promise.all([bodyOf(request), sleep(options.latency)]).then(([body]) => {
        this.#answer(request, body, response);
      });
    });
  }

  static async open(options: PromoteBenchOptions): Promise<StandIn> {
    const standIn = new StandIn(options);
    standIn.#server.listen(0, '127.0.0.1');
    await once(standIn.#server, 'listening');
    return standIn;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer({ headers }: IncomingMessage, body: string, response: ServerResponse): void {
    // The stand-in itself gave the credentials of each account, whose key is the account's id.
    const [, account = ''] = /Credential=(\d{12})/.exec(headers.authorization ?? '') ?? [];
    const [, operation] = /^AmazonSSM\.(.+)$/.exec(String(headers['x-amz-target'] ?? '')) ?? [];
    if (operation !== undefined) {
      const { status, answer } = this.#ofSsm(operation, account, JSON.parse(body) as { Name: string; Value: string });
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(answer));
      return;
    }
    const answer = this.#ofEc2(new URLSearchParams(body), account);
    response.writeHead(answer === undefined ? 501 : 200, { 'content-type': 'text/xml' }).end(answer);
  }

  #ofSsm(operation: string, account: string, { Name, Value }: { Name: string; Value: string }) {
    const stored = this.channels.get(account);
    if (Name === PARAMETER && operation === 'PutParameter') {
      setTimeout(() => this.channels.set(account, Value), CHECK_MS);
      return { status: 200, answer: { Version: 1, Tier: 'Standard' } };
    }
    if (Name === PARAMETER && operation === 'GetParameter' && stored !== undefined) {
      return { status: 200, answer: { Parameter: { Name, Value: stored } } };
    }
    return { status: 400, answer: { __type: operation === 'GetParameter' ? 'ParameterNotFound' : 'NotHere' } };
  }

  #ofEc2(call: URLSearchParams, account: string): string | undefined {
    switch (call.get('Action')) {
      case 'AssumeRole':
        return assumedRole(call.get('RoleArn')?.split(':')[4] ?? '');
      case 'DescribeImages':
        return page('DescribeImages', 'imagesSet', this.#copiesIn(account));
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

  #copiesIn(account: string): string[] {
    const isLast = account === idOf(this.#options.accounts - 1);
    return Array.from({ length: isLast ? COPIES - 1 : COPIES }, (_, build) => copy(account, build));
  }
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
