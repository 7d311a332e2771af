import { partitionOf } from '../../../terraform/stacks/regions.ts';
import type { EnvironmentOptions } from '../common/environment-options.ts';
import type { ChosenCopier } from '../common/environment.ts';
import { environmentsOf, type Source } from '../common/environments.ts';
import { inEnvironments, printProblems, type Outcome } from '../common/in-environments.ts';
import { formatJson } from '../common/json.ts';
import { print } from '../common/terminal.ts';
import type { Answers } from '../common/thread-jobs.ts';
import type { ExitCode, Tool } from '../common/tool.ts';
import { UserError } from '../common/user-error.ts';
import { withThreads } from '../common/with-threads.ts';
import { builtSha256 } from './built-code.ts';
import { lineOf } from './commands.ts';
import { examine, type Examination, type Question } from './examine.ts';
import { inWords, isAtLeast, type CheckedCopier, type Remedy, type Severity } from './finding.ts';
import { compareCode } from './functions.ts';
import { formatFindings, type Examined } from './show.ts';
import { askSource, type SourceAnswers } from './source-account.ts';

export interface DoctorOptions extends EnvironmentOptions {
  readonly image?: string;
  readonly imageRegion?: string;
  readonly severity?: Severity;
  readonly json?: true;
}

/** Examines the environments that the options name, and shows what was found. */
export async function doctor(
  options: DoctorOptions,
  { program, terminal, loadConnect, interruptible, hasThreads }: Tool,
): Promise<ExitCode> {
  if (options.imageRegion !== undefined && options.image === undefined) {
    throw new UserError('--image-region is the Region of an --image.', 2);
  }
  const { copiers, source } = await environmentsOf(options, await loadConnect());
  const question: Question = {
    builtSha256: builtSha256(),
    ...(options.image !== undefined && { image: { id: options.image, region: options.imageRegion } }),
  };
  const answers = source && askSource(source);
  const checkedOf = (copier: ChosenCopier) => toChecked(copier, program, options, source);
  const outcomes = await interruptible((signal) =>
    withThreads(copiers.length, hasThreads, asked(answers), signal, (threads) =>
      inEnvironments(
        copiers,
        (copier) => {
          const checked = checkedOf(copier);
          if (!threads) return examine(checked, copier.aws, question, answers);
          const { region } = copier;
          const topic = answers && { arn: answers.topicArnIn(region), isExisting: answers.hasExistingTopicIn(region) };
          return threads.run('doctor', copier, { copier: checked, question, topic });
        },
        signal,
        terminal,
      ),
    ),
  );
  const examined = withComparison(outcomes, checkedOf);
  const least = options.severity ?? 'note';
  print(
    terminal.out,
    options.json
      ? formatJson(examined.map((each) => fieldsOf(each, least)))
      : formatFindings(examined, least, terminal.out.size?.columns),
  );
  printProblems(outcomes, terminal);
  const isWell = (each: Examined) =>
    'findings' in each && each.findings.every(({ severity }) => severity !== 'problem');
  return examined.every(isWell) ? 0 : 1;
}

/** What the source account answers to threads. */
function asked(answers: SourceAnswers | undefined): Answers {
  if (!answers) return {};
  const { subscriptions, regionOf, ownersView } = answers;
  return { subscriptions, regionOf, ownersView };
}

/** Adds what only a look at all environments together shows. */
function withComparison(
  outcomes: readonly Outcome<Examination, ChosenCopier>[],
  checkedOf: (copier: ChosenCopier) => CheckedCopier,
): Examined[] {
  const read = outcomes.filter((outcome) => 'value' in outcome);
  const compared = compareCode(
    read.map(({ copier, value: { functions } }) => ({ copier: checkedOf(copier), functions })),
  );
  return outcomes.map((outcome) =>
    'value' in outcome
      ? {
          environment: outcome.copier,
          findings: [...outcome.value.findings, ...(compared[read.indexOf(outcome)] ?? [])],
        }
      : { environment: outcome.copier, problem: outcome.problem },
  );
}

function fieldsOf(examined: Examined, least: Severity) {
  const { account, accountId, region } = examined.environment;
  const { problem, findings } = { problem: null, findings: null, ...examined };
  return {
    ...{ account, accountId, region, problem },
    findings:
      findings
        ?.filter(({ severity }) => isAtLeast(severity, least))
        .map((finding) => ({ ...finding, commands: finding.commands.map(lineOf) })) ?? null,
  };
}

function toChecked(
  copier: ChosenCopier,
  program: string,
  { accountsFile }: DoctorOptions,
  source: Source | undefined,
): CheckedCopier {
  // The clients stay here: what is examined may be so in another thread.
  const common = { ...copier, aws: undefined, program, partition: partitionOf(copier.region) };
  if (accountsFile === undefined || !source) {
    const withSource =
      'Apply Terraform again: module source-account with the account in target_account_ids, then module image-copier.';
    return {
      ...common,
      apply: inWords('Apply Terraform again (module image-copier).'),
      applyWithSource: inWords(withSource),
    };
  }
  const applied = (...accounts: string[]): Remedy => ({
    fix: 'Apply Terraform again.',
    commands: [{ program, words: ['deploy', '--accounts-file', accountsFile, '--only', accounts.join(',')] }],
  });
  return { ...common, apply: applied(copier.account), applyWithSource: applied(source.account, copier.account) };
}
