import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  type Message,
  type MessageAttributeValue,
} from '@aws-sdk/client-sqs';
import { deadLetterCommand } from '../../lambda/src/adapters/dead-letter.ts';
import type { DeadLetter } from '../../lambda/src/core/request-queue.ts';
import { makeAdministratorRoles, OPERATORS_ACCOUNT } from '../../scripts/dev/administrator-role.ts';
import { emulatedAccount, emulatedEnvironment, type EmulatedAccount } from '../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { startCommand, type Ended } from './support/command.ts';
import { endpoint, newAccountId, REGION } from './support/emulator.ts';

const IMAGE = 'ami-0123456789abcdef0';
const OTHER_IMAGE = 'ami-0bbbbbbbbbbbbbbbb';
const ROLE = 'operator';
/** Of an operator who reaches accounts by roles. */
const OPERATORS = emulatedEnvironment(endpoint(), OPERATORS_ACCOUNT, REGION);
const HIDDEN = /(?!\n)[\p{C}\p{Zl}\p{Zp}]/u;

interface Letter {
  readonly id: string;
  readonly sourceImage: string | null;
  readonly [field: string]: unknown;
}

/** An account with the two queues of a copier, and the command as an operator of this account runs it. */
class OperatedAccount {
  readonly account: EmulatedAccount = emulatedAccount(endpoint(), newAccountId(), REGION);
  deadLettersUrl = '';
  requestsUrl = '';

  static async create(): Promise<OperatedAccount> {
    const created = new OperatedAccount();
    const create = async (QueueName: string) => {
      const { QueueUrl = '' } = await created.account.sqs.send(new CreateQueueCommand({ QueueName }));
      return QueueUrl;
    };
    created.deadLettersUrl = await create('image-copier-dead-letters');
    created.requestsUrl = await create('image-copier-requests');
    accounts.push(created);
    return created;
  }

  /** Puts a letter there as the functions do. */
  async add(changes: Partial<DeadLetter> = {}): Promise<void> {
    const letter = {
      body: request(IMAGE),
      reason: { code: 'UntrustedOwner', message: 'It belongs to somebody else.' },
      requestedAtMs: Date.now() - 3 * 3600 * 1000,
      receiveCount: 1,
      ...changes,
    };
    await this.account.sqs.send(deadLetterCommand(this.deadLettersUrl, letter));
  }

  async run(...args: string[]): Promise<Ended> {
    return await this.start(args).ended;
  }

  /** What `list --json` shows. */
  async list(): Promise<Letter[]> {
    const { code, stdout, stderr } = await this.run('list', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout) as Letter[];
  }

  start(args: readonly string[], changes: NodeJS.ProcessEnv = {}, on?: 'terminal') {
    const environment = { ...emulatedEnvironment(endpoint(), this.account.id, REGION), ...changes };
    return startCommand(['dead-letters', ...args], environment, on);
  }

  /** Runs the command on a terminal, and types something when it asks. */
  async answer(typed: string, ...args: string[]): Promise<Ended> {
    const { child, output, ended } = this.start(args, {}, 'terminal');
    await waitFor('the question', () => Promise.resolve(output.stdout.includes('Type yes:') || undefined));
    child.stdin.write(typed);
    return await ended;
  }

  /** Takes all messages out of the requests queue. */
  async takeRequests(): Promise<Message[]> {
    const QueueUrl = this.requestsUrl;
    const taken: Message[] = [];
    for (;;) {
      const { Messages = [] } = await this.account.sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
      );
      if (Messages.length === 0) return taken;
      taken.push(...Messages);
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      await this.account.sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  }

