import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join, relative } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { TerraformRoot } from '../../../tool/deploy/terraform-root.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'terraform-root-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

it('keeps its own files apart from the folder that Terraform runs in, also if they are named from here', () => {
  const root = new TerraformRoot({
    directory: join(folder, 'stack'),
    workDirectory: relative(process.cwd(), join(folder, 'work')),
    env: {},
  });

  expect(isAbsolute(root.dataDirectory)).toBe(true);
  expect(root.dataDirectory).toBe(join(folder, 'work', 'data'));
});
