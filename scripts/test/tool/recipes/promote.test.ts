import { beforeEach, describe, expect, it } from '@jest/globals';
import { DescribeImagesCommand, type Image } from '@aws-sdk/client-ec2';
import { GetParametersByPathCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { writeAccountsFile } from '../support/accounts-file.ts';
import { FakeAws } from '../support/fake-aws.ts';
import { FakeTerminal } from '../support/fake-terminal.ts';
import { run } from '../support/run.ts';
import { bakedAt, copyId, FakeRecipe, sourceId, tags, unapprovedTags } from './fake-recipe.ts';

const PAYMENTS = '222222222222';
const WEB = '333333333333';
const PROD = '/image-copier/ubuntu/channels/prod';
const HEAD = 'ACCOUNT       REGION     PARAMETER                           FROM    TO\n';
const ONE = ['--accounts', PAYMENTS, '--role-name', 'operator'];
const END = { at: '2026-11-29T00:00:00.000Z' };

let aws: FakeAws;
let payments: FakeRecipe;
let web: FakeRecipe;

/** Both accounts have copies of the first two images; prod is of the first in both. */
beforeEach(() => {
  aws = new FakeAws();
  payments = new FakeRecipe(aws.in(PAYMENTS), PAYMENTS);
  web = new FakeRecipe(aws.in(WEB), WEB);
  for (const recipe of [payments, web]) {
    for (const number of [1, 2]) recipe.addCopy(number);
    recipe.channels.prod.push(copyId(1));
  }
});

function promote(args: readonly string[], terminal = new FakeTerminal()) {
  const accounts = ['--accounts', `${PAYMENTS},${WEB}`, '--role-name', 'operator'];
  return run(['promote', 'ubuntu', '--to', 'prod', ...accounts, ...args], { aws, terminal });
}

function moved(from: string, to: string): string {
  return [PAYMENTS, WEB].map((account) => `${account}  eu-west-1  ${PROD}  ${from}  ${to}\n`).join('');
}

/** What prod points to in both accounts. */
const prods = () => [payments, web].map(({ channels }) => channels.prod.at(-1));

function done(words: string, number: number): string {
  return `${words} of ${sourceId(number)}, baked at ${bakedAt(number)}.`;
}

describe('promote', () => {
  it('points the channel to the copies of the newest image that all accounts have, and copies nothing', async () => {
    expect(await promote(['--yes'])).toEqual({
      code: 0,
      out: `${HEAD}${moved('ami-c1', 'ami-c2')}\n${done('Set 2 parameters to copies', 2)}\n`,
      err: '',
    });
    expect(prods()).toEqual([copyId(2), copyId(2)]);
    const [call] = aws.in(WEB).ssm.commandCalls(PutParameterCommand);
    expect(call?.args[0].input).toEqual({
      Name: PROD,
      Value: copyId(2),
      Type: 'String',
      DataType: 'aws:ec2:image',
      Overwrite: true,
    });
  });

  it('makes a channel that is not there yet', async () => {
    web.channels.prod.length = 0;

    const { code, out } = await promote(['--yes']);

    expect(code).toBe(0);
    expect(out).toContain(`${WEB}  eu-west-1  ${PROD}  -       ami-c2\n`);
    expect(prods()).toEqual([copyId(2), copyId(2)]);
  });

  it('waits until SSM has checked the image', async () => {
    web.checks = 2;

    expect(await promote(['--yes'])).toMatchObject({ code: 0 });
    expect(prods()).toEqual([copyId(2), copyId(2)]);
  });

  it('sets nothing where it points there already', async () => {
    web.channels.prod.push(copyId(2));

    const { code, out } = await promote(['--yes']);

    expect({ code, out }).toEqual({
      code: 0,
      out:
        `${HEAD}${PAYMENTS}  eu-west-1  ${PROD}  ami-c1  ami-c2\n\n` +
        `${done('Set 1 parameter to the copy', 2)} 1 pointed there already.\n`,
    });
    expect(aws.in(WEB).ssm.commandCalls(PutParameterCommand)).toEqual([]);
    expect((await promote(['--yes'])).out).toBe(`${done('Set 0 parameters to copies', 2)} 2 pointed there already.\n`);
  });

  it('asks first on a terminal, and sets nothing after a no', async () => {
    const terminal = new FakeTerminal({ columns: 120, answer: false });

    const { code, err } = await promote([], terminal);

    expect(terminal.questions).toEqual(['Set 2 parameters? Type yes:']);
    expect(code).toBe(2);
    expect(err).toMatch(/Error: Nothing was set\.\n$/);
    expect(prods()).toEqual([copyId(1), copyId(1)]);
    expect(await promote([], new FakeTerminal({ columns: 120, answer: true }))).toMatchObject({ code: 0 });
    expect(prods()).toEqual([copyId(2), copyId(2)]);
  });

  it('reads nothing if there is nobody to ask', async () => {
    expect(await promote([])).toEqual({
      code: 2,
      out: '',
      err: 'Error: There is no terminal to ask on. Add --yes to set parameters without being asked.\n',
    });
    expect(aws.in(PAYMENTS).ec2.calls()).toEqual([]);
  });

  it('shows in a dry run what it would set', async () => {
    expect(await promote(['--dry-run'])).toEqual({
      code: 0,
      out: `${HEAD}${moved('ami-c1', 'ami-c2')}\n${done('Would set 2 parameters to copies', 2)}\n`,
      err: '',
    });
    expect(prods()).toEqual([copyId(1), copyId(1)]);
  });

  it.each([
    ['--dry-run', 'planned'],
    ['--yes', 'set'],
  ])('prints with %s as JSON what is %s', async (option, outcome) => {
    web.channels.prod.push(copyId(2));

    const { code, out, err } = await promote([option, '--json']);

    expect({ code, err }).toEqual({ code: 0, err: '' });
    const all = { recipe: 'ubuntu', channel: 'prod', parameter: PROD, sourceImageId: 'ami-a2', bakedAt: bakedAt(2) };
    const here = { region: 'eu-west-1', ...all, to: copyId(2) };
    expect(JSON.parse(out)).toEqual([
      { account: PAYMENTS, accountId: PAYMENTS, ...here, from: copyId(1), outcome },
      { account: WEB, accountId: WEB, ...here, from: copyId(2), outcome: 'unchanged' },
    ]);
  });

  it('goes on in the others where one cannot be set, and another call sets that', async () => {
    aws.in(PAYMENTS).ssm.on(PutParameterCommand).rejectsOnce(new Error('no network'));

    const { code, err } = await promote(['--yes']);

    expect({ code, err }).toEqual({ code: 1, err: `${PAYMENTS}, eu-west-1: Error: no network.\n` });
    expect(prods()).toEqual([copyId(1), copyId(2)]);
  });
});

describe('the image that is promoted', () => {
  it.each([
    ['a source image', sourceId(1)],
    ['a copy in one of the accounts', copyId(1)],
  ])('is %s that is named, also one that is older than what the channel points to', async (_what, image) => {
    for (const { channels } of [payments, web]) channels.prod.push(copyId(2));

    expect(await promote(['--yes', '--image', image])).toMatchObject({ code: 0, err: '' });
    expect(prods()).toEqual([copyId(1), copyId(1)]);
  });

  it('has in each account a copy of its own', async () => {
    web.addCopy(7, { SourceImageId: sourceId(3) });
    payments.addCopy(3);

    expect(await promote(['--yes', '--image', copyId(3)])).toMatchObject({ code: 0 });
    expect(prods()).toEqual([copyId(3), copyId(7)]);
  });

  it('is rejected if no account has a copy of it', async () => {
    expect(await promote(['--yes', '--image', 'ami-0ff'])).toEqual({
      code: 2,
      out: '',
      err: 'Error: None of the chosen accounts has a copy ami-0ff of ubuntu, or one that was made of it.\n',
    });
  });

  it('is by default the newest of which all have a verified copy, and a newer one is told of', async () => {
    for (const number of [3, 4]) payments.addCopy(number);
    web.addCopy(4, { Tags: tags('announcing') });

    const { code, err } = await promote(['--yes']);

    expect({ code, err }).toEqual({
      code: 0,
      err: `${WEB}, eu-west-1: There is no verified copy of ami-a4 here, which is newer than ami-a2.\n`,
    });
    expect(prods()).toEqual([copyId(2), copyId(2)]);
  });

  it('is by default no older one than a channel points to', async () => {
    payments.addCopy(3);
    payments.channels.prod.push(copyId(3));

    const { code, out, err } = await promote(['--yes']);

    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(
      `${PAYMENTS}, eu-west-1: ${PROD} points to ami-c3, which is newer than ami-c2. To go back to that, name ami-a2 with --image.\n`,
    );
    expect(prods()).toEqual([copyId(3), copyId(1)]);
  });

  it('is that of another channel, in all accounts', async () => {
    payments.channels.canary.push(copyId(2));
    for (const recipe of [payments, web]) recipe.addCopy(3);

    expect(await promote(['--yes', '--from', 'canary'])).toMatchObject({ code: 0, err: '' });
    expect(prods()).toEqual([copyId(2), copyId(2)]);
  });

  it('is not to be told where the other channel points to several', async () => {
    payments.channels.canary.push(copyId(2));
    web.channels.canary.push(copyId(1));

    expect(await promote(['--yes', '--from', 'canary'])).toEqual({
      code: 1,
      out: '',
      err:
        `Error: The channel canary points to copies of several images: ami-a2 (${PAYMENTS} in eu-west-1), ` +
        `ami-a1 (${WEB} in eu-west-1). Name one with --image.\n`,
    });
  });

  it('is not to be told where the other channel points to what is no copy', async () => {
    web.channels.canary.push('ami-gone');

    const { code, err } = await promote(['--yes', '--from', 'canary']);

    expect({ code, err }).toEqual({
      code: 1,
      err: `Error: ${WEB}, eu-west-1: The channel canary points to ami-gone, which is no copy of ubuntu. Name an image with --image.\n`,
    });
  });

  it('is rejected where no account has the other channel', async () => {
    const { code, err } = await promote(['--yes', '--from', 'canary']);

    expect({ code, err }).toEqual({
      code: 2,
      err: 'Error: None of the chosen accounts has the channel canary of ubuntu.\n',
    });
  });

  it.each([
    [
      ['--from', 'canary', '--image', 'ami-0a'],
      'The image is named by --image or taken from the channel --from, not both.',
    ],
    [['--from', 'prod'], '--from and --to are the same channel.'],
  ])('is said in one way: %j', async (args, message) => {
    expect(await promote(['--yes', ...args])).toEqual({ code: 2, out: '', err: `Error: ${message}\n` });
  });

  it('is not there where the accounts have no image in common', async () => {
    aws = new FakeAws();
    payments = new FakeRecipe(aws.in(PAYMENTS), PAYMENTS);
    payments.addCopy(1);
    web = new FakeRecipe(aws.in(WEB), WEB);
    web.addCopy(2);

    const { code, err } = await promote(['--yes']);

    expect({ code, err }).toEqual({
      code: 1,
      err:
        'Error: There is no image of ubuntu of which all chosen accounts have a verified copy. Ask for the copies that are ' +
        'missing with backfill, or name an image with --image.\n',
    });
  });

  it('is promoted Region by Region where each Region has images of its own', async () => {
    new FakeRecipe(aws.in(PAYMENTS, 'us-east-1'), PAYMENTS).addCopy(9);
    const accountsFile = writeAccountsFile({
      source: { id: '111111111111' },
      topic: 'amigo-PROD-notify',
      defaults: { regions: ['eu-west-1', 'us-east-1'], roleName: 'operator' },
      accounts: [{ id: PAYMENTS, name: 'payments' }],
    });
    const inFile = ['promote', 'ubuntu', '--to', 'prod', '--yes', '--accounts-file', accountsFile];

    const { code, err } = await run(inFile, { aws });

    expect({ code, err }).toEqual({
      code: 1,
      err:
        'Error: There is no image of ubuntu of which all chosen accounts have a verified copy. Where it is baked in each ' +
        'Region, these are different images: promote them Region by Region, with --region.\n',
    });
    expect(await run([...inFile, '--region', 'eu-west-1'], { aws })).toMatchObject({ code: 0 });
    expect(payments.channels.prod.at(-1)).toBe(copyId(2));
  });

  it('is not there where no account has a verified copy', async () => {
    aws = new FakeAws();
    new FakeRecipe(aws.in(PAYMENTS), PAYMENTS).addCopy(1, { Tags: tags('announcing') });
    new FakeRecipe(aws.in(WEB), WEB);

    const { code, err } = await promote(['--yes']);

    expect({ code, err }).toEqual({
      code: 1,
      err: 'Error: None of the chosen accounts has a verified copy of ubuntu. Ask for copies with request.\n',
    });
  });

  it('is of a recipe that there is', async () => {
    for (const account of [PAYMENTS, WEB]) {
      aws.in(account).ec2.on(DescribeImagesCommand).resolves({ Images: [] });
      aws
        .in(account)
        .ssm.on(GetParametersByPathCommand)
        .resolves({
          Parameters: [{ Name: '/image-copier/ubunto', Value: 'ami-c1' }],
        });
    }

    expect(await promote(['--yes'])).toEqual({
      code: 2,
      out: '',
      err: 'Error: None of the chosen accounts has a parameter for the recipe ubuntu. Did you mean ubunto?\n',
    });
  });

  it('is of no recipe that is named like a channel', async () => {
    const { code, err } = await run(['promote', 'ubuntu/channels/prod', '--to', 'prod', '--yes', ...ONE], { aws });

    expect(code).toBe(2);
    expect(err).toContain('that name is kept for the channel "prod" of the recipe "ubuntu"');
  });

  it('is of no recipe that has no room for a channel', async () => {
    const { code, err } = await run(['promote', Array(13).fill('x').join('/'), '--to', 'prod', '--yes', ...ONE], {
      aws,
    });

    expect(code).toBe(1);
    expect(err).toContain(
      'has so many levels that Parameter Store, which takes 15, has no room for a channel below it.',
    );
  });
});

describe('an account that cannot follow', () => {
  const NOTHING = 'Nothing was set: 1 of 2 accounts and Regions cannot follow. Add --partial to set the others.\n';
  const KEY = `arn:aws:kms:eu-west-1:${WEB}:key/`;

  it.each<[string, Partial<Image> | undefined, string]>([
    ['has no copy', undefined, 'There is no copy of ami-a3 that belongs to ubuntu.'],
    [
      'has a copy of another recipe',
      { Tags: tags('announced', 'debian') },
      'There is no copy of ami-a3 that belongs to ubuntu.',
    ],
    ['has one that is being made', { State: 'pending' }, 'The copy ami-c3 of ami-a3 is pending, not available.'],
    [
      'has one that is not announced',
      { Tags: tags('announcing') },
      'The copy ami-c3 of ami-a3 is no verified copy of image-copier.',
    ],
    [
      'has one that waits for approval',
      { Tags: unapprovedTags },
      'The copy ami-c3 of ami-a3 waits for the approval of its source image ami-a3; status says what that needs.',
    ],
    [
      'has one under another key',
      { BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-x' } }] },
      `The copy ami-c3 of ami-a3 is not verified: snap-x is encrypted under ${KEY}12, not under ${KEY}1.`,
    ],
    ['has one that is disabled', { State: 'disabled' }, 'The copy ami-c3 of ami-a3 is disabled, not available.'],
    [
      'has one that is retired',
      { State: 'disabled', Tags: tags('announced', 'ubuntu', undefined, { state: 'retired', ...END }) },
      'The copy ami-c3 of ami-a3 is retired. The command restore brings it back, as long as it is in quarantine.',
    ],
    [
      'has one that is revoked',
      { State: 'disabled', Tags: tags('announced', 'ubuntu', undefined, { state: 'revoked', ...END }) },
      'The copy ami-c3 of ami-a3 is revoked: its source image is bad.',
    ],
    [
      "has somebody else's",
      { Tags: [...tags('announced').slice(0, 1), { Key: 'CopiedFromAMI', Value: 'ami-a3' }] },
      'The copy ami-c3 of ami-a3 is no verified copy of image-copier.',
    ],
  ])('%s: it is named, and nothing is set anywhere', async (_what, copy, reason) => {
    payments.addCopy(3);
    if (copy) web.addCopy(3, copy);
    web.foreignSnapshots.add('snap-x');

    const { code, err } = await promote(['--yes', '--image', sourceId(3)]);

    expect({ code, err }).toEqual({ code: 1, err: `${WEB}, eu-west-1: ${reason}\n${NOTHING}` });
    expect(prods()).toEqual([copyId(1), copyId(1)]);
  });

  it('is left out if that is wanted, and named all the same', async () => {
    payments.addCopy(3);

    expect(await promote(['--yes', '--image', sourceId(3), '--partial'])).toEqual({
      code: 1,
      out: `${HEAD}${PAYMENTS}  eu-west-1  ${PROD}  ami-c1  ami-c3\n\n${done('Set 1 parameter to the copy', 3)}\n`,
      err: `${WEB}, eu-west-1: There is no copy of ami-a3 that belongs to ubuntu.\n`,
    });
    expect(prods()).toEqual([copyId(3), copyId(1)]);
  });

  it('has no say in which image is the newest, if it has no copy at all', async () => {
    aws.in(WEB).ec2.on(DescribeImagesCommand).resolves({ Images: [] });

    const { code, err } = await promote(['--yes']);

    expect({ code, err }).toEqual({
      code: 1,
      err: `${WEB}, eu-west-1: There is no copy of ami-a2 that belongs to ubuntu.\n${NOTHING}`,
    });
  });

  it('is told of in a dry run, and prints no JSON of what will not be', async () => {
    payments.addCopy(3);

    const { code, out, err } = await promote(['--dry-run', '--image', sourceId(3), '--json']);

    expect({ code, out }).toEqual({ code: 1, out: '[]\n' });
    expect(err).toContain('Nothing would be set: 1 of 2 accounts and Regions cannot follow.');
  });

  it('cannot be read: nothing is set, but in the others if that is wanted', async () => {
    aws.in(WEB).ec2.on(DescribeImagesCommand).rejects(new Error('no network'));

    const { code, err } = await promote(['--yes']);

    expect({ code, err }).toEqual({ code: 1, err: `${WEB}, eu-west-1: Error: no network.\n${NOTHING}` });
    expect(prods()).toEqual([copyId(1), copyId(1)]);
    expect(await promote(['--yes', '--partial'])).toMatchObject({ code: 1 });
    expect(prods()).toEqual([copyId(2), copyId(1)]);
  });

  it('is not read when nobody can be', async () => {
    for (const account of [PAYMENTS, WEB]) {
      aws.in(account).ec2.on(DescribeImagesCommand).rejects(new Error('no way in'));
    }

    const { code, err } = await promote(['--yes']);

    expect({ code, err }).toEqual({
      code: 1,
      err: `${PAYMENTS}, eu-west-1; ${WEB}, eu-west-1: Error: no way in.\n`,
    });
  });

  it('gets a command that asks for its copy', async () => {
    payments.addCopy(3);
    const accountsFile = writeAccountsFile({
      source: { id: '111111111111' },
      topic: 'amigo-PROD-notify',
      defaults: { regions: ['eu-west-1'], roleName: 'operator' },
      accounts: [
        { id: PAYMENTS, name: 'payments' },
        { id: WEB, name: 'web' },
      ],
    });
    const args = ['promote', 'ubuntu', '--to', 'prod', '--image', sourceId(3), '--dry-run'];

    const { err } = await run([...args, '--accounts-file', accountsFile], { aws, program: './copier' });

    expect(err).toContain(
      `To ask for the copies that are missing: ./copier request ami-a3 --accounts-file ${accountsFile} --only web --share --wait\n`,
    );
  });
});
