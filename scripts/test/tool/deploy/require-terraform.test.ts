import { afterEach, expect, it } from '@jest/globals';
import { requireTerraform } from '../../../tool/deploy/require-terraform.ts';
import { FakeTerraform } from './fake-terraform.ts';
import { Rollout } from './rollout.ts';

let terraform: FakeTerraform;

afterEach(() => {
  terraform.remove();
});

it.each(['1.11.0', '1.12.3', '2.0.0', '1.11.0-rc1'])(
  'takes Terraform %s, and says for which platform it is',
  async (version) => {
    terraform = new FakeTerraform({ version, platform: 'darwin_arm64' });

    expect(await requireTerraform(terraform.env)).toBe('darwin_arm64');
  },
);

it.each(['1.10.5', '0.15.0'])('does nothing with Terraform %s, which is too old', async (version) => {
  terraform = new FakeTerraform({ version });

  expect(await new Rollout(terraform).run(['deploy'])).toEqual({
    code: 2,
    out: '',
    err: `Error: Terraform ${version} is too old. Install Terraform 1.11 or newer.\n`,
  });
});

it('does nothing without Terraform', async () => {
  terraform = new FakeTerraform();

  const ended = await new Rollout(terraform).run(['deploy'], { env: { PATH: terraform.folder } });

  expect(ended).toEqual({
    code: 2,
    out: '',
    err: 'Error: Terraform is not on PATH. Install Terraform 1.11 or newer.\n',
  });
});
