import { expect, it } from '@jest/globals';
import { DescribeImagesCommand, DescribeSnapshotsCommand } from '@aws-sdk/client-ec2';
import {
  ChangeMessageVisibilityBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import { GetParametersByPathCommand } from '@aws-sdk/client-ssm';
import { FakeAws } from '../support/fake-aws.ts';
import { FakeTerminal } from '../support/fake-terminal.ts';
import { run } from '../support/run.ts';

it('names the environments whose dead letters could not be given back, once the live lines are gone', async () => {
  const accounts = ['222222222222', '333333333333'];
  const aws = new FakeAws();
  for (const { ec2, sqs, ssm } of accounts.map((account) => aws.in(account))) {
    ec2.on(DescribeImagesCommand).resolves({});
    ec2.on(DescribeSnapshotsCommand).resolves({});
    ssm.on(GetParametersByPathCommand).resolves({});
    sqs.on(GetQueueUrlCommand).resolves({ QueueUrl: 'https://sqs.test/dead-letters' });
    sqs.on(GetQueueAttributesCommand).resolves({ Attributes: { ApproximateNumberOfMessages: '0' } });
  }
  const { sqs } = aws.in('333333333333');
  sqs
    .on(GetQueueAttributesCommand)
    .resolvesOnce({ Attributes: { ApproximateNumberOfMessages: '1' } })
    .resolves({ Attributes: { ApproximateNumberOfMessages: '0' } });
  sqs
    .on(ReceiveMessageCommand)
    .resolvesOnce({ Messages: [{ MessageId: 'id', ReceiptHandle: 'r', Body: '{}' }] })
    .resolves({});
  sqs.on(ChangeMessageVisibilityBatchCommand).rejects(new Error('no network'));
  const terminal = new FakeTerminal({ columns: 120, answer: true });

  const { err } = await run(['status', '--accounts', accounts.join(','), '--role-name', 'operator'], { aws, terminal });

  expect(err).toMatch(
    /\[J333333333333, eu-west-1: The dead letters could not be given back\. They are seen again in 120 seconds\.\n$/,
  );
});
