import { DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import {
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  GetAllowedImagesSettingsCommand,
  type Image,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import { DescribeRuleCommand } from '@aws-sdk/client-eventbridge';
import { SimulatePrincipalPolicyCommand, type SimulatePrincipalPolicyCommandInput } from '@aws-sdk/client-iam';
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { GetFunctionCommand, ResourceNotFoundException } from '@aws-sdk/client-lambda';
import { ListSubscriptionsCommand } from '@aws-sdk/client-sns';
import { GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import { GetParametersByPathCommand } from '@aws-sdk/client-ssm';
import { describe, expect, it } from '@jest/globals';
import type { Finding } from '../../../tool/doctor/finding.ts';
import type { FakeAws, FakeServices } from '../support/fake-aws.ts';
import { run } from '../support/run.ts';
import { ACCOUNT, codes, SOURCE, TOPIC } from './facts.ts';
import { awsWithCopier, healthyCopier, type CopierAnswers } from './healthy-copier.ts';

const IMAGE = 'ami-0123456789abcdef0';

interface Row {
  readonly problem: string | null;
  readonly findings: readonly Finding[] | null;
}

/** Examines a copier of which one thing is different: in what AWS answers, or in how it answers. */
async function examined(
  {
    change,
    answers = () => undefined,
  }: { change?: (copier: CopierAnswers) => void; answers?: (services: FakeServices, aws: FakeAws) => void },
  ...args: string[]
): Promise<Row> {
  const aws = awsWithCopier(change);
  answers(aws.in(ACCOUNT), aws);
  const [row] = JSON.parse((await run(['doctor', '--json', ...args], { aws })).out) as Row[];
  if (!row) throw new Error('no account was examined');
  return row;
}

async function found(...args: Parameters<typeof examined>): Promise<string[]> {
  const { findings, problem } = await examined(...args);
  expect(problem).toBeNull();
  return codes(findings ?? []);
}

const denied = (name = 'AccessDeniedException') => Object.assign(new Error('You may not.'), { name });

describe('an area that is denied', () => {
  it.each<[string, string, (services: FakeServices) => void]>([
    ['queues', 'sqs:GetQueueUrl, sqs:GetQueueAttributes', ({ sqs }) => sqs.on(GetQueueUrlCommand).rejects(denied())],
    [
      'functions',
      'lambda:GetFunction, lambda:ListEventSourceMappings',
      ({ lambda }) => lambda.on(GetFunctionCommand).rejects(denied()),
    ],
    [
      'rules',
      'events:DescribeRule, events:ListTargetsByRule',
      ({ events }) => events.on(DescribeRuleCommand).rejects(denied()),
    ],
    [
      'alarms',
      'cloudwatch:DescribeAlarms',
      ({ cloudwatch }) => cloudwatch.on(DescribeAlarmsCommand).rejects(denied('AccessDenied')),
    ],
    [
      'key',
      'kms:DescribeKey, kms:GetKeyPolicy, kms:GetKeyRotationStatus',
      ({ kms }) => kms.on(DescribeKeyCommand).rejects(denied()),
    ],
    [
      'images and parameters',
      'ec2:DescribeImages, ec2:GetEbsEncryptionByDefault, ssm:GetParametersByPath',
      ({ ssm }) => ssm.on(GetParametersByPathCommand).rejects(denied()),
    ],
    [
      'images and parameters',
      'ec2:DescribeImages, ec2:GetEbsEncryptionByDefault, ssm:GetParametersByPath',
      ({ ec2 }) => ec2.on(DescribeImagesCommand).rejects(denied('UnauthorizedOperation')),
    ],
  ])('is reported, and nothing else: %s, read by %s', async (subject, actions, answers) => {
    const { problem, findings } = await examined({ answers });

    expect({ problem, findings }).toEqual({
      problem: null,
      findings: [
        {
          code: 'Unread',
          severity: 'problem',
          subject,
          what: 'Access denied, so nothing of it was checked. You may not.',
          why: 'What is wrong there stays hidden.',
          fix: `Allow ${actions} for whoever runs this command.`,
          commands: [],
        },
      ],
    });
  });

  it('is no more than a note for subscriptions, Allowed AMIs and roles', async () => {
    const answers = ({ sns, ec2, iam }: FakeServices) => {
      sns.on(ListSubscriptionsCommand).rejects(denied('AuthorizationErrorException'));
      ec2.on(GetAllowedImagesSettingsCommand).rejects(denied('UnauthorizedOperation'));
      iam.on(SimulatePrincipalPolicyCommand).rejects(denied());
    };
    const { findings } = await examined({ answers });

    expect(findings?.map(({ code, severity }) => [code, severity])).toEqual([
      ['SubscriptionUnread', 'note'],
      ['RoleUnchecked', 'note'],
      ['RoleUnchecked', 'note'],
      ['RoleUnchecked', 'note'],
      ['AllowedImagesUnread', 'note'],
    ]);
  });

  it('is not one that AWS gives no answer for: then the account could not be read', async () => {
    const throttled = Object.assign(new Error('Rate exceeded'), { name: 'ThrottlingException', $metadata: {} });
    const answers = ({ cloudwatch }: FakeServices) => cloudwatch.on(DescribeAlarmsCommand).rejects(throttled);

    expect(await examined({ answers })).toMatchObject({
      problem: 'AWS refused: ThrottlingException: Rate exceeded.',
      findings: null,
    });
  });
});

describe('the settings of the functions', () => {
  it('name the key that is checked', async () => {
    const change = ({ functions: { copyImage } }: CopierAnswers) => {
      copyImage.configuration.Environment = { Variables: { KMS_KEY_ARN: 'other-key' } };
    };
    const answers = ({ kms }: FakeServices) =>
      kms
        .on(DescribeKeyCommand, { KeyId: 'other-key' })
        .rejects(Object.assign(new Error('no'), { name: 'NotFoundException' }));
    const { findings } = await examined({ change, answers });

    expect(findings).toMatchObject([{ code: 'NoKey', subject: 'other-key' }]);
  });

  it('name the path of the parameters that are checked, and the topic of the results', async () => {
    const resultsTopicArn = `arn:aws:sns:eu-west-1:${SOURCE}:amigo-notify-results`;
    const change = ({ functions: { settleCopy } }: CopierAnswers) => {
      settleCopy.configuration.Environment = {
        Variables: { PARAMETER_PATH: '/elsewhere', RESULTS_TOPIC_ARN: resultsTopicArn },
      };
    };
    const answers = ({ ec2, ssm, iam }: FakeServices) => {
      ec2.on(DescribeImagesCommand, { Filters: [{ Name: 'image-id', Values: ['ami-gone'] }] }).resolves({ Images: [] });
      const Parameters = [{ Name: '/elsewhere/x', Value: 'ami-gone', DataType: 'aws:ec2:image' }];
      ssm.on(GetParametersByPathCommand, { Path: '/elsewhere' }).resolves({ Parameters });
      iam.on(SimulatePrincipalPolicyCommand).callsFake(({ ActionNames = [] }: SimulatePrincipalPolicyCommandInput) => ({
        EvaluationResults: ActionNames.map((EvalActionName) => ({
          EvalActionName,
          EvalDecision: EvalActionName === 'sns:Publish' ? 'implicitDeny' : 'allowed',
        })),
      }));
    };
    const { findings } = await examined({ change, answers });

    expect(findings).toMatchObject([
      ...['retire-image', 'settle-copy'].map((name) => ({
        code: 'RoleLacksActions',
        subject: `arn:aws:iam::${ACCOUNT}:role/image-copier-${name}-eu-west-1`,
        what: `The role may not sns:Publish on ${resultsTopicArn}.`,
      })),
      { code: 'ParameterDangles', subject: '/elsewhere/x' },
    ]);
  });

  it('say how long a request is tried again, for which the redrive may come too early', async () => {
    const change = ({ functions: { copyImage } }: CopierAnswers) => {
      const { Variables } = copyImage.configuration.Environment ?? {};
      copyImage.configuration.Environment = { Variables: { ...Variables, RETRY_SECONDS: '21960' } };
    };
    const { findings } = await examined({ change });

    expect(findings).toMatchObject([
      { code: 'RedriveTooEarly', what: 'SQS moves a request after 65 deliveries, and 66 may be needed.' },
    ]);
  });
});

describe('a copier of which something is missing', () => {
  it('is still one if a queue is there, and its key is found by the alias', async () => {
    const answers = ({ lambda, kms }: FakeServices) => {
      const error = new ResourceNotFoundException({ message: 'gone', Type: 'User', $metadata: {} });
      lambda.on(GetFunctionCommand).rejects(error);
      const { metadata } = healthyCopier().key;
      kms.on(DescribeKeyCommand).rejects(new Error('not by its alias'));
      kms.on(DescribeKeyCommand, { KeyId: 'alias/image-copier' }).resolves({ KeyMetadata: metadata });
    };
    expect(await found({ answers })).toEqual(['NoFunction', 'NoFunction', 'NoFunction']);
  });

  it('has its topic by the subscription where the policy of the queue names none', async () => {
    const change = ({ queues: { requests } }: CopierAnswers) => delete requests.attributes.Policy;
    const { findings } = await examined({ change });

    expect(findings).toMatchObject([
      { code: 'TopicMayNotSend', what: `The queue's policy does not let ${TOPIC} send to it.` },
      { code: 'QueueWithoutTls' },
      { code: 'QueueUnprotected' },
    ]);
  });

  it('does not report the alarm for dead letters when it reports the dead letters', async () => {
    const change = ({ queues, alarms }: CopierAnswers) => {
      queues.deadLetters.attributes.ApproximateNumberOfMessagesNotVisible = '1';
      for (const alarm of alarms) {
        if (/-(dead-letters|settling)$/.test(alarm.AlarmName ?? '')) alarm.StateValue = 'ALARM';
      }
    };
    const { findings } = await examined({ change });

    expect(findings?.map(({ code, subject }) => [code, subject])).toEqual([
      ['DeadLetters', 'image-copier-dead-letters'],
      ['AlarmOn', 'image-copier-settling'],
    ]);
  });
});

describe('an image', () => {
  const SNAPSHOT = 'snap-0123456789abcdef0';
  const image: Image = {
    ImageId: IMAGE,
    OwnerId: SOURCE,
    State: 'available',
    BlockDeviceMappings: [{ DeviceName: '/dev/sda1', Ebs: { SnapshotId: SNAPSHOT } }, { VirtualName: 'ephemeral0' }],
  };
  const shared =
    (snapshot: Snapshot = {}) =>
    ({ ec2 }: FakeServices) => {
      ec2.on(DescribeImagesCommand, { ImageIds: [IMAGE] }).resolves({ Images: [image] });
      ec2
        .on(DescribeSnapshotsCommand, { Filters: [{ Name: 'snapshot-id', Values: [SNAPSHOT] }] })
        .resolves({ Snapshots: [{ SnapshotId: SNAPSHOT, ...snapshot }] });
    };

  it('that is shared can be copied', async () => {
    expect(await found({ answers: shared() }, '--image', IMAGE)).toEqual([]);
  });

  it('is looked for in its own Region', async () => {
    const answers = (_: FakeServices, aws: FakeAws) => {
      shared()(aws.in(ACCOUNT, 'us-east-1'));
    };
    expect(await found({ answers }, '--image', IMAGE, '--image-region', 'us-east-1')).toEqual([]);
  });

  it('that is not there is reported with its Region', async () => {
    const answers = (_: FakeServices, aws: FakeAws) =>
      aws.in(ACCOUNT, 'us-east-1').ec2.on(DescribeImagesCommand).resolves({ Images: [] });
    const { findings } = await examined({ answers }, '--image', IMAGE, '--image-region', 'us-east-1');

    expect(findings).toMatchObject([
      {
        code: 'ImageNotVisible',
        what: 'The account cannot see the image in us-east-1: it does not exist, or is not shared with it.',
      },
    ]);
  });

  it('whose snapshots may not be read is reported by its id', async () => {
    const answers = (services: FakeServices) => {
      shared()(services);
      services.ec2.on(DescribeSnapshotsCommand).rejects(denied('UnauthorizedOperation'));
    };
    const { findings } = await examined({ answers }, '--image', IMAGE);

    expect(findings).toMatchObject([{ code: 'Unread', subject: IMAGE }]);
  });

  it.each<[string, object | undefined, string[]]>([
    ['that trusts its owner', {}, []],
    ['that trusts others', { TRUSTED_OWNERS: '999999999999,888888888888' }, ['ImageOwnerNotTrusted']],
  ])('is copied by a function %s', async (_, variables, expected) => {
    const change = ({ functions: { copyImage } }: CopierAnswers) => {
      const { Variables } = copyImage.configuration.Environment ?? {};
      copyImage.configuration.Environment = { Variables: { ...Variables, ...variables } };
    };
    expect(await found({ change, answers: shared() }, '--image', IMAGE)).toEqual(expected);
  });

  it('under a key of its owner needs a role that may use that key', async () => {
    const KmsKeyId = `arn:aws:kms:eu-west-1:${SOURCE}:key/source`;
    const answers = (services: FakeServices) => {
      shared({ KmsKeyId })(services);
      services.iam.on(SimulatePrincipalPolicyCommand, { ResourceArns: [KmsKeyId] }).callsFake(({ ActionNames }) => ({
        EvaluationResults: (ActionNames as string[]).map((EvalActionName) => ({
          EvalActionName,
          EvalDecision: EvalActionName === 'kms:Decrypt' ? 'implicitDeny' : 'allowed',
        })),
      }));
    };
    const { findings } = await examined({ answers }, '--image', IMAGE);

    expect(findings).toMatchObject([
      {
        code: 'SourceKeyNotInRole',
        subject: KmsKeyId,
        what: `The role of copy-image may not kms:Decrypt on ${KmsKeyId}.`,
        fix: 'Add the key to the input source_key_arns. Then apply Terraform again (module image-copier).',
      },
    ]);
  });

  it('under a key of its owner says nothing of the role of a function that is not there', async () => {
    const answers = (services: FakeServices) => {
      shared({ KmsKeyId: `arn:aws:kms:eu-west-1:${SOURCE}:key/source` })(services);
      const error = new ResourceNotFoundException({ message: 'gone', Type: 'User', $metadata: {} });
      services.lambda.on(GetFunctionCommand, { FunctionName: 'image-copier-copy-image' }).rejects(error);
    };
    expect(await found({ answers }, '--image', IMAGE)).toEqual(['NoFunction']);
  });
});
