import { GetTopicAttributesCommand, SNSServiceException } from '@aws-sdk/client-sns';
import { expect, it } from '@jest/globals';
import { run } from '../support/run.ts';
import { ACCOUNT, arn } from './facts.ts';
import { awsWithCopier, type CopierAnswers } from './healthy-copier.ts';

const ON_CALL = arn('sns', 'on-call');
const OTHERS = 'arn:aws:sns:eu-west-1:999999999999:on-call';
const EVERYWHERE = 'arn:aws:sns:us-east-1:222222222222:on-call';

/** What is found where all alarms have these actions, and SNS answers about some of them by an error. */
async function found(actions: readonly string[], errors: Readonly<Record<string, string>>) {
  const aws = awsWithCopier(({ alarms }: CopierAnswers) => {
    for (const alarm of alarms) alarm.AlarmActions = [...actions];
  });
  const { sns } = aws.in(ACCOUNT);
  for (const [TopicArn, name] of Object.entries(errors)) {
    const error = new SNSServiceException({ name, message: `${name}.`, $fault: 'client', $metadata: {} });
    sns.on(GetTopicAttributesCommand, { TopicArn }).rejects(error);
  }
  const { code, out, err } = await run(['doctor', '--json'], { aws });
  const [row] = JSON.parse(out) as { findings: { code: string; severity: string; subject: string }[] | null }[];
  const findings = row?.findings?.map((finding) => [finding.code, finding.severity, finding.subject]);
  return { code, err, findings, calls: sns.commandCalls(GetTopicAttributesCommand).length };
}

it('asks once for each topic, and for nothing that is no topic', async () => {
  const lambda = arn('lambda', 'function:page-me');
  expect(await found([ON_CALL, OTHERS, lambda], {})).toEqual({ code: 0, err: '', findings: [], calls: 2 });
});

it('finds a topic that does not exist, and one of another Region', async () => {
  const errors = { [ON_CALL]: 'NotFoundException', [EVERYWHERE]: 'InvalidParameterException' };
  const { code, findings } = await found([ON_CALL, OTHERS, EVERYWHERE], errors);

  expect({ code, findings }).toEqual({
    code: 0,
    findings: [
      ['AlarmTopicMissing', 'warning', ON_CALL],
      ['AlarmTopicMissing', 'warning', EVERYWHERE],
    ],
  });
});

it('only notes a topic that it may not look for', async () => {
  const { code, findings } = await found([OTHERS], { [OTHERS]: 'AuthorizationErrorException' });
  expect({ code, findings }).toEqual({ code: 0, findings: [['AlarmTopicUnread', 'note', OTHERS]] });
});

it('takes no other error for an answer', async () => {
  const { code, err, findings } = await found([ON_CALL], { [ON_CALL]: 'InternalErrorException' });
  expect({ code, findings }).toEqual({ code: 1, findings: undefined });
  expect(err).toContain('InternalErrorException');
});
