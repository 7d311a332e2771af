import { beforeEach, describe, expect, it } from '@jest/globals';
import { GetParametersByPathCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import type { Image } from '@aws-sdk/client-ec2';
import { FakeAws } from '../support/fake-aws.ts';
import { FakeTerminal } from '../support/fake-terminal.ts';
import { run } from '../support/run.ts';
import { copyId, FakeRecipe, sourceId, tags, unapprovedTags } from './fake-recipe.ts';

const PAYMENTS = '222222222222';
const WEB = '333333333333';
const HEAD = 'ACCOUNT       REGION     PARAMETER             FROM    TO\n';
const LINE_OF_PAYMENTS = `${PAYMENTS}  eu-west-1  /image-copier/ubuntu  ami-c3  ami-c2\n`;
const LINE_OF_WEB = `${WEB}  eu-west-1  /image-copier/ubuntu  ami-c2  ami-c1\n`;

let aws: FakeAws;
let payments: FakeRecipe;
let web: FakeRecipe;

beforeEach(() => {
  aws = new FakeAws();
  payments = new FakeRecipe(aws.in(PAYMENTS), PAYMENTS);
  payments.values.push(copyId(1), copyId(2), copyId(3));
  web = new FakeRecipe(aws.in(WEB), WEB);
  web.values.push(copyId(1), copyId(2));
  for (const recipe of [payments, web]) for (const number of [1, 2, 3]) recipe.addCopy(number);
});

function rollback(args: readonly string[], terminal = new FakeTerminal()) {
  const accounts = ['--accounts', `${PAYMENTS},${WEB}`, '--role-name', 'operator'];
  return run(['rollback', 'ubuntu', ...accounts, ...args], { aws, terminal });
}

/** Rolls back in one account alone. */
function rollbackOne(...args: string[]) {
  const account = ['--accounts', PAYMENTS, '--role-name', 'operator'];
  return run(['rollback', 'ubuntu', ...account, '--yes', ...args], { aws });
}

describe('rollback', () => {
  it('points the parameter to the verified copy before, in each environment', async () => {
    expect(await rollback(['--yes'])).toEqual({
      code: 0,
      out: `${HEAD}${LINE_OF_PAYMENTS}${LINE_OF_WEB}\nSet 2 parameters. A newer image moves them on.\n`,
      err: '',
    });
    expect([payments.values.at(-1), web.values.at(-1)]).toEqual([copyId(2), copyId(1)]);
    expect(
      aws
        .in(PAYMENTS)
        .ssm.commandCalls(PutParameterCommand)
        .map(({ args }) => args[0].input),
    ).toEqual([
      {
        Name: '/image-copier/ubuntu',
        Value: copyId(2),
        Type: 'String',
        DataType: 'aws:ec2:image',
        Overwrite: true,
      },
    ]);
  });

  it('asks first on a terminal', async () => {
    const terminal = new FakeTerminal({ columns: 120, answer: true });

    expect(await rollback([], terminal)).toMatchObject({ code: 0 });
    expect(terminal.questions).toEqual(['Set 2 parameters? Type yes:']);
    expect(payments.values.at(-1)).toBe(copyId(2));
  });

  it('sets nothing after a no', async () => {
    const { code, out, err } = await rollback([], new FakeTerminal({ columns: 120, answer: false }));

    expect({ code, out }).toEqual({ code: 2, out: `${HEAD}${LINE_OF_PAYMENTS}${LINE_OF_WEB}\n` });
    expect(err).toMatch(/Error: Nothing was set\.\n$/);
    expect(payments.values.at(-1)).toBe(copyId(3));
  });

  it('reads nothing if there is nobody to ask', async () => {
    expect(await rollback([])).toEqual({
      code: 2,
      out: '',
      err: 'Error: There is no terminal to ask on. Add --yes to set parameters without being asked.\n',
    });
    expect(aws.in(PAYMENTS).ssm.calls()).toEqual([]);
  });

  it('shows in a dry run what it would set', async () => {
    expect(await rollback(['--dry-run'])).toEqual({
      code: 0,
      out: `${HEAD}${LINE_OF_PAYMENTS}${LINE_OF_WEB}\nWould set 2 parameters.\n`,
      err: '',
    });
    expect([payments.values.at(-1), web.values.at(-1)]).toEqual([copyId(3), copyId(2)]);
  });

  it.each([
    ['--dry-run', 'planned'],
    ['--yes', 'set'],
  ])('prints with %s as JSON what is %s', async (option, outcome) => {
    const { code, out, err } = await rollback([option, '--json']);

    expect({ code, err }).toEqual({ code: 0, err: '' });
    const parameter = '/image-copier/ubuntu';
    expect(JSON.parse(out)).toEqual([
      { account: PAYMENTS, accountId: PAYMENTS, region: 'eu-west-1', parameter, from: 'ami-c3', to: 'ami-c2', outcome },
      { account: WEB, accountId: WEB, region: 'eu-west-1', parameter, from: 'ami-c2', to: 'ami-c1', outcome },
    ]);
  });

  it('goes on in the others where one has no parameter', async () => {
    payments.values.length = 0;

    expect(await rollback(['--yes'])).toEqual({
      code: 1,
      out: `${HEAD}${LINE_OF_WEB}\nSet 1 parameter. A newer image moves it on.\n`,
      err: `${PAYMENTS}, eu-west-1: There is no parameter /image-copier/ubuntu.\n`,
    });
  });

  it('rejects a recipe that no account has, with the nearest one', async () => {
    for (const recipe of [payments, web]) recipe.values.length = 0;
    const Parameters = [{ Name: '/image-copier/ubunto', Value: 'ami-c1' }];
    aws.in(WEB).ssm.on(GetParametersByPathCommand).resolves({ Parameters });

    expect(await rollback(['--yes'])).toEqual({
      code: 2,
      out: '',
      err: 'Error: None of the chosen accounts has a parameter for the recipe ubuntu. Did you mean ubunto?\n',
    });
  });

  it('rejects an image that no account has', async () => {
    expect(await rollback(['--yes', '--to', 'ami-0ff'])).toEqual({
      code: 2,
      out: '',
      err: 'Error: None of the chosen accounts has the image ami-0ff, or a copy of it.\n',
    });
  });

  it('goes on in the others where one cannot be set', async () => {
    aws.in(PAYMENTS).ssm.on(PutParameterCommand).rejects(new Error('no network'));

    expect(await rollback(['--yes'])).toEqual({
      code: 1,
      out: `${HEAD}${LINE_OF_PAYMENTS}${LINE_OF_WEB}\nSet 1 parameter. A newer image moves it on.\n`,
      err: `${PAYMENTS}, eu-west-1: Error: no network.\n`,
    });
    expect(web.values.at(-1)).toBe(copyId(1));
  });

  it.each([
    ['a copy', copyId(1)],
    ['the source of a copy', sourceId(1)],
  ])('takes %s', async (_, to) => {
    expect(await rollbackOne('--to', to)).toMatchObject({ code: 0 });
    expect(payments.values.at(-1)).toBe(copyId(1));
  });

  it('takes the marked copy of a source before others of it', async () => {
    payments.addCopy(8, { SourceImageId: sourceId(9), Tags: [{ Key: 'CopiedFromAMI', Value: sourceId(9) }] });
    payments.addCopy(9);

    expect(await rollbackOne('--to', sourceId(9))).toMatchObject({ code: 0 });
    expect(payments.values.at(-1)).toBe(copyId(9));
  });

  it('passes over copies that are not available, not verified or not approved, and the current one', async () => {
    payments.values.splice(0, Infinity, ...[1, 3, 4, 5, 6, 3].map(copyId));
    payments.addCopy(4, { State: 'disabled' });
    payments.addCopy(5, { Tags: tags('announcing') });
    payments.addCopy(6, { Tags: unapprovedTags });

    expect(await rollbackOne()).toMatchObject({ code: 0 });
    expect(payments.values.at(-1)).toBe(copyId(1));
  });

  it('takes a copy under the key that it was ordered under', async () => {
    payments.foreignSnapshots.add('snap-4');
    payments.addCopy(4, { Tags: tags('announced', 'ubuntu', '12') });

    expect(await rollbackOne('--to', copyId(4))).toMatchObject({ code: 0 });
    expect(payments.values.at(-1)).toBe(copyId(4));
  });

  const KEY = `arn:aws:kms:eu-west-1:${PAYMENTS}:key/`;
  const KEPT = 'The parameter is left as it is.';

  it.each<[string, string, Partial<Image> | undefined, string]>([
    ['is the current one', copyId(3), undefined, '/image-copier/ubuntu points to ami-c3 already.'],
    ['is disabled', copyId(4), { State: 'disabled' }, `ami-c4 is disabled, not available. ${KEPT}`],
    [
      'is of another recipe',
      copyId(4),
      { Tags: tags('announced', 'debian') },
      `ami-c4 belongs to debian, not to ubuntu. ${KEPT}`,
    ],
    ['has no recipe', copyId(4), { Tags: [] }, `ami-c4 belongs to no recipe, not to ubuntu. ${KEPT}`],
    [
      'is not announced',
      copyId(4),
      { Tags: tags('announcing') },
      `ami-c4 is no verified copy of image-copier. ${KEPT}`,
    ],
    [
      'waits for approval',
      copyId(4),
      { Tags: unapprovedTags },
      `ami-c4 waits for the approval of its source image ami-a4; status says what that needs. ${KEPT}`,
    ],
    [
      'is no copy',
      copyId(4),
      { Tags: [{ Key: 'Recipe', Value: 'ubuntu' }] },
      `ami-c4 is no copy of image-copier. It has no tag CopiedFromAMI. ${KEPT}`,
    ],
    [
      'was made of an instance of a copy',
      copyId(4),
      { SourceInstanceId: 'i-1' },
      `ami-c4 is no copy of image-copier. It was made of the instance i-1. ${KEPT}`,
    ],
    [
      'is a copy of a copy, with its tags',
      copyId(4),
      { Tags: [...tags('announced'), { Key: 'CopiedFromAMI', Value: 'ami-a1' }] },
      'ami-c4 is no copy of image-copier. EC2 says that it was copied from ami-a4, its tag CopiedFromAMI names ami-a1. ' +
        KEPT,
    ],
    [
      "is somebody else's copy",
      copyId(4),
      { Tags: [...tags('announced').slice(0, 1), { Key: 'CopiedFromAMI', Value: 'ami-a4' }] },
      `ami-c4 is no verified copy of image-copier. ${KEPT}`,
    ],
    [
      'has no snapshots',
      copyId(4),
      { BlockDeviceMappings: undefined },
      `ami-c4 is not verified: EC2 shows no snapshot of it. ${KEPT}`,
    ],
    [
      'has a snapshot under another key',
      copyId(4),
      { BlockDeviceMappings: [{ Ebs: { SnapshotId: 'snap-1' } }, { Ebs: { SnapshotId: 'snap-x' } }] },
      `ami-c4 is not verified: snap-x is encrypted under ${KEY}12, not under ${KEY}1. ${KEPT}`,
    ],
  ])('sets no image that %s', async (_, to, copy, problem) => {
    if (copy) payments.addCopy(4, copy);
    payments.foreignSnapshots.add('snap-x');

    expect(await rollbackOne('--to', to)).toEqual({ code: 1, out: '', err: `${PAYMENTS}, eu-west-1: ${problem}\n` });
    expect(payments.values).toEqual([copyId(1), copyId(2), copyId(3)]);
  });

  it.each([
    ['retired', 'is retired. The command restore brings it back, as long as it is in quarantine.'],
    ['revoked', 'is revoked: its source image is bad.'],
  ] as const)('offers no copy that is %s, even one that somebody has enabled', async (state, why) => {
    const end = { state, at: '2026-11-29T00:00:00.000Z' };
    payments.addCopy(4, { Tags: tags('announced', 'ubuntu', undefined, end) });
    payments.values.splice(2, 0, copyId(4));

    expect(await rollbackOne()).toMatchObject({ code: 0 });
    expect(payments.values.at(-1)).toBe(copyId(2));
    const { code, err } = await rollbackOne('--to', copyId(4));
    expect({ code, err }).toEqual({
      code: 1,
      err: `${PAYMENTS}, eu-west-1: ami-c4 ${why} ${KEPT}\n`,
    });
  });

  it('says so if there was no other verified copy', async () => {
    payments.values.splice(0, 2);

    expect(await rollbackOne()).toEqual({
      code: 1,
      out: '',
      err: `${PAYMENTS}, eu-west-1: It pointed to no other verified copy that is still available. Name one with --to.\n`,
    });
  });

  it('rejects what is no image id', async () => {
    const { code, err } = await rollbackOne('--to', 'ubuntu');

    expect(code).toBe(2);
    expect(err).toContain('It must be an image id, such as ami-0123456789abcdef0.');
  });
});

describe('rollback of a channel', () => {
  const PROD = '/image-copier/ubuntu/channels/prod';
  const rollbackProd = (...args: string[]) => rollbackOne('--channel', 'prod', ...args);

  beforeEach(() => {
    payments.channels.prod.push(copyId(1), copyId(2));
  });

  it('sets the channel alone, to what it pointed to before', async () => {
    expect(await rollbackProd()).toEqual({
      code: 0,
      out:
        'ACCOUNT       REGION     PARAMETER                           FROM    TO\n' +
        `${PAYMENTS}  eu-west-1  ${PROD}  ami-c2  ami-c1\n\nSet 1 parameter. The next promotion moves it on.\n`,
      err: '',
    });
    expect(payments.channels.prod.at(-1)).toBe(copyId(1));
    expect(payments.values.at(-1)).toBe(copyId(3));
  });

  it('goes back further with each call, and not to and fro', async () => {
    payments.channels.prod.push(copyId(3));

    expect(await rollbackProd()).toMatchObject({ code: 0 });
    expect(await rollbackProd()).toMatchObject({ code: 0 });
    expect(payments.channels.prod.slice(3)).toEqual([copyId(2), copyId(1)]);
    const { code, err } = await rollbackProd();
    expect({ code, err }).toEqual({
      code: 1,
      err: `${PAYMENTS}, eu-west-1: It pointed to no other verified copy that is still available. Name one with --to.\n`,
    });
  });

  it.each([
    ['an older copy, though it was never promoted', () => payments.channels.prod.shift(), copyId(1)],
    ['a newer one that was promoted before', () => payments.channels.prod.push(copyId(3), copyId(1)), copyId(3)],
    [
      'one that was promoted, where what it points to is gone',
      () => payments.channels.prod.push('ami-gone'),
      copyId(2),
    ],
  ])('takes %s', async (_what, change, to) => {
    change();

    expect(await rollbackProd('--to', to)).toMatchObject({ code: 0 });
    expect(payments.channels.prod.at(-1)).toBe(to);
  });

  it.each([
    ['where it points to an older one', copyId(2)],
    ['where nobody knows how old that is', 'ami-gone'],
  ])('takes no copy that is ahead of what was promoted, %s', async (_where, current) => {
    payments.channels.prod.push(current);

    const { code, err } = await rollbackProd('--to', copyId(3));

    expect({ code, err }).toEqual({
      code: 1,
      err: `${PAYMENTS}, eu-west-1: ami-c3 was never promoted to ${PROD}, and is not older than ${current}. Promote it.\n`,
    });
    expect(payments.channels.prod.at(-1)).toBe(current);
  });

  it('rejects a channel that no account has, with the nearest one', async () => {
    payments.channels.prod.length = 0;
    const Parameters = ['ubuntu', 'centos/channels/prod', 'ubuntu/channels/prd'].map((name) => ({
      Name: `/image-copier/${name}`,
      Value: copyId(1),
    }));
    aws.in(PAYMENTS).ssm.on(GetParametersByPathCommand).resolves({ Parameters });

    expect(await rollbackProd()).toEqual({
      code: 2,
      out: '',
      err: 'Error: None of the chosen accounts has the channel prod of ubuntu. Did you mean prd?\n',
    });
  });

  it('wants the channel beside its recipe', async () => {
    const { code, err } = await run(
      ['rollback', 'ubuntu/channels/prod', '--yes', '--accounts', PAYMENTS, '--role-name', 'o'],
      { aws },
    );

    expect({ code, err }).toEqual({
      code: 2,
      err:
        'Error: The value of the tag Recipe, "ubuntu/channels/prod", gives no parameter of its own: that name is kept for the ' +
        'channel "prod" of the recipe "ubuntu". To name a channel, give its recipe, and the channel with --channel.\n',
    });
  });

  it.each(['', 'my prod', 'prod/eu', '..', 'x'.repeat(65)])('rejects "%s" as the name of a channel', async (name) => {
    const { code, err } = await run(['rollback', 'ubuntu', '--channel', name, '--yes'], { aws });

    expect(code).toBe(2);
    expect(err).toContain('It must be 1 to 64 letters, digits, dots, hyphens and underscores, such as prod.');
  });
});
