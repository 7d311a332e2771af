import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ROOT } from '../../../tool/common/paths.ts';
import { Deployment } from '../../../tool/deploy/deployment.ts';
import { openDeployment } from '../../../tool/deploy/open-deployment.ts';
import { Rollout } from './rollout.ts';

let rollout: Rollout;

beforeEach(() => {
  rollout = new Rollout();
});

afterEach(() => {
  rollout.terraform.remove();
});

function open(): Deployment {
  const { accountsFile, terraform } = rollout;
  return Deployment.open({ accountsFile, out: terraform.out, env: terraform.env, apart: true });
}

function stackOf({ stacks }: Deployment, name: string) {
  const stack = stacks.find((each) => each.name === name);
  if (!stack) throw new Error(`no stack ${name}`);
  return stack;
}

describe('Deployment', () => {
  it('gives the provider that one stack locked to all others, also if they begin at the same time', async () => {
    const deployment = open();
    const whileItInits = rollout.terraform.hold('init payments');

    const running = ['payments', 'web'].map((name) => deployment.perform('plan', stackOf(deployment, name)));
    await whileItInits(() => undefined);
    await Promise.all(running);

    expect(rollout.terraform.calls[0]).toBe('init payments');
    expect(rollout.terraform.calls.toSorted()).toEqual(['init payments', 'init web', 'plan payments', 'plan web']);
    expect(rollout.terraform.locked).toEqual(['web']);
  });

  it('initializes each stack anew for OpenTofu, which has the providers of its own registry', async () => {
    const { accountsFile, terraform } = rollout;
    terraform.install('tofu', 'OpenTofu', '1.12.6');
    const perform = async (program: string, ...names: string[]) => {
      const env = { ...terraform.env, IMAGE_COPIER_TERRAFORM: program };
      const deployment = Deployment.open({ accountsFile, out: terraform.out, env });
      for (const name of names) await deployment.perform('plan', stackOf(deployment, name));
      return terraform.takeCalls().filter((call) => call.startsWith('init'));
    };

    expect(await perform('terraform', 'payments', 'web')).toEqual(['init payments', 'init web']);
    expect(await perform('terraform', 'payments', 'web')).toEqual([]);
    expect(await perform('tofu', 'payments', 'web')).toEqual(['init payments', 'init web']);
    expect(await perform('tofu', 'payments', 'web')).toEqual([]);
    // The second of each was told what the first had locked.
    expect(terraform.locked).toEqual(['web', 'web']);
  });

  it('lets the next stack lock the provider if the first cannot', async () => {
    const deployment = open();
    rollout.terraform.fail('init payments', 'Error: no such backend');

    const ended = await Promise.allSettled(
      ['payments', 'web'].map((name) => deployment.perform('plan', stackOf(deployment, name))),
    );

    expect(ended.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(rollout.terraform.calls).toEqual(['init payments', 'init web', 'plan web']);
  });

  it('asks what runs to stop, and begins no further command', async () => {
    const deployment = open();
    await deployment.perform('plan', stackOf(deployment, 'web'));
    rollout.terraform.takeCalls();
    const whileItInits = rollout.terraform.hold('init payments');

    const inits = expect(deployment.perform('apply', stackOf(deployment, 'payments'))).rejects.toThrow(
      'Interrupt received.',
    );
    await whileItInits(() => {
      deployment.interrupt();
    });
    await inits;

    expect(deployment.pids).toEqual([]);
    await expect(deployment.perform('apply', stackOf(deployment, 'web'))).rejects.toMatchObject({
      message: 'It was stopped before this step.',
      exitCode: 2,
    });
    expect(rollout.terraform.calls).toEqual(['init payments']);
  });

  it('names the processes that run', async () => {
    const deployment = open();
    const whileItInits = rollout.terraform.hold('init payments');
    let pids: number[] = [];

    const running = deployment.perform('plan', stackOf(deployment, 'payments'));
    await whileItInits(() => {
      ({ pids } = deployment);
    });
    await running;

    expect(pids).toEqual([expect.any(Number)]);
    expect(deployment.pids).toEqual([]);
  });

  it('gives what a stack puts out', async () => {
    const deployment = open();
    rollout.terraform.putOut('web', { copiers: {} });

    expect(await deployment.outputsOf(stackOf(deployment, 'web'))).toEqual({ copiers: {} });
  });
});

describe('openDeployment', () => {
  const zip = () => join(rollout.terraform.folder, 'built.zip');
  const openIt = () =>
    openDeployment(
      { accountsFile: rollout.accountsFile, out: rollout.terraform.out, parallel: 1 },
      rollout.terraform.env,
      zip(),
    );

  it('asks for the build if an account needs what it makes', async () => {
    await expect(openIt()).rejects.toMatchObject({
      message: `There is no ${relative(ROOT, zip())}. Run "make build" first.`,
      exitCode: 2,
    });
  });

  it('needs no build if each account names a zip of its own', async () => {
    const inputs = { function_zip: 'own.zip' };
    rollout.list({ source: { inputs }, payments: { inputs }, web: { inputs } });

    expect((await openIt()).stacks.map(({ name }) => name)).toEqual(['source', 'payments', 'web']);
  });

  it('gives the build to accounts that name none', async () => {
    rollout.terraform.write('built.zip', '');

    expect((await openIt()).stacks).toHaveLength(3);
    expect(rollout.terraform.configurationOf('source')).toMatchObject({
      module: { 'source-account-eu-west-1': { function_zip: '../../../built.zip' } },
    });
    expect(rollout.terraform.configurationOf('web')).toMatchObject({
      module: { 'image-copier-eu-west-1': { function_zip: '../../../built.zip' } },
    });
  });

  it('says so if there is no accounts file', async () => {
    const ended = await rollout.run(['deploy', '--accounts-file', 'nowhere.yaml']);

    expect(ended).toEqual({
      code: 2,
      out: '',
      err:
        'Error: There is no nowhere.yaml. Name your accounts file with --accounts-file; ' +
        'terraform/stacks/README.md tells how to write one.\n',
    });
  });
});
