import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { requireTerraform } from '../../../tool/deploy/require-terraform.ts';
import { FakeTerraform } from './fake-terraform.ts';
import { Rollout } from './rollout.ts';

let terraform: FakeTerraform;

/** Nothing of this machine's own programs. */
const onlyItsOwn = () => ({ PATH: `${join(terraform.folder, 'bin')}:/bin` });

afterEach(() => {
  terraform.remove();
});

describe('the program', () => {
  it.each([
    ['Terraform', '1.11.0', 'terraform', 'registry.terraform.io'],
    ['Terraform', '1.15.9', 'terraform', 'registry.terraform.io'],
    ['Terraform', '2.0.0', 'terraform', 'registry.terraform.io'],
    ['Terraform', '1.11.0-rc1', 'terraform', 'registry.terraform.io'],
    ['OpenTofu', '1.12.6', 'tofu', 'registry.opentofu.org'],
  ])('is %s %s on PATH, for what platform it says', async (name, version, command, registry) => {
    terraform = new FakeTerraform({ name, version, platform: 'darwin_arm64' });

    expect(await requireTerraform(onlyItsOwn())).toEqual({
      ...{ command, name, version, registry },
      platform: 'darwin_arm64',
    });
  });

  it('is terraform if there is tofu too, and the one that is named else', async () => {
    terraform = new FakeTerraform();
    terraform.install('tofu', 'OpenTofu', '1.12.6');

    expect(await requireTerraform(onlyItsOwn())).toMatchObject({ name: 'Terraform' });
    expect(await requireTerraform({ ...onlyItsOwn(), IMAGE_COPIER_TERRAFORM: 'tofu' })).toMatchObject({
      command: 'tofu',
      name: 'OpenTofu',
    });
  });

  it('is at the path that is named, from wherever it is run later', async () => {
    terraform = new FakeTerraform({ name: 'OpenTofu', version: '1.12.6' });
    const path = join(terraform.folder, 'bin', 'tofu');

    const { command } = await requireTerraform({ IMAGE_COPIER_TERRAFORM: relative(process.cwd(), path) });

    expect(command).toBe(path);
  });

  it('is known by its own words, also after warnings and before news', async () => {
    terraform = new FakeTerraform();
    terraform.write(
      'terraform version',
      'Warning: Unable to open CLI configuration file\n\nOpenTofu v1.12.6\non linux_amd64\n+ provider x v1.0.0\n\nNews.\n',
    );

    expect(await requireTerraform(onlyItsOwn())).toMatchObject({ name: 'OpenTofu', version: '1.12.6' });
  });
});

it.each([
  ['Terraform', '1.10.5'],
  ['Terraform', '0.15.0'],
  ['OpenTofu', '1.10.0'],
])('does nothing with %s %s, which is too old', async (name, version) => {
  terraform = new FakeTerraform({ name, version });

  expect(await new Rollout(terraform).run(['deploy'], { env: onlyItsOwn() })).toEqual({
    code: 2,
    out: '',
    err: `Error: ${name} ${version} is too old. Install Terraform or OpenTofu, 1.11 or newer.\n`,
  });
});

it('does nothing without either', async () => {
  terraform = new FakeTerraform();
  rmSync(join(terraform.folder, 'bin', 'terraform'));

  expect(await new Rollout(terraform).run(['deploy'], { env: onlyItsOwn() })).toEqual({
    code: 2,
    out: '',
    err: 'Error: Neither terraform nor tofu is on PATH. Install Terraform or OpenTofu, 1.11 or newer.\n',
  });
});

it('does nothing without the one that is named, whatever else there is', async () => {
  terraform = new FakeTerraform();

  const env = { ...onlyItsOwn(), IMAGE_COPIER_TERRAFORM: 'terraform-1.12' };
  const { code, err } = await new Rollout(terraform).run(['deploy'], { env });

  expect({ code, err }).toEqual({
    code: 2,
    err: 'Error: IMAGE_COPIER_TERRAFORM: there is no program terraform-1.12. Name Terraform or OpenTofu, by a path or by a name on PATH.\n',
  });
});

it('does nothing with another program', async () => {
  terraform = new FakeTerraform();
  const other = join(terraform.folder, 'other');
  writeFileSync(other, '#!/bin/sh\necho "Packer v1.14.0"\n');
  chmodSync(other, 0o755);

  await expect(requireTerraform({ IMAGE_COPIER_TERRAFORM: other })).rejects.toThrow(
    `${other} is neither Terraform nor OpenTofu. Install Terraform or OpenTofu, 1.11 or newer.`,
  );
});
