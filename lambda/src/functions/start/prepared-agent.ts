import { Agent, type RequestOptions } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';

type Created = (error: Error | null, stream: Duplex) => void;

const OPENING_MS = 1_000;

/** Keeps connections alive, and can open some before there is a request for them. */
export class PreparedAgent extends Agent {
  readonly #connections: number;
  #ready: TLSSocket[] = [];

  /** @param connections how many to open beforehand: each of them takes one request at a time */
  constructor(connections: number) {
    super({ keepAlive: true });
    this.#connections = connections;
  }

  /**
   * Opens connections to a host and waits for them. One that fails is no error yet: the request that would have taken it
   * opens another, and meets what is wrong.
   */
  async prepare(host: string, port: number): Promise<void> {
    await Promise.all(Array.from({ length: this.#connections }, () => this.#open(host, port)));
  }

  override createConnection(options: RequestOptions, created?: Created): Duplex | null | undefined {
    return this.#take(Number(options.port)) ?? super.createConnection(options, created);
  }

  async #open(host: string, port: number): Promise<void> {
    // The name is for the server to choose its certificate by; an address is none (RFC 6066, section 3).
    const name = isIP(host) === 0 && { servername: host };
    const socket = connect({ host, port, timeout: OPENING_MS, ...name });
    await new Promise<void>((done) => {
      const end = () => {
        done();
      };
      socket.once('secureConnect', end).once('close', end);
      socket.once('timeout', () => socket.destroy());
      // An error ends in `close`. Without a listener it would end the process.
      socket.on('error', () => undefined);
    });
    socket.setTimeout(0);
    this.#ready.push(socket);
  }

  /** A client has one host. */
  #take(port: number): TLSSocket | undefined {
    this.#ready = this.#ready.filter((socket) => !socket.destroyed && socket.remotePort === port);
    return this.#ready.pop();
  }
}
