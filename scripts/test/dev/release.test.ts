import { describe, expect, it } from '@jest/globals';
import type { Metafile } from 'esbuild';
import { bundledPackages, licences } from '../../dev/release/bundled.ts';
import { releaseNotes } from '../../dev/release/notes.ts';
import { GO_LOCKS, PYTHON_LOCKS, reproducibleBom, toolsBom } from '../../dev/release/sbom.ts';
import { repositoryFiles } from './markdown.ts';

describe('releaseNotes', () => {
  const changelog = [
    '# Changelog',
    'All that users notice.',
    '## [Unreleased]',
    '### Added',
    '- What comes.',
    '## [1.1.0] - 2026-11-30',
    '### Fixed',
    '- What was wrong.',
    '',
    '## [1.0.0] - 2026-10-31',
    '- The first one.',
  ].join('\n');

  it.each([
    ['the section of the version', '1.1.0', '### Fixed\n- What was wrong.\n'],
    ['the last section', '1.0.0', '- The first one.\n'],
    ['what is not released, for a version without a section', '1.2.0', '### Added\n- What comes.\n'],
  ])('gives %s', (_, version, notes) => {
    expect(releaseNotes(changelog, version)).toBe(notes);
  });

  it.each([
    ['no section', '# Changelog\n\n## [1.1.0]\n- Old.\n'],
    ['an empty one', '# Changelog\n\n## [Unreleased]\n\n## [1.1.0]\n- Old.\n'],
  ])('refuses a changelog with %s for the version', (_, text) => {
    expect(() => releaseNotes(text, '1.2.0')).toThrow('CHANGELOG.md says nothing of 1.2.0');
  });
});

describe('reproducibleBom', () => {
  const development = { name: 'cdx:npm:package:development', value: 'true' };

  it('leaves out what npm writes differently each time, and says what is in the files', () => {
    const component = { name: 'image-copier', version: '1.2.0' };
    const once = {
      serialNumber: 'urn:uuid:3456ac29-ae9b-419a-8789-721806b0a9a8',
      version: 1,
      metadata: { timestamp: '2026-11-30T17:09:09.565Z', tools: [{ name: 'cli', version: '11.19.1' }], component },
      components: [
        { 'bom-ref': 'commander@14.0.3', scope: 'optional', properties: [development] },
        { 'bom-ref': 'jest@30.5.2', scope: 'optional', properties: [development] },
      ],
    };

    expect(JSON.parse(reproducibleBom(JSON.stringify(once), ['commander@14.0.3']))).toEqual({
      version: 1,
      metadata: { component },
      components: [
        { 'bom-ref': 'commander@14.0.3', scope: 'required', properties: [] },
        { 'bom-ref': 'jest@30.5.2', scope: 'excluded', properties: [] },
      ],
    });
  });

  it('refuses a package in the files that npm does not know', () => {
    expect(() => reproducibleBom('{"metadata":{},"components":[]}', ['zod@4.6.7'])).toThrow('has no zod@4.6.7');
  });
});

describe('bundledPackages', () => {
  it('gives the packages that bytes come from, once each, with their licences', () => {
    const inputs = {
      'scripts/tool/main.ts': { bytesInOutput: 100 },
      'node_modules/commander/lib/command.js': { bytesInOutput: 10 },
      'node_modules/@aws-sdk/core/dist-es/index.js': { bytesInOutput: 10 },
      'node_modules/jest/index.js': { bytesInOutput: 0 },
    };
    const metafile: Metafile = {
      inputs: {},
      outputs: { 'image-copier.mjs': { inputs, bytes: 120, imports: [], exports: [] } },
    };

    expect(bundledPackages([metafile, metafile])).toMatchObject([
      { name: '@aws-sdk/core', license: 'Apache-2.0', texts: [expect.stringContaining('Apache License')] },
      { name: 'commander', license: 'MIT', texts: [expect.stringContaining('MIT License')] },
    ]);
  });
});

describe('licences', () => {
  it('names each package, and has a text that several have once', () => {
    const common = { version: '1.0.0', source: 'https://example.com' };
    const text = licences([
      { ...common, name: 'one', license: 'MIT', texts: ['Do as you like.'] },
      { ...common, name: 'two', license: 'MPL-2.0', texts: [] },
      { ...common, name: 'three', license: 'MIT', texts: ['Do as you like.'] },
    ]);

    expect(text.split(/\n\n-+\n\n/)).toEqual([
      'one@1.0.0 (MIT, https://example.com)\nthree@1.0.0 (MIT, https://example.com)\n\nDo as you like.',
      'two@1.0.0 (MPL-2.0, https://example.com)\n\nThe package has no text of its licence.\n',
    ]);
  });
});

describe('toolsBom', () => {
  it('is made of every lock of the repository but that of npm', () => {
    const locks = repositoryFiles.filter((file) => /(requirements|\/uv)\.txt$|\/go\.mod$/.test(file));

    expect([...PYTHON_LOCKS, ...GO_LOCKS].toSorted()).toEqual(locks.toSorted());
  });

  it('lists each Python package and each Go module of the locks once, by its package URL', () => {
    const requirements = [
      'moto-ext[all]==5.1.0 ; python_version >= "3.9" \\\n    --hash=sha256:00\n    # via localstack-core\n',
      'Typing_Extensions==4.15.0 \\\n    --hash=sha256:11\nmoto-ext==5.1.0\n',
    ];
    const goMod = [
      'module image-copier/lint',
      'go 1.26.3',
      'tool (',
      '\tgithub.com/terraform-linters/tflint',
      ')',
      'require (',
      '\tgithub.com/BurntSushi/toml v1.5.0 // indirect',
      '\tgithub.com/blang/semver v3.5.1+incompatible // indirect',
      ')',
    ].join('\n');
    const bom = JSON.parse(toolsBom({ requirements, goMods: [goMod] }, { name: 'tools', version: '1.2.0' })) as {
      readonly components: readonly { readonly name: string; readonly version: string; readonly purl: string }[];
    };

    expect(bom).toMatchObject({ bomFormat: 'CycloneDX', metadata: { component: { name: 'tools', version: '1.2.0' } } });
    expect(bom.components.map(({ name, version, purl }) => [name, version, purl])).toEqual([
      ['github.com/blang/semver', 'v3.5.1+incompatible', 'pkg:golang/github.com/blang/semver@v3.5.1%2Bincompatible'],
      ['github.com/BurntSushi/toml', 'v1.5.0', 'pkg:golang/github.com/burntsushi/toml@v1.5.0'],
      ['moto-ext', '5.1.0', 'pkg:pypi/moto-ext@5.1.0'],
      ['Typing_Extensions', '4.15.0', 'pkg:pypi/typing-extensions@4.15.0'],
    ]);
  });
});
