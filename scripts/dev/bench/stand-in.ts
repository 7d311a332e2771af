import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { bodyOf, idOf } from './ec2-answers.ts';

export const REGION = 'eu-west-1';
export const SOURCE = '111111111111';
const TOPIC_NAME = 'amigo-BENCH-notify';
export const TOPIC = `arn:aws:sns:${REGION}:${SOURCE}:${TOPIC_NAME}`;

/** A call of an account. */
export interface Call {
  readonly account: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | undefined;
  /** Of an error in JSON, where the body does not say. */
  readonly errorType?: string;
}

/** A server in place of AWS that answers each call after a while. */
export class StandIn {
  calls = 0;
  /** How many accounts had calls that waited for their answers at the same time, at most. */
  mostAccounts = 0;
  readonly #open = new Map<string, number>();
  readonly #server: Server;

  private constructor(latencyMs: number, answer: (call: Call) => Answer) {
    this.#server = createServer((request, response) => {
      this.calls += 1;
      const { headers, url: path = '' } = request;
      // The stand-in itself gave the credentials of each account, whose key is the account's id.
      const [, account = ''] = /Credential=(\d{12})/.exec(headers.authorization ?? '') ?? [];
      this.#begin(account);
      void Promise.all([bodyOf(request), sleep(latencyMs)]).then(([body]) => {
        this.#end(account);
        const answered = answer({ account, path, headers, body });
        const { status, contentType, errorType, body: answerBody } = answered;
        response
          .writeHead(status, {
            'content-type': contentType,
            ...(errorType !== undefined && { 'x-amzn-errortype': errorType }),
          })
          .end(answerBody);
      });
    });
  }

  static async open(latencyMs: number, answer: (call: Call) => Answer): Promise<StandIn> {
    const standIn = new StandIn(latencyMs, answer);
    standIn.#server.listen(0, '127.0.0.1');
    await once(standIn.#server, 'listening');
    return standIn;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #begin(account: string): void {
    this.#open.set(account, (this.#open.get(account) ?? 0) + 1);
    this.mostAccounts = Math.max(this.mostAccounts, this.#open.size);
  }

  #end(account: string): void {
    const left = (this.#open.get(account) ?? 0) - 1;
    if (left > 0) this.#open.set(account, left);
    else this.#open.delete(account);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** An answer in XML; one that there is none for is an error. */
export function xml(body: string | undefined): Answer {
  return { status: body === undefined ? 501 : 200, contentType: 'text/xml', body };
}

/** An answer in JSON. */
export function json(body: object, status = 200): Answer {
  return { status, contentType: 'application/x-amz-json-1.1', body: JSON.stringify(body) };
}

/** The operation of a call in JSON, such as `GetParameter`. */
export function jsonOperation({ headers }: Call): string | undefined {
  return /^\w+\.(\w+)$/.exec(String(headers['x-amz-target'] ?? ''))?.[1];
}

/** The accounts file of so many target accounts. */
export function accountsFileOf(accounts: number): string {
  return stringify({
    source: { id: SOURCE },
    topic: TOPIC_NAME,
    defaults: { regions: [REGION], roleName: 'operator' },
    accounts: Array.from({ length: accounts }, (_, index) => ({ id: idOf(index), name: `account-${index + 1}` })),
  });
}
