import { CreateTopicCommand } from '@aws-sdk/client-sns';
import type { EmulatedAccount } from './emulated-account.ts';

/** What the module source-account asks of the target accounts' calls, beside who makes them. */
const CONDITIONS = {
  'sns:Subscribe': (region: string) => ({
    StringEquals: { 'sns:Protocol': 'sqs' },
    StringLike: { 'sns:Endpoint': `arn:aws:sqs:${region}:\${aws:PrincipalAccount}:*` },
  }),
  'sns:Publish': () => ({
    ArnLike: {
      'aws:PrincipalArn': ['arn:aws:iam::*:role/*-retire-image-*', 'arn:aws:iam::*:role/*-settle-copy-*'],
    },
  }),
};

/**
 * Makes a topic that other accounts may use, as the module source-account makes its own.
 * @param action subscribe to requests, or publish results
 * @returns the ARN of the topic
 */
export async function createSourceTopic(
  { id, region, sns }: EmulatedAccount,
  Name: string,
  action: keyof typeof CONDITIONS,
  accounts: readonly string[],
): Promise<string> {
  const { StringEquals, ...others } = { StringEquals: {}, ...CONDITIONS[action](region) };
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'TargetAccounts',
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: action,
        Resource: `arn:aws:sns:${region}:${id}:${Name}`,
        Condition: { StringEquals: { ...StringEquals, 'aws:PrincipalAccount': accounts }, ...others },
      },
    ],
  });
  const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name, Attributes: { Policy } }));
  return TopicArn;
}
