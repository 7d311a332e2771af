import { ALARMS } from '../../tool/doctor/alarms.ts';
import { builtSha256 } from '../../tool/doctor/built-code.ts';
import { assumedRole, hex } from './ec2-answers.ts';
import { json, jsonOperation, REGION, SOURCE, TOPIC, xml, type Answer, type Call } from './stand-in.ts';
import { KEY_ID, type StandInAccount } from './status-stand-in.ts';

/** SSM API Reference, GetParametersByPath: 10 at most. */
const PARAMETERS_A_PAGE = 10;

const CODE = builtSha256() ?? 'built';

/** AWS as `doctor` meets it where all is well: anything that it does not ask for is an error. */
export function answerDoctor(
  call: Call,
  images: StandInAccount,
  recipes: number,
  simulated?: (role: string) => void,
): Answer {
  const { account, path, body } = call;
  const operation = jsonOperation(call);
  if (operation !== undefined) {
    const input = JSON.parse(body) as Readonly<Record<string, string>>;
    const answer = ofJson(operation, input, account, recipes);
    return answer ? json(answer) : json({ __type: 'NotHere' }, 501);
  }
  if (path.startsWith('/2015-03-31/functions/')) return json({ Configuration: functionOf(path, account) });
  if (path.startsWith('/2015-03-31/event-source-mappings')) {
    return json({ EventSourceMappings: [mappingOf(path, account)] });
  }
  const query = new URLSearchParams(body);
  if (query.get('Action') === 'SimulatePrincipalPolicy') simulated?.(query.get('PolicySourceArn') ?? '');
  return xml(ofQuery(query, account, images));
}

function ofQuery(query: URLSearchParams, account: string, { copies }: StandInAccount): string | undefined {
  switch (query.get('Action')) {
    case 'AssumeRole':
      return assumedRole(query.get('RoleArn')?.split(':')[4] ?? '');
    case 'DescribeImages':
      return copies.replaceAll('ACCOUNT', account);
    case 'GetAllowedImagesSettings':
      return (
        '<GetAllowedImagesSettingsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><state>disabled</state>' +
        '<imageCriterionSet/></GetAllowedImagesSettingsResponse>'
      );
    case 'ListSubscriptions':
      return result(
        'ListSubscriptions',
        `<Subscriptions><member><SubscriptionArn>${TOPIC}:1</SubscriptionArn><Protocol>sqs</Protocol>` +
          `<Endpoint>${queueArn('requests', account)}</Endpoint><TopicArn>${TOPIC}</TopicArn></member></Subscriptions>`,
      );
    case 'GetSubscriptionAttributes':
      return result('GetSubscriptionAttributes', attributes(subscriptionAttributes(account)));
    case 'GetTopicAttributes':
      return result('GetTopicAttributes', attributes({ TopicArn: query.get('TopicArn') ?? '' }));
    case 'SimulatePrincipalPolicy':
      return result('SimulatePrincipalPolicy', simulation(query));
    default:
      return undefined;
  }
}

/** An answer of the query protocol. */
function result(operation: string, content: string): string {
  return `<${operation}Response><${operation}Result>${content}</${operation}Result></${operation}Response>`;
}

function attributes(entries: Readonly<Record<string, string>>): string {
  const all = Object.entries(entries).map(
    ([key, value]) => `<entry><key>${key}</key><value>${value.replaceAll('"', '&quot;')}</value></entry>`,
  );
  return `<Attributes>${all.join('')}</Attributes>`;
}

function subscriptionAttributes(account: string) {
  return {
    RawMessageDelivery: 'true',
    FilterPolicy: JSON.stringify({ targetAccounts: [account, '*'] }),
    FilterPolicyScope: 'MessageBody',
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queueArn('dead-letters', account) }),
  };
}

