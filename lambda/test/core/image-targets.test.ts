import { describe, expect, it } from '@jest/globals';
import { whoIsMeant, type Target } from '../../src/core/image-targets.ts';

const CANARY = '222222222222';
const WEB = '333333333333';
const OTHER = '044444444444';
const targets: readonly Target[] = [
  { account: CANARY, regions: ['eu-west-1'], labels: { wave: 'canary' } },
  { account: WEB, regions: ['eu-west-1', 'us-east-1'], labels: { wave: 'all', team: 'web' } },
  { account: OTHER, regions: ['us-east-1'], labels: {} },
];

const meantBy = (value: string) => {
  const { targets: meant, problems } = whoIsMeant(value, targets);
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
    expect(whoIsMeant('*', [])).toEqual({
      targets: [],
      problems: ['No target account is known to the publisher.'],
    });
  });
});
