import { describe, expect, it } from '@jest/globals';
import { textOf } from './markdown.ts';

/** The kinds of changes, in the order in which keepachangelog.com has them. */
const KINDS = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];

interface Section {
  /** What stands after `## `. */
  readonly title: string;
  /** What stands after `### `, and the text below each. */
  readonly kinds: readonly (readonly [kind: string, text: string])[];
}

function sectionsOf(changelog: string): Section[] {
  return changelog
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [title = '', ...parts] = section.split(/\n### /);
      const kinds = parts.map((part) => [part.split('\n')[0] ?? '', part.replace(/^.*/, '').trim()] as const);
      return { title: title.split('\n')[0] ?? '', kinds };
    });
}

describe('CHANGELOG.md', () => {
  const sections = sectionsOf(textOf('CHANGELOG.md'));
  const { version } = JSON.parse(textOf('package.json')) as { version: string };

  it('says once what is in the version of package.json', () => {
    expect(sections.filter(({ title }) => title.startsWith(`[${version}]`))).toHaveLength(1);
  });

  it('dates each version, but what comes next', () => {
    const [next = '', ...released] = sections.map(({ title }) => title);
    const dated = String.raw`\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}`;

    expect(next).toMatch(new RegExp(String.raw`^(${dated}|\[[\d.]+\] - not released yet|\[Unreleased\])$`));
    expect(released.filter((title) => !new RegExp(`^${dated}$`).test(title))).toEqual([]);
  });

  it('sorts changes by the kinds of Keep a Changelog, and leaves no kind empty', () => {
    for (const { kinds } of sections) {
      const names = kinds.map(([kind]) => kind);

      expect(names).toEqual(KINDS.filter((kind) => names.includes(kind)));
      expect(kinds.filter(([, text]) => !text.startsWith('- '))).toEqual([]);
    }
  });

  it('links to nothing beside it: the notes of a release are shown elsewhere', () => {
    const linked = Array.from(textOf('CHANGELOG.md').matchAll(/\]\(([^)]+)\)/g), ([, address = '']) => address);

    expect(linked.filter((address) => !address.startsWith('https://'))).toEqual([]);
  });
});
