import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { IAMClient } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { fromIni, fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { assumeRole } from '../../../lambda/src/adapters/sts-role.ts';

/** A way into an account. Without any part it is that of the environment. */
export interface Access {
  readonly profile?: string;
  /** Is assumed with the credentials of the profile or the environment. */
  readonly roleArn?: string;
  readonly region?: string;
}

const CLIENTS = {
  autoScaling: AutoScalingClient,
  cloudwatch: CloudWatchClient,
  ec2: EC2Client,
  events: EventBridgeClient,
  iam: IAMClient,
  kms: KMSClient,
  lambda: LambdaClient,
  logs: CloudWatchLogsClient,
  sns: SNSClient,
  sqs: SQSClient,
  ssm: SSMClient,
  sts: STSClient,
};

const OWN_SETTINGS: Readonly<Record<string, object>> = {
  // Sharing an image is one call for it and one for each snapshot, of which EC2 takes 5 a second (EC2 Developer Guide,
  // "Request throttling"), and others call too. The SDK's own 3 attempts are over within two seconds; in its adaptive mode it keeps to
  // the pace at which an account answers, where else its budget for retries is used up and call after call fails.
  ec2: { maxAttempts: 8, retryMode: 'adaptive' },
  // Its limits are narrow: an account has one IAM for all Regions.
  iam: { maxAttempts: 8, retryMode: 'adaptive' },
  // Else calls go to the host in the queue's URL, past an endpoint that AWS_ENDPOINT_URL names: a VPC endpoint, a proxy, an
  // emulator.
  sqs: { useQueueUrlAsEndpoint: false },
};

// What handles a call is put together once for all calls of its kind.
const CALLED_AGAIN = { cacheMiddleware: true };

type Services = { readonly [Service in keyof typeof CLIENTS]: InstanceType<(typeof CLIENTS)[Service]> };

/** Clients for an account and a Region of it, each made when it is first asked for. They share one set of credentials. */
export interface AwsClients extends Services {
  /** The Region that was named, or that of the profile or the environment; throws if there is none. */
  readonly region: () => Promise<string>;
  /** Fails as any call would if there is no way in. */
  readonly credentials: () => Promise<Credentials>;
  /** The same way in, to another Region. */
  readonly inRegion: (region: string) => AwsClients;
  /** Lets go of the clients, which take memory. One that is asked for again is made anew; connections are those of all accounts. */
  readonly close: () => void;
}

/** Gives clients for a way into an account. Nothing is called for that. */
export type Connect = (access: Access) => AwsClients;

export type Credentials = Awaited<ReturnType<ReturnType<typeof fromNodeProviderChain>>>;

// The SDK itself renews what expires within 5 minutes.
const RENEW_BEFORE_MS = 5 * 60_000;

// Enough for all accounts that are asked at a time (in-environments.ts). What waits for a connection waits less than a call takes.
const CONNECTIONS = { keepAlive: true, maxSockets: 64 };

/** Connections for many clients. Those that nobody uses keep no process from ending. */
export function makeConnections(): NodeHttpHandler {
  return new NodeHttpHandler({ httpAgent: CONNECTIONS, httpsAgent: CONNECTIONS });
}

/**
 * Clients of the SDK. Those of all accounts share their connections, and the credentials that roles are assumed with: else each account
 * would run the `credential_process` of a profile again, or assume its role, and open connections of its own.
 */
export function makeConnect(): Connect {
  const requestHandler = makeConnections();
  const held = new Map<string | undefined, Provide>();
  const places = new Map<string, AwsClients>();
  const ownOf = (profile: string | undefined) => {
    // A profile that is named counts, also when the environment holds credentials.
    const own = held.get(profile) ?? shared(profile === undefined ? fromNodeProviderChain() : fromIni({ profile }));
    held.set(profile, own);
    return own;
  };
  return ({ profile, roleArn, region }) => {
    const named = {
      ...(profile !== undefined && { profile }),
      ...(region !== undefined && { region }),
      requestHandler,
    };
    // The SDK's own way to assume a role keeps a client for each of them.
    const place = JSON.stringify({ profile, region });
    const own = places.get(place) ?? clientsWith({ ...named, credentials: ownOf(profile) });
    places.set(place, own);
    if (roleArn === undefined) return own;
    return clientsWith({ ...named, credentials: shared(() => assumeRole(own.sts, roleArn, 'image-copier')) });
  };
}

interface Settings {
  readonly profile?: string;
  readonly region?: string;
  readonly requestHandler: NodeHttpHandler;
  readonly credentials: Provide;
}

type Provide = () => Promise<Credentials>;

/** Clients that have their credentials already. */
export function clientsWith(settings: Settings): AwsClients {
  const made = new Map<string, object>();
  const clients: Omit<AwsClients, keyof Services> = {
    region: () => (clients as AwsClients).sts.config.region(),
    credentials: settings.credentials,
    inRegion: (region) => clientsWith({ ...settings, region }),
    close: () => {
      made.clear();
    },
  };
  for (const [service, Client] of Object.entries(CLIENTS)) {
    const get = () => {
      const client = made.get(service) ?? new Client({ ...settings, ...OWN_SETTINGS[service], ...CALLED_AGAIN });
      made.set(service, client);
      return client;
    };
    Object.defineProperty(clients, service, { get, enumerable: true });
  }
  return clients as AwsClients;
}

/** One set of credentials for all who ask: each client by itself would assume the role again. */
function shared(provide: Provide): Provide {
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
