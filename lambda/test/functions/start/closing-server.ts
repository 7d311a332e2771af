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
  /** How many came, once there are as many as that: on a busy machine the client may have given one up before the server sees it. */
  const reached = async (count: number) => {
    while (connections < count) await once(server, 'connection');
    return connections;
  };
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    reached,
    close: () => server.close(),
  };
}
