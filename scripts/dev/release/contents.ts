import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import packageJson from '../../../package.json' with { type: 'json' };
import { ROOT } from '../../tool/common/paths.ts';
import { TEMPLATE } from '../build.ts';
import { ZIP } from '../lambda-bundle.ts';

/** Files by their path in what they go into, with / between folders. */
export type Contents = ReadonlyMap<string, Uint8Array>;

const MODULES = 'terraform/modules';

/** The modules that `deploy` of the operators' tool calls. */
const DEPLOYED = ['image-copier', 'source-account'];

/** What the operators' tool runs, and what it reads beside its own code. */
const TOOL_FOLDERS = ['scripts/dist', 'scripts/tool/completion', 'scripts/tool/status/browser'];
const LAUNCHER = packageJson.bin['image-copier'];

/**
 * The Terraform modules with what `make build` made for them. The modules look for the functions and the template where they are put
 * here (terraform/modules/image-copier/function.tf, terraform/modules/organization/main.tf).
 */
export function modulesContents(): Contents {
  const modules = moduleFiles().map((file) => [posix.relative('terraform', file), read(file)] as const);
  return new Map([
    ['LICENSE', read('LICENSE')],
    ['image-copier.zip', readFileSync(ZIP)],
    ...modules,
    ['template/dist/image-copier.template.json', readFileSync(TEMPLATE)],
  ]);
}

/**
 * The operators' tool as an npm package. Its folders are those of the checkout, so that the tool finds everything in the same way. It
 * has no dependencies: its bundle holds them.
 */
export function toolContents(): Contents {
  const { name, version, description, license, type, bin, engines } = packageJson;
  // private: nobody puts it into the public registry, where the name is nobody's.
  const manifest = { name, version, description, license, private: true, type, bin, engines };
  const files = [
    'LICENSE',
    'lambda/dist/image-copier.zip',
    LAUNCHER,
    // How to write an accounts file, for people and editors.
    'terraform/stacks/README.md',
    'terraform/stacks/accounts.schema.json',
    ...TOOL_FOLDERS.flatMap((folder) =>
      filesBelow(folder).filter((file) => /\.(bash|css|fish|js|mjs|zsh)$/.test(file)),
    ),
    ...moduleFiles().filter((file) => DEPLOYED.includes(posix.relative(MODULES, file).split('/')[0] ?? '')),
  ];
  return new Map([
    ['package.json', Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`)],
    ...files.map((file) => [file, read(file)] as const),
  ]);
}

/** Whether a file of the tool's package is what npm links on PATH. */
export function isProgram(file: string): boolean {
  return file === LAUNCHER;
}

/** Without tests, and without what Terraform left in the folders where somebody ran it. */
function moduleFiles(): string[] {
  return filesBelow(MODULES).filter((file) => /\.(md|tf)$/.test(file) && !/\/(\.|tests\/)/.test(file));
}

/** Sorted, from the top folder. */
function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(ROOT.length + 1)
        .replaceAll(sep, '/'),
    )
    .sort();
}

function read(file: string): Uint8Array {
  return readFileSync(join(ROOT, file));
}
