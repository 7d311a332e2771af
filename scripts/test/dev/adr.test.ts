import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from '../../tool/common/paths.ts';

const DECISIONS = join(ROOT, 'docs', 'adr');
const INDEX = 'README.md';

const CITATION = '[a-z./-]*adr/[0-9]{4}[a-z0-9-]*(\\.md)?';
/** Earlier versions, as they were: they name the decisions of their time. */
const KEPT_VERSIONS = ':!integration/upgrades';

/** Each place that names a decision, as `file:line:path`. */
const citations = execFileSync('git', ['grep', '--untracked', '-InoE', CITATION, '--', '.', KEPT_VERSIONS], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .trimEnd()
  .split('\n');

describe('the decisions', () => {
  it('are where code and documents say', () => {
    // A path in a comment begins in the repository's folder, a link in the folder of its document.
    const broken = citations.filter((citation) => {
      const [file = '', , path = ''] = citation.split(':');
      return ![ROOT, join(ROOT, dirname(file))].some((folder) => existsSync(join(folder, path)));
    });

    expect(citations.length).toBeGreaterThan(0);
    expect(broken).toEqual([]);
  });

  it('are all in the index, with their titles and when they were accepted, by a number of their own', () => {
    const files = readdirSync(DECISIONS)
      .filter((file) => file !== INDEX)
      .sort();
    const rows = files.map((file) => {
      const text = readFileSync(join(DECISIONS, file), 'utf8');
      const [, title = ''] = /^# (.+)$/m.exec(text) ?? [];
      const [, accepted = ''] = /^Accepted, (\S+)\.$/m.exec(text) ?? [];
      return [`[${file.slice(0, 4)}](${file})`, title, accepted];
    });
    const listed = readFileSync(join(DECISIONS, INDEX), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| ['))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );

    expect(listed).toEqual(rows);
    expect(files.map((file) => Number(file.slice(0, 4)))).toEqual(files.map((_, index) => index + 1));
  });
});
