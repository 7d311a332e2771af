import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { bodyOf, idOf } from './ec2-answers.ts';

export const REGION = 'eu-west-1';
export const SOURCE = '111111111111';

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
  readonly #server: Server;

  private constructor(latencyMs: number, answer: (call: Call) => Answer) {
    this.#server = createServer((request, response) => {
      this.calls += 1;
      void Promise.all([bodyOf(request), sleep(latencyMs)]).then(([body]) => {
        const { headers, url: path = '' } = request;
        // The stand-in itself gave the credentials of each account, whose key is the account's id.
        const [, account = ''] = /Credential=(\d{12})/.exec(headers.authorization ?? '') ?? [];
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
    topic: 'amigo-BENCH-notify',
    defaults: { regions: [REGION], roleName: 'operator' },
    accounts: Array.from({ length: accounts }, (_, index) => ({ id: idOf(index), name: `account-${index + 1}` })),
  });
}
