import { PreparedAgent } from './prepared-agent.ts';

interface ClientSettings {
  readonly region: string;
  readonly requestHandler: object;
  readonly maxAttempts: number;
}

/** A client of the SDK, and the agent of its connections. */
export interface Client<C> {
  readonly client: C;
  readonly agent: PreparedAgent;
}

/**
 * Builds a client. Calls come one after the other: with two tries each they end within a function's time.
 * @param connections how many of them are used at the same time
 */
export function clientOf<C>(Client: new (settings: ClientSettings) => C, region: string, connections = 1): Client<C> {
  const agent = new PreparedAgent(connections);
  const timeouts = { connectionTimeout: 3_000, requestTimeout: 9_000, throwOnRequestTimeout: true };
  const client = new Client({ region, requestHandler: { ...timeouts, httpsAgent: agent }, maxAttempts: 2 });
  return { client, agent };
}
