import type { ChildProcess } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { setPriority } from 'node:os';
import { basename, join, relative } from 'node:path';
import { buildTool, buildZip, TEMPLATE, writeTemplate } from './build.ts';
import { OPERATORS_ACCOUNT } from './administrator-role.ts';
import { attachProvider, type AttachedProvider } from './attached-provider.ts';
import { emulatedEnvironment, withoutAws } from './emulated-account.ts';
import { runScript } from './entry.ts';
import { installLinters, LINTERS } from './lint/install.ts';
import { openTestEmulator, type Emulator } from './localstack/emulator.ts';
import { installLocalStack } from './localstack/install.ts';
import { lambdaNodeBinary } from './localstack/server.ts';
import { installOpenTofu } from './opentofu/install.ts';
import { formatPermissions, PERMISSIONS, renderPolicies } from './permissions.ts';
import { installShells } from './shells.ts';
import { CACHE, ROOT } from '../tool/common/paths.ts';
import { runCommand, runProgram } from '../tool/common/run-command.ts';
import { SetupError } from '../tool/common/setup-error.ts';
import { findTerraforms, requireTerraform, type TerraformProgram } from '../tool/deploy/require-terraform.ts';
import { terraformEnvironment } from '../tool/deploy/terraform-environment.ts';
import { readableTest, testTotals, type Totals } from './terraform-test.ts';

const RESULTS = join(CACHE, 'test');
const TERRAFORM = join(ROOT, 'terraform');
const EXAMPLES = join(TERRAFORM, 'examples');
const MODULES = join(TERRAFORM, 'modules');
const TERRAFORM_DOCS = join(TERRAFORM, '.terraform-docs.yml');
const PLUGIN = join(ROOT, 'integration', 'localstack');

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
  /** Is given the output at its end, and says what of it to keep: others run at the same time. */
  readonly inOnePiece?: (output: string) => string;
  /** Above 0 it yields to others that compute: nice(2). */
  readonly nice?: number;
}

/** A runner that wrote no report has failed as a whole. Why is in its log. */
const NO_REPORT = { holds: false, totals: { passed: 0, failed: 1 } } as const satisfies StageResult;

type Run = (command: string, args: readonly string[], options?: RunOptions) => Promise<boolean>;
type Report = (line: string) => void;
type Stage = (run: Run, report: Report) => Promise<StageResult>;

