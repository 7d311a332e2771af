import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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

const environment = (env: NodeJS.ProcessEnv, upgrade = false) =>
  terraformEnvironment(
    work,
    {
      PATH: terraform.env.PATH,
      TF_PLUGIN_CACHE_DIR: join(terraform.folder, 'cache'),
      ...env,
    },
    upgrade,
  );
const hold = (entry: string) => mkdirSync(join(mirror, entry), { recursive: true });
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
  // For other platforms and other providers, of another registry, and of versions that the modules do not take.
  hold(join(PROVIDERS, '5.100.0', 'linux_amd64'));
  hold(join('registry.terraform.io', 'hashicorp', 'random', '3.0.0', PLATFORM));
  hold(join('registry.opentofu.org', 'hashicorp', 'aws', '5.100.0', PLATFORM));
  for (const version of ['4.67.0', '5.99.1', '7.0.0', '6.0.0-beta1']) hold(join(PROVIDERS, version, PLATFORM));
  writeFileSync(join(mirror, PROVIDERS, 'terraform-provider-aws_5.100.0_darwin_arm64.zip'), '');

  const { TF_CLI_CONFIG_FILE, TF_PLUGIN_CACHE_DIR } = await environment({ TF_PLUGIN_CACHE_DIR: mirror });

  expect({ TF_CLI_CONFIG_FILE, TF_PLUGIN_CACHE_DIR }).toEqual({
    TF_CLI_CONFIG_FILE: join(work, 'cli.tfrc'),
    TF_PLUGIN_CACHE_DIR: mirror,
  });
  expect(configuration()).toBe('disable_checkpoint = true\n');
});

it.each([
  ['unpacked', () => hold(join(PROVIDERS, '6.66.0', PLATFORM))],
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
    `IMAGE_COPIER_PROVIDER_MIRROR: no hashicorp/aws provider for ${PLATFORM} in ${mirror}, 5.100 or newer, below 7.0.`,
  );
});

it('takes what a plugin cache holds, unless the newest provider is wanted', async () => {
  hold(join(PROVIDERS, '5.100.0', PLATFORM));

  await environment({ TF_PLUGIN_CACHE_DIR: mirror });
  expect(configuration()).toContain(`path    = "${mirror}"`);

  const { TF_PLUGIN_CACHE_DIR } = await environment({ TF_PLUGIN_CACHE_DIR: mirror }, true);
  expect(configuration()).toBe('disable_checkpoint = true\n');
  expect(TF_PLUGIN_CACHE_DIR).toBe(mirror);
});

describe('OpenTofu', () => {
  const OWN = join('registry.opentofu.org', 'hashicorp', 'aws');

  beforeEach(() => {
    terraform.install('tofu', 'OpenTofu', '1.12.6', PLATFORM);
  });

  const tofu = () => environment({ IMAGE_COPIER_TERRAFORM: 'tofu', IMAGE_COPIER_PROVIDER_MIRROR: mirror });

  it('takes the provider from a mirror that holds it for OpenTofu', async () => {
    hold(join(PROVIDERS, '5.100.0', PLATFORM));
    hold(join(OWN, '5.100.0', PLATFORM));

    await tofu();

    expect(configuration()).toContain(`path    = "${mirror}"`);
  });

  it('finds the packages of a mirror for Terraform under its own registry', async () => {
    hold(join(PROVIDERS, '5.100.0', PLATFORM));
    hold(join(PROVIDERS, '4.67.0', PLATFORM));
    writeFileSync(join(mirror, PROVIDERS, `terraform-provider-aws_6.66.0_${PLATFORM}.zip`), '');

    await tofu();
    // Once more, as each command does.
    await tofu();

    const [, folder = ''] = /path {4}= "(.+)"/.exec(configuration()) ?? [];
    expect(folder).toContain(join(work, 'mirrors'));
    for (const entry of [join('5.100.0', PLATFORM), `terraform-provider-aws_6.66.0_${PLATFORM}.zip`]) {
      expect(realpathSync(join(folder, OWN, entry))).toBe(realpathSync(join(mirror, PROVIDERS, entry)));
    }
    expect(() => realpathSync(join(folder, OWN, '4.67.0'))).toThrow('ENOENT');
  });
});

it('writes settings of its own if those that are named are not there', async () => {
  const { TF_CLI_CONFIG_FILE } = await environment({ TF_CLI_CONFIG_FILE: join(terraform.folder, 'nowhere.tfrc') });

  expect(TF_CLI_CONFIG_FILE).toBe(join(work, 'cli.tfrc'));
});
