import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import {
  connect,
  createServer,
  constants,
  type ClientHttp2Session,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect as connectTo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { ROOT } from '../tool/common/paths.ts';
import { onlyTypes } from './provider-schema.ts';

/**
 * Terraform starts its provider three or four times in one run, hashes its 700 MB before, and reads the schema of its 1,500
 * resources: 3 of the 5 processor seconds of an apply. The tests run Terraform hundreds of times. Here one process keeps
 * providers running, gives each to one configuration at a time, and tells Terraform the schema of those resources alone that
 * this repository has. What plans and applies is the provider itself. Terraform finds them by TF_REATTACH_PROVIDERS:
 * https://developer.hashicorp.com/terraform/plugin/debugging#starting-a-provider-in-debug-mode
 */
export interface AttachedProvider {
  /** The value of TF_REATTACH_PROVIDERS. */
  readonly reattach: string;
  readonly close: () => Promise<void>;
}

export interface AttachedProviderOptions {
  readonly binary: string;
  /** As Terraform names the provider. */
  readonly source: string;
  /** A provider takes its access to AWS from its own environment, not from that of Terraform. */
  readonly env: NodeJS.ProcessEnv;
  /** Paths in a configuration lead from where Terraform runs: from here they must lead to the same files. */
  readonly cwd: string;
}

/** Starts it in a process of its own, which ends with this one, however this one ends. */
export async function attachProvider({ binary, source, env, cwd }: AttachedProviderOptions): Promise<AttachedProvider> {
  mkdirSync(cwd, { recursive: true });
  const child = fork(import.meta.filename, [binary, source], {
    env,
    cwd,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [reattach] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error(`The provider ${binary} could not be started.`))),
  ])) as [string];
  const close = async () => {
    const ended = once(child, 'exit');
    child.disconnect();
    await ended;
  };
  return { reattach, close };
}

/** What Terraform and providers know each other by (terraform-plugin-go, tfprotov5/tf5server). */
const HANDSHAKE = {
  TF_PLUGIN_MAGIC_COOKIE: 'd602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2',
  PLUGIN_PROTOCOL_VERSIONS: '5',
};
const CONFIGURE = '/tfplugin5.Provider/Configure';
const GET_SCHEMA = '/tfplugin5.Provider/GetSchema';
const STOP = '/tfplugin5.Provider/Stop';
/** The schema has 20 MB. */
const WINDOW_BYTES = 2 ** 26;
const UNIMPLEMENTED = '12';

/** A process of the provider. */
class Provider {
  /** The configuration that it has, as Terraform sent it. */
  configuration: Buffer | undefined;
  /** Connections of Terraform that it answers. */
  readonly users = new Set<Http2Session>();
  /** Calls that it has not answered yet. */
  calls = 0;
  isConfiguring: Promise<unknown> = Promise.resolve();
  readonly connection: Promise<ClientHttp2Session>;

  constructor(binary: string) {
    this.connection = start(binary);
  }
}

/** Those of all providers, which end with this one. */
const processes = new Set<ChildProcess>();

async function start(binary: string): Promise<ClientHttp2Session> {
  const child = spawn(binary, [], { env: { ...process.env, ...HANDSHAKE }, stdio: ['ignore', 'pipe', 'ignore'] });
  processes.add(child);
  // Terraform then says that its provider is gone.
  child.once('exit', (code, signal) => {
    console.error(`The provider ${binary} ended (${code ?? signal}).`);
    process.exit(1);
  });
  // Such as 1|5|unix|/tmp/plugin1234|grpc|
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const path = line.split('|')[3] ?? '';
  return connect('http://provider', {
    createConnection: () => connectTo(path),
    settings: { initialWindowSize: WINDOW_BYTES },
  });
}

class Providers {
  readonly #binary: string;
  readonly #schema: Buffer;
  /** Answers what needs no configuration. */
  readonly #unconfigured: Provider;
  #configured: readonly Provider[] = [];

  private constructor(binary: string, unconfigured: Provider, schema: Buffer) {
    this.#binary = binary;
    this.#unconfigured = unconfigured;
    this.#schema = schema;
  }

  static async start(binary: string, types: ReadonlySet<string>): Promise<Providers> {
    const unconfigured = new Provider(binary);
    const stream = (await unconfigured.connection).request(callOf(GET_SCHEMA));
    // An empty message.
    stream.end(Buffer.alloc(5));
    return new Providers(binary, unconfigured, onlyTypes(await buffer(stream), types));
  }

