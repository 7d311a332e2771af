import {
  GetFunctionCommand,
  paginateListEventSourceMappings,
  type EventSourceMappingConfiguration,
  type LambdaClient,
} from '@aws-sdk/client-lambda';
import { allOf, ifThere } from '../common/aws-answers.ts';
import { awsCommand } from './commands.ts';
import { applyAfter, arnOf, found, type CheckedCopier, type Finding } from './finding.ts';
import { queueNames } from './queues.ts';

/** A Lambda function as Lambda describes it. */
export interface FunctionFacts {
  readonly name: string;
  readonly state: string;
  readonly stateReason: string;
  readonly lastUpdate: string;
  readonly lastUpdateReason: string;
  readonly runtime: string;
  /** SHA-256 of its zip in base64, as Lambda gives it. */
  readonly codeSha256: string;
  readonly timeoutSeconds: number;
  readonly roleArn: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Missing where no concurrency is reserved. */
  readonly reservedConcurrency?: number;
  readonly mappings: readonly MappingFacts[];
}

interface MappingFacts {
  readonly id: string;
  readonly queueArn: string;
  readonly state: string;
  readonly responseTypes: readonly string[];
}

/** The functions of a copier; one that is missing does not exist. */
export interface FunctionsFacts {
  readonly copyImage?: FunctionFacts;
  readonly retireImage?: FunctionFacts;
  readonly settleCopy?: FunctionFacts;
}

/** Those that the input runtime of terraform/modules/image-copier takes. */
const RUNTIMES = ['nodejs22.x', 'nodejs24.x'];

export function functionNames(name: string) {
  return { copyImage: `${name}-copy-image`, retireImage: `${name}-retire-image`, settleCopy: `${name}-settle-copy` };
}

/** Reads the functions and their event source mappings. */
export async function readFunctions(lambda: LambdaClient, name: string): Promise<FunctionsFacts> {
  const names = functionNames(name);
  const [copyImage, retireImage, settleCopy] = await Promise.all([
    readFunction(lambda, names.copyImage),
    readFunction(lambda, names.retireImage),
    readFunction(lambda, names.settleCopy),
  ]);
  return {
    ...(copyImage && { copyImage }),
    ...(retireImage && { retireImage }),
    ...(settleCopy && { settleCopy }),
  };
}

async function readFunction(lambda: LambdaClient, FunctionName: string): Promise<FunctionFacts | undefined> {
  const answer = await ifThere(lambda.send(new GetFunctionCommand({ FunctionName })), 'ResourceNotFoundException');
  if (!answer) return undefined;
  const { Configuration: configuration = {}, Concurrency } = answer;
  const mappings = await allOf(
    paginateListEventSourceMappings({ client: lambda }, { FunctionName }),
    (page) => page.EventSourceMappings,
  );
  const reservedConcurrency = Concurrency?.ReservedConcurrentExecutions;
  return {
    name: FunctionName,
    state: configuration.State ?? '',
    stateReason: configuration.StateReason ?? '',
    lastUpdate: configuration.LastUpdateStatus ?? '',
    lastUpdateReason: configuration.LastUpdateStatusReason ?? '',
    runtime: configuration.Runtime ?? '',
    codeSha256: configuration.CodeSha256 ?? '',
    timeoutSeconds: configuration.Timeout ?? 0,
    roleArn: configuration.Role ?? '',
    environment: configuration.Environment?.Variables ?? {},
    ...(reservedConcurrency !== undefined && { reservedConcurrency }),
    mappings: mappings.map(toMapping),
  };
}

function toMapping(mapping: EventSourceMappingConfiguration): MappingFacts {
  return {
    id: mapping.UUID ?? '',
    queueArn: mapping.EventSourceArn ?? '',
    state: mapping.State ?? '',
    responseTypes: mapping.FunctionResponseTypes ?? [],
  };
}

/**
 * Checks the functions.
 * @param builtSha256 of the zip that `make build` made, if there is one
 */
export function checkFunctions(
  functions: FunctionsFacts,
  builtSha256: string | undefined,
  copier: CheckedCopier,
): Finding[] {
  const names = functionNames(copier.name);
  const queues = queueNames(copier.name);
  return [
    ...checkFunction(
      names.copyImage,
      functions.copyImage,
      { why: 'No copy is started.', queue: queues.requests, reportsFailures: true },
      copier,
    ),
    ...checkFunction(
      names.retireImage,
      functions.retireImage,
      { why: 'No image is retired or revoked.', queue: queues.retirements, reportsFailures: true },
      copier,
    ),
    ...checkFunction(
      names.settleCopy,
      functions.settleCopy,
      { why: 'No copy is verified, announced or tried again.', queue: queues.settle, reportsFailures: false },
      copier,
    ),
    ...checkBuild(functions, builtSha256, copier),
  ];
}

interface Expectation {
  /** What does not work without the function. */
  readonly why: string;
  readonly queue: string;
  /** Whether it tells SQS which messages of a batch are to be tried again. */
  readonly reportsFailures: boolean;
}

