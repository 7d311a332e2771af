import { join } from 'node:path';
import { withoutAws } from '../../emulated-account.ts';
import { lambdaNodeBinary, type LambdaNode } from '../../localstack/server.ts';
import { ROOT } from '../../../tool/common/paths.ts';
import { ACCOUNT, COPIER, COPY, KEY_ARN, REGION, SOURCE_ACCOUNT } from './canned-answers.ts';

/** A client of the Runtime API that loads a handler as Lambda's own does. */
const BOOTSTRAP = join(
  ROOT,
  'integration/localstack/init/plugin/image_copier_localstack/services/lambda_/bootstrap.mjs',
);
// Lambda Developer Guide, "Building Lambda functions with Node.js": what its Node 22 has switched off.
const NODE_FLAGS = { 22: ['--no-experimental-require-module', '--no-experimental-detect-module'], 24: [] } as const;

/**
 * Node with a client of the Runtime API: it is ready to be given a function.
 * @param client a program of Node's, such as `index.mjs` of aws-lambda-ric
 */
export function nodeRuntime(client = BOOTSTRAP, version: LambdaNode = 22): readonly string[] {
  return [lambdaNodeBinary(version), ...NODE_FLAGS[version], client];
}

/** What Lambda, and the Terraform module, give to a function. */
export function environment(
  endpoint: string,
  handler: string,
  folder: string,
  version: LambdaNode = 22,
): NodeJS.ProcessEnv {
  return {
    ...withoutAws(),
    // The stub's certificate is nobody's. To name it as trusted would have Node load all of its own at the start too.
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    NODE_NO_WARNINGS: '1',
    _HANDLER: handler,
    LAMBDA_TASK_ROOT: folder,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${version}.x`,
    AWS_LAMBDA_FUNCTION_NAME: 'bench',
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/bench',
    AWS_LAMBDA_LOG_STREAM_NAME: '2026/11/26/[$LATEST]bench',
    AWS_ACCESS_KEY_ID: 'ASIAQQQQQQQQQQQQQQQQ',
    AWS_SECRET_ACCESS_KEY: 'no secret, of nobody',
    AWS_SESSION_TOKEN: 'x'.repeat(700),
    AWS_ENDPOINT_URL: endpoint,
    COPIER_NAME: COPIER,
    KMS_KEY_ARN: KEY_ARN,
    QUEUE_URL: `${endpoint}/${ACCOUNT}/requests`,
    DEAD_LETTER_QUEUE_URL: `${endpoint}/${ACCOUNT}/dead-letters`,
    TRUSTED_OWNERS: SOURCE_ACCOUNT,
    RETRY_SECONDS: '21600',
    FAILED_COPY_DELAY_SECONDS: '300',
    OVERDUE_SECONDS: '86400',
    PARAMETER_PATH: '/image-copier',
    RECIPE_TAG: 'Recipe',
    RECONCILE_NEWEST: '1',
    RECONCILE_REGIONS: REGION,
    RESULTS_TOPIC_ARN: `arn:aws:sns:${REGION}:${SOURCE_ACCOUNT}:amigo-DEMO-notify-results`,
  };
}

/** What EC2 tells when the copy has become available. */
export const stateChange = {
  version: '0',
  source: 'aws.ec2',
  'detail-type': 'EC2 AMI State Change',
  account: ACCOUNT,
  region: REGION,
  detail: { ImageId: COPY, State: 'available', ErrorMessage: '' },
};

/** A batch of messages. */
export function sqsEvent(...messages: readonly (object | string)[]): object {
  return {
    Records: messages.map((message) => ({
      messageId: '059f36b4-87a3-44ab-83d2-661975830a7d',
      receiptHandle: 'AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a',
      body: typeof message === 'string' ? message : JSON.stringify(message),
      attributes: { ApproximateReceiveCount: '1', SentTimestamp: String(Date.now()) },
      messageAttributes: {},
      eventSource: 'aws:sqs',
      eventSourceARN: `arn:aws:sqs:${REGION}:${ACCOUNT}:requests`,
      awsRegion: REGION,
    })),
  };
}
