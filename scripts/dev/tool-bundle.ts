import { dirname, join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { withLeanSchemas, type Bundle } from './lambda-bundle.ts';
import { interruptible } from '../tool/common/interruption.ts';
import { ROOT } from '../tool/common/paths.ts';
import { processTerminal } from '../tool/common/process-terminal.ts';
import { createProgram } from '../tool/program.ts';
import { topHelpOf, type TopHelp } from '../tool/top-help.ts';

/** Where the operators' tool goes: the file that is run, beside those that it loads. */
export const TOOL = join(ROOT, 'scripts/dist/image-copier.mjs');

/** The SDK asks it which browser it runs in. */
const NEVER_LOADED = ['bowser'];

/**
 * Bundles the operators' tool, without writing it. The entry {@link TOOL} has what `--help` needs, and loads the rest by `import()`.
 * Every other file is named after its bytes, so the same sources give the same names.
 */
export async function bundleTool(): Promise<Bundle> {
  return await build({
    absWorkingDir: ROOT,
    entryPoints: { 'image-copier': 'scripts/tool/main.ts' },
    outdir: dirname(TOOL),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    mainFields: ['module', 'main'],
    plugins: [withLeanSchemas(), withFewFiles(), withLightNode()],
    external: NEVER_LOADED,
    define: { TOP_HELP: JSON.stringify(JSON.stringify(topHelp())) },
    // Some packages are CommonJS, and ask for Node's own modules by `require`.
    banner: { js: 'const require = process.getBuiltinModule;' },
    write: false,
    metafile: true,
  });
}

/** What `--help` says, as far as it does not depend on the terminal. */
function topHelp(): TopHelp {
  const tool = {
    program: 'image-copier',
    terminal: processTerminal(process),
    loadConnect: () => Promise.reject(new Error('nothing is called to read the help')),
    env: {},
    interruptible,
  };
  return topHelpOf(createProgram(tool, () => undefined));
}

/** What every command has, and what everything of the SDK has that is loaded later. */
const SHARED = { ofTool: './scripts/tool/run-tool.ts', ofSdk: './scripts/tool/common/aws-clients.ts' };

/**
 * Keeps together what is loaded together. esbuild makes a file for each set of `import()` that reaches a module, so that `status` would
 * load 50 files, of a kilobyte some of them. Here each `import()` also reaches what is loaded before it in any case.
 */
function withFewFiles(): Plugin {
  const namespace = 'late';
  return {
    name: 'few-files',
    setup: (bundler) => {
      bundler.onResolve({ filter: /^[.@]/ }, async ({ kind, path, importer, resolveDir }) => {
        if (kind !== 'dynamic-import') return undefined;
        const { path: found } = await bundler.resolve(path, { kind: 'import-statement', importer, resolveDir });
        // The names of the files hold a hash of this, which is to be the same in every folder.
        return { path: relative(ROOT, found), namespace };
      });
      bundler.onLoad({ filter: /./, namespace }, ({ path }) => {
        const isOfSdk = path.includes('node_modules');
        const before = [SHARED.ofTool, ...(isOfSdk ? [SHARED.ofSdk] : [])];
        const imports = before.map((each) => `import ${JSON.stringify(each)};`);
        return { contents: [...imports, `export * from ${JSON.stringify(`./${path}`)};`].join('\n'), resolveDir: ROOT };
      });
    },
  };
}

/** What the entry uses of Node's own modules. The build fails if one is missing. */
const USED_AT_START: Readonly<Record<string, readonly string[]>> = {
  'node:fs': ['accessSync', 'constants', 'realpathSync', 'statSync'],
  'node:path': ['basename', 'delimiter', 'isAbsolute', 'join', 'relative', 'resolve'],
};

/**
 * Saves what takes time at each start. To give its exports to an `import`, Node reads all properties of a module of its own, which loads
 * streams for `node:fs`, and opens the standard ones for `node:process`. commander starts programs for commands that are such, and the
 * tool has none.
 */
function withLightNode(): Plugin {
  const namespace = 'light';
  return {
    name: 'light-node',
    setup: (bundler) => {
      bundler.onResolve({ filter: /^(node:)?process$/ }, () => ({ path: 'process', namespace }));
      bundler.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
        /[\\/]commander[\\/]/.test(importer) ? { path: 'no-programs', namespace } : undefined,
      );
      bundler.onResolve({ filter: /^node:(fs|path)$/ }, ({ path, importer }) =>
        /[\\/]tool[\\/](main|common[\\/](is-executable|started-as))\.ts$/.test(importer)
          ? { path, namespace }
          : undefined,
      );
      bundler.onLoad({ filter: /./, namespace }, ({ path }) => {
        const names = USED_AT_START[path];
        if (!names) return { contents: path === 'process' ? 'module.exports = process;' : 'module.exports = {};' };
        return { contents: `export const { ${names.join(', ')} } = process.getBuiltinModule('${path}');` };
      });
    },
  };
}
