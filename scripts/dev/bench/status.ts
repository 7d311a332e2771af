import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CopyImageCommand } from '@aws-sdk/client-ec2';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { stringify } from 'yaml';
import { formatMarker, MARKER } from '../../../lambda/src/core/copy-marker.ts';
import { bakeImage, share, type BakedImage } from '../../tool/common/bake.ts';
import { buildTool } from '../build.ts';
import { TOOL } from '../tool-bundle.ts';
import { expectedTags } from '../inspect-copy.ts';
import { makeAdministratorRoles, OPERATORS_ACCOUNT } from '../administrator-role.ts';
import { emulatedAccount, emulatedEnvironment, withoutAws } from '../emulated-account.ts';
import { openTestEmulator } from '../localstack/emulator.ts';
import { waitFor } from '../wait-for.ts';
import { mapConcurrently } from '../../tool/common/map-concurrently.ts';
import { runProgram } from '../../tool/common/run-command.ts';

const REGION = 'eu-west-1';
const SOURCE = '111111111111';
const ROLE_NAME = 'operator';
const AT_A_TIME = 8;

export interface StatusOptions {
  readonly accounts: number;
  readonly recipes: number;
  /** Added to each call, in milliseconds. */
  readonly latency: number;
}

interface Run {
  readonly seconds: number;
  readonly calls: number;
}

/**
 * Has `status` read many accounts of the emulator through a proxy that adds a latency to each call, and beside it once
 * without the latency, so that what is the emulator's own time can be told apart.
 * @throws {Error} if the report does not show a copy of every recipe in every account
 */
export async function benchStatus(options: StatusOptions, report: (line: string) => void): Promise<void> {
  const { accounts, recipes, latency } = options;
  await buildTool(report);
  const emulator = await openTestEmulator(report);
  try {
    const ids = Array.from({ length: accounts }, (_, index) => String(200_000_000_000 + index));
    const accountsFile = join(emulator.workDirectory, 'accounts.yaml');
    writeFileSync(accountsFile, accountsFileOf(ids));
    report(`Preparing ${accounts} accounts with a copy of ${recipes} recipes each ...`);
    await prepare(emulator.endpoint, ids, recipes);
    for (const milliseconds of [0, latency]) {
      const { seconds, calls } = await measure(emulator.endpoint, accountsFile, milliseconds, accounts * recipes);
      report(
        `status of ${accounts} accounts and ${recipes} recipes, ${milliseconds} ms added to each call: ` +
          `${seconds.toFixed(1)} s, ${calls} calls (${(calls / accounts).toFixed(1)} an account)`,
      );
    }
  } finally {
    await emulator.close();
  }
}

function accountsFileOf(ids: readonly string[]): string {
  return stringify({
    source: { id: SOURCE },
    topic: 'amigo-BENCH-notify',
    defaults: { regions: [REGION], roleName: ROLE_NAME },
    accounts: ids.map((id, index) => ({ id, name: `account-${index + 1}` })),
  });
}

async function prepare(endpoint: string, ids: readonly string[], recipes: number): Promise<void> {
  await makeAdministratorRoles(endpoint, ROLE_NAME, [SOURCE, ...ids]);
  const source = emulatedAccount(endpoint, SOURCE, REGION);
  const images: BakedImage[] = [];
  for (let recipe = 1; recipe <= recipes; recipe += 1) {
    const image = await bakeImage(source.ec2, {
      name: `recipe-${recipe}`,
      description: '',
      tags: { Recipe: `recipe-${recipe}` },
      volumeSizes: [8],
    });
    await share(source.ec2, image, ids);
    images.push(image);
  }
  await mapConcurrently(ids, AT_A_TIME, (id) => prepareAccount(endpoint, id, images));
}

/** What a copier leaves: copies with its tags, and an empty queue of dead letters. */
async function prepareAccount(endpoint: string, id: string, images: readonly BakedImage[]): Promise<void> {
  const { ec2, kms, sqs } = emulatedAccount(endpoint, id, REGION);
  await sqs.send(new CreateQueueCommand({ QueueName: 'image-copier-dead-letters' }));
  const { KeyMetadata: { Arn } = {} } = await kms.send(new CreateKeyCommand({}));
  const bakedAt = '2026-11-23T22:10:00.000Z';
  const settledAt = '2026-11-23T22:20:00.000Z';
  const marker = formatMarker({
    copier: 'image-copier',
    attempt: 1,
    bakedAt,
    announcement: { state: 'announced', settledAt },
  });
  for (const image of images) {
    const tags = { ...expectedTags(image), [MARKER]: marker };
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    await ec2.send(
      new CopyImageCommand({
        SourceImageId: image.imageId,
        SourceRegion: REGION,
        Name: image.name,
        Encrypted: true,
        KmsKeyId: Arn,
        TagSpecifications: [
          { ResourceType: 'image', Tags },
          { ResourceType: 'snapshot', Tags },
        ],
      }),
    );
  }
}

/** Runs the tool until all copies of the preparation have ended, and takes the last run, which showed them all. */
async function measure(endpoint: string, accountsFile: string, latency: number, copies: number): Promise<Run> {
  const proxy = await SlowProxy.open(endpoint, latency);
  try {
    const env = { ...withoutAws(), ...emulatedEnvironment(proxy.url, OPERATORS_ACCOUNT, REGION) };
    return await waitFor(
      `${copies} available copies`,
      async () => {
        const calls = proxy.calls;
        const start = performance.now();
        const output = await outputOf([TOOL, 'status', '--accounts-file', accountsFile, '--json'], env);
        const seconds = (performance.now() - start) / 1000;
        const available = output.match(/"state": "available"/g)?.length ?? 0;
        return available === copies ? { seconds, calls: proxy.calls - calls } : undefined;
      },
      { timeoutMs: 300_000, pollMs: 1000 },
    );
  } finally {
    proxy.close();
  }
}

async function outputOf(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  let output = '';
  await runProgram(process.execPath, args, { env, stdout: (text) => (output += text), stderr: 'inherit' });
  return output;
}

/** Passes each call on after a while, as a network would. */
class SlowProxy {
  calls = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(endpoint: string, latency: number): Promise<SlowProxy> {
    const { hostname, port } = new URL(endpoint);
    const server = createServer((incoming, outgoing) => {
      proxy.calls += 1;
      const { method, url: path, headers } = incoming;
      const pass = () => {
        const onward = request({ hostname, port, method, path, headers }, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        });
        onward.on('error', () => outgoing.destroy());
        incoming.pipe(onward);
      };
      if (latency === 0) pass();
      else void sleep(latency).then(pass);
    });
    const proxy = new SlowProxy(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
