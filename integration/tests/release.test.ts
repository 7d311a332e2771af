import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GetFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DeleteTopicCommand } from '@aws-sdk/client-sns';
import { unzipSync } from 'fflate';
import { stringify } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { makeAdministratorRoles, OPERATORS_ACCOUNT } from '../../scripts/dev/administrator-role.ts';
import {
  emulatedAccount,
  emulatedEnvironment,
  emulatedSettings,
  withoutAws,
} from '../../scripts/dev/emulated-account.ts';
import { lambdaNodeBinary } from '../../scripts/dev/localstack/server.ts';
import { CACHE, ROOT } from '../../scripts/tool/common/paths.ts';
import { TerraformRoot } from '../../scripts/tool/deploy/terraform-root.ts';
import { endpoint, newAccountId, REGION } from './support/emulator.ts';
import { leaveAccount } from './support/leave-account.ts';
import { createSourceTopic } from '../../scripts/dev/source-topics.ts';

const { version } = packageJson;
const folder = join(CACHE, 'test', 'release', newAccountId());
const dist = join(folder, 'one', 'dist');
const functionsZip = join(dist, `image-copier-functions-${version}.zip`);
const execute = promisify(execFile);

const TOPIC = 'amigo-TEST-notify';
const source = emulatedAccount(endpoint(), newAccountId(), REGION);
const target = emulatedAccount(endpoint(), newAccountId(), REGION);
let topicArn: string;

/** The files of this repository, also those that are not committed, with the packages that are installed, and nothing that was built. */
function copyRepository(to: string): void {
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  for (const file of files.trimEnd().split('\n')) {
    if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(to, file));
  }
  // A link, which is quick. What esbuild writes depends on the way to the packages: both folders must be at the same depth.
  symlinkSync(join(ROOT, 'node_modules'), join(to, 'node_modules'));
}

async function release(to: string, timeZone: string, umask: string): Promise<void> {
  copyRepository(to);
  const script = `umask ${umask}; exec node_modules/.bin/tsx scripts/dev/release.ts`;
  await execute('sh', ['-c', script], { cwd: to, env: { ...process.env, TZ: timeZone } });
}

function hashesIn(place: string): Record<string, string> {
  return Object.fromEntries(readdirSync(place).map((file) => [file, sha256(join(place, file), 'hex')]));
}

function sha256(file: string, encoding: 'hex' | 'base64'): string {
  return createHash('sha256').update(readFileSync(file)).digest(encoding);
}

/** The SHA-256 of what copy-image runs in an account. */
async function deployedSha256(account: string): Promise<string | undefined> {
  const lambda = new LambdaClient(emulatedSettings(endpoint(), account, REGION));
  const { Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName: 'image-copier-copy-image' }));
  return Configuration?.CodeSha256;
}

beforeAll(async () => {
  topicArn = await createSourceTopic(source, TOPIC, 'sns:Subscribe', [target.id]);
  await Promise.all([
    release(join(folder, 'one'), 'Pacific/Auckland', '022'),
    release(join(folder, 'another'), 'America/Los_Angeles', '077'),
  ]);
});

afterAll(async () => {
  await leaveAccount(target);
  await source.sns.send(new DeleteTopicCommand({ TopicArn: topicArn }));
  rmSync(folder, { recursive: true });
});

describe('make release', () => {
  it('writes the same bytes in another folder and time zone, whatever the umask', () => {
    expect(hashesIn(dist)).toEqual(hashesIn(join(folder, 'another', 'dist')));
    expect(readdirSync(dist).sort()).toEqual([
      'RELEASE_NOTES.md',
      'SHA256SUMS',
      'THIRD_PARTY_LICENSES.txt',
      `image-copier-${version}.cdx.json`,
      `image-copier-${version}.template.json`,
      `image-copier-${version}.tgz`,
      `image-copier-functions-${version}.zip`,
      `image-copier-modules-${version}.zip`,
      `image-copier-tools-${version}.cdx.json`,
    ]);
  });

  it('sums up each file but the sums themselves', () => {
    const sums = readFileSync(join(dist, 'SHA256SUMS'), 'utf8').matchAll(/^(\w{64}) {2}(.+)\n/gm);
    const summed = Object.fromEntries(Array.from(sums, ([, hash, file = '']) => [file, hash]));

    expect({ ...summed, SHA256SUMS: expect.any(String) }).toEqual(hashesIn(dist));
  });

  it('puts what each module uploads where the module looks for it', () => {
    const files = unzipSync(readFileSync(join(dist, `image-copier-modules-${version}.zip`)));
    // Beside the folder of the modules. A checkout has the functions one folder higher.
    const path = /"\$\{path\.module\}\/(\.\.\/\.\.\/[^.][^"]*)"/g;
    const wanted = Object.entries(files).flatMap(([file, content]) =>
      Array.from(Buffer.from(content).toString().matchAll(path), ([, from = '']) => join(dirname(file), from)),
    );

    expect(new Set(wanted)).toEqual(new Set(['image-copier.zip', 'template/dist/image-copier.template.json']));
    expect(Object.keys(files)).toEqual(expect.arrayContaining(wanted));
  });
});

