import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import { buildZip, writeTemplate } from './build.ts';
import { withoutAws } from './emulated-account.ts';
import { runScript } from './entry.ts';
import { openTestEmulator } from './localstack/emulator.ts';
import { installLocalStack } from './localstack/install.ts';
import { CACHE, ROOT } from './paths.ts';
import { runCommand } from './run-command.ts';
import { SetupError } from './setup-error.ts';
import { terraformEnvironment } from './terraform.ts';

const RESULTS = join(CACHE, 'test');
const EXAMPLES = join(ROOT, 'terraform', 'examples');
const MODULES = join(ROOT, 'terraform', 'modules');
const PLUGIN = join(ROOT, 'integration', 'localstack');

/** A test that is skipped shows nothing, so it counts as failed. */
interface Totals {
  readonly passed: number;
  readonly failed: number;
}

/** A check has no totals; it fails by its exit code. */
interface StageResult {
  readonly holds: boolean;
  readonly totals?: Totals;
  /** What else is worth a line. */
  readonly figures?: string;
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

type Run = (command: string, args: readonly string[], options?: RunOptions) => Promise<boolean>;
type Report = (line: string) => void;
type Stage = (run: Run, report: Report) => Promise<StageResult>;

const stages: Readonly<Record<string, Stage>> = {
  format: async (run) =>
    allHold([
      await run(npmTool('prettier'), ['--check', '--log-level=warn', '.']),
      await run('terraform', ['fmt', '-check', '-recursive', 'terraform'], {
        env: terraformEnvironment(RESULTS, withoutAws()),
      }),
      await run(pythonTool('ruff'), ['format', '--check', '--quiet', PLUGIN]),
    ]),

  lint: async (run) => {
    const results = [
      await run(npmTool('eslint'), ['.']),
      await run(npmTool('knip'), []),
      await run(pythonTool('ruff'), ['check', '--quiet', PLUGIN]),
    ];
    for (const example of folders(EXAMPLES)) {
      results.push(await run('terraform', ['validate'], await initialized(example)));
    }
    return allHold(results);
  },

  types: async (run) => allHold([await run(npmTool('tsc'), [])]),

  unit: async (run) =>
    combined([
      await jest(run, 'lambda'),
      await jest(run, 'scripts'),
      await jest(run, 'terraform/stacks'),
      await jest(run, 'terraform/template'),
    ]),

  emulator: async (run) => {
    const results = join(RESULTS, 'emulator.xml');
    const python = pythonTool('python');
    const holds = await run(python, ['-m', 'pytest', '-q', `--junitxml=${results}`], { cwd: PLUGIN });
    return { holds, totals: junitTotals(results) };
  },

  terraform: async (run, report) => {
    writeTemplate(report);
    const results: StageResult[] = [];
    for (const folder of [...folders(MODULES), ...folders(EXAMPLES)]) {
      // An example that LocalStack cannot stand for is planned in a test of its own.
      if (!existsSync(join(folder, 'tests'))) continue;
      const totals = join(RESULTS, `${basename(folder)}.xml`);
      const holds = await run('terraform', ['test', `-junit-xml=${totals}`], await initialized(folder));
      results.push({ holds, totals: junitTotals(totals) });
    }
    return combined(results);
  },

  integration: async (run, report) => {
    const emulator = await openTestEmulator(report);
    try {
      return await jest(run, 'integration', { AWS_ENDPOINT_URL: emulator.endpoint });
    } finally {
      await emulator.close();
    }
  },

  faults: async (run, report) => {
    const emulator = await openTestEmulator(report);
    try {
      const result = await jest(run, 'integration/faults', { AWS_ENDPOINT_URL: emulator.endpoint });
      const figures = join(RESULTS, 'faults.txt');
      return { ...result, ...(existsSync(figures) && { figures: readFileSync(figures, 'utf8').trimEnd() }) };
    } finally {
      await emulator.close();
    }
  },
};

/** The stages of a group run side by side: those of the last mostly wait, for queues and for Terraform. */
const GROUPS: readonly (readonly string[])[] = [
  ['format', 'types'],
  ['lint', 'unit'],
  ['terraform'],
  ['emulator', 'integration', 'faults'],
];

/** A stage that runs for as long as it is told to: alone, it shows how far it is. */
const SHOWN_ALONE = 'faults';

const WITHOUT_LOCALSTACK = ['types', 'unit', 'terraform'];
/** These need the zip. It is built before any stage begins, since stages that run side by side read the same one. */
const WITH_FUNCTIONS = ['terraform', 'integration', 'faults'];

await runScript(async () => {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !(name in stages));
  if (unknown.length > 0) {
    throw new SetupError(`There is no stage ${unknown.join(', ')}. Stages: ${Object.keys(stages).join(', ')}.`);
  }
  rmSync(RESULTS, { recursive: true, force: true });
  mkdirSync(RESULTS, { recursive: true });

  const names = asked.length === 0 ? Object.keys(stages) : asked;
  if (names.some((name) => !WITHOUT_LOCALSTACK.includes(name))) await installLocalStack(console.log);
  if (names.some((name) => WITH_FUNCTIONS.includes(name))) await buildZip(console.log);

  const results = new Map<string, StageResult>();
  for (const group of GROUPS) {
    const members = group.filter((name) => names.includes(name));
    await Promise.all(
      members.map(async (name) => results.set(name, await runStage(name, names.length === 1 && name === SHOWN_ALONE))),
    );
  }
  const broken = Array.from(results).flatMap(([name, result]) => (isSound(result) ? [] : [name]));
  if (broken.length > 0) {
    console.log(`Failed: ${broken.join(', ')}.`);
    process.exitCode = 1;
  }
  const totals = describe(combined([...results.values()]).totals ?? { passed: 0, failed: 0 });
  writeFileSync(join(RESULTS, 'totals'), `${totals}\n`);
  console.log(totals);
});

