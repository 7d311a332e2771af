import { NodeHttpHandler } from '@smithy/node-http-handler';
import { AnsweringAgent, type Answer } from './answering-agent.ts';
import { TIMEOUTS, type Client } from '../common/clients.ts';

/** A client of the SDK with the agent of its connections. */
export type Prewarmed = Client<{ readonly config: { requestHandler: object } }>;

/**
 * Answers clients in their place while `part` runs, and opens their connections meanwhile. Nothing is sent.
 *
 * Lambda gives a function more processor time while it initializes than while it handles events. So what the first event
 * needs is done once before: V8 compiles the code, Node's HTTP client too, the SDK finds the endpoint and the credentials,
 * and connections are open. The figures are in docs/performance.md.
 * @throws {Error} if `part` does, or sends what has no answer
 */
export async function prewarm(
  clients: readonly Prewarmed[],
  answer: Answer,
  part: () => Promise<unknown>,
): Promise<void> {
  // Outside Lambda nobody waits for the first event.
  if (process.env['AWS_LAMBDA_RUNTIME_API'] === undefined) return;
  const opening: Promise<void>[] = [];
  const leave = clients.map(({ client: { config }, agent }, index) => {
    const httpAgent = new AnsweringAgent('http:', answer);
    const httpsAgent = new AnsweringAgent('https:', answer, (host, port) => {
      opening[index] ??= agent.prepare(host, port);
    });
    const own = config.requestHandler;
    config.requestHandler = new NodeHttpHandler({ ...TIMEOUTS, httpAgent, httpsAgent });
    return () => {
      config.requestHandler = own;
      httpAgent.destroy();
      httpsAgent.destroy();
    };
  });
  try {
    await part();
  } finally {
    for (const end of leave) end();
  }
  await Promise.all(opening);
}
