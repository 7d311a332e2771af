import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { endpoint } from './emulator.ts';

/** A call that a function makes. */
export interface Call {
  /** Its IAM action. */
  readonly action: string;
  readonly body: string;
}

export interface CallAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/** Stands between a function and AWS: passes the call on or not, and gives the answer or throws, which cuts the connection. */
export type Interceptor = (call: Call, pass: () => Promise<CallAnswer>) => Promise<CallAnswer>;

/** Passes calls on to the emulator and notes their IAM actions. */
export class CallRecorder {
  readonly actions = new Set<string>();
  readonly #server: Server;
  readonly #open = new Set<Promise<unknown>>();

  private constructor(intercept: Interceptor) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const call = { action: actionOf(request.headers, body.toString()), body: body.toString() };
        this.actions.add(call.action);
        const headers = request.headers as Record<string, string>;
        const answered = intercept(call, () => pass(request.url ?? '/', headers, body)).then(
          (answer) => {
            response.writeHead(answer.status, { 'content-type': answer.contentType }).end(answer.body);
          },
          () => response.destroy(),
        );
        this.#open.add(answered);
        void answered.finally(() => this.#open.delete(answered));
      });
    });
  }

  static async start(intercept: Interceptor = (_call, passOn) => passOn()): Promise<CallRecorder> {
    const recorder = new CallRecorder(intercept);
    recorder.#server.listen(0, '127.0.0.1');
    await once(recorder.#server, 'listening');
    return recorder;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Settings that lead a function's calls through this recorder; SQS clients call the host of the queue's URL. */
  settingsFor({ queueUrl, deadLetterQueueUrl }: Record<'queueUrl' | 'deadLetterQueueUrl', string>) {
    return {
      AWS_ENDPOINT_URL: this.url,
      QUEUE_URL: queueUrl.replace(endpoint(), this.url),
      DEAD_LETTER_QUEUE_URL: deadLetterQueueUrl.replace(endpoint(), this.url),
    };
  }

  /** Waits for the answers to the calls that are on their way, also those of a function that is gone. */
  async idle(): Promise<void> {
    await Promise.all(this.#open);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

async function pass(path: string, headers: Record<string, string>, body: Buffer): Promise<CallAnswer> {
  const kept = Object.entries(headers).filter(([name]) => !['host', 'connection', 'content-length'].includes(name));
  const answer = await fetch(new URL(path, endpoint()), { method: 'POST', headers: Object.fromEntries(kept), body });
  return {
    status: answer.status,
    contentType: answer.headers.get('content-type') ?? '',
    body: Buffer.from(await answer.arrayBuffer()),
  };
}

/** The service is in the signature; the operation is in a header of the JSON protocols, else in the form. */
function actionOf({ authorization = '', 'x-amz-target': target }: IncomingHttpHeaders, form: string): string {
  const [, service = ''] = /Credential=[^/]+\/[0-9]+\/[^/]+\/([^/]+)\/aws4_request/.exec(authorization) ?? [];
  const operation = typeof target === 'string' ? target.split('.').at(-1) : new URLSearchParams(form).get('Action');
  return `${service}:${operation ?? ''}`;
}
