import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ROOT } from '../../scripts/tool/common/paths.ts';
import { requireTerraform } from '../../scripts/tool/deploy/require-terraform.ts';
import { terraformEnvironment } from '../../scripts/tool/deploy/terraform-environment.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'copied-module-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

// Terraform calls a module of another package, as one from Git, in .terraform/modules. What was built is in no such package.
it.each([
  ['image-copier', 'function_zip', 'request_topic_arn = "arn:aws:sns:eu-west-1:111111111111:golden"'],
  ['source-account', 'function_zip', 'target_account_ids = ["222222222222"]'],
])('the module %s says that Terraform copied it, and which input to set', async (module, input, inputs) => {
  const modules = join('terraform', 'modules');
  cpSync(join(ROOT, modules), join(folder, 'package', modules), {
    recursive: true,
    filter: (file) => !file.includes('.terraform'),
  });
  const source = JSON.stringify(`${join(folder, 'package')}//${modules}/${module}`);
  writeFileSync(
    join(folder, 'main.tf'),
    `module "copier" {\n  source = ${source}\n  ${inputs}\n}\n\nprovider "aws" {\n  region = "eu-west-1"\n}\n`,
  );
  mkdirSync(join(folder, 'tests'));
  const mock = `
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "222222222222" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_service" {
    defaults = { region = "eu-west-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { minified_json = "{}" }
  }
}

run "plan" {
  command = plan
}
`;
  writeFileSync(join(folder, 'tests', 'plan.tftest.hcl'), mock);
  // Its own folder .terraform, as whoever calls a module by hand has it.
  const env = { ...(await terraformEnvironment(folder, process.env)), TF_DATA_DIR: '.terraform' };
  const { command } = await requireTerraform(process.env);
  const terraform = (action: string) => spawnSync(command, [action], { cwd: folder, env, encoding: 'utf8' });
  const init = terraform('init');
  const planned = terraform('test');

  expect(init).toMatchObject({ status: 0 });
  expect((planned.stdout + planned.stderr).replaceAll(/\s+/g, ' ')).toContain(
    `Terraform copied this module to .terraform/modules/copier/${modules}/${module}, without what \`make build\` makes: ` +
      'take the module from the file image-copier-modules-<version>.zip of a release, or ' +
      `set ${input} to the path of the functions' zip, of a release or of \`make build\`.`,
  );
});
