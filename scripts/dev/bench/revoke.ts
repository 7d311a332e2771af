import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SNSClient } from '@aws-sdk/client-sns';
import { SSMClient } from '@aws-sdk/client-ssm';
import { stringify } from 'yaml';
import { AccountImageReferences } from '../../../lambda/src/adapters/account-image-references.ts';
import { Ec2AccountImages } from '../../../lambda/src/adapters/ec2-account-images.ts';
import { Ec2ImageCatalogue } from '../../../lambda/src/adapters/ec2-image-catalogue.ts';
import { PublishedResults, PublishedRetirements } from '../../../lambda/src/adapters/published-results.ts';
import { SsmEndedSources } from '../../../lambda/src/adapters/ssm-ended-sources.ts';
import { SsmImageParameters } from '../../../lambda/src/adapters/ssm-image-parameters.ts';
import { handleRetirement, type RetirementContext } from '../../../lambda/src/core/handle-retirement.ts';
import { runProgram } from '../../tool/common/run-command.ts';
import { buildTool } from '../build.ts';
import { TOOL } from '../tool-bundle.ts';
import { withoutAws } from '../emulated-account.ts';
import { keyOf, RevocationStandIn } from './revoke-stand-in.ts';

const REGION = 'eu-west-1';
const SOURCE = '111111111111';
const TOPIC = 'amigo-BENCH-notify';
const BAD = 'ami-0bad0bad0bad0bad0';
const RECIPES = 4;
/** What a function has for itself before it handles its first message, in milliseconds: a cold start, as docs/performance.md measures it, and as much again. */
const START_MS = 1000;
/** From SNS through SQS and the poller of Lambda to the function. */
const DELIVERY_MS = 500;
/** Of the queue: after it a message comes again that could not be put off. */
const VISIBILITY_SECONDS = 1800;

export interface RevokeOptions {
  readonly accounts: number;
  /** Added to each call, in milliseconds. */
  readonly latency: number;
  /** Calls of a hundred that fail. */
  readonly failing: number;
}

/**
 * Runs `revoke --wait` against a stand-in for AWS: the tool as it is built, over HTTP, and for each account what retire-image does, with its own core and
 * adapters, over HTTP too, all in this process. Simulated are AWS itself, the way of a message to the function and its start, each by a
 * time that is always the same, and SQS: a message that is put off comes again once the time is over that the function asked for.
 * @throws {Error} if an account is not listed, or one that counts as done has an image that can be launched
 */
export async function benchRevoke(options: RevokeOptions, report: (line: string) => void): Promise<void> {
  const { accounts, latency, failing } = options;
  await buildTool(report);
  const ids = Array.from({ length: accounts }, (_, index) => String(200_000_000_000 + index));
  const functions = new Functions();
  const standIn = await RevocationStandIn.open({
    source: SOURCE,
    accounts: ids,
    region: REGION,
    badImage: BAD,
    recipes: RECIPES,
    latency,
    failing: failing / 100,
    deliver: (account, body) => {
      functions.deliver(account, body);
    },
  });
  const folder = mkdtempSync(join(tmpdir(), 'bench-revoke-'));
  try {
    const accountsFile = join(folder, 'accounts.yaml');
    writeFileSync(accountsFile, accountsFileOf(ids));
    functions.prepare(ids, standIn.url);
    const before = process.cpuUsage();
    const { seconds, listed, code } = await revoke(accountsFile, standIn.url);
    const missing = ids.filter((id) => !listed.has(id));
    if (missing.length > 0) throw new Error(`Not listed: ${missing.join(', ')}`);
    const done = ids.filter((id) => listed.get(id) === 'done');
    const wrong = done.filter((id) => standIn.launchable(id).length > 0);
    if (wrong.length > 0) throw new Error(`Counted as done, and can be launched: ${wrong.join(', ')}`);
    const times = seconds.toSorted((one, other) => one - other);
    const at = (share: number) => (times[Math.ceil(ids.length * share) - 1] ?? Infinity).toFixed(1);
    report(
      `revoke of one image in ${accounts} accounts, ${latency} ms added to each call, ${failing} % of calls failing: ` +
        `${done.length} done, ${accounts - done.length} named; exit code ${code}; ` +
        `${standIn.calls} calls, ${standIn.failed} failed, ${functions.putOff} messages tried again`,
    );
    report(`seconds from the command to "done": 50 % ${at(0.5)}, 90 % ${at(0.9)}, 99 % ${at(0.99)}, all ${at(1)}`);
    const { user, system } = process.cpuUsage(before);
    // Where it is more than a part of the time, the processor was measured, which the functions of AWS do not share.
    report(`all functions and the stand-in together used ${((user + system) / 1e6).toFixed(1)} s of one processor`);
    for (const line of histogram(times)) report(line);
  } finally {
    functions.stop();
    standIn.close();
    rmSync(folder, { recursive: true });
  }
}

function accountsFileOf(ids: readonly string[]): string {
  return stringify({
    source: { id: SOURCE },
    topic: TOPIC,
    defaults: { regions: [REGION], roleName: 'operator' },
    accounts: ids.map((id) => ({ id, name: `account-${id}` })),
  });
}

interface Revoked {
  /** For each account that was done: seconds since the command began. */
  readonly seconds: readonly number[];
  /** What the command says of each account in the end. */
  readonly listed: ReadonlyMap<string, string>;
  readonly code: number | null;
}

