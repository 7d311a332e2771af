import { Agent, type RequestOptions } from 'node:https';
import { Duplex } from 'node:stream';

/** Gives the body of the answer to an operation, such as `DescribeImages`; undefined to one that is not expected. */
export type Answer = (operation: string, request: string) => string | undefined;

/** An agent whose connections lead nowhere: each answers its requests itself. */
export class AnsweringAgent extends Agent {
  readonly #answer: Answer;
  readonly #connecting: ((host: string, port: number) => void) | undefined;

  /**
   * @param protocol as Node's clients ask for it, `http:` or `https:`
   * @param connecting is told of each host that would be connected to
   */
  constructor(protocol: string, answer: Answer, connecting?: (host: string, port: number) => void) {
    super({ keepAlive: true });
    Object.assign(this, { protocol });
    this.#answer = answer;
    this.#connecting = connecting;
  }

  override createConnection({ host, port }: RequestOptions): Duplex {
    this.#connecting?.(host ?? '', Number(port));
    return new AnsweringConnection(this.#answer);
  }
}

const CONTENT_LENGTH = /^content-length: (\d+)/im;
/** AWS Query names the operation in the body, AWS JSON in a header: Smithy, "AWS Protocols". */
const OPERATION = /^x-amz-target: [^.]+\.(\w+)|\bAction=(\w+)/im;

class AnsweringConnection extends Duplex {
  readonly #answer: Answer;
  #request = '';

  constructor(answer: Answer) {
    super();
    this.#answer = answer;
  }

  override _read(): void {
    // What is there to read is pushed.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#request += chunk.toString();
    const [head = '', body] = this.#request.split('\r\n\r\n');
    if (body === undefined || Buffer.byteLength(body) < Number(CONTENT_LENGTH.exec(head)?.[1])) {
      done();
      return;
    }
    const [, byHeader, byBody = 'an unknown operation'] = OPERATION.exec(this.#request) ?? [];
    const operation = byHeader ?? byBody;
    const answer = this.#answer(operation, this.#request);
    this.#request = '';
    if (answer === undefined) {
      done(new Error(`The prewarming has no answer to ${operation}.`));
      return;
    }
    this.push(`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(answer)}\r\n\r\n${answer}`);
    done();
  }

  // An agent sets these of a connection that it keeps.
  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}
