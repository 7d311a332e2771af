import { once } from 'node:events';
import { request } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import { PreparedAgent } from '../../src/functions/prepared-agent.ts';

const HOST = '127.0.0.1';

/** A port at which every connection ends before TLS begins, and how many came. */
async function startClosingServer() {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await once(server.listen(0, HOST), 'listening');
  return { port: (server.address() as AddressInfo).port, connections: () => connections, close: () => server.close() };
}

it('leaves a connection that fails to the request that needs it', async () => {
  const server = await startClosingServer();
  const agent = new PreparedAgent(2);

  await agent.prepare(HOST, server.port);
  expect(server.connections()).toBe(2);

  const [error] = (await once(request({ host: HOST, port: server.port, agent }).end(), 'error')) as [Error];
  expect(error).toMatchObject({ code: 'ECONNRESET' });
  expect(server.connections()).toBe(3);
  server.close();
});
