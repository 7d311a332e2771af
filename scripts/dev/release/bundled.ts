import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { ROOT } from '../../tool/common/paths.ts';

/** A package of npm whose code is in what people install. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** The licence as package.json names it. */
  readonly license: string;
  /** Where the code is, as package.json says. */
  readonly source: string;
  /** The texts of its files of licence and notice. */
  readonly texts: readonly string[];
}

/** The packages that bytes of some bundles come from, each version once, in the order of their names. */
export function bundledPackages(metafiles: readonly Metafile[]): BundledPackage[] {
  const inputs = metafiles
    .flatMap(({ outputs }) => Object.values(outputs))
    .flatMap(({ inputs }) => Object.entries(inputs))
    .flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []));
  const folders = new Set(inputs.flatMap((path) => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []));
  const packages = Array.from(folders, (folder) => readPackage(join(ROOT, folder)));
  return Array.from(new Map(packages.map((each) => [idOf(each), each])).values()).sort((one, other) =>
    idOf(one) < idOf(other) ? -1 : 1,
  );
}

/** How npm's bill of materials refers to a package. */
export function idOf({ name, version }: BundledPackage): string {
  return `${name}@${version}`;
}

/**
 * The licences of packages and where their code is, as they ask of whoever hands on what was made of it. A text that several have stands
 * there once.
 */
export function licences(packages: readonly BundledPackage[]): string {
  const byText = new Map<string, BundledPackage[]>();
  for (const each of packages) {
    const text = each.texts.join('\n\n');
    byText.set(text, [...(byText.get(text) ?? []), each]);
  }
  const sections = Array.from(byText, ([text, those]) => {
    const names = those.map((each) => `${idOf(each)} (${each.license}, ${each.source})`);
    return `${names.join('\n')}\n\n${text === '' ? 'The package has no text of its licence.' : text}`;
  });
  return `${sections.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}

function readPackage(folder: string): BundledPackage {
  const { name, version, license, repository } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly version: string;
    readonly license: string;
    readonly repository: string | { readonly url: string };
  };
  const source = typeof repository === 'string' ? repository : repository.url;
  const files = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice)\b/i.test(file))
    .sort();
  return {
    name,
    version,
    license,
    source,
    texts: files.map((file) => readFileSync(join(folder, file), 'utf8').trim()),
  };
}