/** As IAM answers: each action with each resource, and the statement that allows it. */
function simulation(query: URLSearchParams): string {
  const valuesOf = (list: string) =>
    Array.from(query).flatMap(([name, value]) => (name.startsWith(`${list}.member.`) ? value : []));
  const statement =
    '<MatchedStatements><member><SourcePolicyId>image-copier</SourcePolicyId><SourcePolicyType>IAM Policy</SourcePolicyType>' +
    '<StartPosition><Line>1</Line><Column>40</Column></StartPosition><EndPosition><Line>1</Line><Column>180</Column></EndPosition>' +
    '</member></MatchedStatements><MissingContextValues/>';
  const resources = valuesOf('ResourceArns').map(
    (resource) =>
      `<member><EvalResourceName>${resource}</EvalResourceName><EvalResourceDecision>allowed</EvalResourceDecision>${statement}</member>`,
  );
  const results = valuesOf('ActionNames').map(
    (action) =>
      `<member><EvalActionName>${action}</EvalActionName><EvalResourceName>*</EvalResourceName><EvalDecision>allowed</EvalDecision>` +
      `${statement}<ResourceSpecificResults>${resources.join('')}</ResourceSpecificResults></member>`,
  );
  return `<IsTruncated>false</IsTruncated><EvaluationResults>${results.join('')}</EvaluationResults>`;
}

function ofJson(
  operation: string,
  input: Readonly<Record<string, string>>,
  account: string,
  recipes: number,
): object | undefined {
  switch (operation) {
    case 'GetQueueUrl':
      return { QueueUrl: `http://localhost/${account}/${input['QueueName'] ?? ''}` };
    case 'GetQueueAttributes':
      return { Attributes: queueAttributes(nameIn(input['QueueUrl']), account) };
    case 'DescribeRule':
      return { State: 'ENABLED' };
    case 'ListTargetsByRule': {
      const queue = input['Rule']?.endsWith('-retention') ? 'retirements' : 'settle.fifo';
      return { Targets: [{ Id: 'queue', Arn: queueArn(queue, account) }] };
    }
    case 'DescribeAlarms':
      return { MetricAlarms: ALARMS.map((alarm) => alarmOf(alarm, account)) };
    case 'DescribeKey':
      return {
        KeyMetadata: {
          KeyId: KEY_ID,
          Arn: keyArn(account),
          KeyState: 'Enabled',
          Description: 'Machine images copied by image-copier',
        },
      };
    case 'GetKeyPolicy':
      return { Policy: JSON.stringify(keyPolicy(account)) };
    case 'GetKeyRotationStatus':
      return { KeyRotationEnabled: true };
    case 'GetParametersByPath':
      return parametersFrom(Number(input['NextToken'] ?? 0), recipes);
    default:
      return undefined;
  }
}

/** The part of the copier's names that is its own: `image-copier-requests` is `requests`. */
function nameIn(url = ''): string {
  return url.slice(url.lastIndexOf('/') + 1).replace('image-copier-', '');
}

function arn(service: string, resource: string, account: string): string {
  return `arn:aws:${service}:${REGION}:${account}:${resource}`;
}

function queueArn(queue: string, account: string): string {
  return arn('sqs', `image-copier-${queue}`, account);
}

function keyArn(account: string): string {
  return arn('kms', `key/${KEY_ID}`, account);
}

/** Who sends to a queue, and how long its messages are hidden. */
const QUEUES: Readonly<Record<string, { readonly seconds: number; readonly rules?: readonly string[] }>> = {
  requests: { seconds: 360 },
  'dead-letters': { seconds: 30 },
  retirements: { seconds: 1800, rules: ['retention'] },
  'settle.fifo': { seconds: 720, rules: ['image-state', 'sweep'] },
};

