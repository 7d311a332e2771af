import { describe, expect, it } from '@jest/globals';
import { codeSpans, textOf } from './markdown.ts';

const document = textOf('docs/field-cases.md');
const FILES = ['integration/tests', 'lambda/test', 'scripts/test/tool'].map(
  (folder) => `${folder}/field-cases.test.ts`,
);
const REPORT = /^\[(([\w.-]+\/[\w.-]+)#(\d+))\]\((\S+)\)$/;

/** The cells of each row, by the file that stands above its table. */
const rows = new Map(
  document.split(/^## /m).flatMap((section): [string, string[][]][] => {
    const [file = ''] = codeSpans(section);
    const [, , ...lines] = section.match(/^\| .+ \|$/gm) ?? [];
    const cells = lines.map((line) =>
      line
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.trim()),
    );
    return cells.length > 0 ? [[file, cells]] : [];
  }),
);

/** The reports that the tests of a file begin with. */
function reportsTried(file: string): string[] {
  const titles = textOf(file).matchAll(/^ {2}it(?:\.each\(.*\))?\(\s*'([^']+)'/gm);
  return Array.from(titles, ([, title = '']) => title.split(': ')[0] ?? '');
}

const reports = (file: string) => (rows.get(file) ?? []).map(([report = '']) => REPORT.exec(report)?.[1]);

describe('docs/field-cases.md', () => {
  it.each(FILES)('has a row for each test, and a test for each row: %s', (file) => {
    expect(reports(file).length).toBeGreaterThan(1);
    expect(reports(file)).toEqual(reportsTried(file));
  });

  it('says of each of more than 15 reports where it is, what was tried, and what came of it', () => {
    const all = Array.from(rows.values()).flat();

    expect(Array.from(rows.keys())).toEqual(FILES);
    expect(all.length).toBeGreaterThan(15);
    expect(all.filter((cells) => cells.length !== 5 || cells.includes(''))).toEqual([]);
    expect(new Set(all.map(([report]) => report)).size).toBe(all.length);
    for (const [report = ''] of all) {
      const [, , repository = '', number = '', url] = REPORT.exec(report) ?? [];
      expect(['issues', 'pull'].map((kind) => `https://github.com/${repository}/${kind}/${number}`)).toContain(url);
    }
  });
});