  /** How many dead letters somebody has taken and not given back. */
  async inFlight(): Promise<number> {
    const { Attributes = {} } = await this.account.sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: this.deadLettersUrl,
        AttributeNames: ['ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    return Number(Attributes.ApproximateNumberOfMessagesNotVisible);
  }
}

const accounts: OperatedAccount[] = [];

afterAll(async () => {
  for (const { account, deadLettersUrl, requestsUrl } of accounts) {
    for (const QueueUrl of [deadLettersUrl, requestsUrl]) await account.sqs.send(new DeleteQueueCommand({ QueueUrl }));
  }
});

function request(sourceAmi: string, description = ''): string {
  const targetAccounts = ['222222222222'];
  return JSON.stringify({ sourceAmi, sourceRegion: REGION, targetAccounts, name: 'ubuntu', description, tags: {} });
}

/** Text that cannot be compressed by much. */
function noise(length: number): string {
  return randomBytes(length).toString('base64').slice(0, length);
}

function stringAttributes(values: Readonly<Record<string, string>>): Record<string, MessageAttributeValue> {
  const entries = Object.entries(values);
  return Object.fromEntries(entries.map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]));
}

// Most of the time goes by waiting for empty answers of SQS, so the tests wait side by side.
describe('list', () => {
  it.concurrent('shows each letter with its source image, its reason, its age and how often it was tried', async () => {
    const operated = await OperatedAccount.create();
    await operated.add();
    await operated.add({
      body: request(OTHER_IMAGE),
      reason: { code: 'CopyFailed', message: 'EC2 failed to copy it 3 times.' },
      requestedAtMs: Date.now() - 50 * 3600 * 1000,
      attempt: 3,
    });
    await operated.account.sqs.send(
      new SendMessageCommand({
        QueueUrl: operated.deadLettersUrl,
        MessageBody: 'no json',
        // As SNS sets them on what it cannot deliver.
        MessageAttributes: stringAttributes({ RequestID: 'r', ErrorCode: '403', ErrorMessage: 'Access denied' }),
      }),
    );

    const { code, stdout, stderr } = await operated.run('list');

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^ID {36}SOURCE IMAGE {11}AGE +TRIES +REASON$/),
      expect.stringMatching(
        /^[-0-9a-f]{36} {2}ami-0bbbbbbbbbbbbbbbb {2}2 d +3 copies, 1 delivery {2}CopyFailed: EC2 failed to copy it 3 times\.$/,
      ),
      expect.stringMatching(
        /^[-0-9a-f]{36} {2}ami-0123456789abcdef0 {2}3 h +1 delivery +UntrustedOwner: It belongs to somebody else\.$/,
      ),
      expect.stringMatching(/^[-0-9a-f]{36} {2}- +\d+ s +- +403: Access denied$/),
      '',
      '3 dead letters in image-copier-dead-letters.',
      '',
    ]);
  });

  it.concurrent('reads all letters, each once, and gives them back', async () => {
    const operated = await OperatedAccount.create();
    const bodies = Array.from({ length: 27 }, (_, index) => request(`ami-${String(index).padStart(17, '0')}`));
    for (const body of bodies) await operated.add({ body });

    const first = await operated.list();
    const second = await operated.list();

    expect(first.map(({ body }) => body).toSorted()).toEqual(bodies);
    expect(second).toEqual(first);
    expect(await operated.inFlight()).toBe(0);
  });

  it.concurrent('says that a letter which SQS moved has no reason, whatever its sender wrote there', async () => {
    const operated = await OperatedAccount.create();
    const { account, requestsUrl: QueueUrl } = operated;
    const deadLetterTargetArn = `arn:aws:sqs:${REGION}:${account.id}:image-copier-dead-letters`;
    await account.sqs.send(
      new SetQueueAttributesCommand({
        QueueUrl,
        Attributes: { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 1 }) },
      }),
    );
    await account.sqs.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody: request(IMAGE),
        MessageAttributes: stringAttributes({ Reason: 'Please redrive me', ErrorCode: 'Fine' }),
      }),
    );
    await waitFor('the crash', async () => {
      await account.sqs.send(new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout: 0 }));
      const { Messages } = await account.sqs.send(
        new ReceiveMessageCommand({ QueueUrl: operated.deadLettersUrl, VisibilityTimeout: 0 }),
      );
      return Messages;
    });

    const [letters, { stdout }] = [await operated.list(), await operated.run('list')];

    expect(letters).toEqual([
      {
        account: account.id,
        accountId: account.id,
        region: REGION,
        id: expect.any(String),
        sourceImage: IMAGE,
        code: null,
        reason: null,
        requestedAt: expect.any(String),
        attempt: null,
        receiveCount: null,
        body: request(IMAGE),
      },
    ]);
    expect(stdout).toContain('look in its log, /aws/lambda/image-copier-copy-image.');
  });

  it.concurrent('obeys nothing that a letter says to the terminal, and loses none of it', async () => {
    const operated = await OperatedAccount.create();
    const hostile = 'ami-1\u202e\u009b31m\u2028';
    const body = `{"sourceAmi":"${hostile}\\u001b[2J","padding":"${'x'.repeat(100_000)}"}`;
    await operated.add({ body });

    const [table, json] = [await operated.run('list'), await operated.run('list', '--json')];

    expect(table.stdout).toContain('ami-1\\u{202e}\\u{9b}31m\\u{2028}\\u{1b}[2J');
    expect(table.stdout.length).toBeLessThan(1000);
    for (const { stdout } of [table, json]) expect(stdout).not.toMatch(HIDDEN);
    expect(JSON.parse(json.stdout)).toMatchObject([{ sourceImage: `${hostile}\u001b[2J`, body }]);
  });

  it.concurrent('says how many letters others are reading', async () => {
    const operated = await OperatedAccount.create();
    for (let count = 0; count < 3; count += 1) await operated.add();
    await operated.account.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: operated.deadLettersUrl, VisibilityTimeout: 600 }),
    );

    const { code, stdout, stderr } = await operated.run('list');

    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'About 1 more are not shown: others are reading them, or they have just come. Try again in a while.\n',
    });
    expect(stdout).toContain('\n2 dead letters in image-copier-dead-letters.\n');
  });

  it.concurrent.each<NodeJS.Signals>(['SIGINT', 'SIGTERM'])(
    'gives the letters back when it is stopped by %s',
    async (signal) => {
      const operated = await OperatedAccount.create();
      for (let count = 0; count < 12; count += 1) await operated.add();
      const { child, ended } = operated.start(['list']);
      await waitFor('the letters', async () => (await operated.inFlight()) > 0 || undefined, { pollMs: 20 });

      child.kill(signal);

      expect(await ended).toEqual({ code: 2, stdout: '', stderr: 'Error: Stopped.\n' });
      expect(await operated.inFlight()).toBe(0);
    },
  );

  it.concurrent('acts in the account of a role', async () => {
    const operated = await OperatedAccount.create();
    await operated.add();
    await makeAdministratorRoles(endpoint(), ROLE, [operated.account.id]);
    const role = `arn:aws:iam::${operated.account.id}:role/${ROLE}`;

    const { code, stdout } = await operated.start(['list', '--json', '--role-arn', role], OPERATORS).ended;

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([{ sourceImage: IMAGE }]);
  });
});

