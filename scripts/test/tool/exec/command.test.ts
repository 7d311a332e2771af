import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { FakeAws } from '../support/fake-aws.ts';
import { writeAccountsFile } from '../support/accounts-file.ts';
import { run } from '../support/run.ts';

const accountsFile = writeAccountsFile({
  ...{ source: { id: '111111111111' }, topic: 'amigo-notify' },
  defaults: { regions: ['eu-west-1'], roleName: 'operator' },
  accounts: [
    { id: '222222222222', name: 'payments' },
    { id: '333333333333', name: 'web', regions: ['eu-west-1', 'us-east-1'] },
  ],
});
const FILE = ['--accounts-file', accountsFile];
const ENV = {
  PATH: process.env['PATH'],
  HOME: '/home/somebody',
  AWS_PROFILE: 'other',
  AWS_DEFAULT_PROFILE: 'other',
  AWS_SESSION_TOKEN: 'of other credentials',
};
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'exec-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Runs a program that writes its variables down, and says which of AWS it had. */
async function variables(options: readonly string[], aws = new FakeAws()) {
  const file = join(folder, 'variables.json');
  const script = 'fs.writeFileSync(process.argv[1], JSON.stringify(process.env))';
  const ended = await run(['exec', ...options, '--', process.execPath, '-e', script, file], { aws, env: ENV });
  expect(ended).toEqual({ code: 0, out: '', err: '' });
  const all = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  expect(all['HOME']).toBe('/home/somebody');
  return Object.fromEntries(Object.entries(all).filter(([name]) => name.startsWith('AWS_')));
}

const of = (account: string, region: string) => ({
  ...{ AWS_ACCESS_KEY_ID: account, AWS_SECRET_ACCESS_KEY: 'secret' },
  ...{ AWS_REGION: region, AWS_DEFAULT_REGION: region },
});

describe('exec', () => {
  it.each([
    ['an account of the file', [...FILE, '--only', 'payments'], of('222222222222', 'eu-west-1')],
    [
      'an account in one of its Regions',
      [...FILE, '--only', 'web', '--region', 'us-east-1'],
      of('333333333333', 'us-east-1'),
    ],
    [
      'the source account, in any Region',
      [...FILE, '--only', 'source', '--region', 'us-west-2'],
      of('111111111111', 'us-west-2'),
    ],
    [
      'an account by its id',
      ['--accounts', '222222222222', '--role-name', 'operator'],
      of('222222222222', 'eu-west-1'),
    ],
  ])('gives a program the credentials of %s, and no others', async (_, options, expected) => {
    expect(await variables(options)).toEqual(expected);
  });

  it('gives it those of a role with a token', async () => {
    const aws = new FakeAws();
    aws.in('222222222222').sts.on(GetCallerIdentityCommand).resolves({ Account: '222222222222' });
    aws.sessionToken = 'token';

    expect(await variables(['--role-arn', 'arn:aws:iam::222222222222:role/operator'], aws)).toEqual({
      ...of('222222222222', 'eu-west-1'),
      AWS_SESSION_TOKEN: 'token',
    });
  });

  it.each([
    ['exit 0', 0],
    ['exit 7', 7],
    ['exit 255', 255],
    ['kill -TERM $$', 143],
  ])('ends as the program does: %s', async (script, code) => {
    const args = ['exec', ...FILE, '--only', 'payments', '--', 'sh', '-c', script];
    expect(await run(args, { env: ENV })).toEqual({ code, out: '', err: '' });
  });

  it('leaves the options of the program to it', async () => {
    const args = ['exec', ...FILE, '--only', 'payments', '--', 'sh', '-c', 'test "$*" = "--only x -- --help"'];
    expect(await run([...args, 'sh', '--only', 'x', '--', '--help'], { env: ENV })).toMatchObject({ code: 0 });
  });

  it.each([
    [[...FILE], /^Error: This is for one account, and chosen are source, payments, web\. Choose one with --only\.\n$/],
    [[...FILE, '--only', 'payments,web'], /chosen are payments, web\. Choose one with --only\.\n$/],
    [[...FILE, '--only', 'web'], /^Error: web is in eu-west-1, us-east-1\. Choose one of them with --region\.\n$/],
    [[...FILE, '--only', 'payment'], /^Error: There is no account payment\. Did you mean payments\?\n$/],
    [['--accounts', '222222222222,333333333333', '--role-name', 'operator'], /Choose one with --accounts\.\n$/],
    [['--only', 'payments'], /^Error: --only chooses from an --accounts-file\.\n$/],
    [[...FILE, '--accounts', '222222222222'], /not by both\.\n$/],
  ])('ends with exit code 2 where it is not one account: %j', async (options, err) => {
    expect(await run(['exec', ...options, '--', 'true'])).toEqual({
      code: 2,
      out: '',
      err: expect.stringMatching(err),
    });
  });

  it('needs a program that can be run', async () => {
    const options = [...FILE, '--only', 'payments'];

    expect(await run(['exec', ...options])).toMatchObject({ code: 2, err: expect.stringContaining("'program'") });
    expect(await run(['exec', ...options, '--', join(folder, 'none')], { env: ENV })).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^Error: .*none cannot be run \(Error: spawn .* ENOENT\)\.\n$/),
    });
  });

  it('runs nothing without credentials', async () => {
    const aws = new FakeAws();
    aws.close('222222222222', Object.assign(new Error('You may not.'), { name: 'AccessDenied' }));

    const args = ['exec', ...FILE, '--only', 'payments', '--', 'touch', join(folder, 'ran')];
    expect(await run(args, { aws, env: ENV })).toMatchObject({
      code: 1,
      err: expect.stringContaining('Access denied'),
    });
    expect(() => readFileSync(join(folder, 'ran'))).toThrow();
  });
});
