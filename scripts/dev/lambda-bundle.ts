import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Metafile, type OutputFile, type Plugin } from 'esbuild';
import { ROOT } from '../tool/common/paths.ts';

/** Where the zip of the functions goes. */
export const ZIP = join(ROOT, 'lambda/dist/image-copier.zip');

/** Each of them becomes one file. Lambda calls the export `handler` of all but the last two. */
const ENTRIES = {
  'copy-image': 'lambda/src/functions/copy-image.ts',
  'settle-copy': 'lambda/src/functions/settle-copy.ts',
  'retire-image': 'lambda/src/functions/retire-image.ts',
  'watch-requests': 'lambda/src/functions/watch-requests.ts',
  'publish-image': 'lambda/src/functions/publish-image.ts',
  queues: 'lambda/src/functions/start/queues.ts',
  organization: 'lambda/src/functions/start/organization.ts',
};

/** What takes time at each start and is not needed in a function. */
const SHIMS = {
  '@aws-sdk/credential-provider-node': './lambda/src/shims/credentials.ts',
  'node:fs': './lambda/src/shims/files.ts',
  'node:fs/promises': './lambda/src/shims/files.ts',
  'node:process': './lambda/src/shims/process.ts',
};

/** The SDK imports it when an answer is a stream of events. No call of the functions has such an answer. */
const NEVER_LOADED = ['@smithy/core/event-streams'];

/** The files that go into the zip. */
export interface Bundle {
  readonly outputFiles: readonly OutputFile[];
  /** Says which source each byte comes from. */
  readonly metafile: Metafile;
}

/** Bundles the functions, without writing them. */
export async function bundleFunctions(): Promise<Bundle> {
  return await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRIES,
    outdir: 'lambda/dist',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    // The SDK's ES modules shake out, its CommonJS does not.
    mainFields: ['module', 'main'],
    alias: SHIMS,
    external: NEVER_LOADED,
    plugins: [withLeanSchemas(), withPartsApart()],
    write: false,
    metafile: true,
  });
}

/**
 * Leaves the clients of SQS and of Organizations to files of their own, with all that they need. Most starts never load them. What they
 * share with a function would be in a third file, with more in it than most starts need.
 */
function withPartsApart(): Plugin {
  return {
    name: 'parts-apart',
    setup: (bundler) => {
      bundler.onResolve({ filter: /^\.\/(queues|organization)\.ts$/ }, ({ path }) => ({
        path: path.replace('.ts', '.mjs'),
        external: true,
      }));
    },
  };
}

/**
 * Lets esbuild leave out what a client has for operations that are not called. Of the schemas the SDK writes the keys as
 * constants, `{ [_xN]: "imageId" }`, and an object with computed keys is kept, since to compute a key may have effects. The
 * class of each error it enters into a register; without a class the SDK throws that of the service, with the same name.
 */
export function withLeanSchemas(): Plugin {
  return {
    name: 'lean-schemas',
    setup: (bundler) => {
      bundler.onLoad(
        { filter: /[\\/]client-[^\\/]+[\\/]dist-es[\\/]schemas[\\/]schemas_\d+\.js$/ },
        async ({ path }) => ({
          contents: withoutErrorClasses(literalKeys(await readFile(path, 'utf8'), path)),
        }),
      );
    },
  };
}

/**
 * Replaces keys that are constants of the same file by what they stand for.
 * @throws {Error} if a key is no constant of the file: the SDK has another shape, and its schemas may not be left out
 */
export function literalKeys(source: string, path: string): string {
  const constants = new Map(
    Array.from(source.matchAll(/^const (\w+) = ("[^"\\]*");$/gm), ([, name = '', text = '']) => [name, text]),
  );
  if (constants.size === 0) throw new Error(`${path} has no constants any more: look at how it writes its keys now`);
  return source.replaceAll(/\[(\w+)\]:/g, (_, name: string) => {
    const text = constants.get(name);
    if (text === undefined) throw new Error(`${path}: the key ${name} is no constant any more: look at its keys`);
    return `${text}:`;
  });
}

/** The functions tell errors apart by their names. Each class is marked as needless unless it is used elsewhere. */
function withoutErrorClasses(source: string): string {
  return source.replaceAll(/^n0_registry\.registerError\(/gm, '/* @__PURE__ */ $&');
}
