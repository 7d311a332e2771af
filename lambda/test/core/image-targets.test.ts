import { describe, expect, it } from '@jest/globals';
import { listTargets, namesLabel, whoIsMeant, type Target } from '../../src/core/image-targets.ts';

const CANARY = '222222222222';
const WEB = '333333333333';
const OTHER = '044444444444';
const targets: readonly Target[] = [
  { account: CANARY, regions: ['eu-west-1'], labels: { wave: 'canary' } },
  { account: WEB, regions: ['eu-west-1', 'us-east-1'], labels: { wave: 'all', team: 'web' } },
  { account: OTHER, regions: ['us-east-1'], labels: {} },
];

const meantBy = (value: string) => {
  const { targets: meant, problems } = whoIsMeant(value, { targets });
  return { accounts: meant.map(({ account }) => account), problems };
};

describe('whoIsMeant', () => {
  it.each<[value: string, accounts: readonly string[]]>([
    ['*', [CANARY, WEB, OTHER]],
    [CANARY, [CANARY]],
    ['wave=canary', [CANARY]],
    ['wave=canary,team=web', [CANARY, WEB]],
    [`wave=canary ${OTHER}`, [CANARY, OTHER]],
    [` ${OTHER} ,\t* `, [CANARY, WEB, OTHER]],
    [`${WEB},team=web`, [WEB]],
  ])('reads %j', (value, accounts) => {
    expect(meantBy(value)).toEqual({ accounts, problems: [] });
  });

  it.each<[value: string, problem: string]>([
    ['', 'It is empty, so it names nobody.'],
    [' ,', 'It is empty, so it names nobody.'],
    ['999999999999', '999999999999 is no target account.'],
    ['wave=canry', 'No target account has the label "wave=canry".'],
    // Neither a label nor its value is taken from what every object has.
    ['constructor=Object', 'No target account has the label "constructor=Object".'],
    ['everybody', '"everybody" is no account id of 12 digits, no label such as wave=canary, and not "*".'],
    ['44444444444', '"44444444444" is no account id of 12 digits, no label such as wave=canary, and not "*".'],
    ['wave=', '"wave=" is no account id of 12 digits, no label such as wave=canary, and not "*".'],
  ])('names nobody by %j, and says why', (value, problem) => {
    expect(meantBy(value)).toEqual({ accounts: [], problems: [problem] });
  });

  it('holds up no account because of another entry', () => {
    expect(meantBy(`${CANARY},wave=canry`)).toEqual({
      accounts: [CANARY],
      problems: ['No target account has the label "wave=canry".'],
    });
  });

  it('says so where no account is known at all', () => {
    expect(whoIsMeant('*', { targets: [] })).toEqual({
      targets: [],
      problems: ['No target account is known to the publisher.'],
    });
  });

  it.each<[value: string, accounts: readonly string[], problems: readonly string[]]>([
    ['*', [CANARY, WEB, OTHER], []],
    ['999999999999 wave=canary', [CANARY], []],
    ['wave=beta', [], []],
    ['everybody', [], ['"everybody" is no account id of 12 digits, no label such as wave=canary, and not "*".']],
    ['', [], ['It is empty, so it names nobody.']],
  ])('tells of %j only what no account that is missing could mend', (value, accounts, problems) => {
    const meant = whoIsMeant(value, { targets, missing: new Error('no answer') });

    expect({ ...meant, targets: meant.targets.map(({ account }) => account) }).toEqual({ targets: accounts, problems });
  });

  it('says nothing of a tag while no account is known because they are missing', () => {
    expect(whoIsMeant('*', { targets: [], missing: new Error('no answer') })).toEqual({ targets: [], problems: [] });
  });
});

describe('listTargets', () => {
  const named = { list: () => Promise.resolve([...targets]) };

  it('adds the accounts of the organization, and of those that both have their labels', async () => {
    const NEW = '555555555555';
    const organization = {
      list: () =>
        Promise.resolve([
          { account: CANARY, regions: ['us-west-2'], labels: { wave: 'all', stage: 'beta' } },
          { account: NEW, regions: ['us-west-2'], labels: {} },
        ]),
    };

    const { targets: all, missing } = await listTargets(named, organization, true);

    expect(missing).toBeUndefined();
    expect(all.toSorted((a, b) => a.account.localeCompare(b.account))).toEqual([
      targets[2],
      { account: CANARY, regions: ['eu-west-1'], labels: { wave: 'canary', stage: 'beta' } },
      targets[1],
      { account: NEW, regions: ['us-west-2'], labels: {} },
    ]);
  });

  it('says why accounts are missing, and lists what Terraform names', async () => {
    const missing = new Error('no answer');

    expect(await listTargets(named, { list: () => Promise.reject(missing) }, false)).toEqual({ targets, missing });
  });

  it('fails where it cannot be read what Terraform names', async () => {
    const unreadable = { list: () => Promise.reject(new Error('no list')) };

    await expect(listTargets(unreadable, named, false)).rejects.toThrow('no list');
  });

  it.each([true, false])('asks the organization for labels: %s', async (withLabels) => {
    const asked: boolean[] = [];
    const list = (labels: boolean) => {
      asked.push(labels);
      return Promise.resolve([]);
    };

    await listTargets(named, { list }, withLabels);

    expect(asked).toEqual([withLabels]);
  });
});

it.each([
  ['wave=canary', true],
  [`${CANARY}, team=web`, true],
  [`* ${CANARY}`, false],
  ['wave=', false],
])('knows whether %j names a label', (value, is) => {
  expect(namesLabel(value)).toBe(is);
});
