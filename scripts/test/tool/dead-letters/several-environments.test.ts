import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  ChangeMessageVisibilityBatchCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { UserError } from '../../../tool/common/user-error.ts';
import { IMAGE, REQUESTED_AT } from '../common/letters.ts';
import { FakeAws, type FakeServices } from '../support/fake-aws.ts';
import { FakeTerminal } from '../support/fake-terminal.ts';
import { run } from '../support/run.ts';
import { FakeQueues, requestFor } from './fake-queues.ts';

const PAYMENTS = '222222222222';
const WEB = '333333333333';
const directory = mkdtempSync(join(tmpdir(), 'dead-letters-'));
const FILE = join(directory, 'accounts.json');
writeFileSync(
  FILE,
  JSON.stringify({
    source: { id: '111111111111' },
    topic: 'amigo-PROD-notify',
    defaults: { regions: ['eu-west-1'], roleName: 'operator' },
    accounts: [
      { id: PAYMENTS, name: 'payments' },
      { id: WEB, name: 'web', inputs: { name: 'golden' } },
    ],
  }),
);

const REASON = 'UntrustedOwner: It belongs to somebody else.';
const HEAD = 'ACCOUNT   REGION     ID        SOURCE IMAGE           AGE    TRIES       REASON\n';
const LINE_OF_PAYMENTS = `payments  eu-west-1  aaaa1111  ${IMAGE}  3 min  1 delivery  ${REASON}\n`;
const LINE_OF_WEB = `web       eu-west-1  bbbb2222  ${IMAGE}  3 min  1 delivery  ${REASON}\n`;

let aws: FakeAws;
let payments: FakeQueues;
let web: FakeQueues;

beforeEach(() => {
  jest.spyOn(Date, 'now').mockReturnValue(Date.parse(REQUESTED_AT) + 3 * 60_000);
  aws = new FakeAws();
  payments = new FakeQueues(aws.in(PAYMENTS));
  web = new FakeQueues(aws.in(WEB), 'golden');
  payments.add('aaaa1111');
  web.add('bbbb2222');
});

