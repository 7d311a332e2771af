import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { repositoryFiles, textOf } from './markdown.ts';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

/** One that runs steps, or one that runs another workflow of this repository. */
interface Job {
  readonly uses?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number;
  readonly steps?: readonly Step[];
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const workflows = repositoryFiles.filter((file) => file.startsWith('.github/workflows/'));

function readWorkflow(file: string): Workflow {
  return parse(textOf(file)) as Workflow;
}

// actionlint checks the rest, in the lint stage of `make test`.
describe.each(workflows)('%s', (file) => {
  const { permissions, jobs } = readWorkflow(file);
  const steps = Object.values(jobs).flatMap((job) => job.steps ?? []);

  it('takes each action by its whole commit, and names the version beside it', () => {
    const uses = textOf(file).match(/\buses: (?!\.\/).*$/gm) ?? [];

    expect(uses).toHaveLength(steps.filter((step) => step.uses !== undefined).length);
    expect(uses.filter((line) => !/^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line))).toEqual([]);
  });

  it('lets jobs write only what they say themselves', () => {
    expect(Object.values(permissions).filter((access) => access !== 'read')).toEqual([]);
  });

  it('ends each job in time', () => {
    const own = Object.values(jobs).filter((job) => job.steps !== undefined);

    expect(own.filter((job) => job['timeout-minutes'] === undefined)).toEqual([]);
  });

  it('leaves no token in a checkout', () => {
    const checkouts = steps.filter((step) => step.uses?.startsWith('actions/checkout@'));

    expect(checkouts.map((step) => step.with?.['persist-credentials'])).toEqual(checkouts.map(() => false));
  });

  it('runs targets of make that are there', () => {
    const targets = steps.flatMap(({ run = '' }) => Array.from(run.matchAll(/\bmake ([a-z-]+)/g), ([, name]) => name));

    expect(targets.filter((target) => !textOf('Makefile').includes(`\n${target}: `))).toEqual([]);
  });
});