const stages: Readonly<Record<string, Stage>> = {
  format: async (run) =>
    allHold([
      await run(npmTool('prettier'), ['--check', '--log-level=warn', ...PRETTIER_CACHE, '.']),
      await run((await requireTerraform(process.env)).command, ['fmt', '-check', '-recursive', TERRAFORM], {
        env: await terraformEnvironment(RESULTS, withoutAws()),
      }),
      await run(pythonTool('ruff'), ['format', '--check', '--quiet', PLUGIN]),
    ]),

  lint: async (run, report) => {
    const results = [
      await run(npmTool('oxlint'), []),
      await run(npmTool('knip'), []),
      await run(pythonTool('ruff'), ['check', '--quiet', PLUGIN]),
    ];
    // `terraform test` validates what it tests.
    for (const example of folders(EXAMPLES).filter((folder) => !hasTests(folder))) {
      const { command } = await requireTerraform(process.env);
      results.push(await run(command, ['validate'], await initialized(example)));
    }
    await installLinters(console.log);
    writeTemplate(report);
    results.push(
      await run(LINTERS.tflint, ['--recursive', `--chdir=${TERRAFORM}`, `--config=${join(TERRAFORM, '.tflint.hcl')}`]),
      await run(LINTERS.checkov, [...CHECKOV, '--directory', TERRAFORM]),
      hasCheckedAll(),
      await run(LINTERS.cfnLint, [TEMPLATE]),
      await run(LINTERS.actionlint, ACTIONLINT),
    );
    for (const module of folders(MODULES)) {
      const isCurrent = await run(LINTERS.terraformDocs, ['-c', TERRAFORM_DOCS, '--output-check', module]);
      if (!isCurrent) report('`make docs` writes it anew.');
      results.push(isCurrent);
    }
    const hasCurrentPermissions =
      readFileSync(PERMISSIONS, 'utf8') === formatPermissions(await renderPolicies(RESULTS));
    if (!hasCurrentPermissions) report(`${relative(ROOT, PERMISSIONS)} is out of date. \`make docs\` writes it anew.`);
    results.push(hasCurrentPermissions);
    return allHold(results);
  },

  types: async (run) =>
    allHold([
      await run(npmTool('tsc'), []),
      await run(npmTool('tsc'), ['-p', join(ROOT, 'scripts/tool/status/browser')]),
    ]),

  unit: async (run) => {
    // The first is the one whose folder jest takes the files to cover in.
    const projects = ['scripts', 'lambda', 'terraform/stacks', 'terraform/template'];
    // By itself jest leaves one processor to others.
    const options = ['--maxWorkers=100%', '--testTimeout=60000', ...TOOL_COVERAGE];
    // The tests of the stacks ask it what the modules' validations refuse.
    const { command: IMAGE_COPIER_TERRAFORM } = await requireTerraform(process.env);
    const args = [...options, '--projects', ...projects];
    const { holds, totals } = await jest(run, 'unit', args, { IMAGE_COPIER_TERRAFORM });
    const percent = coverageOfTool();
    // What the functions' other runtime is.
    const onNode24 = await jest(run, 'unit-node-24', configOf('lambda'), {}, lambdaNodeBinary(24));
    const both = combined([{ holds, ...(totals && { totals }) }, onNode24]);
    return {
      ...both,
      holds: both.holds && percent >= MIN_COVERAGE_OF_TOOL,
      figures: `Unit tests reach ${percent} % of the lines of scripts/tool; ${MIN_COVERAGE_OF_TOOL} % is the least.`,
    };
  },

  browser: (run) => jest(run, 'browser', configOf('scripts/test/tool/status/browser')),

  emulator: async (run) => {
    // Faults and settings hold for a whole emulator: parts that share one would disturb each other.
    if (process.env['AWS_ENDPOINT_URL']) return await pytest(run, 'emulator', []);
    const others = APART.flat().map((module) => `--ignore=tests/${module}.py`);
    const parts = [others, ...APART.map((modules) => modules.map((module) => `tests/${module}.py`))];
    return combined(await Promise.all(parts.map((part, index) => pytest(run, `emulator-${index + 1}`, part))));
  },

  terraform: async (run, report) => {
    writeTemplate(report);
    const results: StageResult[] = [];
    // One after the other: both write a lock file into the folders.
    for (const program of await findTerraforms(process.env)) results.push(await testModules(run, program));
    return { ...combined(results), figures: results.map(({ figures }) => figures).join('\n') };
  },

  integration: async (run, report) => {
    const { endpoint } = await sharedEmulator(report);
    const provider = await operatorsProvider(endpoint);
    try {
      const variables = { AWS_ENDPOINT_URL: endpoint, ATTACHED_PROVIDER: provider.reattach };
      return await jest(run, 'integration', configOf('integration'), variables);
    } finally {
      await provider.close();
    }
  },

  deploy: async (run, report) => {
    const { endpoint } = await sharedEmulator(report);
    const files = [...configOf('integration'), 'tests/deploy'];
    return await jest(run, 'deploy', files, { AWS_ENDPOINT_URL: endpoint });
  },

  faults: async (run, report) => {
    const { endpoint } = await sharedEmulator(report);
    const result = await jest(run, 'faults', configOf('integration/faults'), { AWS_ENDPOINT_URL: endpoint });
    const figures = join(RESULTS, 'faults.txt');
    return { ...result, ...(existsSync(figures) && { figures: readFileSync(figures, 'utf8').trimEnd() }) };
  },
};

let emulator: Promise<Emulator> | undefined;

/** One LocalStack for stages whose tests have accounts of their own: starting one takes as long as many a test. */
async function sharedEmulator(report: Report): Promise<Emulator> {
  emulator ??= openTestEmulator(report);
  return await emulator;
}

