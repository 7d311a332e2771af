import { mockClient } from 'aws-sdk-client-mock';
import { makeConnect, type Access, type AwsClients } from '../../../tool/common/aws-clients.ts';

/** For each service what it answers, as aws-sdk-client-mock has it. */
export type FakeServices = ReturnType<typeof stubsFor>;

function stubsFor(clients: AwsClients) {
  return {
    autoScaling: mockClient(clients.autoScaling),
    cloudwatch: mockClient(clients.cloudwatch),
    ec2: mockClient(clients.ec2),
    events: mockClient(clients.events),
    iam: mockClient(clients.iam),
    kms: mockClient(clients.kms),
    lambda: mockClient(clients.lambda),
    logs: mockClient(clients.logs),
    sns: mockClient(clients.sns),
    sqs: mockClient(clients.sqs),
    ssm: mockClient(clients.ssm),
    sts: mockClient(clients.sts),
  };
}

interface FakeAccount {
  readonly services: FakeServices;
  readonly clients: AwsClients;
}

/**
 * AWS as a command meets it in a test: the SDK's own clients, which send nothing. Each account has services of its own in each
 * Region. A call that the test gives no answer for fails, with its name.
 */
export class FakeAws {
  /** The account of credentials that no role and no profile of {@link profiles} names. */
  readonly ownAccount: string;
  /** Account ids by profile. */
  readonly profiles: Readonly<Record<string, string>>;
  readonly #accounts = new Map<string, FakeAccount>();
  readonly #closed = new Map<string, Error>();
  /** Of all credentials, if they have one. */
  sessionToken: string | undefined;
  /** The Region of the environment; undefined if it names none. */
  defaultRegion: string | undefined = 'eu-west-1';

  constructor({
    ownAccount = '111111111111',
    profiles = {},
  }: { ownAccount?: string; profiles?: Record<string, string> } = {}) {
    this.ownAccount = ownAccount;
    this.profiles = profiles;
  }

  readonly connect = (access: Access): AwsClients => {
    const region = access.region ?? this.defaultRegion;
    if (region === undefined) {
      return {
        ...this.#account(access, 'eu-west-1').clients,
        region: () => Promise.reject(new Error('Region is missing')),
      };
    }
    return this.#account(access, region).clients;
  };

  /** What the services of an account answer in a Region. */
  in(accountId: string, region = 'eu-west-1'): FakeServices {
    return this.#open(accountId, region).services;
  }

  /** Lets nobody into an account. */
  close(accountId: string, error: Error): void {
    this.#closed.set(accountId, error);
  }

  #account({ roleArn, profile }: Access, region: string): FakeAccount {
    const accountId = roleArn?.split(':')[4] ?? (profile === undefined ? undefined : this.profiles[profile]);
    return this.#open(accountId ?? this.ownAccount, region);
  }

  #open(accountId: string, region: string): FakeAccount {
    const key = `${accountId} ${region}`;
    const account = this.#accounts.get(key) ?? this.#make(accountId, region);
    this.#accounts.set(key, account);
    return account;
  }

  #make(accountId: string, region: string): FakeAccount {
    // Its clients are asked for by name: whoever unpacks an object of the SDK's gets no getters.
    const real = makeConnect()({ region });
    const services = stubsFor(real);
    const reject = (command: object): never => {
      throw (
        this.#closed.get(accountId) ??
        new Error(`The test gives no answer for ${command.constructor.name} in ${accountId}, ${region}.`)
      );
    };
    for (const service of Object.values(services)) service.send.callsFake(reject);
    return {
      services,
      clients: {
        autoScaling: real.autoScaling,
        cloudwatch: real.cloudwatch,
        ec2: real.ec2,
        events: real.events,
        iam: real.iam,
        kms: real.kms,
        lambda: real.lambda,
        logs: real.logs,
        sns: real.sns,
        sqs: real.sqs,
        ssm: real.ssm,
        sts: real.sts,
        region: () => Promise.resolve(region),
        credentials: () => {
          const closed = this.#closed.get(accountId);
          return closed
            ? Promise.reject(closed)
            : Promise.resolve({
                accessKeyId: accountId,
                secretAccessKey: 'secret',
                ...(this.sessionToken !== undefined && { sessionToken: this.sessionToken }),
              });
        },
        inRegion: (other) => this.#open(accountId, other).clients,
        close: () => undefined,
      },
    };
  }
}
