import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { parseAccountsFile } from '../../../terraform/stacks/accounts-file.ts';
import { createProgram } from '../../tool/program.ts';
import { FakeAws } from '../tool/support/fake-aws.ts';
import { FakeTerminal } from '../tool/support/fake-terminal.ts';
import { brokenLinks, codeBlocks, codeSpans, documents, missingPaths, repositoryFiles, textOf } from './markdown.ts';

/** The forms of GitHub's issues, whose texts are Markdown. */
const forms = repositoryFiles.filter((file) => file.startsWith('.github/ISSUE_TEMPLATE/'));

describe('the checks of documents', () => {
  it('find links that lead nowhere', () => {
    const text = [
      '# One `thing`',
      '[here](#one-thing) [there](../README.md#use-it) [a folder](adr/) [elsewhere](https://example.com/none)',
      '[no file](none.md) ![no picture](none.png) [no `heading`](#two) [nor there](../README.md#none)',
      '`[in code](none.md)`',
      '```md',
      '[in code](none.md)',
      '# Two',
      '```',
      '[below]: none.md',
      '[with a title](titled.md "None") <img src="none.svg" alt="none"> <a href="html.md">in HTML</a>',
    ].join('\n');

    expect(brokenLinks('docs/made-up.md', text)).toEqual([
      'none.md',
      'none.png',
      '#two',
      '../README.md#none',
      'none.md',
      'titled.md',
      'none.svg',
      'html.md',
    ]);
  });

  it('find paths that are not there', () => {
    const text = [
      '`scripts/dev/demo.ts`, lambda/src/core. `./terraform/modules`, `docs/*.md`, `scripts/tool/<command>/run.ts`',
      '`lambda/dist/image-copier.zip` is built, /aws/lambda/none is a log group, https://example.com/docs/none a page',
      '`scripts/none.ts`, ./terraform/none, lambda/src/cor.',
      "`.github/workflows/ci.yml` is there, `.github/workflows/none.yml` is not, github/folder is nobody's.",
    ].join('\n');

    expect(missingPaths(text)).toEqual([
      'scripts/none.ts',
      'terraform/none',
      'lambda/src/cor',
      '.github/workflows/none.yml',
    ]);
  });
});

describe.each([...documents, ...forms])('%s', (file) => {
  const text = textOf(file);

  it('has links that lead somewhere', () => {
    expect(brokenLinks(file, text)).toEqual([]);
  });

  it('names paths that are there', () => {
    expect(missingPaths(text)).toEqual([]);
  });

  it('names targets of make and scripts of npm that are there', () => {
    const code = [...codeBlocks(text, 'sh'), ...codeSpans(text)].join('\n');
    const targets = Array.from(code.matchAll(/(?:^|\s)make((?: [a-z-]+)+)/gm), ([, words = '']) =>
      words.trim().split(' '),
    );
    const scripts = Array.from(code.matchAll(/\bnpm run (\S+)/g), ([, script = '']) => script);

    const { scripts: known } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    expect(targets.flat().filter((target) => !textOf('Makefile').includes(`\n${target}: `))).toEqual([]);
    expect(scripts.filter((script) => !(script in known))).toEqual([]);
  });

  it("names commands of the operators' tool and options that are there", () => {
    const lines = codeBlocks(text, 'sh', 'console', 'hcl').flatMap((block) =>
      Array.from(block.matchAll(/(?:^(?:\$ )?|\[")image-copier ([^#"\n]+)/gm), ([, line = '']) => line),
    );
    const spans = codeSpans(text).flatMap((span) => /^image-copier ([a-z-]+(?: .*)?)$/.exec(span)?.[1] ?? []);

    expect([...lines, ...spans].filter((line) => !isKnown(line.trim().split(/\s+/), program))).toEqual([]);
  });
});

const program = createProgram(
  {
    program: 'image-copier',
    terminal: new FakeTerminal(),
    loadConnect: () => Promise.resolve(new FakeAws().connect),
    env: {},
    interruptible: (use) => use(new AbortController().signal),
  },
  () => undefined,
);

function withoutComments(file: string): string {
  return file.endsWith('.ts') ? textOf(file).replace(/^ *(\/\/|\/?\*).*$/gm, '') : textOf(file);
}

