import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { generate } from 'selfsigned';

/** A request of a function, so far as it says what is asked; the rest belongs to its signature. */
export interface AwsRequest {
  /** As in the signature's scope, such as `ec2`. */
  readonly service: string;
  readonly operation: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the stub says. */
export interface Answers {
  /** To one request; undefined to an operation that it does not know. */
  readonly answer: (request: AwsRequest) => string | undefined;
  /** The error with which it answers a request, if it does. */
  readonly error?: (request: AwsRequest) => string | undefined;
  /** Forgets what it was told, so that the next event makes the same requests. */
  readonly startOver: () => void;
}

export interface AwsStub {
  readonly endpoint: string;
  /** Delays each answer, so that requests that are sent at once overlap. In milliseconds. */
  delayMs: number;
  /** The certificate that it shows, as PEM. */
  readonly certificate: string;
  readonly startOver: () => void;
  /** How many connections were opened since the last call. */
  takeConnections(): number;
  /** Gives what came since the last call: a list of steps, each of them the requests that were open at the same time. */
  takeSteps(): AwsRequest[][];
  close(): void;
}

const SIGNATURE = /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/[^/]+\/(?<service>[^/]+)\/aws4_request/;

/** Serves canned answers for all services at one address, over TLS as AWS does: the handshake is a part of each cold start. */
export async function startAwsStub(answers: Answers): Promise<AwsStub> {
  const altNames = [{ type: 7, ip: '127.0.0.1' }] as const;
  const subject = [{ name: 'commonName', value: '127.0.0.1' }];
  const { private: key, cert } = await generate(subject, {
    keySize: 2048,
    extensions: [{ name: 'subjectAltName', altNames: [...altNames] }],
  });
  let connections = 0;
  let steps: AwsRequest[][] = [];
  let open = 0;
  const server = createServer({ key, cert }, (message, response) => {
    const reply = async () => {
      const request = await read(message);
      if (open === 0) steps.push([]);
      steps.at(-1)?.push(request);
      open += 1;
      if (stub.delayMs > 0) await sleep(stub.delayMs);
      open -= 1;
      const error = answers.error?.(request);
      const body = error ?? answers.answer(request);
      const isJson = request.headers['x-amz-target'] !== undefined;
      response.writeHead(body === undefined || error !== undefined ? 400 : 200, {
        'Content-Type': isJson ? (request.headers['content-type'] ?? '') : 'text/xml;charset=UTF-8',
        'Content-Length': Buffer.byteLength(body ?? ''),
      });
      response.end(body);
    };
    // A function that ends amid its request breaks the connection.
    reply().catch(() => response.destroy());
  });
  server.on('secureConnection', () => (connections += 1));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const stub: AwsStub = {
    endpoint: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    delayMs: 0,
    certificate: cert,
    startOver: answers.startOver,
    takeConnections() {
      const taken = connections;
      connections = 0;
      return taken;
    },
    takeSteps() {
      const taken = steps;
      steps = [];
      return taken;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return stub;
}

async function read(message: IncomingMessage): Promise<AwsRequest> {
  const body = await text(message);
  const service = SIGNATURE.exec(message.headers.authorization ?? '')?.groups?.['service'] ?? 'unsigned';
  const headers: Record<string, string> = {};
  for (const name of ['content-type', 'x-amz-target']) {
    const value = message.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  const operation = headers['x-amz-target']?.split('.')[1] ?? new URLSearchParams(body).get('Action') ?? '';
  return { service, operation, headers, body };
}
