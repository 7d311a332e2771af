import { PreparedAgent } from '../start/prepared-agent.ts';

interface ClientSettings {
  readonly region: string;
  readonly requestHandler: object;
  readonly maxAttempts: number;
}

/** In milliseconds: with two tries each, calls that come one after the other end within a function's time. */
export const TIMEOUTS = { connectionTimeout: 3_000, requestTimeout: 9_000, throwOnRequestTimeout: true };

/** A client of the SDK, and the agent of its connections. */
export interface Client<C> {
  readonly client: C;
  readonly agent: PreparedAgent;
}

/**
 * Builds a client.
 * @param connections how many of them are used at the same time
 */
export function clientOf<C>(Client: new (settings: ClientSettings) => C, region: string, connections = 1): Client<C> {
  const agent = new PreparedAgent(connections);
  const client = new Client({ region, requestHandler: { ...TIMEOUTS, httpsAgent: agent }, maxAttempts: 2 });
  return { client, agent };
}
