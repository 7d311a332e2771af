import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Initialization } from '../../../tool/deploy/initialization.ts';

const PROVIDER = ['registry.example', 'hashicorp', 'aws', '5.100.0'] as const;
const program = { name: 'Terraform', version: '1.11.4', platform: 'linux_amd64' } as const;

let work: string;
let directory: string;
let dataDirectory: string;
let initialization: Initialization;

const configuration = (inputs: object = {}, changes: object = {}) =>
  JSON.stringify({
    module: { copier: { source: '../../modules/copier', ...inputs } },
    provider: { aws: [{ region: 'eu-west-1' }] },
    terraform: { backend: { local: { path: 'a' } } },
    ...changes,
  });
const lock = (checksum: string) => `# Kept by Terraform.

provider "${PROVIDER.slice(0, 3).join('/')}" {
  version     = "${PROVIDER[3]}"
  hashes = ["${checksum}"]
}
`;

/** As `terraform init` leaves it, with a provider that is linked from a mirror. */
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'initialization-'));
  directory = join(work, 'stacks', 'payments');
  dataDirectory = join(work, 'data');
  const links = join(dataDirectory, 'providers', ...PROVIDER);
  for (const folder of [
    directory,
    links,
    join(work, 'modules', 'copier', 'modules', 'function'),
    join(work, 'mirror'),
  ]) {
    mkdirSync(folder, { recursive: true });
  }
  symlinkSync(join(work, 'mirror'), join(links, program.platform));
  writeFileSync(join(directory, 'cdk.tf.json'), configuration());
  writeFileSync(join(directory, '.terraform.lock.hcl'), lock('h1:first'));
  writeFileSync(join(work, 'modules', 'copier', 'versions.tf'), 'terraform {}\n');
  writeFileSync(join(work, 'modules', 'copier', 'modules', 'function', 'versions.tf'), 'terraform {}\n');
  initialization = new Initialization({ directory, dataDirectory, program });
});

afterEach(() => {
  rmSync(work, { recursive: true });
});

describe('Initialization', () => {
  it('does not stand before it was remembered', () => {
    expect(initialization.stands).toBe(false);
  });

  it('stands once it was remembered, also for the next program', () => {
    initialization.remember();

    expect(initialization.stands).toBe(true);
    expect(new Initialization({ directory, dataDirectory, program }).stands).toBe(true);
  });

  it('stands when an input of a module changed, or a setting of a provider', () => {
    initialization.remember();

    const provider = { aws: [{ region: 'eu-west-1', profile: 'other' }] };
    writeFileSync(join(directory, 'cdk.tf.json'), configuration({ retry_hours: 7 }, { provider }));

    expect(initialization.stands).toBe(true);
  });

  it.each([
    [
      'the backend changed',
      () => {
        const terraform = { backend: { local: { path: 'b' } } };
        writeFileSync(join(directory, 'cdk.tf.json'), configuration({}, { terraform }));
      },
    ],
    [
      'there is one more module',
      () => {
        const module = {
          copier: { source: '../../modules/copier' },
          copier_us: { source: '../../modules/copier' },
        };
        writeFileSync(join(directory, 'cdk.tf.json'), configuration({}, { module }));
      },
    ],
    [
      'there is one more provider',
      () => {
        const provider = { aws: [{ region: 'eu-west-1' }], random: [{}] };
        writeFileSync(join(directory, 'cdk.tf.json'), configuration({}, { provider }));
      },
    ],
    [
      'the lock file changed',
      () => {
        writeFileSync(join(directory, '.terraform.lock.hcl'), lock('h1:second'));
      },
    ],
    [
      'a module changed',
      () => {
        writeFileSync(join(work, 'modules', 'copier', 'versions.tf'), 'terraform { }\n');
      },
    ],
    [
      'a module has one more file',
      () => {
        writeFileSync(join(work, 'modules', 'copier', 'more.tf'), '');
      },
    ],
    [
      'a module within a module changed',
      () => {
        writeFileSync(join(work, 'modules', 'copier', 'modules', 'function', 'versions.tf'), 'terraform { }\n');
      },
    ],
    [
      'the mirror is gone',
      () => {
        rmSync(join(work, 'mirror'), { recursive: true });
      },
    ],
    [
      'the providers are gone',
      () => {
        rmSync(join(dataDirectory, 'providers'), { recursive: true });
      },
    ],
    [
      'all that init made is gone',
      () => {
        rmSync(dataDirectory, { recursive: true });
      },
    ],
    [
      'it was forgotten',
      () => {
        initialization.forget();
      },
    ],
  ])('does not stand when %s', (_, change) => {
    initialization.remember();

    change();

    expect(initialization.stands).toBe(false);
  });

  it.each([
    ['another platform, as when the folder is taken to another machine', { platform: 'darwin_arm64' }],
    ['another version of the program', { version: '1.15.9' }],
    ['OpenTofu, which takes providers from its own registry', { name: 'OpenTofu' }],
  ] as const)('does not stand for %s', (_, change) => {
    initialization.remember();

    expect(new Initialization({ directory, dataDirectory, program: { ...program, ...change } }).stands).toBe(false);
  });
});
