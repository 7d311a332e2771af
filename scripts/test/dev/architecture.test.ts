import { dirname, posix } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { codeBlocks, repositoryFiles, textOf } from './markdown.ts';

const [picture = ''] = codeBlocks(textOf('docs/architecture.md'), 'mermaid');

/** The rooms by their names in the picture. */
const rooms = new Map(
  Array.from(picture.matchAll(/\b(\w+)\[([\w/]+\/[\w/]+)\]/g), ([, name = '', path = '']) => [name, path] as const),
);
const drawn = Array.from(picture.matchAll(/(\w+)(?:\[[^\]]*\])? --> (\w+)/g), ([, from = '', to = '']) =>
  arrow(rooms.get(from), rooms.get(to)),
);

/** Rooms of tests import what they test: no arrow says so. */
const TESTS = /^(integration|scripts\/test|lambda\/test)/;

function arrow(from: string | undefined, to: string | undefined): string {
  return `${from ?? 'nothing'} -> ${to ?? 'nothing'}`;
}

function roomOf(path: string): string | undefined {
  return Array.from(rooms.values()).find((room) => path.startsWith(`${room}/`));
}

function imports(file: string): string[] {
  return Array.from(textOf(file).matchAll(/\b(?:from|import\() ?'(\.[^']+)'/g), ([, path = '']) =>
    posix.join(dirname(file), path),
  );
}

describe('the picture of the rooms', () => {
  it('has an arrow for each room whose code imports that of another, and no other', () => {
    const imported = repositoryFiles
      .filter((file) => file.endsWith('.ts') && !TESTS.test(file))
      .flatMap((file) => imports(file).map((path) => ({ from: roomOf(file), to: roomOf(path) })))
      .filter(({ from, to }) => from !== undefined && to !== undefined && from !== to && !TESTS.test(to))
      .map(({ from, to }) => arrow(from, to));

    expect(drawn.toSorted()).toEqual(Array.from(new Set(imported)).toSorted());
  });

  it('shows each room that the table lists, but for the unit tests of the functions', () => {
    const listed = Array.from(textOf('docs/architecture.md').matchAll(/^\| `([\w/]+)`/gm), ([, room]) => room);

    expect(Array.from(rooms.values()).concat('lambda/test').toSorted()).toEqual(listed.toSorted());
  });
});
