import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { GetRoleCommand, IAMClient, UpdateAssumeRolePolicyCommand } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { OPERATORS_ACCOUNT } from '../../../scripts/dev/administrator-role.ts';
import { emulatedSettings } from '../../../scripts/dev/emulated-account.ts';
import { endpoint, REGION } from '../support/emulator.ts';

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Somebody who calls AWS, with credentials that are asked for at the first call. */
export class Identity {
  /** As the table of docs/security.md calls it. */
  readonly name: string;
  readonly account: string;
  readonly settings: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: () => Promise<Credentials>;
  };
  readonly cloudWatch: CloudWatchClient;
  readonly ec2: EC2Client;
  readonly events: EventBridgeClient;
  readonly iam: IAMClient;
  readonly kms: KMSClient;
  readonly lambda: LambdaClient;
  readonly logs: CloudWatchLogsClient;
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly ssm: SSMClient;
  readonly sts: STSClient;
  #given: Promise<Credentials> | undefined;

  constructor(name: string, account: string, getCredentials: () => Promise<Credentials>) {
    this.name = name;
    this.account = account;
    const credentials = async () => await (this.#given ??= getCredentials());
    const settings = { endpoint: endpoint(), region: REGION, credentials };
    this.settings = settings;
    this.cloudWatch = new CloudWatchClient(settings);
    this.ec2 = new EC2Client(settings);
    this.events = new EventBridgeClient(settings);
    this.iam = new IAMClient(settings);
    this.kms = new KMSClient(settings);
    this.lambda = new LambdaClient(settings);
    this.logs = new CloudWatchLogsClient(settings);
    this.sns = new SNSClient(settings);
    this.sqs = new SQSClient({ ...settings, useQueueUrlAsEndpoint: false });
    this.ssm = new SSMClient(settings);
    this.sts = new STSClient(settings);
  }
}

export const COPY_IMAGE_ROLE = `image-copier-copy-image-${REGION}`;
export const SETTLE_COPY_ROLE = `image-copier-settle-copy-${REGION}`;

/** Those who deploy and operate: roles in the other accounts trust this account. */
export const operators = new Identity('operators', OPERATORS_ACCOUNT, () =>
  Promise.resolve(emulatedSettings(endpoint(), OPERATORS_ACCOUNT, REGION).credentials),
);

export function roleArn(account: string, role: string): string {
  return `arn:aws:iam::${account}:role/${role}`;
}

export function assume(account: string, role: string) {
  return async ({ sts }: Identity) =>
    await sts.send(new AssumeRoleCommand({ RoleArn: roleArn(account, role), RoleSessionName: 'attack' }));
}

/** A role that the operators may assume. */
export function roleOf(name: string, account: string, role: string): Identity {
  return new Identity(name, account, async () => credentialsIn(await assume(account, role)(operators)));
}

/**
 * The role of a function, which Lambda alone may assume: an administrator of its account opens it for a moment. Who may become
 * a role changes nothing of what it may do.
 */
export function functionOf(name: string, administrator: Identity): Identity {
  const { account } = administrator;
  return new Identity(name, account, async () =>
    credentialsIn(await onceOpened(administrator, `image-copier-${name}-${REGION}`)),
  );
}

/** Assumes a role of the administrator's account once the administrator has let it be, for as long as that takes. */
export async function onceOpened(administrator: Identity, RoleName: string) {
  const { account, iam } = administrator;
  const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
  const trust = JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '')) as { Statement: object[] };
  const itself = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: account } };
  const setTrust = async (policy: object) =>
    await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: JSON.stringify(policy) }));
  await setTrust({ ...trust, Statement: [trust.Statement, itself].flat() });
  try {
    return await assume(account, RoleName)(administrator);
  } finally {
    await setTrust(trust);
  }
}

/** The credentials of a role that was assumed. */
export function credentialsIn({ Credentials: given }: Awaited<ReturnType<ReturnType<typeof assume>>>): Credentials {
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = given ?? {};
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
}