  async answer(stream: ServerHttp2Stream, path: string): Promise<void> {
    if (path === '/plugin.GRPCBroker/StartStream') {
      // Providers never use it. It stays open as long as the connection.
      stream.respond({ 'content-type': 'application/grpc' });
      return;
    }
    if (!path.startsWith('/tfplugin5.Provider/')) {
      stream.respond({ 'content-type': 'application/grpc', 'grpc-status': UNIMPLEMENTED }, { endStream: true });
      return;
    }
    const request = await buffer(stream);
    if (path === GET_SCHEMA) {
      stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.once('wantTrailers', () => {
        stream.sendTrailers({ 'grpc-status': '0' });
      });
      stream.end(this.#schema);
      return;
    }
    await this.#forward(stream, path, request);
  }

  leave(user: Http2Session): void {
    for (const provider of this.#configured) provider.users.delete(user);
  }

  async #forward(stream: ServerHttp2Stream, path: string, request: Buffer): Promise<void> {
    const { session } = stream;
    if (!session) return;
    const provider =
      path === CONFIGURE
        ? this.#toConfigure(session, request)
        : (this.#configured.find(({ users }) => users.has(session)) ?? this.#unconfigured);
    provider.calls += 1;
    const before = provider.isConfiguring;
    const answered = before.then(async () => pass(await provider.connection, path, request, stream));
    if (path === CONFIGURE) provider.isConfiguring = answered.catch(() => undefined);
    // It was told to give up: nobody else is to meet what that leaves.
    if (path === STOP) this.#configured = this.#configured.filter((each) => each !== provider);
    try {
      await answered;
    } finally {
      provider.calls -= 1;
    }
  }

  #toConfigure(user: Http2Session, configuration: Buffer): Provider {
    let provider = providerFor(configuration, this.#configured);
    if (!provider) {
      provider = new Provider(this.#binary);
      this.#configured = [...this.#configured, provider];
    }
    this.leave(user);
    provider.users.add(user);
    provider.configuration = configuration;
    return provider;
  }
}

/** What a process of the provider is doing. */
interface Occupation {
  readonly configuration: Buffer | undefined;
  readonly users: ReadonlySet<unknown>;
  readonly calls: number;
}

/**
 * Which of the processes may take a configuration. In one run Terraform configures a provider for its plan and another one
 * alike for its apply, and stays connected to both: the same process takes them. Otherwise it is one that nobody uses.
 */
export function providerFor<T extends Occupation>(configuration: Buffer, providers: readonly T[]): T | undefined {
  const free = providers.filter(({ calls }) => calls === 0);
  return free.find((each) => each.configuration?.equals(configuration)) ?? free.find(({ users }) => users.size === 0);
}

function callOf(path: string) {
  return { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
}

/** Makes a call of gRPC, and passes the answer on; it is done when the answer is complete, or nobody wants it any more. */
async function pass(to: ClientHttp2Session, path: string, request: Buffer, from: ServerHttp2Stream): Promise<void> {
  if (from.destroyed) return;
  const call = to.request(callOf(path));
  let trailers: IncomingHttpHeaders = {};
  call.on('trailers', (received: IncomingHttpHeaders) => (trailers = received));
  from.once('close', () => {
    call.close(constants.NGHTTP2_CANCEL);
  });
  call.end(request);
  const ended = once(call, 'close').then(() => []);
  const [headers] = (await Promise.race([once(call, 'response'), ended])) as [IncomingHttpHeaders?];
  if (!headers) return;
  const answer = await buffer(call);
  from.respond(plain(headers), { waitForTrailers: true });
  from.once('wantTrailers', () => {
    from.sendTrailers(plain('grpc-status' in trailers ? trailers : headers));
  });
  from.end(answer);
}

/** Without what HTTP/2 adds by itself. */
function plain(headers: IncomingHttpHeaders) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':') && name !== 'date'));
}

/** The types of resources and data sources in the configurations of a folder. */
function typesIn(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tf'));
  return files.flatMap((name) =>
    Array.from(
      readFileSync(join(folder, name), 'utf8').matchAll(/^(?:resource|data) "(\w+)"/gm),
      ([, type = '']) => type,
    ),
  );
}

async function main(binary: string, source: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'provider-'));
  process.once('exit', () => {
    for (const each of processes) each.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  const types = [...typesIn(join(ROOT, 'terraform')), ...typesIn(join(ROOT, 'integration'))];
  const providers = await Providers.start(binary, new Set(types));
  const server = createServer({ settings: { initialWindowSize: WINDOW_BYTES } });
  server.on('session', (session) =>
    session.once('close', () => {
      providers.leave(session);
    }),
  );
  server.on('stream', (stream, { ':path': path = '' }) => {
    stream.on('error', () => undefined);
    providers.answer(stream, path).catch(() => {
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
  });
  const socket = join(folder, 'socket');
  server.listen(socket);
  await once(server, 'listening');
  const address = { Network: 'unix', String: socket };
  const plugin = { Protocol: 'grpc', ProtocolVersion: 5, Pid: process.pid, Test: true, Addr: address };
  process.send?.(JSON.stringify({ [source]: plugin }));
}

if (process.argv[1] === import.meta.filename) {
  // Ctrl-C reaches it too; it goes on until its parent has ended.
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
  process.once('disconnect', () => process.exit());
  const [binary = '', source = ''] = process.argv.slice(2);
  main(binary, source).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}
