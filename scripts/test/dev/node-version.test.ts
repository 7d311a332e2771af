import { describe, expect, it } from '@jest/globals';
import { imageCopierTemplate } from '../../../terraform/template/template.ts';
import { textOf } from './markdown.ts';

interface Package {
  readonly engines: { readonly node: string };
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const { engines, optionalDependencies } = JSON.parse(textOf('package.json')) as Package;
const runtime = imageCopierTemplate().Parameters['Runtime'];
const [, oldest = ''] = /^oldest=(.*)$/m.exec(textOf('scripts/dev/check-node.sh')) ?? [];

describe('the oldest Node.js', () => {
  it('is the same for npm and for make', () => {
    const { packages } = JSON.parse(textOf('package-lock.json')) as { packages: Record<string, Package> };

    expect([engines.node, packages['']?.engines.node]).toEqual([`>=${oldest}`, `>=${oldest}`]);
  });

  it('is the same that the package of the tool is tested on', () => {
    const packages = Object.entries(optionalDependencies).filter(([name]) => name.startsWith('oldest-node-'));

    expect(packages.map(([, each]) => each.split('@')[1])).toEqual([`${oldest}.0`, `${oldest}.0`]);
  });

  it.each(['README.md', 'CONTRIBUTING.md'])('is the same in %s', (file) => {
    const named = Array.from(textOf(file).matchAll(/Node\.js ([\d.]+) or newer/g), ([, version]) => version);

    expect(named).toEqual([oldest]);
  });
});

describe('the Node.js of .nvmrc', () => {
  const version = textOf('.nvmrc').trim();

  it('is that of the functions in Lambda, and of their tests', () => {
    expect(runtime).toMatchObject({ Default: `nodejs${version}.x` });
  });
});

describe("Lambda's runtimes", () => {
  it('have their Node.js from npm, for each platform', () => {
    const majors = Object.entries(optionalDependencies)
      .filter(([name]) => name.startsWith('node-'))
      .map(([, each]) => /(?:@|^)(\d+)\.[\d.]+$/.exec(each)?.[1]);

    expect(runtime?.AllowedValues).toEqual(Array.from(new Set(majors), (major) => `nodejs${major ?? ''}.x`).sort());
    expect(majors).toHaveLength(8);
  });
});
