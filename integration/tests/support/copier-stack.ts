import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
  type CreateStackCommandInput,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { emulatedSettings, type EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { attribute, ref, type Resource, type Value } from '../../../terraform/template/intrinsics.ts';
import { imageCopierTemplate } from '../../../terraform/template/template.ts';
import { endpoint } from './emulator.ts';
import type { FunctionName } from './handler-process.ts';

/** What of a copier a test needs that runs the functions itself. The roles' policies name all of it. */
const NEEDED = [
  ...['ImageKey', 'Requests', 'RequestsPolicy', 'DeadLetters', 'DeadLettersPolicy', 'Settle', 'Retirements'],
  ...['CopyImageRole', 'SettleCopyRole', 'RetireImageRole'],
];

const OUTPUTS = {
  KeyArn: attribute('ImageKey', 'Arn'),
  QueueUrl: ref('Requests'),
  DeadLetterQueueUrl: ref('DeadLetters'),
  RetirementsQueueUrl: ref('Retirements'),
  'copy-image': attribute('CopyImageRole', 'Arn'),
  'retire-image': attribute('RetireImageRole', 'Arn'),
  'settle-copy': attribute('SettleCopyRole', 'Arn'),
} as const;

export type CopierStack = Readonly<
  Record<'KeyArn' | 'QueueUrl' | 'DeadLetterQueueUrl' | 'RetirementsQueueUrl' | FunctionName, string>
>;

/** Inputs of the module, as the parameters of the template. */
interface Inputs {
  readonly RequestTopicArn: string;
  readonly ResultsTopicArn: string;
  /** Separated by commas. */
  readonly TrustedOwnerIds: string;
  /** Likewise. */
  readonly SourceKeyArns: string;
}

/**
 * Makes the key, the queues and the functions' roles of a copier from the template, which organization.test.ts compares with
 * the Terraform module: within a second, where Terraform takes half a minute.
 */
export async function createCopierStack(account: EmulatedAccount, inputs: Inputs): Promise<CopierStack> {
  return await deployStack(account, inputs, async (client, stack) => await client.send(new CreateStackCommand(stack)));
}

/** Changes the inputs of a stack that `createCopierStack` made. */
export async function updateCopierStack(account: EmulatedAccount, inputs: Inputs): Promise<void> {
  await deployStack(account, inputs, async (client, stack) => await client.send(new UpdateStackCommand(stack)));
}

async function deployStack(
  { id, region }: EmulatedAccount,
  inputs: Inputs,
  deploy: (client: CloudFormationClient, stack: CreateStackCommandInput) => Promise<{ StackId?: string | undefined }>,
): Promise<CopierStack> {
  const client = new CloudFormationClient(emulatedSettings(endpoint(), id, region));
  const { Parameters, Mappings, Conditions, Resources } = imageCopierTemplate();
  const needed = NEEDED.map((name) => [name, assumableBy(id, Resources[name], inputs)] as const);
  const outputs = Object.entries(OUTPUTS).map(([name, Value]) => [outputName(name), { Value }] as const);
  const { StackId } = await deploy(client, {
    StackName: 'image-copier',
    TemplateBody: JSON.stringify({
      Parameters,
      Mappings,
      Conditions,
      Resources: Object.fromEntries(needed),
      Outputs: Object.fromEntries(outputs),
    }),
    Capabilities: ['CAPABILITY_NAMED_IAM'],
    Parameters: Object.entries({
      DeletionProtection: 'false',
      // The functions are not in it.
      FunctionBucketPrefix: 'nowhere',
      FunctionKey: 'nothing',
      ...inputs,
    }).map(([ParameterKey, ParameterValue]) => ({ ParameterKey, ParameterValue })),
  });
  const stack = await waitFor('the stack', async () => {
    const { Stacks: [now] = [] } = await client.send(new DescribeStacksCommand({ StackName: StackId }));
    return now?.StackStatus?.endsWith('_IN_PROGRESS') ? undefined : now;
  });
  if (!/^(CREATE|UPDATE)_COMPLETE$/.test(stack.StackStatus ?? ''))
    throw new Error(`The stack ended as ${stack.StackStatus ?? 'nothing'}.`);
  const made = new Map(stack.Outputs?.map(({ OutputKey, OutputValue = '' }) => [OutputKey, OutputValue]));
  return Object.fromEntries(
    Object.keys(OUTPUTS).map((name) => [name, made.get(outputName(name)) ?? '']),
  ) as CopierStack;
}

/** Credentials of a function's role, as Lambda gives them to the function. */
export async function assumeRole({ id, region }: EmulatedAccount, RoleArn: string, RoleSessionName: string) {
  const client = new STSClient(emulatedSettings(endpoint(), id, region));
  const { Credentials } = await client.send(new AssumeRoleCommand({ RoleArn, RoleSessionName }));
  return {
    AWS_ACCESS_KEY_ID: Credentials?.AccessKeyId ?? '',
    AWS_SECRET_ACCESS_KEY: Credentials?.SecretAccessKey ?? '',
    AWS_SESSION_TOKEN: Credentials?.SessionToken ?? '',
  };
}

/** Lets the account assume a role that otherwise Lambda alone may: who may become a role changes nothing of what it may do. */
function assumableBy(account: string, made: Resource | undefined, { TrustedOwnerIds }: Inputs): Resource {
  if (!made) throw new Error('the template has no such resource');
  const { Properties, ...resource } = made;
  const trust = Properties['AssumeRolePolicyDocument'] as { readonly Statement: readonly Value[] } | undefined;
  if (!trust) return { ...resource, Properties };
  const itself = {
    // LocalStack's stacks replace a role whose trust differs, and overlook what else of it does.
    Sid: `Trusting${TrustedOwnerIds.replaceAll(',', 'And')}`,
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${account}:root` },
    Action: 'sts:AssumeRole',
  };
  const AssumeRolePolicyDocument = { ...trust, Statement: [...trust.Statement, itself] };
  return { ...resource, Properties: { ...Properties, AssumeRolePolicyDocument } };
}

/** Letters and digits alone. */
function outputName(name: string): string {
  return name.replace('-', '');
}
