import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { terraformEnvironment } from '../../../tool/deploy/terraform-environment.ts';
import { FakeTerraform } from './fake-terraform.ts';

// No machine has a mirror for it, whatever else it has.
const PLATFORM = 'plan9_amd64';
const PROVIDERS = join('registry.terraform.io', 'hashicorp', 'aws');

let terraform: FakeTerraform;
let work: string;
let mirror: string;

beforeEach(() => {
  terraform = new FakeTerraform({ platform: PLATFORM });
  work = join(terraform.folder, 'work');
  mirror = join(terraform.folder, 'mirror');
});

afterEach(() => {
  terraform.remove();
});

const environment = (env: NodeJS.ProcessEnv) =>
  terraformEnvironment(work, {
    PATH: terraform.env.PATH,
    TF_PLUGIN_CACHE_DIR: join(terraform.folder, 'cache'),
    ...env,
  });
const configuration = () => readFileSync(join(work, 'cli.tfrc'), 'utf8');

it("leaves the user's own settings as they are", async () => {
  const { TF_CLI_CONFIG_FILE, PATH } = terraform.env;

  expect(await terraformEnvironment(work, { PATH, TF_CLI_CONFIG_FILE, GOGC: '100' })).toEqual({
    PATH,
    TF_CLI_CONFIG_FILE,
    GOGC: '100',
    TF_DATA_DIR: join(work, 'data'),
    TF_INPUT: '0',
    TF_IN_AUTOMATION: '1',
    TF_CLI_ARGS: '-no-color',
  });
});

it('takes the provider from the registry, through a cache, if there is no mirror', async () => {
  // For other platforms, for other providers, and of no version.
  mkdirSync(join(mirror, PROVIDERS, '5.100.0', 'linux_amd64'), { recursive: true });
  mkdirSync(join(mirror, 'registry.terraform.io', 'hashicorp', 'random', '3.0.0', PLATFORM), { recursive: true });
  writeFileSync(join(mirror, PROVIDERS, 'terraform-provider-aws_5.100.0_darwin_arm64.zip'), '');

  const { TF_CLI_CONFIG_FILE, TF_PLUGIN_CACHE_DIR } = await environment({ TF_PLUGIN_CACHE_DIR: mirror });

  expect({ TF_CLI_CONFIG_FILE, TF_PLUGIN_CACHE_DIR }).toEqual({
    TF_CLI_CONFIG_FILE: join(work, 'cli.tfrc'),
    TF_PLUGIN_CACHE_DIR: mirror,
  });
  expect(configuration()).toBe('disable_checkpoint = true\n');
});

it.each([
  ['unpacked', () => mkdirSync(join(mirror, PROVIDERS, '5.100.0', PLATFORM), { recursive: true })],
  [
    'zipped',
    () => {
      mkdirSync(join(mirror, PROVIDERS), { recursive: true });
      writeFileSync(join(mirror, PROVIDERS, `terraform-provider-aws_5.100.0_${PLATFORM}.zip`), '');
    },
  ],
])('takes the provider from a mirror that holds it %s, also if it is named from here', async (_, fill) => {
  fill();

  const { TF_CLI_CONFIG_FILE } = await environment({ IMAGE_COPIER_PROVIDER_MIRROR: relative(process.cwd(), mirror) });

  expect(TF_CLI_CONFIG_FILE).toBe(join(work, 'cli.tfrc'));
  expect(configuration()).toBe(`\
disable_checkpoint = true
provider_installation {
  filesystem_mirror {
    path    = "${mirror}"
    include = ["hashicorp/aws"]
  }
  direct {
    exclude = ["hashicorp/aws"]
  }
}
`);
});

it('takes no mirror for one that holds the provider if that is the one that was named', async () => {
  await expect(environment({ IMAGE_COPIER_PROVIDER_MIRROR: mirror })).rejects.toThrow(
    `IMAGE_COPIER_PROVIDER_MIRROR: no hashicorp/aws provider for ${PLATFORM} in ${mirror}.`,
  );
});

it('writes settings of its own if those that are named are not there', async () => {
  const { TF_CLI_CONFIG_FILE } = await environment({ TF_CLI_CONFIG_FILE: join(terraform.folder, 'nowhere.tfrc') });

  expect(TF_CLI_CONFIG_FILE).toBe(join(work, 'cli.tfrc'));
});
