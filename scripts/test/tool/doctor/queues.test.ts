import { GetQueueAttributesCommand, GetQueueUrlCommand, QueueDoesNotExist } from '@aws-sdk/client-sqs';
import { describe, expect, it } from '@jest/globals';
import { checkQueues, readQueues, type QueuesFacts } from '../../../tool/doctor/queues.ts';
import { ACCOUNT, arn, codes, COPIER, queuePolicy, queues, TOPIC } from './facts.ts';
import { awsWithCopier } from './healthy-copier.ts';

const USERS = { topicArn: TOPIC, copyTimeout: 60, retireTimeout: 300, settleTimeout: 120, retrySeconds: 21_600 };
const OTHER = queuePolicy('sns.amazonaws.com', 'arn:aws:sns:eu-west-1:999999999999:other');

type Queue = keyof QueuesFacts;

function check(changes: Readonly<Partial<Record<Queue, object>>>, users: Partial<typeof USERS> = {}) {
  const all = queues();
  const changed = Object.fromEntries(
    Object.entries(all).map(([name, facts]) => [name, { ...facts, ...changes[name as Queue] }]),
  );
  return checkQueues(changed, { ...USERS, ...users }, COPIER);
}

describe('checkQueues', () => {
  it('finds nothing in queues as the module makes them', () => {
    expect(check({})).toEqual([]);
  });

  it.each<[string, Readonly<Partial<Record<Queue, object>>>, string[]]>([
    ['another topic', { requests: { policy: OTHER } }, ['TopicMayNotSend']],
    ['another topic for dead letters', { deadLetters: { policy: OTHER } }, ['TopicMayNotDeadLetter']],
    ['no policy', { requests: { policy: {} } }, ['TopicMayNotSend', 'QueueWithoutTls', 'QueueUnprotected']],
    ['no policy for the rules', { settle: { policy: {} } }, ['RulesMayNotSend', 'QueueWithoutTls']],
    [
      'no policy for the daily rule',
      { retirements: { policy: {} } },
      ['RulesMayNotSend', 'QueueWithoutTls', 'QueueUnprotected'],
    ],
    ['no redrive of retirements', { retirements: { redrive: undefined } }, ['NoRedrive']],
    [
      'a short visibility timeout of retire-image',
      { retirements: { visibilitySeconds: 1799 } },
      ['VisibilityTooShort'],
    ],
    ['no redrive', { requests: { redrive: undefined } }, ['NoRedrive']],
    ['another redrive', { requests: { redrive: { deadLetterTargetArn: arn('sqs', 'other') } } }, ['NoRedrive']],
    [
      'too few deliveries',
      { requests: { redrive: { deadLetterTargetArn: arn('sqs', 'image-copier-dead-letters'), maxReceiveCount: 64 } } },
      ['RedriveTooEarly'],
    ],
    ['a short visibility timeout', { requests: { visibilitySeconds: 359 } }, ['VisibilityTooShort']],
    ['a short visibility timeout of settle-copy', { settle: { visibilitySeconds: 719 } }, ['VisibilityTooShort']],
    ['dead letters', { deadLetters: { messages: 2 } }, ['DeadLetters']],
  ])('finds %s', (_, changes, expected) => {
    expect(codes(check(changes))).toEqual(expected);
  });

  it('finds queues that are missing', () => {
    const findings = checkQueues({}, USERS, COPIER);

    expect(codes(findings)).toEqual(['NoQueue', 'NoQueue', 'NoQueue', 'NoQueue']);
    expect(findings.map(({ subject }) => subject)).toEqual([
      'image-copier-requests',
      'image-copier-dead-letters',
      'image-copier-retirements',
      'image-copier-settle.fifo',
    ]);
  });

  it('names the rule that may not send', () => {
    const policy = queuePolicy('events.amazonaws.com', arn('events', 'rule/image-copier-sweep'));

    const [finding] = check({ settle: { policy } });

    expect(finding?.what).toBe("The queue's policy does not let image-copier-image-state send to it.");
  });

  it('does not guess what it does not know: the topic, the functions', () => {
    const unknown = {
      topicArn: undefined,
      copyTimeout: undefined,
      retireTimeout: undefined,
      settleTimeout: undefined,
      retrySeconds: undefined,
    };
    const findings = checkQueues(queues(), unknown, COPIER);

    // Without the topic's ARN, no condition on it can hold.
    expect(codes(findings)).toEqual(['TopicMayNotSend', 'TopicMayNotDeadLetter']);
  });

  it('says how to look at the letters of a copier with another name', () => {
    const copier = { ...COPIER, name: 'other', chosenBy: ['--name', 'other'] };
    const letters = checkQueues({ deadLetters: { ...queues().deadLetters, messages: 1 } }, USERS, copier).find(
      ({ code }) => code === 'DeadLetters',
    );

    expect(letters).toMatchObject({
      what: '1 request was rejected or given up.',
      commands: [
        { program: 'image-copier', words: ['dead-letters', 'list', '--name', 'other', '--region', 'eu-west-1'] },
        { words: ['dead-letters', 'redrive', '--all', '--name', 'other', '--region', 'eu-west-1'] },
      ],
    });
  });
});

describe('readQueues', () => {
  const read = (aws = awsWithCopier()) => readQueues(aws.connect({}).sqs, 'image-copier');
  const gone = new QueueDoesNotExist({ message: 'gone', $metadata: {} });

  it('reads the queues of a copier', async () => {
    expect(await read()).toEqual(queues());
  });

  it('counts messages that somebody has just received', async () => {
    const aws = awsWithCopier(({ queues: { deadLetters } }) => {
      deadLetters.attributes.ApproximateNumberOfMessages = '2';
      deadLetters.attributes.ApproximateNumberOfMessagesNotVisible = '3';
    });
    expect((await read(aws)).deadLetters?.messages).toBe(5);
  });

  it('leaves out queues that are not there, or no longer', async () => {
    const aws = awsWithCopier();
    const { deadLetters, retirements, settle } = queues();
    const { sqs } = aws.in(ACCOUNT);
    sqs.on(GetQueueUrlCommand, { QueueName: 'image-copier-requests' }).rejects(gone);
    sqs.on(GetQueueAttributesCommand, { QueueUrl: settle.url }).rejects(gone);

    expect(await read(aws)).toEqual({ deadLetters, retirements });
  });
});
