import { CreatePolicyCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { PublishCommand } from '@aws-sdk/client-sns';
import { GetQueueUrlCommand, PurgeQueueCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import { findCopies, isAnnounced } from '../../../scripts/tool/common/copies.ts';
import type { Finding } from '../../../scripts/tool/doctor/finding.ts';
import { OPERATORS_ACCOUNT } from '../../../scripts/dev/administrator-role.ts';
import {
  emulatedAccount,
  emulatedEnvironment,
  emulatedSettings,
  withoutAws,
  type EmulatedAccount,
} from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import type { Ended } from '../support/command.ts';
import { endpoint, newAccountId, REGION } from '../support/emulator.ts';
import { leaveAccount } from '../support/leave-account.ts';
import { logLines } from '../support/log-lines.ts';
import { ROLE, Rollout } from '../support/rollout.ts';
import { runHere } from '../support/run-here.ts';
import { ORGANIZATION, policy, type Guardrails, type Statement } from './policies.ts';

/** What `request --wait --json` prints of an account. */
interface Outcome {
  readonly state: string;
  readonly reason: string | null;
}

interface Letter {
  readonly code: string | null;
  readonly reason: string | null;
  readonly sourceImage: string | null;
}

/** The accounts, each named after the guardrail that its deployment meets. */
const NAMES = ['plain', 'listed', 'bounded', 'connected', 'signed', 'placed', 'tagged', 'keyed'] as const;
export type Name = (typeof NAMES)[number];

const FULL_ACCESS = policy({ Effect: 'Allow', Action: '*', Resource: '*' });
const SHARED_INPUTS = { deletion_protection: false, failed_copy_delay_seconds: 0 };

/** A source account, and target accounts in which guardrails are set and taken away. */
export class GuardedAccounts {
  readonly rollout = new Rollout();
  readonly source = emulatedAccount(endpoint(), this.rollout.source, REGION);
  readonly targets = Object.fromEntries(
    NAMES.map((name) => [name, emulatedAccount(endpoint(), newAccountId(), REGION)]),
  ) as Readonly<Record<Name, EmulatedAccount>>;
  readonly #environment = { ...withoutAws(), ...emulatedEnvironment(endpoint(), OPERATORS_ACCOUNT, REGION) };
  #bakes = 0;

  /** @param inputs of the module, beside those that all accounts share */
  write(inputs: Readonly<Partial<Record<Name, object>>> = {}): void {
    const listed = NAMES.map((name) => [name, { id: this.targets[name].id, inputs: inputs[name] ?? {} }] as const);
    this.rollout.write(Object.fromEntries(listed), SHARED_INPUTS);
  }

  /** Puts an account into the organization, with these guardrails. */
  async guard({ id }: EmulatedAccount, { denied, services, ofResources }: Guardrails = {}): Promise<void> {
    const allowed = services
      ? policy({ Effect: 'Allow', Action: services.map((service) => `${service}:*`), Resource: '*' })
      : FULL_ACCESS;
    const body = {
      id: ORGANIZATION,
      policies: [allowed, ...(denied ? [policy(...denied)] : [])],
      ...(ofResources && { resourcePolicies: [policy(...ofResources)] }),
    };
    const response = await fetch(organizationOf(id), { method: 'PUT', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`The emulator refused the guardrails: ${await response.text()}`);
  }

  /** Takes an account out of the organization. */
  async release({ id }: EmulatedAccount): Promise<void> {
    await fetch(organizationOf(id), { method: 'DELETE' });
  }

  /** Makes a policy for permissions boundaries that allows all of these services. */
  async makeBoundary(account: EmulatedAccount, name: string, services: readonly string[]): Promise<string> {
    const iam = new IAMClient(emulatedSettings(endpoint(), account.id, REGION));
    const allowed: Statement = {
      Effect: 'Allow',
      Action: services.map((service) => `${service}:*`),
      Resource: '*',
    };
    const PolicyDocument = JSON.stringify(policy(allowed));
    const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName: name, PolicyDocument }));
    return Policy?.Arn ?? '';
  }

  async bake(tags: Readonly<Record<string, string>> = {}, region = REGION): Promise<BakedImage> {
    this.#bakes += 1;
    const { ec2 } = emulatedAccount(endpoint(), this.source.id, region);
    return await bakeImage(ec2, {
      name: `amigo_guarded_${this.#bakes}`,
      description: '',
      tags: { Recipe: `guarded-${this.#bakes}`, ...tags },
      volumeSizes: [1],
    });
  }

  /** Runs a command of the operators' tool for one account. */
  async run(name: Name, command: string, ...args: readonly string[]): Promise<Ended> {
    const where = ['--accounts-file', this.rollout.accountsFile, '--only', name];
    return await runHere([...command.split(' '), ...where, ...args], this.#environment);
  }

  /** Asks for a copy as its users do, and waits for what becomes of it. */
  async ask(name: Name, { imageId }: BakedImage): Promise<Outcome> {
    const { stdout, stderr } = await this.run(name, `request ${imageId}`, '--share', '--wait', '--json');
    const [outcome] = JSON.parse(stdout || '[]') as Outcome[];
    if (!outcome) throw new Error(stderr);
    return outcome;
  }

  /** Shares an image and publishes the request for a copy of it, from whatever Region, and waits for nothing. */
  async publish(name: Name, image: BakedImage, region = REGION): Promise<void> {
    const { id } = this.targets[name];
    await share(emulatedAccount(endpoint(), this.source.id, region).ec2, image, [id]);
    await this.source.sns.send(
      new PublishCommand({
        TopicArn: `arn:aws:sns:${REGION}:${this.source.id}:amigo-TEST-notify`,
        Message: JSON.stringify(copyRequestFor(image, region, [id])),
      }),
    );
  }

  /** Waits until there is a copy that was announced. */
  async untilAnnounced(name: Name, { imageId }: BakedImage): Promise<void> {
    await waitFor(`an announced copy of ${imageId}`, async () => {
      const copies = await findCopies(this.targets[name], imageId);
      return copies.some((copy) => isAnnounced(copy, 'image-copier')) || undefined;
    });
  }

  /**
   * Makes the time for trying again so short that the first delivery of a request is its last, until the returned function is
   * called: it comes late.
   */
  async shortenTrying(name: Name): Promise<() => Promise<void>> {
    const { id, sqs } = this.targets[name];
    const lambda = new LambdaClient(emulatedSettings(endpoint(), id, REGION));
    const FunctionName = 'image-copier-copy-image';
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'image-copier-requests' }));
    const { Environment: before } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    const set = async (delaySeconds: number, variables: Record<string, string> | undefined) => {
      await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { DelaySeconds: String(delaySeconds) } }));
      await lambda.send(
        new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables: variables } }),
      );
      await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 60 }, { FunctionName });
    };
    await set(2, { ...before?.Variables, RETRY_SECONDS: '1' });
    return async () => {
      await set(0, before?.Variables);
    };
  }

  /** Waits for the dead letter of an image. */
  async deadLetter(name: Name, { imageId }: BakedImage): Promise<Letter> {
    return await waitFor(`the dead letter of ${imageId}`, async () => {
      const { stdout } = await this.run(name, 'dead-letters list', '--json');
      return (JSON.parse(stdout) as Letter[]).find(({ sourceImage }) => sourceImage === imageId);
    });
  }

  /** Waits for a line in the log of a function that is about the image or its copy and has an error. */
  async loggedError(name: Name, functionName: string, about: string): Promise<string> {
    return await waitFor(`an error about ${about} in the log of ${functionName}`, async () => {
      const lines = await logLines(this.targets[name], `/aws/lambda/image-copier-${functionName}`);
      return lines.find((line) => line.includes(about) && line.includes('"error"'));
    });
  }

  /** The problems that `doctor` finds. Alarms are left out: they come some minutes later, and stay as long. */
  async problems(name: Name): Promise<readonly Finding[]> {
    const { stdout, stderr } = await this.run(name, 'doctor', '--json');
    const [row] = JSON.parse(stdout || '[]') as { findings: readonly Finding[] | null }[];
    if (!row?.findings) throw new Error(`${stderr}${stdout}`);
    return row.findings.filter(({ severity, code }) => severity === 'problem' && code !== 'AlarmOn');
  }

  /** What the emulator denied in an account since it runs, as `action on resource`. */
  async denials({ id }: EmulatedAccount): Promise<string[]> {
    const response = await fetch(`${endpoint()}/_image-copier/denials`);
    const all = (await response.json()) as { action: string; resource: string }[];
    return all.flatMap(({ action, resource }) => (resource.includes(id) ? [`${action} on ${resource}`] : []));
  }

  /** Takes away guardrails, requests and dead letters, so that the next guardrail finds the accounts as they were. */
  async reset(): Promise<void> {
    await Promise.all([this.source, this.targets.plain].map((account) => this.release(account)));
    const { sqs } = this.targets.plain;
    for (const QueueName of ['image-copier-requests', 'image-copier-dead-letters']) {
      const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
      await sqs.send(new PurgeQueueCommand({ QueueUrl }));
    }
  }

  async leave(): Promise<void> {
    const all = [this.source, ...Object.values(this.targets)];
    for (const account of all) {
      await this.release(account);
      await leaveAccount(account);
    }
    this.rollout.remove();
  }
}

function organizationOf(account: string): string {
  return `${endpoint()}/_image-copier/accounts/${account}/organization`;
}

/** The role of the operators, by which they are known to policies. */
export const OPERATORS_ROLE = `arn:aws:iam::*:role/${ROLE}`;