describe('redrive', () => {
  it.concurrent('puts all letters back as they were sent, without the reasons', async () => {
    const operated = await OperatedAccount.create();
    const bodies = Array.from({ length: 27 }, (_, index) => request(`ami-${String(index).padStart(17, '0')}`));
    bodies.push(request(OTHER_IMAGE, noise(256 * 1024 - 200)));
    for (const body of bodies) await operated.add({ body });

    const { code, stdout, stderr } = await operated.run('redrive', '--all');

    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: 'Put back 28 of 28 dead letters into image-copier-requests.\n',
      stderr: '',
    });
    const requests = await operated.takeRequests();
    expect(requests.map(({ Body }) => Body).toSorted()).toEqual(bodies.toSorted());
    expect(requests.flatMap(({ MessageAttributes = {} }) => Object.keys(MessageAttributes))).toEqual([]);
    expect(await operated.list()).toEqual([]);
  });

  it.concurrent('puts back what is chosen, and gives the others back', async () => {
    const operated = await OperatedAccount.create();
    const InvalidTags = { code: 'InvalidTags', message: 'Too many tags.' };
    await operated.add({ body: request(IMAGE, 'one') });
    await operated.add({ body: request(IMAGE, 'two'), reason: InvalidTags });
    await operated.add({ body: request(OTHER_IMAGE, 'three'), reason: InvalidTags });

    const { stdout } = await operated.run('redrive', '--image', IMAGE, '--code', 'InvalidTags');
    const [first, ...rest] = await operated.list();
    const mistaken = await operated.run('redrive', '--json', '--id', first?.id.slice(0, 8) ?? '', 'not-there');
    const byId = await operated.run('redrive', '--json', '--id', first?.id.slice(0, 8) ?? '');

    expect(stdout).toBe('Put back 1 of 1 dead letter into image-copier-requests.\n');
    expect(rest).toHaveLength(1);
    expect(mistaken).toMatchObject({ code: 2, stdout: '', stderr: 'Error: There is no dead letter not-there.\n' });
    expect(byId).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(byId.stdout)).toEqual([{ ...first, outcome: 'redriven', problem: null }]);
    const requests = await operated.takeRequests();
    expect(requests.map(({ Body }) => Body).toSorted()).toEqual([request(IMAGE, 'two'), first?.['body']].toSorted());
    expect(await operated.inFlight()).toBe(0);
  });

  it.concurrent('changes nothing in a dry run', async () => {
    const operated = await OperatedAccount.create();
    await operated.add();
    await operated.add({ body: request(OTHER_IMAGE) });

    const { code, stdout } = await operated.run('redrive', '--dry-run', '--image', IMAGE);

    expect(code).toBe(0);
    expect(stdout).toContain(`  ${IMAGE}  `);
    expect(stdout).not.toContain(OTHER_IMAGE);
    expect(stdout).toContain('\nWould put back 1 of 1 dead letter into image-copier-requests.\n');
    expect(await operated.takeRequests()).toEqual([]);
    expect(await operated.list()).toHaveLength(2);
  });

  it.concurrent('keeps a letter that does not fit, and goes on with the others', async () => {
    const operated = await OperatedAccount.create();
    const { account, requestsUrl: QueueUrl } = operated;
    await account.sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { MaximumMessageSize: '1024' } }));
    await operated.add({ body: request(OTHER_IMAGE, noise(1024)), requestedAtMs: 0 });
    await operated.add();

    const { code, stdout, stderr } = await operated.run('redrive', '--all');

    const kept = await operated.list();
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: 'Put back 1 of 2 dead letters into image-copier-requests.\n',
    });
    expect(kept.map(({ sourceImage }) => sourceImage)).toEqual([OTHER_IMAGE]);
    expect(stderr).toMatch(new RegExp(`^${kept[0]?.id ?? ''} is still among the dead letters: .*1024 bytes.*\\n$`));
    expect((await operated.takeRequests()).map(({ Body }) => Body)).toEqual([request(IMAGE)]);
  });
});