function queueAttributes(queue: string, account: string) {
  const { seconds = 0, rules } = QUEUES[queue] ?? {};
  const senders = rules?.map((rule) => arn('events', `rule/image-copier-${rule}`, account)) ?? TOPIC;
  const Service = rules ? 'events.amazonaws.com' : 'sns.amazonaws.com';
  const sent = { Effect: 'Allow', Action: 'sqs:SendMessage', Principal: { Service } };
  const denied = { Effect: 'Deny', Principal: { AWS: '*' } };
  const policy = {
    Statement: [
      { ...sent, Condition: { ArnEquals: { 'aws:SourceArn': senders } } },
      { ...denied, Action: 'sqs:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
      { ...denied, Action: 'sqs:DeleteQueue', Condition: {} },
    ],
  };
  return {
    QueueArn: queueArn(queue, account),
    Policy: JSON.stringify(policy),
    VisibilityTimeout: String(seconds),
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queueArn('dead-letters', account), maxReceiveCount: 65 }),
  };
}

const FUNCTIONS: Readonly<Record<string, { readonly timeout: number; readonly queue: string }>> = {
  'copy-image': { timeout: 60, queue: 'requests' },
  'retire-image': { timeout: 300, queue: 'retirements' },
  'settle-copy': { timeout: 120, queue: 'settle.fifo' },
};

function functionOf(path: string, account: string) {
  const name = nameIn(path);
  return {
    FunctionName: `image-copier-${name}`,
    State: 'Active',
    LastUpdateStatus: 'Successful',
    Runtime: 'nodejs22.x',
    CodeSha256: CODE,
    Timeout: FUNCTIONS[name]?.timeout,
    Role: `arn:aws:iam::${account}:role/image-copier-${name}`,
    Environment: {
      Variables: {
        KMS_KEY_ARN: keyArn(account),
        PARAMETER_PATH: '/image-copier',
        RETRY_SECONDS: '21600',
        TRUSTED_OWNERS: SOURCE,
      },
    },
  };
}

function mappingOf(path: string, account: string) {
  const name = new URL(path, 'http://localhost').searchParams.get('FunctionName')?.replace('image-copier-', '') ?? '';
  return {
    UUID: 'mapping',
    State: 'Enabled',
    EventSourceArn: queueArn(FUNCTIONS[name]?.queue ?? '', account),
    FunctionResponseTypes: ['ReportBatchItemFailures'],
  };
}

function alarmOf(alarm: string, account: string) {
  return {
    AlarmName: `image-copier-${alarm}`,
    StateValue: 'OK',
    AlarmDescription: `About ${alarm}.`,
    ActionsEnabled: true,
    AlarmActions: [arn('sns', 'on-call', account)],
    AlarmConfigurationUpdatedTimestamp: 1_790_000_000,
  };
}

function keyPolicy(account: string) {
  const launching = ['CreateGrant', 'Decrypt', 'DescribeKey', 'Encrypt', 'GenerateDataKey*', 'ReEncrypt*'];
  const throughEc2 = { 'kms:CallerAccount': account, 'kms:ViaService': `ec2.${REGION}.amazonaws.com` };
  return {
    Statement: [
      { Effect: 'Allow', Action: 'kms:*', Principal: { AWS: `arn:aws:iam::${account}:root` } },
      {
        Effect: 'Allow',
        Action: launching.map((action) => `kms:${action}`),
        Principal: { AWS: '*' },
        Condition: { StringEquals: throughEc2 },
      },
      { Effect: 'Deny', Action: 'kms:ScheduleKeyDeletion', Principal: { AWS: '*' } },
    ],
  };
}

/** The parameter of each recipe points to its copy. */
function parametersFrom(start: number, recipes: number) {
  const next = start + PARAMETERS_A_PAGE;
  const numbers = Array.from({ length: Math.min(next, recipes) - start }, (_, index) => start + index);
  return {
    Parameters: numbers.map((number) => ({
      Name: `/image-copier/recipe-${number}`,
      Value: hex('ami', number),
      DataType: 'aws:ec2:image',
    })),
    ...(next < recipes && { NextToken: String(next) }),
  };
}
