import { once } from 'node:events';
import { request } from 'node:https';
import { expect, it } from '@jest/globals';
import { PreparedAgent } from '../../../src/functions/start/prepared-agent.ts';
import { HOST, startClosingServer } from './closing-server.ts';

it('leaves a connection that fails to the request that needs it', async () => {
  const server = await startClosingServer();
  const agent = new PreparedAgent(2);

  await agent.prepare(HOST, server.port);
  expect(await server.reached(2)).toBe(2);

  const [error] = (await once(request({ host: HOST, port: server.port, agent }).end(), 'error')) as [Error];
  expect(error).toMatchObject({ code: 'ECONNRESET' });
  expect(await server.reached(3)).toBe(3);
  server.close();
});
