import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { ROOT } from '../../tool/common/paths.ts';

/** The files of the repository, also those that are not committed yet. */
export const repositoryFiles = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .trimEnd()
  .split('\n')
  .filter((file) => existsSync(join(ROOT, file)));

/** All files and folders of the repository, without what is built or installed. */
const known = new Set(repositoryFiles.flatMap((file) => [file, ...foldersOf(file)]));

/** What Git ignores as a whole folder, such as `lambda/dist/`. */
const built = textOf('.gitignore')
  .split('\n')
  .filter((line) => line.endsWith('/'));

const topFolders = Array.from(
  new Set(repositoryFiles.filter((file) => file.includes('/')).map((file) => file.split('/')[0]?.replace('.', '\\.'))),
);

/** The Markdown files of the repository. */
export const documents = repositoryFiles.filter((file) => file.endsWith('.md'));

export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

function foldersOf(file: string): string[] {
  const folder = dirname(file);
  return folder === '.' ? [] : [folder, ...foldersOf(folder)];
}

const FENCE = /^ *(`{3,})(\w*)\n([\s\S]*?)^ *\1 *$/gm;

/** The code blocks of these languages. */
export function codeBlocks(text: string, ...languages: readonly string[]): string[] {
  return Array.from(text.matchAll(FENCE))
    .filter(([, , language = '']) => languages.includes(language))
    .map(([, , , code = '']) => code);
}

/** What stands between single backticks. */
export function codeSpans(text: string): string[] {
  return Array.from(text.replace(FENCE, '').matchAll(/`([^`]+)`/g), ([, code = '']) => code);
}

/** The anchors of the headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  const found = new Map<string, number>();
  return Array.from(text.replace(FENCE, '').matchAll(/^#{1,6} (.+)$/gm), ([, heading = '']) => {
    const anchor = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    const times = found.get(anchor) ?? 0;
    found.set(anchor, times + 1);
    return times === 0 ? anchor : `${anchor}-${times}`;
  });
}

/** The links to files of the repository, or to headings, that lead nowhere. */
export function brokenLinks(file: string, text: string): string[] {
  const prose = text.replace(FENCE, '').replace(/`[^`]+`/g, '');
  const links = Array.from(
    prose.matchAll(/\]\(([^()\s]+)(?: "[^"]*")?\)|^\[[^\]]+\]: (\S+)|\b(?:href|src)="([^"]+)"/gm),
    ([, inline, below, inHtml]) => inline ?? below ?? inHtml,
  );
  return links.filter((link): link is string => {
    if (link === undefined || /^[a-z]+:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? file : posix.normalize(posix.join(dirname(file), path)).replace(/\/$/, '');
    if (target !== file && !known.has(target)) return true;
    if (anchor === undefined) return false;
    const headings = target === file ? text : target.endsWith('.md') ? textOf(target) : '';
    return !anchorsOf(headings).includes(anchor);
  });
}

/** The paths from the top folder that a text names, in code or prose, and that are not there. A pattern counts up to its first sign. */
export function missingPaths(text: string): string[] {
  const path = new RegExp(String.raw`(?<![\w./-])(?:\./)?((?:${topFolders.join('|')})/[\w./@-]*)`, 'g');
  return Array.from(text.matchAll(path), ([, named = '']) => named.replace(/[./]+$/, '')).filter(
    (named) => !known.has(named) && !built.some((folder) => `${named}/`.startsWith(folder)),
  );
}
