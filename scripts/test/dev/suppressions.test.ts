import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from '../../tool/common/paths.ts';

const TERRAFORM = join(ROOT, 'terraform');

/** The lines that switch a static check off, with where they stand. */
const suppressions = readdirSync(TERRAFORM, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.tf') && !path.includes('.terraform/'))
  .flatMap((path) =>
    readFileSync(join(TERRAFORM, path), 'utf8')
      .split('\n')
      .map((line, index) => ({ place: `${path}:${index + 1}`, line }))
      .filter(({ line }) => /checkov:skip|tflint-ignore/.test(line)),
  );

describe('suppressed checks of Terraform', () => {
  it('there are some, so that the next test tests something', () => {
    expect(suppressions.length).toBeGreaterThan(0);
  });

  it('each names one check and says why it does not hold here', () => {
    const bare = suppressions.filter(({ line }) => !/# (checkov:skip=\w+:|tflint-ignore: \w+ # )\w.{20,}/.test(line));
    expect(bare).toEqual([]);
  });
});
