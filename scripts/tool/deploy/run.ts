import type { Stack, StackEntry } from '../../../terraform/stacks/stacks.ts';
import { chooseStacks } from '../common/choose-stacks.ts';
import type { Deployment } from './deployment.ts';
import { isOpen, readLastRun, withoutLeft, writeLastRun, type LastRun } from './last-run.ts';
import type { Wave } from './roll-out.ts';
import { inWaves } from './waves.ts';
import { canAsk, confirm } from '../common/confirm.ts';
import { commandLine, type DeploymentOptions } from './options.ts';
import { interruptible } from '../common/interruption.ts';
import { runRollout } from './run-rollout.ts';
import { checkBySmoke } from './smoke-check.ts';
import { UserError } from '../common/user-error.ts';
import { withDeployment } from './open-deployment.ts';

export interface DeployOptions extends DeploymentOptions {
  readonly only?: readonly string[];
  readonly plan?: true;
  readonly resume?: true;
  readonly waves?: readonly string[];
  readonly smoke?: true;
}

export interface DestroyOptions extends DeploymentOptions {
  readonly only: readonly string[];
  readonly yes?: true;
}

/** Applies or plans the stacks. */
export async function deploy(options: DeployOptions): Promise<void> {
  await withDeployment(options, async (deployment) => {
    const run = options.resume ? withoutLeft(readLastRun(options.out), deployment.stacks) : newRun(options, deployment);
    if (!isOpen(run)) {
      console.log('The last run is done: there is nothing to resume.');
      return;
    }
    const isWell = options.plan ? await plan(run, deployment, options) : await apply(run, deployment, options);
    tellLeft(deployment, options);
    if (isWell) return;
    process.exitCode = 1;
    if (!options.plan) console.error(`\nMend the cause, then go on: ${commandLine('deploy --resume', options)}`);
  });
}

function newRun({ only, waves = [], smoke }: DeployOptions, { stacks }: Deployment): LastRun {
  const chosen = only ? chooseStacks(stacks, only) : stacks;
  // For its errors: a label that no account has is a slip.
  chooseStacks(stacks, waves);
  if (smoke && chosen.every(({ kind }) => kind === 'source')) {
    throw new UserError('--smoke needs a target account among the chosen ones.', 2);
  }
  return {
    waves: [...waves],
    smoke: smoke ? 'open' : 'not asked',
    stacks: Object.fromEntries(chosen.map(({ name }) => [name, false])),
  };
}

async function plan(run: LastRun, deployment: Deployment, options: DeployOptions): Promise<boolean> {
  const stacks = deployment.stacks.filter(({ name }) => run.stacks[name] === false);
  return await runRollout({ ...shared(deployment, options), action: 'plan', waves: [{ stacks }] });
}

async function apply(run: LastRun, deployment: Deployment, options: DeployOptions): Promise<boolean> {
  const { out } = options;
  const waves = wavesOf(run, deployment, () => {
    run.smoke = 'passed';
    writeLastRun(out, run);
  });
  writeLastRun(out, run);
  return await runRollout({
    ...shared(deployment, options),
    action: 'apply',
    waves,
    onEnd: ({ stack, result }) => {
      run.stacks[stack.name] = result === 'done';
      writeLastRun(out, run);
    },
  });
}

/** What is left of a run. Stacks that are done are not applied again, but copy in the smoke check with their wave. */
function wavesOf(run: LastRun, { stacks }: Deployment, onPassed: () => void): Wave[] {
  const chosen = stacks.filter(({ name }) => name in run.stacks);
  const waves = inWaves(chosen, run.waves);
  const smoked = run.smoke === 'open' ? waves.find((wave) => wave.some(({ kind }) => kind === 'target')) : undefined;
  return waves
    .map((wave) => ({
      stacks: wave.filter(({ name }) => run.stacks[name] === false),
      ...(wave === smoked && { check: checkBySmoke(sourceOf(stacks), wave, onPassed) }),
    }))
    .filter((wave) => wave.stacks.length > 0 || 'check' in wave);
}

function sourceOf(stacks: readonly Stack[]): Stack {
  const source = stacks.find(({ kind }) => kind === 'source');
  if (!source) throw new Error('no stack for the source account');
  return source;
}

/** Destroys the stacks that were chosen. */
export async function destroy(options: DestroyOptions): Promise<void> {
  await withDeployment(options, async (deployment) => {
    const chosen = chooseStacks([...deployment.stacks, ...deployment.left], options.only);
    await requireUnprotected(chosen, deployment, options);
    if (!options.yes) await requireYes(chosen);
    const waves = inWaves(chosen, [])
      .reverse()
      .filter((stacks) => stacks.length > 0)
      .map((stacks) => ({ stacks }));
    if (!(await runRollout({ ...shared(deployment, options), action: 'destroy', waves }))) process.exitCode = 1;
  });
}

async function requireUnprotected(
  chosen: readonly StackEntry[],
  deployment: Deployment,
  { accountsFile }: DestroyOptions,
): Promise<void> {
  const names: string[] = [];
  for (const stack of chosen) if (await deployment.isProtected(stack)) names.push(stack.name);
  if (names.length === 0) return;
  throw new UserError(
    `${names.join(', ')}: deletion_protection is on, and without its key no copy can be launched. To destroy on purpose, ` +
      `set inputs: { deletion_protection: false } for the account in ${accountsFile}, and destroy again. ` +
      'An account that has left the file must be put back for that.',
    2,
  );
}

async function requireYes(chosen: readonly StackEntry[]): Promise<void> {
  const names = chosen.map(({ name, accountId, regions }) => `${name} (${accountId}, ${regions.join(', ')})`);
  if (!canAsk()) throw new UserError('There is no terminal to ask on. Add --yes to destroy without being asked.', 2);
  const question = `Destroy the keys, queues and functions of ${names.join('; ')}? Type yes:`;
  const agreed = await interruptible((signal) => confirm(question, signal));
  if (!agreed) throw new UserError('Nothing was destroyed.', 2);
}

function shared(deployment: Deployment, { parallel, json }: DeploymentOptions) {
  return { deployment, parallel, json: json ?? false };
}

function tellLeft({ left }: Deployment, options: DeploymentOptions): void {
  if (left.length === 0) return;
  const names = left.map(({ name }) => name);
  console.error(
    `\nNo longer in ${options.accountsFile}, but not destroyed: ${left.map(({ name, accountId }) => `${name} (${accountId})`).join(', ')}. ` +
      `To destroy: ${commandLine(`destroy --only ${names.join(',')}`, options)}`,
  );
}