afterEach(() => {
  jest.restoreAllMocks();
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

interface World {
  readonly terminal?: FakeTerminal;
  readonly stopped?: AbortController;
}

function deadLetters(command: string, args: readonly string[] = [], world: World = {}) {
  return run(['dead-letters', command, '--accounts-file', FILE, ...args], { aws, ...world });
}

function sqsOf(accountId: string): FakeServices['sqs'] {
  return aws.in(accountId).sqs;
}

/** What a call answers at whose moment the user presses Ctrl-C. */
function stopping(stopped: AbortController, answer: () => object = () => ({})): () => object {
  return () => {
    stopped.abort(new UserError('Stopped.', 2));
    return answer();
  };
}

describe('dead-letters list', () => {
  it('shows the letters of all environments, and gives all back', async () => {
    expect(await deadLetters('list')).toEqual({
      code: 0,
      out: `${HEAD}${LINE_OF_PAYMENTS}${LINE_OF_WEB}\n2 dead letters in 2 accounts and Regions.\n`,
      err: '',
    });
    expect([payments.visible, web.visible]).toEqual([['aaaa1111'], ['bbbb2222']]);
  });

  it('reads as ever if one environment is chosen, by the name of its own copier', async () => {
    expect(await deadLetters('list', ['--only', 'web'])).toEqual({
      code: 0,
      out:
        'ID        SOURCE IMAGE           AGE    TRIES       REASON\n' +
        `${LINE_OF_WEB.replace(/^web +eu-west-1 +/, '')}\n1 dead letter in golden-dead-letters.\n`,
      err: '',
    });
  });

  it('takes accounts by their ids', async () => {
    web = new FakeQueues(aws.in(WEB));
    const accounts = ['--accounts', `${PAYMENTS},${WEB}`, '--role-name', 'operator'];

    const { code, out } = await run(['dead-letters', 'list', ...accounts], { aws });

    expect(code).toBe(0);
    expect(out).toContain(`\n${PAYMENTS}  eu-west-1  aaaa1111  `);
    expect(out).toContain('\n1 dead letter in 2 accounts and Regions.\n');
  });

  it('prints JSON that says where each letter is', async () => {
    const { out } = await deadLetters('list', ['--json']);

    expect(JSON.parse(out)).toMatchObject([
      { account: 'payments', accountId: PAYMENTS, region: 'eu-west-1', id: 'aaaa1111' },
      { account: 'web', accountId: WEB, region: 'eu-west-1', id: 'bbbb2222' },
    ]);
  });

  it('reads them at the same time', async () => {
    const began = new EventEmitter();
    // Each answers only once the other one was asked.
    const answerAfter = (own: string, queues: FakeQueues, other: string) => {
      const otherBegan = once(began, other);
      sqsOf(own)
        .on(ReceiveMessageCommand)
        .callsFake(async () => {
          began.emit(own);
          await otherBegan;
          return { Messages: queues.receive() };
        });
    };
    answerAfter(PAYMENTS, payments, WEB);
    answerAfter(WEB, web, PAYMENTS);

    expect(await deadLetters('list')).toMatchObject({ code: 0 });
  });

  it('shows the others if one cannot be read', async () => {
    sqsOf(WEB)
      .on(GetQueueUrlCommand)
      .rejects(Object.assign(new Error('not you'), { name: 'AccessDenied' }));

    expect(await deadLetters('list')).toEqual({
      code: 1,
      out: `${HEAD}${LINE_OF_PAYMENTS}\n1 dead letter in 1 account and Region.\n`,
      err: 'web, eu-west-1: Access denied: not you. Allow it there, or choose another --profile or --role-arn.\n',
    });
    expect(payments.visible).toEqual(['aaaa1111']);
  });

  it('gives back what was read of an environment that then fails', async () => {
    sqsOf(WEB)
      .on(ReceiveMessageCommand)
      .callsFakeOnce(() => ({ Messages: web.receive() }))
      .rejects(new Error('no network'));

    const { code, err } = await deadLetters('list');

    expect({ code, err }).toEqual({ code: 1, err: 'web, eu-west-1: Error: no network.\n' });
    expect(web.visible).toEqual(['bbbb2222']);
  });

  it('gives all back when the user stops it', async () => {
    const stopped = new AbortController();
    sqsOf(WEB)
      .on(ReceiveMessageCommand)
      .callsFake(stopping(stopped, () => ({ Messages: web.receive() })));

    expect(await deadLetters('list', [], { stopped })).toEqual({ code: 2, out: '', err: 'Error: Stopped.\n' });
    expect([payments.visible, web.visible]).toEqual([['aaaa1111'], ['bbbb2222']]);
  });

  it('says which environment has letters that others are reading, or that could not be given back', async () => {
    payments.hide('aaaa1111');
    sqsOf(WEB).on(ChangeMessageVisibilityBatchCommand).rejects(new Error('no network'));

    const { code, err } = await deadLetters('list');

    expect({ code, err }).toEqual({
      code: 0,
      err:
        'web, eu-west-1: The dead letters could not be given back. They are seen again in 120 seconds.\n' +
        'payments, eu-west-1: About 1 more are not shown: others are reading them, or they have just come. Try again in a while.\n',
    });
  });
});

describe('dead-letters redrive', () => {
  it("puts each letter back into its own copier's queue", async () => {
    web.add('cccc3333', { body: requestFor('ami-0bbbbbbbbbbbbbbbb') });

    expect(await deadLetters('redrive', ['--image', IMAGE])).toEqual({
      code: 0,
      out: 'Put back 2 of 2 dead letters.\n',
      err: '',
    });
    expect([payments.requests, web.requests]).toEqual([[requestFor(IMAGE)], [requestFor(IMAGE)]]);
    expect([payments.visible, web.visible]).toEqual([[], ['cccc3333']]);
  });

  it('puts back the letter that is named, in whichever environment it is', async () => {
    expect(await deadLetters('redrive', ['--id', 'bbbb'])).toEqual({
      code: 0,
      out: 'Put back 1 of 1 dead letter.\n',
      err: '',
    });
    expect([payments.visible, web.visible]).toEqual([['aaaa1111'], []]);
  });

  it('rejects the start of ids in several environments', async () => {
    web.add('aaaa3333');

    expect(await deadLetters('redrive', ['--id', 'aaaa'])).toEqual({
      code: 2,
      out: '',
      err: 'Error: --id aaaa: 2 dead letters begin with it. Give more of the id.\n',
    });
    expect([payments.hidden, web.hidden]).toEqual([[], []]);
  });

  it('changes nothing in a dry run', async () => {
    expect(await deadLetters('redrive', ['--all', '--dry-run'])).toEqual({
      code: 0,
      out: `${HEAD}${LINE_OF_PAYMENTS}${LINE_OF_WEB}\nWould put back 2 of 2 dead letters.\n`,
      err: '',
    });
    expect([payments.visible, web.visible]).toEqual([['aaaa1111'], ['bbbb2222']]);
  });

  it('goes on in the others if one fails, and ends with 1', async () => {
    sqsOf(PAYMENTS).on(GetQueueUrlCommand, { QueueName: 'image-copier-requests' }).rejects(new Error('no network'));

    const { code, out, err } = await deadLetters('redrive', ['--all', '--json']);

    expect({ code, err }).toEqual({
      code: 1,
      err: 'payments, eu-west-1: aaaa1111 is still among the dead letters: Error: no network.\n',
    });
    expect(JSON.parse(out)).toMatchObject([
      { account: 'payments', id: 'aaaa1111', outcome: 'failed', problem: 'Error: no network.' },
      { account: 'web', id: 'bbbb2222', outcome: 'redriven', problem: null },
    ]);
    expect(payments.visible).toEqual(['aaaa1111']);
  });

  it('ends with 1 if one cannot be read, though all letters of the others are put back', async () => {
    sqsOf(PAYMENTS).on(GetQueueUrlCommand).rejects(new Error('no network'));

    expect(await deadLetters('redrive', ['--all'])).toEqual({
      code: 1,
      out: 'Put back 1 of 1 dead letter.\n',
      err: 'payments, eu-west-1: Error: no network.\n',
    });
  });

  it('says what was done when the user stops it, and gives the others back', async () => {
    for (let count = 10; count < 20; count += 1) payments.add(`cccc-${count}`);
    web.letGo('bbbb2222');
    const stopped = new AbortController();
    sqsOf(PAYMENTS).on(SendMessageCommand).callsFake(stopping(stopped));

    expect(await deadLetters('redrive', ['--all'], { stopped })).toEqual({
      code: 2,
      out: 'Put back 10 of 11 dead letters.\n',
      err: 'Error: Stopped.\n',
    });
    expect([payments.visible, payments.hidden]).toEqual([['cccc-19'], []]);
  });
});

describe('dead-letters discard', () => {
  it('asks once, while all letters are hidden, and gives all back after a no', async () => {
    let hidden: string[][] = [];
    const confirm = () => {
      hidden = [payments.hidden, web.hidden];
      return Promise.resolve(false);
    };
    const terminal = Object.assign(new FakeTerminal({ columns: 120, answer: false }), { confirm });

    const { code, out, err } = await deadLetters('discard', ['--all'], { terminal });

    expect({ code, out }).toEqual({ code: 2, out: `${HEAD}${LINE_OF_PAYMENTS}${LINE_OF_WEB}\n` });
    expect(err).toMatch(/2 of 2 accounts and Regions\n.*Error: Nothing was discarded\.\n$/s);
    expect(hidden).toEqual([['aaaa1111'], ['bbbb2222']]);
    expect([payments.visible, web.visible]).toEqual([['aaaa1111'], ['bbbb2222']]);
  });

  it('deletes the letters of all environments, and says where some are kept', async () => {
    web.undeletable.add('bbbb2222');

    expect(await deadLetters('discard', ['--all', '--yes'])).toEqual({
      code: 1,
      out: `${HEAD}${LINE_OF_PAYMENTS}${LINE_OF_WEB}\nDiscarded 1 of 2 dead letters.\n`,
      err: 'web, eu-west-1: bbbb2222 is still among the dead letters: InternalError: try again\n',
    });
    expect([payments.visible, web.visible]).toEqual([[], ['bbbb2222']]);
  });
});