describe('a release', () => {
  const { jobs } = readWorkflow('.github/workflows/release.yml');

  it('is attested and published by jobs that run nothing of what they release', () => {
    const writing = Object.entries(jobs).filter(([, { permissions = {} }]) =>
      Object.values(permissions).includes('write'),
    );
    const steps = writing.flatMap(([, job]) => job.steps ?? []);

    expect(writing.map(([name]) => name)).toEqual(['attest', 'publish']);
    expect(steps.filter((step) => step.uses?.includes('checkout'))).toEqual([]);
    expect(steps.filter(({ run = '' }) => /\b(make|npm|node)\b/.test(run))).toEqual([]);
  });

  it.each([
    ['begins', 'v1.20.3', '## [1.20.3] - 2026-12-01', 0],
    ['needs the tag of its version', 'v1.20.4', '## [1.20.3] - 2026-12-01', 1],
    ['needs its date in the changelog', 'v1.20.3', '## [1.20.3] - not released yet', 1],
    ['needs the version itself in the changelog', 'v1.20.3', '## [1.2013] - 2026-12-01', 1],
  ])('%s', (_, tag, heading, code) => {
    const folder = mkdtempSync(join(tmpdir(), 'image-copier-release-'));
    try {
      writeFileSync(join(folder, 'package.json'), '{ "version": "1.20.3", "type": "module" }\n');
      writeFileSync(join(folder, 'CHANGELOG.md'), `# Changelog\n\n${heading}\n\n### Added\n`);
      const script = jobs['build']?.steps?.find(({ run }) => run?.includes('GITHUB_REF_NAME'))?.run ?? '';
      // As GitHub runs it (Workflow syntax, `jobs.<job_id>.steps[*].shell`).
      const { status } = spawnSync('bash', ['-e', '-c', script], {
        cwd: folder,
        env: { ...process.env, GITHUB_REF_NAME: tag },
      });

      expect(script).not.toBe('');
      expect(status).toBe(code);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

it('every workflow takes the same commit of an action', () => {
  const used = new Set(workflows.flatMap((file) => textOf(file).match(/[\w-]+\/[\w-]+@[0-9a-f]{40}.*$/gm) ?? []));
  const actions = Array.from(used, (use) => use.split('@')[0]);

  expect(actions).toEqual(Array.from(new Set(actions)));
});

it('the tests run on the oldest Node.js, and on that of .nvmrc', () => {
  const { engines } = JSON.parse(textOf('package.json')) as { engines: { node: string } };
  const versions = Array.from(textOf('.github/workflows/ci.yml').matchAll(/\bnode: '([\d.]+)'/g), ([, each]) => each);

  expect(versions).toEqual(expect.arrayContaining([engines.node.replace('>=', ''), textOf('.nvmrc').trim()]));
});

describe('.github/dependabot.yml', () => {
  interface Update {
    readonly 'package-ecosystem': string;
    readonly directory?: string;
    readonly directories?: readonly string[];
    readonly allow?: readonly { readonly 'dependency-name': string }[];
  }
  const { updates } = parse(textOf('.github/dependabot.yml')) as { updates: readonly Update[] };
  const folders = updates.flatMap(({ 'package-ecosystem': ecosystem, directory, directories = [] }) =>
    [directory ?? [], directories].flat().map((folder) => `${ecosystem} ${folder}`),
  );

  it.each([
    ['npm', /^(.*\/)?package\.json$/, []],
    ['gomod', /^(.*\/)?go\.mod$/, []],
    ['uv', /^(.*\/)?[\w-]*requirements\.in$/, ['integration/localstack/requirements.in']],
    ['terraform', /^(terraform\/.*\/)versions\.tf$/, []],
  ])('keeps what %s reads up to date, but for what it names', (ecosystem, manifest, leftOut) => {
    const patterns = folders
      .filter((folder) => folder.startsWith(`${ecosystem} `))
      .map((folder) => new RegExp(`^${folder.split(' ')[1]?.replaceAll('*', '[^/]+') ?? ''}$`));
    const manifests = repositoryFiles.filter((file) => manifest.test(file));
    const isKept = (file: string) =>
      patterns.some((pattern) => pattern.test(`/${(manifest.exec(file)?.[1] ?? '').replace(/\/$/, '')}`));

    expect(manifests).not.toEqual([]);
    expect(manifests.filter((file) => !isKept(file))).toEqual(leftOut);
  });

  it('names the modules of all Go tools', () => {
    const goMods = repositoryFiles.filter((file) => file.endsWith('/go.mod')).map(textOf);
    // A single one stands beside the word, several in parentheses.
    const tools = goMods
      .flatMap((text) =>
        Array.from(text.matchAll(/^tool (?:\(\n(.*?)^\)|(\S+)$)/gms), ([, many, one]) => many ?? one ?? ''),
      )
      .flatMap((each) => each.trim().split(/\s+/));
    const named = updates.flatMap(({ allow = [] }) => allow.map((each) => each['dependency-name']));

    expect(tools.length).toBeGreaterThanOrEqual(goMods.length);
    expect(tools.filter((tool) => !named.some((module) => `${tool}/`.startsWith(`${module}/`)))).toEqual([]);
  });
});

describe('the form for what does not work', () => {
  interface Field {
    readonly id?: string;
    readonly type: string;
    readonly attributes: { readonly description?: string };
    readonly validations?: { readonly required: boolean };
  }
  const { body } = parse(textOf('.github/ISSUE_TEMPLATE/bug.yml')) as { body: readonly Field[] };

  const required = body.filter(({ validations }) => validations?.required);

  it('cannot be sent without what an answer needs', () => {
    expect(required.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['happened', 'expected', 'doctor', 'versions']),
    );
  });

  it.each(['image-copier doctor --json', 'image-copier --version', 'terraform version', 'tofu version'])(
    'asks for the output of %s',
    (command) => {
      const asked = required.map(({ attributes }) => attributes.description).join('\n');

      expect(asked).toContain(`\`${command}\``);
    },
  );
});
