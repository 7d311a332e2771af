import type { CheckedCopier, Finding } from '../../../tool/doctor/finding.ts';
import type { FunctionFacts } from '../../../tool/doctor/functions.ts';
import type { QueuesFacts } from '../../../tool/doctor/queues.ts';
import type { Policy } from '../../../tool/doctor/policy.ts';

export const ACCOUNT = '222222222222';
export const SOURCE = '111111111111';
export const TOPIC = `arn:aws:sns:eu-west-1:${SOURCE}:amigo-notify`;
export const KEY = `arn:aws:kms:eu-west-1:${ACCOUNT}:key/11111111-2222-3333-4444-555555555555`;
export const COPIER: CheckedCopier = {
  accountId: ACCOUNT,
  account: ACCOUNT,
  region: 'eu-west-1',
  labels: {},
  name: 'image-copier',
  parameterPath: '/image-copier',
  copyTags: [],
  recipeTag: 'Recipe',
  partition: 'aws',
  program: 'image-copier',
  apply: { fix: 'Apply Terraform again.', commands: [{ program: 'image-copier', words: ['deploy'] }] },
  applyWithSource: {
    fix: 'Apply Terraform again.',
    commands: [{ program: 'image-copier', words: ['deploy', 'both'] }],
  },
  access: {},
  chosenBy: [],
};

export const arn = (service: string, resource: string) => `arn:aws:${service}:eu-west-1:${ACCOUNT}:${resource}`;

export const codes = (findings: readonly Finding[]) => findings.map(({ code }) => code);

/** The policy of a queue as the module makes it. */
export function queuePolicy(service: string, sourceArns: string | readonly string[]): Policy {
  const deny = (action: string, condition: object) => ({
    Effect: 'Deny',
    Action: action,
    Principal: { AWS: '*' },
    Condition: condition as Record<string, Record<string, string>>,
  });
  return {
    Statement: [
      {
        Effect: 'Allow',
        Action: 'sqs:SendMessage',
        Principal: { Service: service },
        Condition: { ArnEquals: { 'aws:SourceArn': sourceArns } },
      },
      deny('sqs:*', { Bool: { 'aws:SecureTransport': 'false' } }),
      deny('sqs:DeleteQueue', {}),
    ],
  };
}

/** The statements of the key's policy as the module makes them. */
export function keyStatements(accountId: string = ACCOUNT) {
  const use = ['CreateGrant', 'Decrypt', 'DescribeKey', 'Encrypt', 'GenerateDataKey*', 'ReEncrypt*'];
  return {
    administered: { Effect: 'Allow', Action: 'kms:*', Principal: { AWS: `arn:aws:iam::${accountId}:root` } },
    used: {
      Effect: 'Allow',
      Action: use.map((action) => `kms:${action}`),
      Principal: { AWS: '*' },
      Condition: {
        StringEquals: { 'kms:CallerAccount': accountId, 'kms:ViaService': 'ec2.eu-west-1.amazonaws.com' },
      },
    },
    protected: { Effect: 'Deny', Action: 'kms:ScheduleKeyDeletion', Principal: { AWS: '*' } },
  };
}

/** The subscription's attributes as the module makes them. */
export function subscriptionAttributes(accountId: string = ACCOUNT) {
  const deadLetterTargetArn = `arn:aws:sqs:eu-west-1:${accountId}:image-copier-dead-letters`;
  return {
    RawMessageDelivery: 'true',
    FilterPolicy: JSON.stringify({ targetAccounts: [accountId, '*'] }),
    FilterPolicyScope: 'MessageBody',
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn }),
  };
}

/** The queues as the module makes them. */
export function queues(): Required<QueuesFacts> {
  const queue = (name: string, visibilitySeconds: number, policy: Policy) => ({
    url: `https://sqs.eu-west-1.amazonaws.com/${ACCOUNT}/${name}`,
    arn: arn('sqs', name),
    policy,
    visibilitySeconds,
    messages: 0,
  });
  const fromTopic = queuePolicy('sns.amazonaws.com', TOPIC);
  const rules = ['sweep', 'image-state'].map((rule) => arn('events', `rule/image-copier-${rule}`));
  return {
    requests: {
      ...queue('image-copier-requests', 360, fromTopic),
      redrive: { deadLetterTargetArn: arn('sqs', 'image-copier-dead-letters'), maxReceiveCount: 65 },
    },
    deadLetters: queue('image-copier-dead-letters', 30, fromTopic),
    retirements: {
      ...queue(
        'image-copier-retirements',
        1800,
        queuePolicy('events.amazonaws.com', arn('events', 'rule/image-copier-retention')),
      ),
      redrive: { deadLetterTargetArn: arn('sqs', 'image-copier-dead-letters'), maxReceiveCount: 65 },
    },
    settle: queue('image-copier-settle.fifo', 720, queuePolicy('events.amazonaws.com', rules)),
  };
}

const FUNCTIONS = {
  'copy-image': { timeoutSeconds: 60, queue: 'requests', reportsFailures: true },
  'retire-image': { timeoutSeconds: 300, queue: 'retirements', reportsFailures: true },
  'settle-copy': { timeoutSeconds: 120, queue: 'settle.fifo', reportsFailures: false },
} as const;

/** A function as the module makes it. */
export function lambdaFunction(name: keyof typeof FUNCTIONS, changes: Partial<FunctionFacts> = {}): FunctionFacts {
  const { timeoutSeconds, queue, reportsFailures } = FUNCTIONS[name];
  return {
    name: `image-copier-${name}`,
    state: 'Active',
    stateReason: '',
    lastUpdate: 'Successful',
    lastUpdateReason: '',
    runtime: 'nodejs22.x',
    codeSha256: 'built',
    timeoutSeconds,
    roleArn: `arn:aws:iam::${ACCOUNT}:role/image-copier-${name}-eu-west-1`,
    environment: {},
    mappings: [
      {
        id: 'mapping',
        queueArn: arn('sqs', `image-copier-${queue}`),
        state: 'Enabled',
        responseTypes: reportsFailures ? ['ReportBatchItemFailures'] : [],
      },
    ],
    ...changes,
  };
}
