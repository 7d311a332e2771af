import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

export const HOST = '127.0.0.1';

/** A port at which every connection ends before TLS begins, and how many came. */
export async function startClosingServer() {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await once(server.listen(0, HOST), 'listening');
  return { port: (server.address() as AddressInfo).port, connections: () => connections, close: () => server.close() };
}