/** Runs a stage with its output in a log of its own, which is shown if the stage fails, or with its output shown at once. */
async function runStage(name: string, isShown: boolean): Promise<StageResult> {
  const stage = stages[name];
  if (!stage) throw new Error(`no stage ${name}`);
  const start = Date.now();
  console.log(`--- ${name} ...`);
  const log = join(RESULTS, `${name}.log`);
  const output = isShown ? process.stdout.fd : openSync(log, 'a');
  const report: Report = (line) => {
    writeSync(output, `${line}\n`);
  };
  try {
    const result = await stage((command, args, options) => run(output, command, args, options), report);
    const seconds = Math.round((Date.now() - start) / 1000);
    if (!isSound(result) && !isShown) console.log(readFileSync(log, 'utf8'));
    const outcome = result.totals ? describe(result.totals) : isSound(result) ? 'clean' : 'failed';
    console.log(`--- ${name}: ${outcome} (${seconds} s)`);
    if (result.figures !== undefined && !isShown) console.log(result.figures);
    return result;
  } finally {
    if (!isShown) closeSync(output);
  }
}

function isSound({ holds, totals }: StageResult): boolean {
  return holds && (totals?.failed ?? 0) === 0;
}

/** Runs a command with its output in a file, and says whether it ended well. */
async function run(
  output: number,
  command: string,
  args: readonly string[],
  { cwd = ROOT, env = process.env }: RunOptions = {},
): Promise<boolean> {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', output, output] });
  const ended = await Promise.race([once(child, 'close'), once(child, 'error')]).catch((error: unknown) => [error]);
  if (ended[0] instanceof Error) throw new SetupError(`${command} cannot be run: ${ended[0].message}.`);
  return ended[0] === 0;
}

async function jest(run: Run, project: string, variables: NodeJS.ProcessEnv = {}): Promise<StageResult> {
  const report = join(RESULTS, `${basename(project)}.json`);
  const args = ['-c', join(ROOT, project, 'jest.config.json'), '--json', `--outputFile=${report}`];
  const holds = await run(npmTool('jest'), args, { env: { ...process.env, ...variables } });
  const { numPassedTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>;
  const passed = numPassedTests ?? 0;
  return { holds, totals: { passed, failed: (numTotalTests ?? 0) - passed } };
}

/** Reads the totals of a JUnit report; a runner that wrote none has failed as a whole. */
function junitTotals(report: string): Totals {
  const xml = readFileSync(report, 'utf8');
  const cases = xml.match(/<testcase\b/g)?.length ?? 0;
  const unsound = xml.match(/<(failure|error|skipped)\b/g)?.length ?? 0;
  return { passed: cases - unsound, failed: unsound };
}

function allHold(results: readonly boolean[]): StageResult {
  return { holds: results.every(Boolean) };
}

function combined(results: readonly StageResult[]): StageResult {
  const totals = results.flatMap((result) => result.totals ?? []);
  return {
    holds: results.every(({ holds }) => holds),
    totals: {
      passed: totals.reduce((sum, { passed }) => sum + passed, 0),
      failed: totals.reduce((sum, { failed }) => sum + failed, 0),
    },
  };
}

function describe({ passed, failed }: Totals): string {
  return `${passed} passed, ${failed} failed`;
}

function npmTool(name: string): string {
  return join(ROOT, 'node_modules', '.bin', name);
}

function pythonTool(name: string): string {
  return join(CACHE, 'localstack', 'venv', 'bin', name);
}

function folders(parent: string): string[] {
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(parent, name));
}

/** A Terraform folder with its provider in place, and how to run terraform in it. */
async function initialized(cwd: string): Promise<Required<RunOptions>> {
  const env = terraformEnvironment(join(CACHE, 'terraform', relative(ROOT, cwd)), withoutAws());
  await runCommand('terraform', ['init', '-backend=false'], { cwd, env, logFile: join(RESULTS, 'terraform-init.log') });
  return { cwd, env };
}