/** The provider that tests attach Terraform to where it acts for the operators. */
async function operatorsProvider(endpoint: string): Promise<AttachedProvider> {
  const { platform, registry } = await requireTerraform(process.env);
  const folder = join(MODULES, 'image-copier');
  const { env } = await initialized(folder);
  const [name = '', version = ''] = lockedProvider(folder).split(' ');
  const source = `${registry}/${name}`;
  const installed = join(env['TF_DATA_DIR'] ?? '', 'providers', source, version, platform);
  const binary = readdirSync(installed).find((file) => file.startsWith('terraform-provider-')) ?? '';
  return await attachProvider({
    binary: join(installed, binary),
    source,
    env: { ...withoutAws(), ...emulatedEnvironment(endpoint, OPERATORS_ACCOUNT, 'eu-west-1') },
    // As deep as the folders of the stacks that integration/tests/support/rollout.ts deploys.
    cwd: join(RESULTS, 'deploy', 'provider', '.image-copier', 'stacks', 'provider'),
  });
}

/**
 * Modules of the plugin's tests that run apart from the others, each part with a LocalStack of its own and side by side:
 * most of them wait, for a minute to be over or for a message to come back.
 */
const APART: readonly (readonly string[])[] = [
  ['test_sqs_event_source', 'test_lambda_node'],
  [
    'test_sqs_event_source_fifo',
    'test_sqs_fifo',
    'test_ec2_copy_encryption',
    'test_ec2_copy_image',
    'test_ec2_copy_states',
    'test_ec2_copy_tags',
    'test_ec2_copy_token',
  ],
  ['test_once_a_minute', 'test_event_rules', 'test_frame'],
];

/**
 * Lanes run side by side, and the stages of a lane one after the other. The first and the last mostly wait, for queues and for
 * Terraform; the others compute meanwhile.
 */
const LANES: readonly (readonly string[])[] = [
  ['integration', 'deploy'],
  ['terraform'],
  ['format', 'types', 'unit', 'browser', 'lint'],
  ['emulator', 'faults'],
];

/** It only computes, and has all the time that others spend waiting. Tests that wait have only so much. */
const YIELDING = 'terraform';
const NICE = 5;

// It passes over what it has found in order: the same text, with the same options and the same version.
const PRETTIER_CACHE = ['--cache', '--cache-strategy=content', `--cache-location=${join(CACHE, 'prettier')}`];

// Without the guidelines' addresses, and without asking anybody for anything.
const CHECKOV_REPORT = join(RESULTS, 'checkov.json');
const CHECKOV = [
  ...['--framework', 'terraform', '--compact', '--quiet', '--skip-download'],
  ...['--output', 'cli', '--output', 'json', '--output-file-path', `console,${CHECKOV_REPORT}`],
];

/** checkov leaves out a file that it cannot read, and holds. */
function hasCheckedAll(): boolean {
  const { summary } = JSON.parse(readFileSync(CHECKOV_REPORT, 'utf8')) as { summary: { parsing_errors: number } };
  if (summary.parsing_errors > 0) console.log(`checkov cannot read ${summary.parsing_errors} of the files.`);
  return summary.parsing_errors === 0;
}

// It would run these two if the machine has them, and find more or less from one machine to the other.
const ACTIONLINT = ['-shellcheck=', '-pyflakes='];

const COVERAGE = join(RESULTS, 'coverage');

/** Percent of the lines of the operators' tool that the unit tests must run: what else runs them needs LocalStack. */
const MIN_COVERAGE_OF_TOOL = 95;

// Babel's instrumented files are cached. V8's own coverage costs nothing while tests run, and a minute to map to the sources.
const TOOL_COVERAGE = [
  '--coverage',
  '--coverageProvider=babel',
  '--collectCoverageFrom=tool/**/*.ts',
  '--coverageReporters=json-summary',
  `--coverageDirectory=${COVERAGE}`,
];

/** The stage `integration` has its tests too: it is for another program, as `make test-tofu` asks for it. */
const ON_DEMAND = 'deploy';

/** A stage that runs for as long as it is told to: alone, it shows how far it is. */
const SHOWN_ALONE = 'faults';

