import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ROOT } from '../../tool/common/paths.ts';

const OXLINT = join(ROOT, 'node_modules', '.bin', 'oxlint');

// What needs types needs a whole project. No rule of this test does.
const CONFIGURATION = readFileSync(join(ROOT, '.oxlintrc.json'), 'utf8').replace(
  '"typeAware": true',
  '"typeAware": false',
);

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-copier-lint-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** The rules that a small tree of files breaks, with the file. */
function broken(files: Readonly<Record<string, string>>): string[] {
  for (const [path, text] of Object.entries({ '.oxlintrc.json': CONFIGURATION, ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const { stdout } = spawnSync(OXLINT, ['--format=json'], { cwd: folder, encoding: 'utf8' });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] };
  return diagnostics.map(({ code, filename }) => `${filename}: ${code}`);
}

describe('the rules of the rooms', () => {
  it('let a file of each room be', () => {
    expect(
      broken({
        'lambda/src/core/copy.ts': "import { one } from './one.ts';\nexport const two = one;\n",
        'lambda/src/core/one.ts': 'export const one = 1;\n',
        'scripts/dev/demo.ts': "import { status } from '../tool/status.ts';\nexport const demo = status;\n",
        'scripts/tool/status.ts': 'export const status = 1;\n',
      }),
    ).toEqual([]);
  });

  it('reject a circle of imports, also of types alone', () => {
    expect(
      broken({
        'scripts/tool/command.ts':
          "import { run } from './run.ts';\nexport interface Options {\n  readonly run: typeof run;\n}\n",
        'scripts/tool/run.ts':
          "import type { Options } from './command.ts';\nexport const run = (options: Options) => options;\n",
      }).toSorted(),
    ).toEqual(['scripts/tool/command.ts: import(no-cycle)', 'scripts/tool/run.ts: import(no-cycle)']);
  });

  it.each([
    ['scripts/tool/status/run.ts', '../../dev/demo.ts'],
    ['scripts/tool/status/run.ts', '../../test/tool/fake.ts'],
    ['scripts/tool/status/run.ts', '../../../integration/tests/support/emulator.ts'],
    ['terraform/stacks/synth.ts', '../../scripts/tool/common/paths.ts'],
    ['lambda/src/core/copy.ts', '@aws-sdk/client-ec2'],
    ['lambda/src/core/copy.ts', '../adapters/ec2.ts'],
    ['lambda/src/core/copy.ts', '../functions/copy-image.ts'],
  ])('reject in %s an import of %s', (file, imported) => {
    const text = `import { it } from '${imported}';\nexport const own = it;\n`;

    expect(broken({ [file]: text })).toEqual([`${file}: eslint(no-restricted-imports)`]);
  });

  it.each([
    ['Date.now()', 'no-restricted-properties'],
    ['Math.random()', 'no-restricted-properties'],
    ['process.env', 'no-restricted-globals'],
  ])('reject %s in lambda/src/core', (expression, rule) => {
    expect(broken({ 'lambda/src/core/copy.ts': `export const own = ${expression};\n` })).toEqual([
      `lambda/src/core/copy.ts: eslint(${rule})`,
    ]);
  });
});