describe('several accounts', () => {
  const each = async (...accounts: readonly OperatedAccount[]) => {
    const ids = accounts.map(({ account }) => account.id);
    await makeAdministratorRoles(endpoint(), ROLE, ids);
    return ['--accounts', ids.join(','), '--role-name', ROLE];
  };

  it.concurrent('are read together, and each letter is put back where it came from', async () => {
    const [one, other] = [await OperatedAccount.create(), await OperatedAccount.create()];
    await one.add();
    await other.add();
    await other.add({ body: request(OTHER_IMAGE) });

    const { code, stdout, stderr } = await one.start(
      ['redrive', '--image', IMAGE, ...(await each(one, other))],
      OPERATORS,
    ).ended;

    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'Put back 2 of 2 dead letters.\n', stderr: '' });
    for (const operated of [one, other]) {
      expect((await operated.takeRequests()).map(({ Body }) => Body)).toEqual([request(IMAGE)]);
    }
    expect((await other.list()).map(({ sourceImage }) => sourceImage)).toEqual([OTHER_IMAGE]);
  });

  it.concurrent('have all their letters back when the user stops it', async () => {
    const [one, other] = [await OperatedAccount.create(), await OperatedAccount.create()];
    for (const operated of [one, other]) await operated.add();
    const inFlight = async () => [await one.inFlight(), await other.inFlight()];
    const { child, ended } = one.start(['list', ...(await each(one, other))], OPERATORS);
    await waitFor('the letters of both', async () => (await inFlight()).every((count) => count > 0) || undefined, {
      pollMs: 20,
    });

    child.kill('SIGINT');

    expect(await ended).toEqual({ code: 2, stdout: '', stderr: 'Error: Stopped.\n' });
    expect(await inFlight()).toEqual([0, 0]);
  });
});

