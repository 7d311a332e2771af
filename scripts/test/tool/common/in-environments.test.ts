import { beforeEach, describe, expect, it } from '@jest/globals';
import type { AwsClients } from '../../../tool/common/aws-clients.ts';
import type { Copier } from '../../../tool/common/environment.ts';
import { allWell, inEnvironments, printProblems } from '../../../tool/common/in-environments.ts';
import { FakeTerminal } from '../support/fake-terminal.ts';

/** The environments whose connections were closed. */
let closed: string[];

function copier(account: string, region = 'eu-west-1'): Copier {
  const aws = { close: () => closed.push(account) } as unknown as AwsClients;
  return {
    ...{ accountId: '222222222222', account, region, labels: {}, aws },
    ...{ name: 'image-copier', parameterPath: '/image-copier', copyTags: [], recipeTag: 'Recipe' },
    ...{ access: {}, chosenBy: [] },
  };
}

const PAYMENTS = copier('payments');
const WEB = copier('web', 'us-east-1');
const { signal } = new AbortController();

/** Fails in one of the accounts. */
const nameUnlessWeb = ({ account }: Copier) =>
  account === 'web'
    ? Promise.reject(Object.assign(new Error('expired'), { name: 'ExpiredToken' }))
    : Promise.resolve(`in ${account}`);
const EXPIRED = 'The AWS credentials have expired. Log in again (for example aws sso login).';

beforeEach(() => {
  closed = [];
});

describe('inEnvironments', () => {
  it('gives what came of each, and closes its connections', async () => {
    expect(await inEnvironments([WEB, PAYMENTS], nameUnlessWeb, signal, new FakeTerminal())).toEqual([
      { copier: WEB, problem: EXPIRED },
      { copier: PAYMENTS, value: 'in payments' },
    ]);
    expect(closed.toSorted()).toEqual(['payments', 'web']);
  });

  it('shows on a terminal how far it is, and leaves nothing of that', async () => {
    const terminal = new FakeTerminal({ columns: 80 });
    await inEnvironments([PAYMENTS, WEB], nameUnlessWeb, signal, terminal);

    const lines = terminal.err.text.split('\r\u001B[1A\u001B[J');
    expect(lines).toEqual([0, 1, 2].map((done) => `${done} of 2 accounts and Regions\n`).concat(''));
    expect(terminal.out.text).toBe('');
  });

  it.each([
    ['a pipe', new FakeTerminal(), [PAYMENTS, WEB]],
    ['a terminal for a single environment', new FakeTerminal({ columns: 80 }), [PAYMENTS]],
  ])('shows nothing on %s', async (_, terminal, copiers) => {
    await inEnvironments(copiers, nameUnlessWeb, signal, terminal);

    expect(terminal.err.text).toBe('');
  });

  it('ends with the reason of the one who stops it', async () => {
    const stop = new AbortController();
    const reason = new Error('Stopped.');
    const use = () => {
      stop.abort(reason);
      return Promise.resolve();
    };
    const terminal = new FakeTerminal({ columns: 80 });

    await expect(inEnvironments([PAYMENTS, WEB], use, stop.signal, terminal)).rejects.toBe(reason);
    expect(terminal.err.text.endsWith('\u001B[J')).toBe(true);
  });
});

describe('outcomes', () => {
  const outcomes = [
    { copier: PAYMENTS, value: undefined },
    { copier: WEB, problem: 'Access denied.' },
  ];

  it('are well if each environment gave a value, whichever it is', () => {
    expect(allWell(outcomes)).toBe(false);
    expect(allWell(outcomes.slice(0, 1))).toBe(true);
  });

  it('are printed if they are problems', () => {
    const terminal = new FakeTerminal();
    printProblems(outcomes, terminal);

    expect([terminal.out.text, terminal.err.text]).toEqual(['', 'web, us-east-1: Access denied.\n']);
  });

  it('are printed once if they are the same in many', () => {
    const terminal = new FakeTerminal();
    const problem = 'Access denied.';
    const of = (account: string) => ({ copier: copier(account), problem });
    const other = { copier: WEB, problem: 'No network.' };

    printProblems([of('one'), other, of('two'), of('three'), of('four')], terminal);

    expect(terminal.err.text).toBe(
      'one, eu-west-1; two, eu-west-1; three, eu-west-1; and 1 other: Access denied.\nweb, us-east-1: No network.\n',
    );
  });
});
