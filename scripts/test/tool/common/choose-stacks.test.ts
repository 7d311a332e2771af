import { describe, expect, it } from '@jest/globals';
import { chooseStacks } from '../../../tool/common/choose-stacks.ts';
import { UserError } from '../../../tool/common/user-error.ts';
import { inWaves } from '../../../tool/deploy/waves.ts';
import { SOURCE, stack } from '../deploy/stacks.ts';

const PAYMENTS = stack('payments', { labels: { wave: 'canary', team: 'a=b' } });
const WEB = stack('web', { accountId: '333333333333', labels: { wave: 'early' } });
const RESEARCH = stack('research', { accountId: '444444444444' });
const ALL = [SOURCE, PAYMENTS, WEB, RESEARCH];

describe('chooseStacks', () => {
  it.each([
    [['payments'], [PAYMENTS]],
    [['333333333333'], [WEB]],
    [['wave=canary'], [PAYMENTS]],
    [['team=a=b'], [PAYMENTS]],
    [
      ['research', 'wave=canary'],
      [PAYMENTS, RESEARCH],
    ],
  ])('chooses by %j, in the order of the file', (choice, chosen) => {
    expect(chooseStacks(ALL, choice)).toEqual(chosen);
  });

  it.each([
    ['paymnts', 'There is no account paymnts. Did you mean payments?'],
    ['wave=canry', 'No account has the label wave=canry. Did you mean wave=canary?'],
    ['999999999999', 'There is no account 999999999999.'],
    ['333333333334', 'There is no account 333333333334. Did you mean 333333333333?'],
  ])('rejects %s, which nothing has', (choice, message) => {
    expect(() => chooseStacks(ALL, ['web', choice])).toThrow(new UserError(message, 2));
  });
});

describe('inWaves', () => {
  it('has the source first, then each label, then all others, each stack once', () => {
    expect(inWaves(ALL, ['wave=early', 'wave=canary', 'team=a=b'])).toEqual([
      [SOURCE],
      [WEB],
      [PAYMENTS],
      [],
      [RESEARCH],
    ]);
  });

  it('has all targets in one wave without labels', () => {
    expect(inWaves(ALL, [])).toEqual([[SOURCE], [PAYMENTS, WEB, RESEARCH]]);
  });
});
