import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { GetQueueUrlCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { COMPRESSED } from '../../../../lambda/src/adapters/dead-letter.ts';
import { UserError } from '../../../tool/common/user-error.ts';
import { IMAGE, REQUESTED_AT } from '../common/letters.ts';
import { FakeAws } from '../support/fake-aws.ts';
import { FakeTerminal } from '../support/fake-terminal.ts';
import { run } from '../support/run.ts';
import { FakeQueues, requestFor } from './fake-queues.ts';

const OTHER_IMAGE = 'ami-0bbbbbbbbbbbbbbbb';
const OWN = '111111111111';
const HEAD = 'ID        SOURCE IMAGE           AGE    TRIES       REASON\n';
const LINE_OF_A = `aaaa1111  ${IMAGE}  3 min  1 delivery  UntrustedOwner: It belongs to somebody else.\n`;
const LINE_OF_B = `bbbb2222  ${OTHER_IMAGE}  3 min  1 delivery  InvalidTags: Too many tags.\n`;
const FIELDS_OF_A = {
  account: OWN,
  accountId: OWN,
  region: 'eu-west-1',
  id: 'aaaa1111',
  sourceImage: IMAGE,
  code: 'UntrustedOwner',
  reason: 'It belongs to somebody else.',
  requestedAt: REQUESTED_AT,
  attempt: null,
  receiveCount: 1,
  body: requestFor(IMAGE),
};
const HIDDEN_FROM_US =
  'About 1 more are not shown: others are reading them, or they have just come. Try again in a while.\n';

let aws: FakeAws;
let queues: FakeQueues;

beforeEach(() => {
  jest.spyOn(Date, 'now').mockReturnValue(Date.parse(REQUESTED_AT) + 3 * 60_000);
  aws = new FakeAws({ ownAccount: OWN });
  aws.in(OWN).sts.on(GetCallerIdentityCommand).resolves({ Account: OWN });
  queues = new FakeQueues(aws.in(OWN));
  queues.add('aaaa1111');
  queues.add('bbbb2222', {
    body: requestFor(OTHER_IMAGE),
    reason: { code: 'InvalidTags', message: 'Too many tags.' },
  });
});

afterEach(() => {
  jest.restoreAllMocks();
});

interface World {
  readonly terminal?: FakeTerminal;
  readonly stopped?: AbortController;
}

function deadLetters(args: readonly string[], world: World = {}) {
  return run(['dead-letters', ...args], { aws, ...world });
}

describe('dead-letters list', () => {
  it('shows all letters, and gives them back', async () => {
    expect(await deadLetters(['list'])).toEqual({
      code: 0,
      out: `${HEAD}${LINE_OF_A}${LINE_OF_B}\n2 dead letters in image-copier-dead-letters.\n`,
      err: '',
    });
    expect(queues.visible).toEqual(['aaaa1111', 'bbbb2222']);
  });

  it('says how many there are, also if there are none', async () => {
    queues.letGo('aaaa1111', 'bbbb2222');

    expect(await deadLetters(['list'])).toEqual({
      code: 0,
      out: '0 dead letters in image-copier-dead-letters.\n',
      err: '',
    });
  });

  it('prints JSON with the whole requests', async () => {
    const { code, out, err } = await deadLetters(['list', '--json']);

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toEqual([FIELDS_OF_A, expect.objectContaining({ id: 'bbbb2222' })]);
  });

  it('reads the queue of the copier that is named', async () => {
    new FakeQueues(aws.in(OWN), 'golden').addMessage({ MessageId: 'cccc3333', Body: '{}' });

    const { code, out } = await deadLetters(['list', '--name', 'golden']);

    expect(code).toBe(0);
    expect(out).toContain('look in its log, /aws/lambda/golden-copy-image.\n');
    expect(out).toMatch(/\n1 dead letter in golden-dead-letters\.\n$/);
  });

  it('says how many letters others are reading', async () => {
    queues.hide('bbbb2222');

    expect(await deadLetters(['list'])).toEqual({
      code: 0,
      out: `${HEAD}${LINE_OF_A}\n1 dead letter in image-copier-dead-letters.\n`,
      err: HIDDEN_FROM_US,
    });
  });

  it('says that there is no copier', async () => {
    expect(await deadLetters(['list', '--name', 'other'])).toEqual({
      code: 1,
      out: '',
      err:
        'Error: There is no copier "other" in eu-west-1 of this account, or it is not yours to see: the queue ' +
        'does not exist. Deploy it, or check the account (--profile, --role-arn), --region and --name.\n',
    });
  });

  it('explains an error of AWS', async () => {
    aws
      .in(OWN)
      .sqs.on(GetQueueUrlCommand)
      .rejects(Object.assign(new Error('no'), { name: 'AccessDenied' }));

    expect(await deadLetters(['list'])).toEqual({
      code: 1,
      out: '',
      err: 'Error: Access denied: no. Allow it there, or choose another --profile or --role-arn.\n',
    });
  });

  it('gives the letters back when the user stops it', async () => {
    const stopped = new AbortController();
    aws
      .in(OWN)
      .sqs.on(ReceiveMessageCommand)
      .callsFake(() => {
        stopped.abort(new UserError('Stopped.', 2));
        return { Messages: queues.receive() };
      });

    expect(await deadLetters(['list'], { stopped })).toEqual({ code: 2, out: '', err: 'Error: Stopped.\n' });
    expect(queues.hidden).toEqual([]);
  });
});

describe('dead-letters redrive', () => {
  it('puts the chosen letters back, and gives the others back', async () => {
    expect(await deadLetters(['redrive', '--code', 'InvalidTags'])).toEqual({
      code: 0,
      out: 'Put back 1 of 1 dead letter into image-copier-requests.\n',
      err: '',
    });
    expect(queues.requests).toEqual([requestFor(OTHER_IMAGE)]);
    expect(queues.visible).toEqual(['aaaa1111']);
  });

  it.each([
    [['--id', 'cccc\u009b', 'aaaa'], 'There is no dead letter cccc\\u{9b}.'],
    [['--code', 'invalidTags'], 'No dead letter has the code invalidTags. Did you mean InvalidTags?'],
  ])('changes nothing where %j is among no letters', async (choice, words) => {
    expect(await deadLetters(['redrive', ...choice])).toEqual({ code: 2, out: '', err: `Error: ${words}\n` });
    expect(queues.visible).toEqual(['aaaa1111', 'bbbb2222']);
    expect(queues.requests).toEqual([]);
  });

  it('does not claim that there is none while others are reading some', async () => {
    queues.hide('bbbb2222');

    expect(await deadLetters(['redrive', '--code', 'InvalidTags'])).toEqual({
      code: 1,
      out: '',
      err: `${HIDDEN_FROM_US}Error: No dead letter has the code InvalidTags, so far as could be read.\n`,
    });
  });

  it('rejects the start of several ids, and changes nothing', async () => {
    queues.add('aaaa3333');

    expect(await deadLetters(['redrive', '--id', 'aaaa'])).toEqual({
      code: 2,
      out: '',
      err: 'Error: --id aaaa: 2 dead letters begin with it. Give more of the id.\n',
    });
    expect(queues.visible).toHaveLength(3);
    expect(queues.requests).toEqual([]);
  });

  it('says how many letters others are reading', async () => {
    queues.hide('bbbb2222');

    expect(await deadLetters(['redrive', '--all'])).toEqual({
      code: 0,
      out: 'Put back 1 of 1 dead letter into image-copier-requests.\n',
      err: HIDDEN_FROM_US,
    });
  });

  it('changes nothing in a dry run', async () => {
    expect(await deadLetters(['redrive', '--dry-run', '--all'])).toEqual({
      code: 0,
      out: `${HEAD}${LINE_OF_A}${LINE_OF_B}\nWould put back 2 of 2 dead letters into image-copier-requests.\n`,
      err: '',
    });
    expect(queues.visible).toHaveLength(2);
    expect(queues.requests).toEqual([]);
  });

  it('prints a dry run as JSON, with the letters that cannot be put back', async () => {
    queues.addMessage({
      MessageId: 'cccc3333',
      Body: COMPRESSED,
      MessageAttributes: { CompressedBody: { DataType: 'Binary', BinaryValue: Buffer.from('no gzip') } },
    });

    const { code, out, err } = await deadLetters(['redrive', '--dry-run', '--all', '--json']);

    expect({ code, err }).toEqual({
      code: 1,
      err: 'cccc3333 is still among the dead letters: Its attribute CompressedBody cannot be unpacked\n',
    });
    expect(JSON.parse(out)).toEqual([
      expect.objectContaining({ id: 'cccc3333', body: null, outcome: 'failed' }),
      { ...FIELDS_OF_A, outcome: 'would be redriven', problem: null },
      expect.objectContaining({ id: 'bbbb2222', outcome: 'would be redriven' }),
    ]);
  });

  it('prints what became of each as JSON', async () => {
    queues.undeletable.add('bbbb2222');

    const { code, out, err } = await deadLetters(['redrive', '--all', '--json']);

    const problem = 'It was put back, but could not be deleted here. InternalError: try again';
    expect({ code, err }).toEqual({ code: 1, err: `bbbb2222 is still among the dead letters: ${problem}\n` });
    expect(JSON.parse(out)).toEqual([
      { ...FIELDS_OF_A, outcome: 'redriven', problem: null },
      expect.objectContaining({ id: 'bbbb2222', outcome: 'failed', problem }),
    ]);
    expect(queues.visible).toEqual(['bbbb2222']);
  });

  it('says what was done when the user stops it', async () => {
    for (let count = 10; count < 20; count += 1) queues.add(`cccc-${count}`);
    const stopped = new AbortController();
    aws
      .in(OWN)
      .sqs.on(SendMessageCommand)
      .callsFake(() => {
        stopped.abort(new UserError('Stopped.', 2));
        return {};
      });

    expect(await deadLetters(['redrive', '--all'], { stopped })).toEqual({
      code: 2,
      out: 'Put back 10 of 12 dead letters into image-copier-requests.\n',
      err: 'Error: Stopped.\n',
    });
    expect(queues.visible).toHaveLength(2);
  });
});

describe('dead-letters discard', () => {
  it('deletes the chosen letters without a question if it need not ask', async () => {
    expect(await deadLetters(['discard', '--yes', '--image', IMAGE])).toEqual({
      code: 0,
      out: `${HEAD}${LINE_OF_A}\nDiscarded 1 of 1 dead letter.\n`,
      err: '',
    });
    expect(queues.visible).toEqual(['bbbb2222']);
  });

  it('reads nothing if there is nobody to ask', async () => {
    expect(await deadLetters(['discard', '--all'])).toEqual({
      code: 2,
      out: '',
      err: 'Error: There is no terminal to ask on. Add --yes to discard without being asked.\n',
    });
    expect(aws.in(OWN).sqs.calls()).toEqual([]);
  });

  it('shows the letters and asks first', async () => {
    const terminal = new FakeTerminal({ columns: 100, answer: true });

    expect(await deadLetters(['discard', '--all'], { terminal })).toEqual({
      code: 0,
      out: `${HEAD}${LINE_OF_A}${LINE_OF_B}\nDiscarded 2 of 2 dead letters.\n`,
      err: '',
    });
    expect(terminal.questions).toEqual(['Discard 2 dead letters? Type yes:']);
    expect(queues.visible).toEqual([]);
  });

  it('keeps the letters hidden while it asks, and gives them back after a no', async () => {
    let hidden: string[] = [];
    const confirm = () => {
      hidden = queues.hidden;
      return Promise.resolve(false);
    };
    const terminal = Object.assign(new FakeTerminal({ columns: 100, answer: false }), { confirm });

    expect(await deadLetters(['discard', '--all'], { terminal })).toMatchObject({
      code: 2,
      err: 'Error: Nothing was discarded.\n',
    });
    expect(hidden).toEqual(['aaaa1111', 'bbbb2222']);
    expect(queues.visible).toEqual(['aaaa1111', 'bbbb2222']);
  });

  it('asks nothing if there is no letter', async () => {
    queues.letGo('aaaa1111', 'bbbb2222');
    const terminal = new FakeTerminal({ columns: 100, answer: true });

    expect(await deadLetters(['discard', '--all'], { terminal })).toEqual({
      code: 0,
      out: 'Discarded 0 of 0 dead letters.\n',
      err: '',
    });
    expect(terminal.questions).toEqual([]);
  });

  it('prints what became of each as JSON, and why some are still there', async () => {
    queues.undeletable.add('bbbb2222');

    const { code, out, err } = await deadLetters(['discard', '--yes', '--all', '--json']);

    const problem = 'InternalError: try again';
    expect({ code, err }).toEqual({ code: 1, err: `bbbb2222 is still among the dead letters: ${problem}\n` });
    expect(JSON.parse(out)).toEqual([
      { ...FIELDS_OF_A, outcome: 'discarded', problem: null },
      expect.objectContaining({ id: 'bbbb2222', outcome: 'failed', problem }),
    ]);
  });
});
