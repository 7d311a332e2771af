import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { IAMClient } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { fromIni, fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';

/** A way into an account. Without any part it is that of the environment. */
export interface Access {
  readonly profile?: string;
  /** Is assumed with the credentials of the profile or the environment. */
  readonly roleArn?: string;
  readonly region?: string;
}

/** Clients for an account and a Region of it. They share one set of credentials. */
export interface AwsClients {
  readonly cloudwatch: CloudWatchClient;
  readonly ec2: EC2Client;
  readonly events: EventBridgeClient;
  readonly iam: IAMClient;
  readonly kms: KMSClient;
  readonly lambda: LambdaClient;
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly ssm: SSMClient;
  readonly sts: STSClient;
  /** The Region that was named, or that of the profile or the environment; throws if there is none. */
  readonly region: () => Promise<string>;
  /** Fails as any call would if there is no way in. */
  readonly credentials: () => Promise<unknown>;
  /** The same way in, to another Region. */
  readonly inRegion: (region: string) => AwsClients;
  /** Closes the connections. A client that is used again opens new ones. */
  readonly close: () => void;
}

/** Gives clients for a way into an account. Nothing is called for that. */
export type Connect = (access: Access) => AwsClients;

type Credentials = Awaited<ReturnType<ReturnType<typeof fromNodeProviderChain>>>;

// The SDK itself renews what expires within 5 minutes.
const RENEW_BEFORE_MS = 5 * 60_000;

/** Clients of the SDK, each made when it is first asked for. */
export function connect({ profile, roleArn, region }: Access): AwsClients {
  const named = { ...(profile !== undefined && { profile }), ...(region !== undefined && { region }) };
  // A profile that is named counts, also when the environment holds credentials.
  const own = profile === undefined ? fromNodeProviderChain() : fromIni({ profile });
  const assumed = () =>
    fromTemporaryCredentials({
      masterCredentials: own,
      clientConfig: named,
      params: { RoleArn: roleArn, RoleSessionName: 'image-copier' },
    });
  return new SdkClients({ ...named, credentials: shared(roleArn === undefined ? own : assumed()) });
}

interface Settings {
  readonly profile?: string;
  readonly region?: string;
  readonly credentials: () => Promise<Credentials>;
}

class SdkClients implements AwsClients {
  readonly #settings: Settings;
  readonly #made = new Map<string, { destroy: () => void }>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  get cloudwatch() {
    return this.#client('cloudwatch', () => new CloudWatchClient(this.#settings));
  }

  get ec2() {
    return this.#client('ec2', () => new EC2Client(this.#settings));
  }

  get events() {
    return this.#client('events', () => new EventBridgeClient(this.#settings));
  }

  get iam() {
    // Its limits are narrow: an account has one IAM for all Regions.
    return this.#client('iam', () => new IAMClient({ ...this.#settings, maxAttempts: 8 }));
  }

  get kms() {
    return this.#client('kms', () => new KMSClient(this.#settings));
  }

  get lambda() {
    return this.#client('lambda', () => new LambdaClient(this.#settings));
  }

  get sns() {
    return this.#client('sns', () => new SNSClient(this.#settings));
  }

  get sqs() {
    // Else calls go to the host in the queue's URL, past an endpoint that AWS_ENDPOINT_URL names: a VPC endpoint, a proxy,
    // an emulator.
    return this.#client('sqs', () => new SQSClient({ ...this.#settings, useQueueUrlAsEndpoint: false }));
  }

  get ssm() {
    return this.#client('ssm', () => new SSMClient(this.#settings));
  }

  get sts() {
    return this.#client('sts', () => new STSClient(this.#settings));
  }

  async region(): Promise<string> {
    return await this.sts.config.region();
  }

  async credentials(): Promise<unknown> {
    return await this.#settings.credentials();
  }

  inRegion(region: string): AwsClients {
    return new SdkClients({ ...this.#settings, region });
  }

  close(): void {
    for (const client of this.#made.values()) client.destroy();
  }

  #client<T extends { destroy: () => void }>(service: string, make: () => T): T {
    const client = (this.#made.get(service) ?? make()) as T;
    this.#made.set(service, client);
    return client;
  }
}

/** One set of credentials for all who ask: each client by itself would assume the role again. */
function shared(provide: () => Promise<Credentials>): () => Promise<Credentials> {
  let held: Promise<Credentials> | undefined;
  const ask = () => {
    const asked = provide();
    asked.catch(() => {
      if (held === asked) held = undefined;
    });
    return asked;
  };
  return async () => {
    const before = (held ??= ask());
    const credentials = await before;
    if ((credentials.expiration?.getTime() ?? Infinity) - Date.now() > RENEW_BEFORE_MS) return credentials;
    if (held === before) held = ask();
    return await held;
  };
}
