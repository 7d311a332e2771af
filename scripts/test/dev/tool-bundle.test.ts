import { basename } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Metafile } from 'esbuild';
import { bundleTool, TOOL } from '../../dev/tool-bundle.ts';

/** What may be loaded before a command runs, in bytes. Growth is a decision, made here. */
const BUDGETS = {
  /** `--help` of the whole tool. */
  help: 11_500,
  /** Help of a command, `--version` and `completion`. */
  anyCommand: 90_000,
  /** `status`, but for the way to the credentials and an accounts file. */
  status: 760_000,
};

let metafile: Metafile;
let written: string[];

beforeAll(async () => {
  const { outputFiles, metafile: described } = await bundleTool();
  metafile = described;
  written = outputFiles.map(({ path }) => basename(path));
}, 60_000);

const ENTRY = 'scripts/tool/main.ts';
const RUN_TOOL = 'scripts/tool/run-tool.ts';
const CLIENTS = 'scripts/tool/common/aws-clients.ts';
const STATUS = 'scripts/tool/status/run.ts';

/** The file that some source is the entry of: it is loaded by `import()`, or is the tool itself. */
function fileOf(source: string): string {
  const found = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint?.endsWith(source));
  if (!found) throw new Error(`${source} has no file of its own`);
  return found[0];
}

/** The files that are loaded with those of some sources. */
function loadedWith(...sources: readonly string[]): string[] {
  const loaded = new Set<string>();
  const load = (file: string) => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const { path, kind, external } of metafile.outputs[file]?.imports ?? []) {
      if (kind === 'import-statement' && !external) load(path);
    }
  };
  for (const source of sources) load(fileOf(source));
  return Array.from(loaded);
}

function bytesOf(files: readonly string[]): number {
  return files.reduce((sum, file) => sum + (metafile.outputs[file]?.bytes ?? NaN), 0);
}

/** The packages that some of their code is of. */
function packagesIn(files: readonly string[]): string[] {
  const inputs = files.flatMap((file) => Object.keys(metafile.outputs[file]?.inputs ?? {}));
  const packages = inputs.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
  return Array.from(new Set(packages)).toSorted();
}

describe('what is loaded', () => {
  it('is no package for the help of the whole tool', () => {
    expect(packagesIn(loadedWith(ENTRY))).toEqual([]);
  });

  it('is the reader of command lines alone for the help of a command, --version and completion', () => {
    expect(packagesIn(loadedWith(ENTRY, RUN_TOOL))).toEqual(['commander']);
  });

  it('is nothing of the SDK for the cost', () => {
    expect(packagesIn(loadedWith(ENTRY, RUN_TOOL, 'scripts/tool/cost/run.ts'))).toEqual(['commander']);
  });

  it('is nothing of Terraform and of YAML for the status of one account', () => {
    const packages = packagesIn(loadedWith(ENTRY, RUN_TOOL, CLIENTS, STATUS));

    expect(packages).toContain('@aws-sdk/client-ec2');
    expect(packages).not.toContain('cdktn');
    expect(packages).not.toContain('yaml');
  });

  it.each([
    ['help', BUDGETS.help, [ENTRY]],
    ['the help of a command', BUDGETS.anyCommand, [ENTRY, RUN_TOOL]],
    ['status', BUDGETS.status, [ENTRY, RUN_TOOL, CLIENTS, STATUS]],
  ])('keeps to its budget for %s', (_, budget, sources) => {
    const bytes = bytesOf(loadedWith(...sources));

    expect(bytes).toBeLessThanOrEqual(budget);
    expect(bytes).toBeGreaterThan(budget / 1.3);
  });
});

it('is written to the entry and to files beside it that are named after their bytes', () => {
  const others = written.filter((name) => name !== basename(TOOL));

  expect(written).toContain(basename(TOOL));
  expect(others.filter((name) => !/^[\w-]+-[A-Z0-9]{8}\.mjs$/.test(name))).toEqual([]);
});
