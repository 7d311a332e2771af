import { describe, expect, it } from '@jest/globals';
import { textOf } from './markdown.ts';

interface Package {
  readonly engines: { readonly node: string };
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const { engines, optionalDependencies } = JSON.parse(textOf('package.json')) as Package;
const [, oldest = ''] = /^oldest=(.*)$/m.exec(textOf('scripts/dev/check-node.sh')) ?? [];

describe('the oldest Node.js', () => {
  it('is the same for npm and for make', () => {
    const { packages } = JSON.parse(textOf('package-lock.json')) as { packages: Record<string, Package> };

    expect([engines.node, packages['']?.engines.node]).toEqual([`>=${oldest}`, `>=${oldest}`]);
  });

  it.each(['README.md', 'CONTRIBUTING.md'])('is the same in %s', (file) => {
    const named = Array.from(textOf(file).matchAll(/Node\.js ([\d.]+) or newer/g), ([, version]) => version);

    expect(named).toEqual([oldest]);
  });
});

describe('the Node.js of .nvmrc', () => {
  const version = textOf('.nvmrc').trim();

  it('is that of the functions in Lambda, and of their tests', () => {
    const runtimes = textOf('terraform/template/function.ts').match(/nodejs\d+\.x/g);
    const majors = Object.values(optionalDependencies).map((each) => each.split('.')[0]);

    expect(runtimes).toEqual([`nodejs${version}.x`]);
    expect(new Set(majors)).toEqual(new Set([version]));
  });
});
