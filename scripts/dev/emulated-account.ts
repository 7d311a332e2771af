import { randomInt } from 'node:crypto';
import { devNull } from 'node:os';
import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';

/** Clients of one account and Region of the emulator. */
export interface EmulatedAccount {
  readonly id: string;
  readonly region: string;
  readonly ec2: EC2Client;
  readonly kms: KMSClient;
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly ssm: SSMClient;
}

/** Settings for an SDK client that acts in an account: LocalStack takes a 12-digit access key id for the account. */
export function emulatedSettings(endpoint: string, account: string, region: string) {
  return { endpoint, region, credentials: { accessKeyId: account, secretAccessKey: 'any' } };
}

/** The same as environment variables, for the functions. */
export function emulatedEnvironment(endpoint: string, account: string, region: string) {
  const { accessKeyId, secretAccessKey } = emulatedSettings(endpoint, account, region).credentials;
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  };
}

/** An environment for programs that must meet no AWS, with this process's variables but the AWS settings. */
export function withoutAws(): NodeJS.ProcessEnv {
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'))),
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** A fresh account id, so that those who work on one emulator share nothing. */
export function newAccountId(): string {
  return String(randomInt(100_000_000_000, 999_999_999_999));
}

export function emulatedAccount(endpoint: string, id: string, region: string): EmulatedAccount {
  const settings = emulatedSettings(endpoint, id, region);
  return {
    id,
    region,
    ec2: new EC2Client(settings),
    kms: new KMSClient(settings),
    sns: new SNSClient(settings),
    sqs: new SQSClient({ ...settings, useQueueUrlAsEndpoint: false }),
    ssm: new SSMClient(settings),
  };
}
