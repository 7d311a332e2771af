import { join } from 'node:path';
import { CACHE } from '../../tool/common/paths.ts';
import { SetupError } from '../../tool/common/setup-error.ts';
import { installLocalStack } from './install.ts';
import { attachLocalStack, freePort, startLocalStack, type LocalStackOptions } from './server.ts';

type Report = (line: string) => void;

/** An emulator to work with: one that this script started, or one that AWS_ENDPOINT_URL names. */
export interface Emulator {
  readonly endpoint: string;
  /** Where state and logs that belong to this emulator go. */
  readonly workDirectory: string;
  readonly ours: boolean;
  /** Ends it if this script started it. */
  readonly close: () => Promise<void>;
}

/** The emulator at LOCALSTACK_PORT (4566), or the one that AWS_ENDPOINT_URL names. */
export async function openEmulator(report: Report): Promise<Emulator> {
  return (await attachedEmulator(report)) ?? (await started(localStackPort(), report));
}

/** An emulator of the tests' own on a free port, or the one that AWS_ENDPOINT_URL names. */
export async function openTestEmulator(report: Report): Promise<Emulator> {
  return (await attachedEmulator(report)) ?? (await started(await freePort(), report));
}

/** The port that LocalStack listens on for people: LOCALSTACK_PORT, or 4566. */
export function localStackPort(): number {
  const { LOCALSTACK_PORT: named = '4566' } = process.env;
  const port = Number(named);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new SetupError(`LOCALSTACK_PORT: "${named}" is no port. Use a number from 1 to 65535.`);
  }
  return port;
}

/** Where LocalStack's and Terraform's files of one endpoint go. */
export function workDirectoryOf(endpoint: string): string {
  const { hostname, port } = new URL(endpoint);
  return join(CACHE, 'emulators', `${hostname}-${port}`);
}

/** How LocalStack is started on a port. */
export function localStackOn(port: number): LocalStackOptions {
  return { port, directory: workDirectoryOf(`http://127.0.0.1:${port}`) };
}

/** The emulator that AWS_ENDPOINT_URL names, if it names one. */
export async function attachedEmulator(report: Report): Promise<Emulator | undefined> {
  const { AWS_ENDPOINT_URL: named } = process.env;
  if (!named) return undefined;
  const { endpoint } = await attachLocalStack(named);
  report(`Using the emulator at ${endpoint} (AWS_ENDPOINT_URL).`);
  return { endpoint, workDirectory: workDirectoryOf(endpoint), ours: false, close: () => Promise.resolve() };
}

/** Whether two URLs lead to the same emulator; this machine has two names. */
export function isSameEndpoint(one: string, other: string): boolean {
  const hostOf = (url: string) => (URL.canParse(url) ? new URL(url).host.replace(/^localhost\b/, '127.0.0.1') : url);
  return hostOf(one) === hostOf(other);
}

async function started(port: number, report: Report): Promise<Emulator> {
  await installLocalStack(report);
  const { endpoint, stop } = await startLocalStack(localStackOn(port));
  report(`LocalStack is ready at ${endpoint}.`);
  return { endpoint, workDirectory: workDirectoryOf(endpoint), ours: true, close: stop };
}
