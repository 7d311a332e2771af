import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { endpoint } from './emulator.ts';

/** The IAM actions of all calls that copy-image makes. A test compares them with the calls, another with the role. */
export const COPY_IMAGE_ACTIONS = [
  'ec2:CopyImage',
  'ec2:DescribeImages',
  'sqs:ChangeMessageVisibility',
  'sqs:SendMessage',
];

/** Passes calls on to the emulator and notes their IAM actions. */
export class CallRecorder {
  readonly actions = new Set<string>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        this.actions.add(actionOf(request.headers['x-amz-target'], body.toString()));
        void this.#pass(request.url ?? '/', request.headers as Record<string, string>, body).then(
          async (answer) => {
            response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
            response.end(Buffer.from(await answer.arrayBuffer()));
          },
          (error: unknown) => response.destroy(error as Error),
        );
      });
    });
  }

  static async start(): Promise<CallRecorder> {
    const recorder = new CallRecorder();
    recorder.#server.listen(0, '127.0.0.1');
    await once(recorder.#server, 'listening');
    return recorder;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #pass(path: string, headers: Record<string, string>, body: Buffer): Promise<Response> {
    const kept = Object.entries(headers).filter(([name]) => !['host', 'connection', 'content-length'].includes(name));
    return await fetch(new URL(path, endpoint()), { method: 'POST', headers: Object.fromEntries(kept), body });
  }
}

/** SQS names its operation in a header, EC2 in its form. */
function actionOf(target: string | string[] | undefined, form: string): string {
  if (typeof target === 'string') return `sqs:${target.split('.').at(-1) ?? ''}`;
  return `ec2:${new URLSearchParams(form).get('Action') ?? ''}`;
}
