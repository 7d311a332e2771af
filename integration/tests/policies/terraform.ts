import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { strToU8, unzipSync, zipSync } from 'fflate';
import { ZIP } from '../../../scripts/dev/lambda-bundle.ts';
import { Deployment, type Action } from '../../../scripts/tool/deploy/deployment.ts';
import { TerraformRoot, type Changes } from '../../../scripts/tool/deploy/terraform-root.ts';
import { CACHE } from '../../../scripts/tool/common/paths.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { actionsOf } from '../../../scripts/dev/permissions.ts';
import { denialsOf, environment, give, type Place, publishedPolicy, rollout, ROLES, saysDenied } from './roles.ts';

const STACKS = { source: 'source', target: 'web' } as const;

// The AWS provider asks for these again and again, for two minutes, before it fails.
const ASKED_AGAIN = ['logs:PutRetentionPolicy', 'sns:SetTopicAttributes'];

/** What `destroy` of the tool asks for before it runs Terraform, which does without. */
export const COUNTED = [
  'ec2:DescribeImages',
  'ec2:DescribeSnapshots',
  'ec2:DescribeVolumes',
  'ssm:GetParametersByPath',
];

/** Actions by what they do, as their names say. */
export const isReading = (action: string) => /:(Describe|Get|List)/.test(action);
export const isRemoving = (action: string) => /:(Delete|Remove|ScheduleKeyDeletion|Unsubscribe)/.test(action);
export const isWriting = (action: string) => !isReading(action) && !isRemoving(action);

/** A key that cannot be rotated would be made anew, and one that is protected stays. To change its rotation asks for the same. */
export const isMaking = (action: string) => isWriting(action) && action !== 'kms:EnableKeyRotation';

/** A zip of the functions that is another one. It is where the same path leads to from each folder of a stack. */
export function anotherZip(): string {
  const zip = join(CACHE, 'test', `${rollout.source}.zip`);
  writeFileSync(zip, zipSync({ ...unzipSync(readFileSync(ZIP)), 'README.md': strToU8('Another version.') }));
  return zip;
}

/** Terraform, as the tool runs it, under the published policy of an account; the actions of that are tried one by one. */
export class TriedPolicy {
  /** The actions whose absence nothing has shown yet. */
  readonly untried: Set<string>;
  /** What was denied and did no harm. */
  readonly doneWithout = new Set<string>();
  readonly #place: Place;
  #taken = new Set<string>();

  constructor(place: Place) {
    this.#place = place;
    const actions = actionsOf(publishedPolicy(ROLES.deployer[place]));
    this.untried = new Set(actions.filter((action) => !COUNTED.includes(action)));
  }

  /**
   * Takes all chosen actions out that were not tried yet, and gives those back that Terraform fails for, until it comes to
   * its end. So in one run several actions show their absence, as many as there are resources that do not need each other.
   * @throws {Error} if Terraform fails and names none of the actions
   */
  async perform(action: Action, isChosen: (action: string) => boolean, functionZip?: string): Promise<Changes> {
    try {
      return await this.#perform(action, isChosen, functionZip);
    } finally {
      await give('deployer', this.#place);
    }
  }

  async #perform(action: Action, isChosen: (action: string) => boolean, functionZip?: string): Promise<Changes> {
    const options = { accountsFile: rollout.accountsFile, out: rollout.out, env: environment };
    const deployment = Deployment.open({ ...options, ...(functionZip !== undefined && { functionZip }) });
    const stack = deployment.stacks.find(({ name }) => name === STACKS[this.#place]);
    if (!stack) throw new Error(`The accounts file has no stack ${STACKS[this.#place]}.`);
    const logFile = deployment.logOf(stack);
    this.#taken = new Set([...this.untried].filter(isChosen));
    try {
      return await this.#attempt(() => deployment.perform(action, stack));
    } catch (error) {
      this.#giveBackMissed(logFile, error);
    }
    // After a failure the deployment would initialize Terraform anew, which takes as long as a plan.
    const directory = join(rollout.out, stack.directory);
    const workDirectory = join(rollout.out, 'terraform', stack.name);
    const root = new TerraformRoot({ directory, workDirectory, logFile, env: environment });
    await root.init();
    for (;;) {
      rmSync(logFile);
      try {
        return await this.#attempt(() => root[action]());
      } catch (error) {
        this.#giveBackMissed(logFile, error);
      }
    }
  }

  /** Runs Terraform with what is taken out now. */
  async #attempt(perform: () => Promise<Changes>): Promise<Changes> {
    await give('deployer', this.#place, this.#taken);
    const untried = new Set(this.untried);
    const start = Date.now();
    const end = new AbortController();
    const watching = this.#watch(end.signal);
    try {
      const changes = await perform();
      for (const denial of await denialsOf('deployer', this.#place)) {
        const wasGivenBack = untried.has(denial.action) && !this.untried.has(denial.action);
        if (Date.parse(denial.time) >= start && !wasGivenBack) this.doneWithout.add(denial.action);
      }
      return changes;
    } finally {
      end.abort();
      await watching;
    }
  }

  #giveBackMissed(logFile: string, error: unknown): void {
    const log = existsSync(logFile) ? readFileSync(logFile, 'utf8') : '';
    const missed = [...this.#taken].filter((each) => saysDenied(log, each));
    if (missed.length === 0) throw error;
    for (const each of missed) this.#tried(each);
  }

  /** Gives back what Terraform goes on asking for, while it runs. */
  async #watch(signal: AbortSignal): Promise<void> {
    for (const action of ASKED_AGAIN.filter((each) => this.#taken.has(each))) {
      const isAskedAgain = async () => {
        const asked = (await denialsOf('deployer', this.#place)).filter((denial) => denial.action === action);
        return new Set(asked.map(({ resource }) => resource)).size < asked.length || undefined;
      };
      try {
        await waitFor(`${action} to be asked for again`, isAskedAgain, { signal });
      } catch {
        return; // Terraform came to its end before
      }
      this.#tried(action);
      await give('deployer', this.#place, this.#taken);
    }
  }

  #tried(action: string): void {
    this.#taken.delete(action);
    this.untried.delete(action);
  }
}