function checkFunction(
  subject: string,
  facts: FunctionFacts | undefined,
  expected: Expectation,
  copier: CheckedCopier,
): Finding[] {
  const { why } = expected;
  if (!facts) {
    const what = 'The function does not exist.';
    return [{ code: 'NoFunction', severity: 'problem', subject, what, why, ...copier.apply }];
  }
  const { state, stateReason, lastUpdate, lastUpdateReason, runtime, reservedConcurrency } = facts;
  return found(
    // A function that nobody called for weeks is Inactive, and Active again at the next call (Lambda Developer Guide).
    !['Active', 'Inactive'].includes(state) && {
      code: 'FunctionNotActive',
      severity: 'problem',
      subject,
      what: `Its state is ${state}. ${stateReason}`.trim(),
      why,
      ...copier.apply,
    },
    lastUpdate === 'Failed' && {
      code: 'FunctionUpdateFailed',
      severity: 'problem',
      subject,
      what: `Its last update failed. ${lastUpdateReason}`.trim(),
      why: 'It runs with older code or settings than were applied.',
      ...copier.apply,
    },
    reservedConcurrency === 0 && {
      code: 'FunctionThrottled',
      severity: 'problem',
      subject,
      what: 'Its reserved concurrency is 0, so Lambda does not run it.',
      why,
      fix: 'Take the reservation away.',
      commands: [awsCommand(copier, 'lambda', 'delete-function-concurrency', '--function-name', subject)],
    },
    !RUNTIMES.includes(runtime) && {
      code: 'FunctionRuntime',
      severity: 'warning',
      subject,
      what: `It runs on ${runtime}, and was tested on ${RUNTIMES.join(' and ')}.`,
      why: 'It may behave in another way, and AWS ends its support of old runtimes.',
      ...copier.apply,
    },
    ...checkMapping(facts, expected, copier),
  );
}

function checkMapping(
  { name, mappings }: FunctionFacts,
  { why, queue, reportsFailures }: Expectation,
  copier: CheckedCopier,
): Finding[] {
  const subject = `${name} from ${queue}`;
  const mapping = mappings.find(({ queueArn }) => queueArn === arnOf('sqs', queue, copier));
  if (!mapping) {
    const what = 'The function has no event source mapping for the queue.';
    return [{ code: 'NoMapping', severity: 'problem', subject, what, why, ...copier.apply }];
  }
  const update = (...words: readonly string[]) => [
    awsCommand(copier, 'lambda', 'update-event-source-mapping', '--uuid', mapping.id, ...words),
  ];
  return found(
    ['Disabled', 'Disabling', 'Deleting'].includes(mapping.state) && {
      code: 'MappingDisabled',
      severity: 'problem',
      subject,
      what: `The event source mapping is ${mapping.state.toLowerCase()}.`,
      why: `Messages wait in the queue. ${why}`,
      fix: 'Enable it.',
      commands: update('--enabled'),
    },
    reportsFailures &&
      !mapping.responseTypes.includes('ReportBatchItemFailures') && {
        code: 'NoBatchFailures',
        severity: 'problem',
        subject,
        what: 'The event source mapping does not report failures of single messages.',
        why: 'Lambda deletes requests that are to be tried again: they are lost.',
        fix: 'Let it report them.',
        commands: update('--function-response-types', 'ReportBatchItemFailures'),
      },
  );
}

function checkBuild(functions: FunctionsFacts, builtSha256: string | undefined, copier: CheckedCopier): Finding[] {
  const other = present(functions).filter(({ codeSha256 }) => codeSha256 !== builtSha256);
  if (builtSha256 === undefined || other.length === 0) return [];
  return [
    {
      code: 'CodeNotBuilt',
      severity: 'warning',
      subject: other.map(({ name }) => name).join(', '),
      what: 'The code is not that of the functions that came with this tool.',
      why: 'The account has another version than this tool.',
      ...applyAfter('Take the tool of the version that the account is to have; in a checkout, run make build.', copier),
    },
  ];
}

/** The code of one account and Region, to be compared with the others. */
export interface CodeFacts {
  readonly copier: CheckedCopier;
  readonly functions: FunctionsFacts;
}

/** Findings for each of the copiers, in the same order: those whose code most others do not have. */
export function compareCode(all: readonly CodeFacts[]): readonly Finding[][] {
  const counts = new Map<string, number>();
  for (const { functions } of all) {
    for (const sha256 of hashes(functions)) counts.set(sha256, (counts.get(sha256) ?? 0) + 1);
  }
  const most = Math.max(0, ...counts.values());
  const usual = Array.from(counts.keys()).filter((sha256) => counts.get(sha256) === most);
  return all.map(({ copier, functions }) => {
    const own = hashes(functions);
    const isUsual = own.every((sha256) => usual.includes(sha256) && usual.length === 1);
    // The functions of an account come from one zip.
    if (own.length === 0 || (isUsual && own.length === 1)) return [];
    return [
      {
        code: 'CodeDiffers',
        severity: 'warning',
        subject: present(functions)
          .map(({ name }) => name)
          .join(', '),
        what: own.length > 1 ? 'The functions have different code.' : 'The code is not that of the other accounts.',
        why: 'Accounts with different versions treat the same request in different ways.',
        ...copier.apply,
      },
    ];
  });
}

function hashes(functions: FunctionsFacts): readonly string[] {
  return Array.from(new Set(present(functions).map(({ codeSha256 }) => codeSha256)));
}

function present({ copyImage, retireImage, settleCopy }: FunctionsFacts): readonly FunctionFacts[] {
  return [copyImage, retireImage, settleCopy].filter((each) => each !== undefined);
}
