import { Readable } from 'node:stream';
import type { DeserializeMiddleware, MiddlewareStack } from '@smithy/types';
import type { PreparedAgent } from './prepared-agent.ts';

/** A client of the SDK with the agent of its connections. */
export interface Rehearsed {
  /** Its types say for which commands it is; here any will do. */
  readonly client: { readonly middlewareStack: unknown };
  readonly agent: PreparedAgent;
}

/** Gives the body of the answer to a command, such as `DescribeImagesCommand`; undefined to one that is not expected. */
export type Answer = (commandName: string) => string | undefined;

const NAME = 'rehearsal';

/**
 * Lets clients answer themselves while `part` runs, and opens their connections meanwhile. Nothing is sent.
 *
 * Lambda gives a function more processor time while it initializes than while it handles events. So what the first event
 * needs is done once before: V8 compiles the code, the SDK finds the endpoint and the credentials, and connections are
 * open. The figures are in docs/performance.md.
 * @throws {Error} if `part` does, or sends a command that has no answer
 */
export async function rehearse(
  rehearsed: readonly Rehearsed[],
  answer: Answer,
  part: () => Promise<unknown>,
): Promise<void> {
  // Outside Lambda nobody waits for the first event.
  if (process.env['AWS_LAMBDA_RUNTIME_API'] === undefined) return;
  const opening: Promise<void>[] = [];
  const stacks = rehearsed.map(({ client, agent }) => {
    const stack = client.middlewareStack as MiddlewareStack<object, object>;
    stack.add(answering(answer, agent, opening), { name: NAME, step: 'deserialize', priority: 'low' });
    return stack;
  });
  try {
    await part();
  } finally {
    for (const stack of stacks) stack.remove(NAME);
  }
  await Promise.all(opening);
}

/** The last step before a request would be sent: it is complete and signed, and its answer is still to be read. */
function answering(
  answer: Answer,
  agent: PreparedAgent,
  opening: Promise<void>[],
): DeserializeMiddleware<object, object> {
  let isOpening = false;
  return (_, { commandName = '' }) =>
    ({ request }) => {
      const { protocol, hostname, port } = request as { protocol: string; hostname: string; port?: number };
      if (protocol === 'https:' && !isOpening) {
        isOpening = true;
        opening.push(agent.prepare(hostname, port ?? 443));
      }
      const body = answer(commandName);
      if (body === undefined) return Promise.reject(new Error(`The rehearsal has no answer to ${commandName}.`));
      return Promise.resolve({
        response: { statusCode: 200, headers: {}, body: Readable.from([Buffer.from(body)]) },
        output: {},
      });
    };
}
