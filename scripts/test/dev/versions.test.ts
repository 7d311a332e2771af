import { describe, expect, it } from '@jest/globals';
import { repositoryFiles, textOf } from './markdown.ts';

const configurations = repositoryFiles.filter((file) => /^terraform\/(modules|examples)\/.*\.tf$/.test(file));

/** What a pattern finds in each of some files, without those in which it finds nothing. */
function found(files: readonly string[], pattern: RegExp): Set<string> {
  return new Set(
    files.flatMap((file) => Array.from(textOf(file).matchAll(pattern), (match) => match.slice(1).join(' '))),
  );
}

describe('the oldest Terraform or OpenTofu', () => {
  const [oldest = ''] = found(['scripts/tool/deploy/require-terraform.ts'], /^const OLDEST = \[(\d+), (\d+)\]/gm);
  const version = oldest.replace(' ', '.');

  it('is the same for the tool, the modules and the examples', () => {
    expect(found(configurations, /^ *required_version = "(.*)"/gm)).toEqual(new Set([`>= ${version}, < 2.0`]));
  });

  it.each([
    'README.md',
    'CONTRIBUTING.md',
    'docs/reference.md',
    ...repositoryFiles.filter((file) => /^terraform\/modules\/[a-z-]+\/README\.md$/.test(file)),
  ])('is the same in %s', (file) => {
    expect(found([file], /Terraform or OpenTofu,?\s(\d+\.\d+)\sor\snewer/g)).toEqual(new Set([version]));
  });
});

describe('the AWS provider', () => {
  const constraint = />= ([\d.]+), < (\d+)\.0/;
  const constraints = found(configurations, /source += "hashicorp\/aws"\n +version += "(.*)"/g);

  it('has the same constraint in each module and example, and for mirrors', () => {
    const [, oldest = '', below] = constraint.exec([...constraints].join()) ?? [];
    const [major, minor] = oldest.split('.');
    const ofMirrors = `const PROVIDER = { oldest: [${major ?? ''}, ${minor ?? ''}], below: ${below ?? ''} } as const;`;

    expect(constraints.size).toBe(1);
    expect(textOf('scripts/tool/deploy/provider-mirror.ts')).toContain(ofMirrors);
  });

  it.each(repositoryFiles.filter((file) => /^terraform\/modules\/[a-z-]+\/README\.md$/.test(file)))(
    'has the same oldest version in %s',
    (file) => {
      const [, oldest] = constraint.exec([...constraints].join()) ?? [];

      expect(found([file], /AWS\sprovider\s([\d.]+)\sor\snewer/g)).toEqual(new Set([oldest]));
    },
  );
});