describe('the zip of the modules', () => {
  const server = createServer(({ url = '' }, response) => {
    const file = join(dist, basename(url));
    if (existsSync(file)) response.end(readFileSync(file));
    else response.writeHead(404).end();
  });

  afterAll(() => {
    server.close();
  });

  it('is applied from an address, with no build and no path of the functions', async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const configuration = {
      provider: { aws: { region: REGION } },
      module: {
        copier: {
          source: `http://127.0.0.1:${port}/image-copier-modules-${version}.zip//modules/image-copier`,
          request_topic_arn: topicArn,
        },
      },
      output: { subscription_arn: { value: '${module.copier.subscription_arn}' } },
    };
    const directory = join(folder, 'configuration');
    mkdirSync(directory);
    writeFileSync(join(directory, 'main.tf.json'), JSON.stringify(configuration));
    const root = new TerraformRoot({
      directory,
      workDirectory: join(folder, 'work'),
      env: { ...withoutAws(), ...emulatedEnvironment(endpoint(), target.id, REGION) },
    });

    await root.init();
    await root.apply();

    expect(await root.outputs()).toEqual({ subscription_arn: expect.stringContaining(`${topicArn}:`) });
    expect(await deployedSha256(target.id)).toBe(sha256(functionsZip, 'base64'));
  });
});

// npm has no such old one for every platform.
const oldest = join(ROOT, 'node_modules', `oldest-node-linux-${process.arch}`, 'bin', 'node');
const newest = { version: '24', binary: lambdaNodeBinary(24) };
const NODES = [
  ...(process.platform === 'linux' ? [{ version: '20.19', binary: oldest }] : []),
  { version: '22', binary: lambdaNodeBinary(22) },
  newest,
];

/** The operators' tool, installed for one Node.js, in a folder that knows nothing of this repository. */
class InstalledTool {
  readonly prefix: string;
  readonly home: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor({ version: node, binary }: { readonly version: string; readonly binary: string }) {
    const place = join(folder, `node-${node}`);
    this.prefix = join(place, 'prefix');
    this.home = join(place, 'home');
    mkdirSync(this.home, { recursive: true });
    const path = [dirname(binary), join(this.prefix, 'bin'), process.env['PATH']];
    this.#env = { ...withoutAws(), HOME: this.home, PATH: path.join(delimiter) };
  }

  async install(): Promise<void> {
    const file = join(dist, `image-copier-${version}.tgz`);
    await this.#run('npm', ['install', '--global', '--offline', '--prefix', this.prefix, file]);
  }

  async run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    return await this.#run('image-copier', args, env);
  }

  async #run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    return await execute(program, args, { cwd: this.home, env: { ...this.#env, ...env } });
  }

  /** The files of the package, with what anybody wrote into it. */
  get files(): string[] {
    return readdirSync(this.prefix, { recursive: true, encoding: 'utf8' }).sort();
  }
}

describe.each(NODES)('the package of the tool on Node.js $version', (node) => {
  const tool = new InstalledTool(node);

  it('is installed offline, says its version and its commands, and what deploy needs', async () => {
    await tool.install();

    expect((await tool.run(['--version'])).stdout).toBe(`${version}\n`);
    expect((await tool.run(['--help'])).stdout).toMatch(/^Usage: image-copier /);
    await expect(tool.run(['deploy', '--plan'])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('There is no accounts.yaml.'),
    });
    writeFileSync(join(tool.home, 'accounts.yaml'), 'topic: amigo-TEST-notify\n');
    await expect(tool.run(['deploy', '--plan'])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('accounts.yaml:1:1: source: is missing.'),
    });
  });
});

describe('deploy of the installed tool', () => {
  const tool = new InstalledTool(newest);

  // Not applied: the modules and the functions are those that the test above applies.
  it('plans its modules with its functions, and writes nothing into its own folder', async () => {
    const [source, target] = [newAccountId(), newAccountId()];
    await makeAdministratorRoles(endpoint(), 'deployer', [source, target]);
    const accounts = {
      source: { id: source },
      topic: TOPIC,
      defaults: { regions: [REGION], roleName: 'deployer' },
      accounts: [{ id: target, name: 'payments' }],
    };
    writeFileSync(join(tool.home, 'accounts.yaml'), stringify(accounts));
    const files = tool.files;

    const operator = emulatedEnvironment(endpoint(), OPERATORS_ACCOUNT, REGION);
    const { stdout } = await tool.run(['deploy', '--plan', '--json'], operator);

    expect(JSON.parse(stdout)).toMatchObject([
      { stack: 'source', result: 'planned' },
      { stack: 'payments', result: 'planned' },
    ]);
    for (const stack of ['source', 'payments']) {
      const log = readFileSync(join(tool.home, '.image-copier', 'logs', `${stack}.log`), 'utf8');

      expect(log).toContain(`= "${sha256(functionsZip, 'base64')}"`);
    }
    expect(tool.files).toEqual(files);
  });
});