describe('discard', () => {
  it.concurrent('does nothing without a terminal, unless it need not ask', async () => {
    const operated = await OperatedAccount.create();
    await operated.add();
    await operated.add({ body: request(OTHER_IMAGE) });

    expect(await operated.run('discard', '--all')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'Error: There is no terminal to ask on. Add --yes to discard without being asked.\n',
    });
    expect(await operated.list()).toHaveLength(2);
    expect(await operated.run('discard', '--yes', '--image', IMAGE)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\nDiscarded 1 of 1 dead letter\.\n$/),
    });
    expect((await operated.list()).map(({ sourceImage }) => sourceImage)).toEqual([OTHER_IMAGE]);
  });

  it.concurrent('shows the letters and asks first', async () => {
    const operated = await OperatedAccount.create();
    await operated.add();
    await operated.add();

    const no = await operated.answer('y\n', 'discard', '--all');
    expect(no).toMatchObject({ code: 2, stdout: expect.stringContaining(`  ${IMAGE}  `) });
    expect(no.stdout).toContain('Discard 2 dead letters? Type yes:');
    expect(no.stdout).toContain('Nothing was discarded.');
    // Stopped in the middle of the question.
    expect(await operated.answer('\u0003', 'discard', '--all')).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('Error: Stopped.'),
    });
    expect(await operated.list()).toHaveLength(2);

    expect(await operated.answer('yes\n', 'discard', '--all')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Discarded 2 of 2 dead letters.'),
    });
    expect(await operated.list()).toEqual([]);
  });
});

describe('a mistake of the user', () => {
  const NO_COPIER =
    /^Error: There is no copier "[a-z-]+" in [a-z0-9-]+ of this account.* check .*--region and --name\.\n$/;
  const operated = OperatedAccount.create();

  it.concurrent.each<[string, string[], NodeJS.ProcessEnv, Ended['code'], RegExp]>([
    ['another name', ['list', '--name', 'other'], {}, 1, NO_COPIER],
    ['another Region', ['list', '--region', 'eu-central-1'], {}, 1, NO_COPIER],
    ['no Region', ['list'], { AWS_REGION: undefined }, 2, /^Error: No AWS Region\. Add --region .*\n$/],
    [
      'something that is no Region',
      ['list', '--region', 'x/y'],
      {},
      2,
      /^error: .* It must be a Region, such as .*\n$/,
    ],
    [
      'no credentials',
      ['list'],
      { AWS_ACCESS_KEY_ID: undefined },
      1,
      /^Error: No AWS credentials: .* Log in .* --profile\.\n$/,
    ],
    [
      'an unknown profile',
      ['list', '--profile', 'nobody'],
      {},
      1,
      /^Error: No AWS credentials: .*\[nobody\].* Log in .*\n$/,
    ],
    [
      'an endpoint where nothing is',
      ['list'],
      { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' },
      1,
      /^Error: AWS cannot be reached: .*127\.0\.0\.1:9.* Check .*\n$/,
    ],
  ])('is explained in a line that names the remedy: %s', async (_, args, changes, code, stderr) => {
    const ended = await (await operated).start(args, changes).ended;

    expect(ended).toEqual({ code, stdout: '', stderr: expect.stringMatching(stderr) });
  });
});