const WITHOUT_LOCALSTACK = ['types', 'unit', 'browser', 'terraform'];
/** These need the zip or the operators' tool: built once, since stages that run side by side read the same ones. */
const WITH_FUNCTIONS = ['terraform', 'integration', 'deploy', 'faults'];
/** Their tests paste commands into shells. */
const WITH_SHELLS = ['unit', 'integration'];
/** Terraform's plugin cache takes one writer at a time: once the provider is there, nobody writes. */
const WITH_PROVIDER = ['lint', 'terraform', 'integration', 'deploy'];

/** Before the stages: they run on OpenTofu, which is built if need be. */
const ON_OPENTOFU = '--opentofu';

await runScript(async () => {
  const asked = process.argv.slice(2).filter((argument) => argument !== ON_OPENTOFU);
  const unknown = asked.filter((name) => !(name in stages));
  if (unknown.length > 0) {
    throw new SetupError(`There is no stage ${unknown.join(', ')}. Stages: ${Object.keys(stages).join(', ')}.`);
  }
  rmSync(RESULTS, { recursive: true, force: true });
  mkdirSync(RESULTS, { recursive: true });

  if (process.argv.includes(ON_OPENTOFU)) process.env['IMAGE_COPIER_TERRAFORM'] = await installOpenTofu(console.log);
  const names = asked.length === 0 ? Object.keys(stages).filter((stage) => stage !== ON_DEMAND) : asked;
  if (names.some((name) => !WITHOUT_LOCALSTACK.includes(name))) await installLocalStack(console.log);
  const isAsked = (stage: string) => names.includes(stage);
  const preparations = [
    { stages: WITH_FUNCTIONS, prepare: buildFunctions },
    { stages: WITH_SHELLS, prepare: () => installShells(console.log) },
    { stages: WITH_PROVIDER, prepare: () => initialized(join(MODULES, 'image-copier')) },
  ].map(({ stages: needing, prepare }) => {
    const done = needing.some(isAsked) ? prepare() : Promise.resolve();
    // Whoever needs it will meet the error.
    done.catch(() => undefined);
    return { needing, done };
  });

  const results = new Map<string, StageResult>();
  const lanes = LANES.map(async (lane) => {
    for (const name of lane.filter(isAsked)) {
      for (const { needing, done } of preparations) if (needing.includes(name)) await done;
      results.set(name, await runStage(name, names.length === 1 && name === SHOWN_ALONE));
    }
  });
  try {
    await Promise.all(lanes);
  } finally {
    await (await emulator)?.close();
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

async function buildFunctions(): Promise<void> {
  await buildZip(console.log);
  await buildTool(console.log);
}

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
    const result = await stage(
      (command, args, options) => run(output, command, args, { nice: name === YIELDING ? NICE : 0, ...options }),
      report,
    );
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
  { cwd = ROOT, env = process.env, inOnePiece, nice = 0 }: RunOptions = {},
): Promise<boolean> {
  let text = '';
  const sink = inOnePiece ? (piece: string) => void (text += piece) : output;
  const onStart = ({ pid }: ChildProcess) => {
    if (pid !== undefined && nice > 0) setPriority(pid, nice);
  };
  const code = await runProgram(command, args, { cwd, env, stdout: sink, stderr: sink, onStart });
  if (inOnePiece) writeFileSync(output, inOnePiece(text));
  return code === 0;
}

/** On the functions' Node: on Node 20 the same tests take half as much again. The operators' tool runs on the one on PATH. */
async function jest(
  run: Run,
  name: string,
  projects: readonly string[],
  variables: NodeJS.ProcessEnv = {},
  node = lambdaNodeBinary(),
): Promise<StageResult> {
  const report = join(RESULTS, `${name}.json`);
  const args = [npmTool('jest'), ...projects, '--json', `--outputFile=${report}`];
  const holds = await run(node, args, { env: { ...process.env, ...variables } });
  if (!existsSync(report)) return NO_REPORT;
  const { numPassedTests, numTotalTests } = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>;
  const passed = numPassedTests ?? 0;
  return { holds, totals: { passed, failed: (numTotalTests ?? 0) - passed } };
}

/** Percent of lines; NaN if jest found none. */
function coverageOfTool(): number {
  if (!existsSync(join(COVERAGE, 'coverage-summary.json'))) return NaN;
  const summary = JSON.parse(readFileSync(join(COVERAGE, 'coverage-summary.json'), 'utf8')) as {
    readonly total: { readonly lines: { readonly pct: unknown } };
  };
  return Number(summary.total.lines.pct);
}

function configOf(project: string): string[] {
  return ['-c', join(ROOT, project, 'jest.config.json')];
}

/** Runs tests of the plugin: all, or what pytest's arguments select. */
async function pytest(run: Run, name: string, args: readonly string[]): Promise<StageResult> {
  const results = join(RESULTS, `${name}.xml`);
  const holds = await run(pythonTool('python'), ['-m', 'pytest', '-q', `--junitxml=${results}`, ...args], {
    cwd: PLUGIN,
  });
  return { holds, totals: junitTotals(results) };
}

/** The totals of a JUnit report. */
function junitTotals(report: string): Totals {
  if (!existsSync(report)) return NO_REPORT.totals;
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

/** Whether `terraform test` finds something in a folder. */
function hasTests(folder: string): boolean {
  return existsSync(join(folder, 'tests'));
}

/** Runs the tests of the modules, and of the examples that LocalStack cannot stand for, which are planned with mocks. */
async function testModules(run: Run, program: TerraformProgram): Promise<StageResult> {
  const { command, name, version } = program;
  const top = await ownFolders(program);
  const tested = [...folders(MODULES), ...folders(EXAMPLES)]
    .filter(hasTests)
    .map((folder) => join(top, relative(ROOT, folder)));
  const results = tested.map(async (folder) => {
    const options = await initialized(folder, program);
    let totals = NO_REPORT.totals as Totals;
    const inOnePiece = (output: string) => {
      totals = testTotals(output) ?? totals;
      return readableTest(output);
    };
    const holds = await run(command, ['test', '-json'], { ...options, inOnePiece });
    return { holds, totals };
  });
  const result = combined(await Promise.all(results));
  const { passed, failed } = result.totals ?? NO_REPORT.totals;
  const providers = new Set(tested.map((folder) => lockedProvider(folder)));
  return {
    ...result,
    figures: `${name} ${version}, provider ${[...providers].join(' and ')}: ${describe({ passed, failed })}`,
  };
}

/**
 * The folder whose `terraform` a program runs in: this repository, or a copy of what its tests read. Other stages run the first
 * program in the same folders at the same time, and would meet the lock file of another one.
 */
async function ownFolders(program: TerraformProgram): Promise<string> {
  const { command } = program;
  if (command === (await requireTerraform(process.env)).command) return ROOT;
  const top = join(RESULTS, 'programs', basename(command));
  const ownFiles = ['.terraform', '.terraform.lock.hcl'];
  cpSync(TERRAFORM, join(top, 'terraform'), {
    recursive: true,
    filter: (file) => !ownFiles.includes(basename(file)),
  });
  symlinkSync(join(ROOT, 'lambda'), join(top, 'lambda'));
  // As WITH_PROVIDER for the first program.
  await initialized(join(top, 'terraform', 'modules', 'image-copier'), program);
  return top;
}

/** The provider that init has locked in a folder, such as hashicorp/aws 5.100.0. */
function lockedProvider(folder: string): string {
  const lock = readFileSync(join(folder, '.terraform.lock.hcl'), 'utf8');
  const [, name, version] = /^provider "[^/]+\/(.+)" \{\s+version\s*= "(.+)"/m.exec(lock) ?? [];
  return `${name ?? 'unknown'} ${version ?? ''}`;
}

/**
 * A Terraform folder with its provider in place, and how to run a program in it. Git ignores the lock file, so that an earlier
 * run's must not hold on to a provider that the mirror no longer has.
 */
async function initialized(
  cwd: string,
  program?: TerraformProgram,
): Promise<Required<Pick<RunOptions, 'cwd' | 'env'>>> {
  const { command } = program ?? (await requireTerraform(process.env));
  const own = { ...withoutAws(), IMAGE_COPIER_TERRAFORM: command };
  const env = await terraformEnvironment(join(CACHE, 'terraform', relative(ROOT, cwd)), own);
  const args = ['init', '-backend=false', '-upgrade'];
  await runCommand(command, args, { cwd, env, logFile: join(RESULTS, 'terraform-init.log') });
  return { cwd, env };
}
