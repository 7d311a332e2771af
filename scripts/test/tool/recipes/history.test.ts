import { beforeEach, describe, expect, it } from '@jest/globals';
import { GetParameterHistoryCommand, GetParametersByPathCommand } from '@aws-sdk/client-ssm';
import { FakeAws } from '../support/fake-aws.ts';
import { run } from '../support/run.ts';
import { copyId, FakeRecipe, tags, unapprovedTags } from './fake-recipe.ts';

const PAYMENTS = '222222222222';
const WEB = '333333333333';
const HEAD = 'ACCOUNT       REGION     VERSION  IMAGE   SOURCE IMAGE  SET AT                    STATE\n';

let aws: FakeAws;
let payments: FakeRecipe;
let web: FakeRecipe;

beforeEach(() => {
  aws = new FakeAws();
  payments = new FakeRecipe(aws.in(PAYMENTS), PAYMENTS);
  web = new FakeRecipe(aws.in(WEB), WEB);
});

function history(...args: string[]) {
  const accounts = ['--accounts', `${PAYMENTS},${WEB}`, '--role-name', 'operator'];
  return run(['history', 'ubuntu', ...accounts, ...args], { aws });
}

describe('history', () => {
  it('shows in each environment what the parameter pointed to, the newest first', async () => {
    payments.values.push(copyId(1), copyId(2), copyId(3));
    payments.addCopy(2, { State: 'disabled', Tags: tags('announcing') });
    payments.addCopy(3);
    web.values.push(copyId(3));
    web.addCopy(3, { Tags: [] });

    expect(await history()).toEqual({
      code: 0,
      out:
        HEAD +
        `${PAYMENTS}  eu-west-1  3        ami-c3  ami-a3        2026-11-23T00:00:00.000Z  current, available\n` +
        `${PAYMENTS}  eu-west-1  2        ami-c2  ami-a2        2026-11-22T00:00:00.000Z  disabled, not verified\n` +
        `${PAYMENTS}  eu-west-1  1        ami-c1  -             2026-11-21T00:00:00.000Z  gone\n` +
        `${WEB}  eu-west-1  1        ami-c3  ami-a3        2026-11-21T00:00:00.000Z  current, available, not verified\n`,
      err: '',
    });
  });

  it('says of a copy that its source image is not approved', async () => {
    payments.values.push(copyId(1));
    payments.addCopy(1, { Tags: unapprovedTags });

    expect((await history()).out).toContain('current, available, not approved\n');
  });

  it('takes no image for verified whose facts belie its marker', async () => {
    payments.values.push(copyId(1), copyId(2), copyId(3));
    payments.addCopy(1, { SourceInstanceId: 'i-1' });
    payments.addCopy(2, { Tags: [...tags('announced'), { Key: 'CopiedFromAMI', Value: 'ami-a1' }] });
    payments.addCopy(3, { Tags: tags('announced', 'ubuntu', '12') });
    web.values.push(copyId(1));
    web.addCopy(1);

    const { out } = await history('--json');

    const verified = (JSON.parse(out) as { account: string; verified: boolean }[]).map((each) => each.verified);
    expect(verified).toEqual([false, false, false, true]);
  });

  it('prints JSON', async () => {
    payments.values.push(copyId(1), copyId(2));
    payments.addCopy(2);
    web.values.push(copyId(1));
    web.addCopy(1);

    const { code, out, err } = await history('--json');

    expect({ code, err }).toEqual({ code: 0, err: '' });
    const here = { account: PAYMENTS, accountId: PAYMENTS, region: 'eu-west-1' };
    const setBy = 'arn:aws:iam::222222222222:role/settle-copy';
    expect(JSON.parse(out)).toEqual([
      {
        ...here,
        version: 2,
        imageId: copyId(2),
        setAt: '2026-11-22T00:00:00.000Z',
        setBy,
        sourceImageId: 'ami-a2',
        state: 'available',
        verified: true,
      },
      {
        ...here,
        version: 1,
        imageId: copyId(1),
        setAt: '2026-11-21T00:00:00.000Z',
        setBy,
        sourceImageId: null,
        state: 'gone',
        verified: false,
      },
      expect.objectContaining({ account: WEB, imageId: copyId(1) }),
    ]);
  });

  it('shows what a channel pointed to', async () => {
    payments.values.push(copyId(2));
    payments.channels.prod.push(copyId(1));
    payments.addCopy(1);
    web.channels.prod.push(copyId(1));

    const { code, out } = await history('--channel', 'prod', '--json');

    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject([
      { account: PAYMENTS, version: 1, imageId: copyId(1), sourceImageId: 'ami-a1', state: 'available' },
      { account: WEB, version: 1, imageId: copyId(1), state: 'gone' },
    ]);
  });

  it('says where there is no such channel', async () => {
    payments.channels.prod.push(copyId(1));

    const { code, err } = await history('--channel', 'prod');

    expect({ code, err }).toEqual({
      code: 1,
      err: `${WEB}, eu-west-1: There is no parameter /image-copier/ubuntu/channels/prod.\n`,
    });
  });

  it('names the environments without a parameter, and those that cannot be read', async () => {
    aws.in(WEB).ssm.on(GetParameterHistoryCommand).rejects(new Error('no network'));

    expect(await history()).toEqual({
      code: 1,
      out: '',
      err:
        `${PAYMENTS}, eu-west-1: There is no parameter /image-copier/ubuntu.\n` +
        `${WEB}, eu-west-1: Error: no network.\n`,
    });
  });

  it.each([
    ['none, if none is near', ['debian'], ''],
    ['the nearest of those that there are', ['debian', 'ubunto'], ' Did you mean ubunto?'],
    ['no channel, however near', ['ubunt/channels/prod'], ''],
  ])('rejects a recipe that no account has: it names %s', async (_, known, hint) => {
    const Parameters = known.map((recipe) => ({ Name: `/image-copier/${recipe}`, Value: 'ami-c1' }));
    aws.in(PAYMENTS).ssm.on(GetParametersByPathCommand, { Path: '/image-copier' }).resolves({ Parameters });
    // It may be that the user is not allowed to list them.
    aws.in(WEB).ssm.on(GetParametersByPathCommand).rejects(new Error('no'));

    const err = `Error: None of the chosen accounts has a parameter for the recipe ubuntu.${hint}\n`;
    expect(await history('--json')).toEqual({ code: 2, out: '', err });
  });

  it('has an example and the exit codes in its help', async () => {
    const { code, out } = await run(['history', '--help']);

    expect(code).toBe(0);
    expect(out).toContain('\n  image-copier history ubuntu --accounts-file accounts.yaml --only payments\n');
    expect(out).toContain('Exit codes: 0 done, 1 something failed, 2 wrong usage, or stopped by you.');
  });
});
