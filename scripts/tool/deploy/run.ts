import type { Stack, StackEntry } from '../../../terraform/stacks/stacks.ts';
import { chooseStacks } from '../common/choose-stacks.ts';
import type { Deployment } from './deployment.ts';
import { isOpen, readLastRun, withoutDeparted, writeLastRun, type LastRun } from './last-run.ts';
import type { Wave } from './roll-out.ts';
import { inWaves } from './waves.ts';
import { sameDeployment, type DeploymentOptions } from './options.ts';
import { lineAbout, type Copier } from '../common/environment.ts';
import { inEnvironments } from '../common/in-environments.ts';
import { print, type Terminal } from '../common/terminal.ts';
import { dependentsOf, formatDependents } from './dependents.ts';
import type { ExitCode, Tool } from '../common/tool.ts';
import { requireNoForeignTopics } from './foreign-topics.ts';
import { runRollout } from './run-rollout.ts';
import { checkBySmoke } from './smoke-check.ts';
import { UserError } from '../common/user-error.ts';
import { openDeployment } from './open-deployment.ts';
import { withRunLock } from './run-lock.ts';
import { warnOfTopics } from './warn-of-topics.ts';

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
export async function deploy(options: DeployOptions, tool: Tool): Promise<ExitCode> {
  return await withRunLock(options.out, 'deploy', () => deployAlone(options, tool));
}

async function deployAlone(options: DeployOptions, tool: Tool): Promise<ExitCode> {
  const { out, err } = tool.terminal;
  const deployment = await openDeployment(options, tool.env);
  const run = options.resume
    ? withoutDeparted(readLastRun(options.out), deployment.stacks)
    : newRun(options, deployment);
  if (!isOpen(run)) {
    print(out, 'The last run is done: there is nothing to resume.');
    return 0;
  }
  const { stacks } = deployment;
  const source = sourceOf(stacks);
  if (source.name in run.stacks) await requireNoForeignTopics(source, options, tool);
  await warnOfTopics(
    stacks.filter(({ name }) => name in run.stacks),
    source,
    options,
    tool,
  );
  const work = { deployment, options, tool };
  const isWell = options.plan ? await plan(run, work) : await apply(run, work);
  printDeparted(deployment, options, tool);
  if (isWell) return 0;
  if (!options.plan)
    print(err, `\nFix the cause, then go on: ${sameDeployment(tool.program, ['deploy', '--resume'], options)}`);
  return 1;
}

/** What a run works with. */
interface Work<Options extends DeploymentOptions = DeployOptions> {
  readonly deployment: Deployment;
  readonly options: Options;
  readonly tool: Tool;
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

async function plan(run: LastRun, work: Work): Promise<boolean> {
  const stacks = work.deployment.stacks.filter(({ name }) => run.stacks[name] === false);
  return await runRollout({ ...shared(work), action: 'plan', waves: [{ stacks }] }, work.tool);
}

async function apply(run: LastRun, work: Work): Promise<boolean> {
  const { out } = work.options;
  const waves = wavesOf(run, work, () => {
    run.smoke = 'passed';
    writeLastRun(out, run);
  });
  writeLastRun(out, run);
  return await runRollout(
    {
      ...shared(work),
      action: 'apply',
      waves,
      onEnd: ({ stack, result }) => {
        run.stacks[stack.name] = result === 'done';
        writeLastRun(out, run);
      },
    },
    work.tool,
  );
}

/** What remains to do of a run. Stacks that are done are not applied again, but copy in the smoke check with their wave. */
function wavesOf(run: LastRun, { deployment: { stacks }, tool }: Work, onPassed: () => void): Wave[] {
  const chosen = stacks.filter(({ name }) => name in run.stacks);
  const waves = inWaves(chosen, run.waves);
  const smoked = run.smoke === 'open' ? waves.find((wave) => wave.some(({ kind }) => kind === 'target')) : undefined;
  return waves
    .map((wave) => ({
      stacks: wave.filter(({ name }) => run.stacks[name] === false),
      ...(wave === smoked && { check: checkBySmoke(sourceOf(stacks), wave, tool.loadConnect, onPassed) }),
    }))
    .filter((wave) => wave.stacks.length > 0 || 'check' in wave);
}

function sourceOf(stacks: readonly Stack[]): Stack {
  const source = stacks.find(({ kind }) => kind === 'source');
  if (!source) throw new Error('no stack for the source account');
  return source;
}

/** Destroys the stacks that were chosen. */
export async function destroy(options: DestroyOptions, tool: Tool): Promise<ExitCode> {
  return await withRunLock(options.out, 'destroy', () => destroyAlone(options, tool));
}

async function destroyAlone(options: DestroyOptions, tool: Tool): Promise<ExitCode> {
  const deployment = await openDeployment(options, tool.env);
  const chosen = chooseStacks([...deployment.stacks, ...deployment.departed], options.only);
  await requireUnprotected(chosen, deployment, options);
  if (!options.yes) await requireYes(chosen, deployment, tool);
  const waves = inWaves(chosen, [])
    .reverse()
    .filter((stacks) => stacks.length > 0)
    .map((stacks) => ({ stacks }));
  return (await runRollout({ ...shared({ deployment, options }), action: 'destroy', waves }, tool)) ? 0 : 1;
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

async function requireYes(chosen: readonly StackEntry[], deployment: Deployment, tool: Tool): Promise<void> {
  const { terminal, loadConnect, interruptible } = tool;
  const names = chosen.map(({ name, accountId, regions }) => `${name} (${accountId}, ${regions.join(', ')})`);
  if (!terminal.canAsk)
    throw new UserError('There is no terminal to ask on. Add --yes to destroy without being asked.', 2);
  const connect = await loadConnect();
  const copiers = chosen.flatMap((stack) => deployment.copiersOf(stack, connect));
  const question = `Destroy the keys, queues and functions of ${names.join('; ')}? Type yes:`;
  const agreed = await interruptible(async (signal) => {
    await printDependents(copiers, signal, terminal);
    return await terminal.confirm(question, signal);
  });
  if (!agreed) throw new UserError('Nothing was destroyed.', 2);
}

/** What cannot be counted is named, and is no reason to keep what the user wants gone. */
async function printDependents(copiers: readonly Copier[], signal: AbortSignal, terminal: Terminal): Promise<void> {
  const { err } = terminal;
  const counted = await inEnvironments(copiers, dependentsOf, signal, terminal);
  const read = counted.filter((outcome) => 'value' in outcome);
  if (read.length > 0) print(err, formatDependents(read, err.size?.columns));
  for (const outcome of counted) {
    if ('value' in outcome) continue;
    print(err, lineAbout(outcome.copier, `what needs its key could not be counted: ${outcome.problem}\n`));
  }
}

function shared({ deployment, options }: Pick<Work<DeploymentOptions>, 'deployment' | 'options'>) {
  return { deployment, parallel: options.parallel, json: options.json ?? false };
}

function printDeparted({ departed }: Deployment, options: DeploymentOptions, { program, terminal }: Tool): void {
  if (departed.length === 0) return;
  const accounts = departed.map(({ name, accountId }) => `${name} (${accountId})`).join(', ');
  const command = sameDeployment(program, ['destroy', '--only', departed.map(({ name }) => name).join(',')], options);
  print(terminal.err, `\nNo longer in ${options.accountsFile}, but not destroyed: ${accounts}. To destroy: ${command}`);
}
