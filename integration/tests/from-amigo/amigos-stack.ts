import { join } from 'node:path';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import {
  AddPermissionCommand,
  CreateFunctionCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { SubscribeCommand } from '@aws-sdk/client-sns';
import { build } from 'esbuild';
import { strToU8, zipSync } from 'fflate';
import { emulatedSettings, type EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { endpoint } from '../support/emulator.ts';
import type { Amigo } from './amigo.ts';

const ACTIONS = {
  ImageCopierLambda: [
    ...['ec2:CopyImage', 'ec2:CreateTags'],
    ...['kms:Encrypt', 'kms:Decrypt', 'kms:CreateGrant', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
    // Not in AMIgo's role: the emulator asks for all that the EBS User Guide names.
    'kms:ReEncrypt*',
  ],
  HousekeepingLambda: ['ec2:DescribeImages', 'ec2:DeregisterImage', 'ec2:DeleteSnapshot'],
};

type FunctionName = keyof typeof ACTIONS;

/** What AMIgo's two stacks make in a target account: a key, and two functions that its topics wake for every message. */
export async function makeAmigosStacks(target: EmulatedAccount, amigo: Amigo): Promise<{ readonly keyArn: string }> {
  const { KeyMetadata: { Arn: keyArn = '' } = {} } = await target.kms.send(new CreateKeyCommand({}));
  const zip = zipSync({ 'index.mjs': strToU8(await bundle()) });
  const functions: readonly [FunctionName, string, string][] = [
    ['ImageCopierLambda', 'index.copy', amigo.requestTopic],
    ['HousekeepingLambda', 'index.housekeep', amigo.housekeepingTopic],
  ];
  for (const [name, handler, topic] of functions) await makeFunction(target, { name, handler, topic, keyArn, zip });
  return { keyArn };
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'amigos-functions.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}

async function makeFunction(
  { id, region, sns }: EmulatedAccount,
  {
    name,
    handler,
    topic,
    keyArn,
    zip,
  }: {
    readonly name: FunctionName;
    readonly handler: string;
    readonly topic: string;
    readonly keyArn: string;
    readonly zip: Uint8Array;
  },
): Promise<void> {
  const settings = emulatedSettings(endpoint(), id, region);
  const FunctionName = `AmigoImageCopier-${name}`;
  const iam = new IAMClient(settings);
  const statement = (fields: object) => JSON.stringify({ Version: '2012-10-17', Statement: [fields] });
  const trust = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } };
  const { Role } = await iam.send(
    new CreateRoleCommand({ RoleName: FunctionName, AssumeRolePolicyDocument: statement(trust) }),
  );
  const PolicyDocument = statement({ Effect: 'Allow', Action: [...ACTIONS[name], 'logs:*'], Resource: '*' });
  await iam.send(new PutRolePolicyCommand({ RoleName: FunctionName, PolicyName: 'policy', PolicyDocument }));
  const lambda = new LambdaClient(settings);
  const { FunctionArn } = await lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Role: Role?.Arn,
      Runtime: 'nodejs22.x',
      Handler: handler,
      Timeout: 30,
      MemorySize: 512,
      Environment: { Variables: { ACCOUNT_ID: id, KMS_KEY_ARN: keyArn } },
      Code: { ZipFile: zip },
    }),
  );
  await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 60 }, { FunctionName });
  const Principal = 'sns.amazonaws.com';
  const Action = 'lambda:InvokeFunction';
  await lambda.send(
    new AddPermissionCommand({ FunctionName, StatementId: 'topic', Action, Principal, SourceArn: topic }),
  );
  await sns.send(new SubscribeCommand({ TopicArn: topic, Protocol: 'lambda', Endpoint: FunctionArn }));
}
