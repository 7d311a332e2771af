import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { environment, settleEnvironment } from '../factories.ts';

// Awaiting at the top of a module needs Node's own loader, which jest has not. Each connection ends as it begins: to
// wait for them, as a start does, is all that is tested.
const COUNT_CONNECTIONS = `
  import { once } from 'node:events';
  import { createServer } from 'node:net';
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  process.env.AWS_ENDPOINT_URL = 'https://127.0.0.1:' + server.address().port;
  const { handler } = await import(process.argv[1]);
  console.log(typeof handler, connections);
  process.exit();
`;

// A process of its own compiles the function first, which takes its time on a busy machine.
const START_TIMEOUT_MS = 60_000;

it.each([
  ['copy-image', environment, 4],
  ['settle-copy', settleEnvironment, 4],
])(
  '%s has opened its connections before Lambda can hand out an event',
  async (name, variables, connections) => {
    const entry = join(import.meta.dirname, '..', '..', 'src', 'functions', `${name}.ts`);
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', COUNT_CONNECTIONS, entry],
      {
        env: {
          ...variables,
          AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001',
          AWS_ACCESS_KEY_ID: 'AKIAQQQQQQQQQQQQQQQQ',
          AWS_SECRET_ACCESS_KEY: 'nobody',
          AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
        },
      },
    );

    expect(stdout).toBe(`function ${connections}\n`);
  },
  START_TIMEOUT_MS,
);
