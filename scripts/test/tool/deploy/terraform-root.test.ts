import { mkdirSync, readFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TerraformRoot, type TerraformRootOptions } from '../../../tool/deploy/terraform-root.ts';
import { FakeTerraform } from './fake-terraform.ts';

let terraform: FakeTerraform;
let directory: string;
let workDirectory: string;

beforeEach(() => {
  terraform = new FakeTerraform();
  directory = join(terraform.folder, 'stacks', 'payments');
  workDirectory = join(terraform.folder, 'work');
  for (const folder of [directory, join(terraform.folder, 'states')]) mkdirSync(folder, { recursive: true });
});

afterEach(() => {
  terraform.remove();
});

const root = (options: Partial<TerraformRootOptions> = {}) =>
  new TerraformRoot({ directory, workDirectory, env: terraform.env, ...options });

describe('TerraformRoot', () => {
  it('keeps its own files apart from the folder that Terraform runs in, also if they are named from here', () => {
    const { dataDirectory } = root({ workDirectory: relative(process.cwd(), workDirectory) });

    expect(isAbsolute(dataDirectory)).toBe(true);
    expect(dataDirectory).toBe(join(workDirectory, 'data'));
  });

  it('tells what a command changed, and how far it is as it goes on', async () => {
    const progress: [number, number][] = [];

    const changes = await root().apply((done, planned) => progress.push([done, planned]));

    expect(changes).toEqual({ added: 2, changed: 1, destroyed: 0 });
    expect(progress).toEqual([
      [0, 3],
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  it('tells what a plan would change', async () => {
    expect(await root().plan()).toEqual({
      ...{ added: 2, changed: 1, destroyed: 0 },
      resources: [
        { address: 'module.image-copier-eu-west-1.aws_sqs_queue.requests', action: 'create' },
        { address: 'module.image-copier-eu-west-1.aws_kms_key.copies[0]', action: 'replace' },
      ],
    });
  });

  it('finds the newest provider where it has variables, whatever an earlier run has locked', async () => {
    await root().init();
    await root({ variables: { name: 'golden' } }).init();

    expect(terraform.args).toEqual(['', '-upgrade']);
  });

  it('tells what was destroyed', async () => {
    expect(await root().destroy()).toEqual({ added: 0, changed: 0, destroyed: 2 });
  });

  it('gives the values of the outputs by their names', async () => {
    terraform.putOut('payments', { copiers: { 'eu-west-1': { name: 'image-copier' } }, count: 1 });

    expect(await root().outputs()).toEqual({ copiers: { 'eu-west-1': { name: 'image-copier' } }, count: 1 });
  });

  it('has values of variables and the state in its own folder, if it is given values', async () => {
    await root({ variables: { account_id: '222222222222' } }).apply();

    const values = JSON.parse(readFileSync(join(workDirectory, 'variables.tfvars.json'), 'utf8')) as unknown;
    expect(values).toEqual({ account_id: '222222222222' });
    expect(terraform.args).toEqual([
      `-auto-approve -state=${join(workDirectory, 'terraform.tfstate')} -var-file=${join(workDirectory, 'variables.tfvars.json')}`,
    ]);
  });

  it('names its process as long as a command runs', async () => {
    const whileItApplies = terraform.hold('apply payments');
    const own = root();
    const pids: (number | undefined)[] = [own.pid];

    const running = own.apply();
    await whileItApplies(() => pids.push(own.pid));
    await running;
    pids.push(own.pid);

    expect(pids).toEqual([undefined, expect.any(Number), undefined]);
  });

  it('asks a running command to stop', async () => {
    const whileItApplies = terraform.hold('apply payments');
    const own = root();

    const failed = expect(own.apply()).rejects.toMatchObject({
      name: 'CommandError',
      message: expect.stringMatching(/^terraform apply failed \(exit code 1\)\. [^]*\nInterrupt received\.$/),
    });
    await whileItApplies(() => {
      own.interrupt();
    });

    await failed;
  });
});
