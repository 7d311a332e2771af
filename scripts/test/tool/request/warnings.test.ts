import { expect, it } from '@jest/globals';
import { DescribeImagesCommand } from '@aws-sdk/client-ec2';
import { ChangeMessageVisibilityBatchCommand } from '@aws-sdk/client-sqs';
import { follow } from '../../../tool/request/follow.ts';
import { IMAGE, REQUESTED_AT } from '../common/letters.ts';
import { FakeQueues } from '../dead-letters/fake-queues.ts';
import { FakeAws } from '../support/fake-aws.ts';

it('goes on with a warning when dead letters that it read cannot be given back', async () => {
  const aws = new FakeAws();
  const { ec2, sqs } = aws.in('222222222222');
  ec2.on(DescribeImagesCommand).resolves({});
  new FakeQueues(aws.in('222222222222')).add('aaaa1111');
  sqs.on(ChangeMessageVisibilityBatchCommand).rejects(new Error('no network'));
  const environment = { accountId: '222222222222', account: 'payments', region: 'eu-west-1', labels: {} };
  const copier = {
    ...environment,
    name: 'image-copier',
    parameterPath: '/image-copier',
    copyTags: [],
    recipeTag: 'Recipe',
    access: {},
    chosenBy: [],
    aws: aws.connect({ roleArn: 'arn:aws:iam::222222222222:role/operator' }),
  };
  const warnings: string[] = [];

  const [state] = await follow([{ ...environment, imageId: IMAGE, copier }], {
    inboxes: [],
    timeoutMs: 60_000,
    since: new Date(REQUESTED_AT),
    signal: new AbortController().signal,
    onChange: () => undefined,
    onLook: () => undefined,
    warn: (line) => warnings.push(line),
  });

  expect(state).toMatchObject({ progress: 'failed', reason: 'It belongs to somebody else.' });
  expect(warnings).toEqual([
    'payments, eu-west-1: The dead letters could not be given back. They are seen again in 120 seconds.',
  ]);
});