async function revoke(accountsFile: string, endpoint: string): Promise<Revoked> {
  const env = {
    ...withoutAws(),
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: `AKIA${SOURCE}`,
    AWS_SECRET_ACCESS_KEY: 's',
  };
  const args = ['revoke', BAD, '--accounts-file', accountsFile, '--reason', 'bench', '--wait', '--yes'];
  const seconds: number[] = [];
  let output = '';
  let rest = '';
  const start = performance.now();
  const code = await runProgram(process.execPath, [TOOL, ...args], {
    env,
    stdout: (text) => (output += text),
    stderr: (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.includes(`${BAD} done`)) seconds.push((performance.now() - start) / 1000);
    },
  });
  const rows = Array.from(output.matchAll(/^account-(\d{12}) +\S+ +\S+ +(\S+)/gm));
  return { seconds, listed: new Map(rows.map(([, id = '', state = '']) => [id, state])), code };
}

/** The function of each account, and its queue. */
class Functions {
  putOff = 0;
  readonly #contexts = new Map<string, RetirementContext>();
  readonly #stopped = new AbortController();
  // As many connections as the functions of all accounts would have together.
  readonly #agent = new Agent({ keepAlive: true });

  constructor() {
    // Each account waits for it.
    setMaxListeners(0, this.#stopped.signal);
  }

  /** Builds what each function has ready before it handles a message: that is part of its start. */
  prepare(accounts: readonly string[], endpoint: string): void {
    for (const account of accounts) this.#contexts.set(account, this.#context(account, endpoint));
  }

  deliver(account: string, body: string): void {
    void this.#handle(account, body).catch((error: unknown) => {
      if (!this.#stopped.signal.aborted) throw error;
    });
  }

  stop(): void {
    this.#stopped.abort();
    this.#agent.destroy();
  }

  async #handle(account: string, body: string): Promise<void> {
    const sentAtMs = Date.now();
    const messageId = account;
    await this.#pass(DELIVERY_MS + START_MS);
    const context = this.#contexts.get(account);
    if (!context) throw new Error(`no function in ${account}`);
    for (let receiveCount = 1; ; receiveCount += 1) {
      const delivery = { messageId, receiptHandle: messageId, body, receiveCount, sentAtMs };
      const { outcome, retryInSeconds = VISIBILITY_SECONDS } = await handleRetirement(
        delivery,
        context,
        Date.now() + 180_000,
      );
      if (outcome !== 'retried') return;
      this.putOff += 1;
      await this.#pass(retryInSeconds * 1000 + DELIVERY_MS);
    }
  }

  async #pass(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopped.signal });
  }

  /** As the handler of retire-image builds it, but for the endpoint and the queue. */
  #context(account: string, endpoint: string): RetirementContext {
    const settings = {
      region: REGION,
      endpoint,
      credentials: { accessKeyId: `AKIA${account}`, secretAccessKey: 's' },
      maxAttempts: 2,
      requestHandler: {
        connectionTimeout: 3000,
        requestTimeout: 9000,
        throwOnRequestTimeout: true,
        httpAgent: this.#agent,
      },
    };
    const ec2 = new EC2Client(settings);
    const ssm = new SSMClient(settings);
    const topic = {
      arn: `arn:aws:sns:${REGION}:${SOURCE}:${TOPIC}-results`,
      sns: new SNSClient(settings),
    };
    const published = new PublishedResults(new EventBridgeClient(settings), topic);
    const place = { account, region: REGION };
    return {
      ...place,
      copier: 'image-copier',
      kmsKeyArn: keyOf(account, REGION),
      parameterPath: '/image-copier',
      recipeTag: 'Recipe',
      retireTagged: [],
      retrySeconds: 21_600,
      rollbackDepth: 2,
      trustedOwners: [SOURCE],
      images: new Ec2AccountImages(ec2, 'image-copier'),
      references: new AccountImageReferences({ ec2, ssm, autoScaling: new AutoScalingClient(settings) }),
      parameters: new SsmImageParameters(ssm, '/image-copier'),
      ended: new SsmEndedSources(ssm, 'image-copier'),
      results: new PublishedRetirements(published, place),
      catalogue: new Ec2ImageCatalogue(REGION, () => ec2),
      queue: {
        postpone: () => Promise.resolve(),
        deadLetter: ({ reason }) => Promise.reject(new Error(`A dead letter in ${account}: ${reason.message}`)),
      },
      // The second look, three minutes later, tells of nothing new.
      enqueue: () => Promise.resolve(),
      nowMs: Date.now,
      random: Math.random,
      pause: async (ms) => {
        await this.#pass(ms);
      },
    };
  }
}

/** How many accounts were done in each so many seconds. */
function histogram(times: readonly number[]): string[] {
  const last = times.at(-1) ?? 0;
  const step = Math.max(1, Math.ceil(last / 12));
  const widest = 50;
  const counts = Array.from(
    { length: Math.floor(last / step) + 1 },
    (_, index) => times.filter((time) => Math.floor(time / step) === index).length,
  );
  const most = Math.max(...counts, 1);
  return counts.map((count, index) => {
    const bar = '#'.repeat(Math.ceil((count / most) * widest));
    return `${String(index * step).padStart(4)} s ${String(count).padStart(4)} ${bar}`.trimEnd();
  });
}