/** Whether each word is a command, an option of it, or something that stands after these. */
function isKnown(words: readonly string[], command: Command): boolean {
  const [word = '', ...others] = words;
  const below = command.commands.find((each) => each.name() === word);
  if (below) return isKnown(others, below);
  if (command.commands.length > 0 && !word.startsWith('--')) return false;
  // What follows `--` is another program's.
  const own = words.includes('--') ? words.slice(0, words.indexOf('--')) : words;
  const options = own.filter((each) => each.startsWith('--')).map((each) => each.split('=')[0]);
  return options.every((option) => command.options.some(({ long }) => long === option));
}

describe('docs/tool.md', () => {
  const commands = program
    .createHelp()
    .visibleCommands(program)
    .map((command) => command.name())
    .filter((name) => name !== 'help');

  it('lists each command, and no other', () => {
    const listed = Array.from(textOf('docs/tool.md').matchAll(/^\| \[`([a-z-]+)`\]/gm), ([, name]) => name);

    expect(listed.toSorted()).toEqual(commands.toSorted());
  });

  it('says in its headings where each command is', () => {
    const headings =
      textOf('docs/tool.md')
        .match(/^## .*$/gm)
        ?.join('\n') ?? '';

    expect(commands.filter((name) => !headings.includes(`\`${name}\``))).toEqual([]);
  });
});

it('nothing tells people to run npx, which fetches from the public registry what it does not find', () => {
  const shown = repositoryFiles.filter(
    (file) => /\.(md|tf|json|mjs|ts)$|Makefile$/.test(file) && !/^(scripts|integration)\/.*test/.test(file),
  );

  expect(shown.filter((file) => file !== 'package-lock.json' && /\bnpx [\w@.-]/.test(withoutComments(file)))).toEqual(
    [],
  );
});

it("the tool's messages name no command but by how the tool was started", () => {
  const sources = repositoryFiles.filter((file) => /^scripts\/tool\/.*\.ts$/.test(file));
  const names = program.commands.map((command) => command.name()).join('|');

  expect(sources.filter((file) => new RegExp(`image-copier (${names})\\b`).test(withoutComments(file)))).toEqual([]);
});

it('the accounts files that documents show are valid', () => {
  const shown = documents.flatMap((file) => codeBlocks(textOf(file), 'yaml').map((text) => ({ file, text })));

  expect(shown.map(({ file }) => file)).toEqual(
    expect.arrayContaining(['README.md', 'docs/tool.md', 'terraform/stacks/README.md']),
  );
  for (const { file, text } of shown) {
    expect(parseAccountsFile(text, file)).toMatchObject({ source: { id: '111111111111' }, topic: 'amigo-PROD-notify' });
  }
});

describe('README.md', () => {
  it('runs the tool from Packer as its document does, which an integration test tries', () => {
    const [builds, shown] = ['docs/tool.md', 'README.md'].map((file) =>
      codeBlocks(textOf(file), 'hcl').filter((block) => block.startsWith('build {')),
    );

    expect(shown).toHaveLength(1);
    expect(shown).toEqual(builds);
    // In one sequence, so that the manifest is written before it is read.
    expect(shown?.[0]).toMatch(
      /post-processors \{\s+post-processor "manifest" \{\s+output = "(\S+)"\s+\}\s+post-processor "shell-local" \{\s+inline = \["image-copier request --packer-manifest \1 /,
    );
  });

  it('shows what the demo proves', () => {
    const shown = Array.from(textOf('README.md').matchAll(/^proved {2}(.*)$/gm), ([, claim]) => claim);
    const claims = Array.from(
      textOf('scripts/dev/demo.ts').matchAll(/^ +\[?['`]((?:Each|Every|Copies|In each|Account) .*?)['`],/gm),
      ([, claim = '']) =>
        claim
          .replace('${PARAMETER}', '/image-copier/ubuntu')
          .replace('${NOT_ASKED}', '444444444444')
          .replace('${LATE}', '555555555555'),
    );

    expect(shown).toHaveLength(7);
    expect(claims).toEqual(shown);
  });
});
