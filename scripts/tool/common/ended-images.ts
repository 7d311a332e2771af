import { GetParametersCommand } from '@aws-sdk/client-ssm';
import { endedSourcesPath, readSourceEnd } from '../../../lambda/src/adapters/ssm-ended-sources.ts';
import { isOver, type EndedSource } from '../../../lambda/src/core/ended-sources.ts';
import { commandLine, optionWords } from './command-line.ts';
import { otherName, type EnvironmentOptions } from './environment-options.ts';
import type { Copier, Environment } from './environment.ts';
import { inEnvironments, printByEnvironment } from './in-environments.ts';
import { formatTable } from './table.ts';
import { print, type Terminal } from './terminal.ts';

/** A source image of which an account and Region makes no copy: it was retired or revoked there. */
export interface EndedImage {
  readonly environment: Environment;
  readonly end: EndedSource;
}

// SSM API Reference, GetParameters: at most 10 names a call.
const NAMES_AT_ONCE = 10;

/**
 * Which source images were retired or revoked in the environments that are to copy them. Prints where that cannot be read: the functions
 * there look themselves before they copy anything.
 * @param asked the ids of source images, by the copier that is to copy them
 */
export async function findEndedImages(
  asked: ReadonlyMap<Copier, readonly string[]>,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<EndedImage[]> {
  const read = (copier: Copier) => readEnds(copier, asked.get(copier) ?? []);
  const outcomes = await inEnvironments([...asked.keys()], read, signal, terminal);
  const unread = outcomes.flatMap((outcome) =>
    'problem' in outcome
      ? [[outcome.copier, `What was retired or revoked could not be read: ${outcome.problem}`] as const]
      : [],
  );
  printByEnvironment(unread, terminal);
  return outcomes.flatMap((outcome) =>
    'value' in outcome ? outcome.value.map((end) => ({ environment: outcome.copier, end })) : [],
  );
}

async function readEnds({ aws, name }: Copier, imageIds: readonly string[]): Promise<EndedSource[]> {
  const path = endedSourcesPath(name);
  const ends: EndedSource[] = [];
  for (let start = 0; start < imageIds.length; start += NAMES_AT_ONCE) {
    const some = imageIds.slice(start, start + NAMES_AT_ONCE);
    // One that is not there is no error.
    const { Parameters = [] } = await aws.ssm.send(
      new GetParametersCommand({ Names: some.map((imageId) => `${path}/${imageId}`) }),
    );
    for (const { Name = '', Value } of Parameters) {
      ends.push({ sourceImageId: Name.slice(path.length + 1), ...readSourceEnd(Name, Value) });
    }
  }
  return ends.filter(isOver);
}

/**
 * Prints which accounts make no copy of which images, and what undoes it.
 * @param title over the images
 */
export function printEndedImages(
  title: string,
  ended: readonly EndedImage[],
  options: EnvironmentOptions,
  program: string,
  { err }: Terminal,
): void {
  if (ended.length === 0) return;
  const rows = ended.map(({ environment: { account, region }, end: { sourceImageId, kind, at, reason } }) => [
    ...[sourceImageId, account, region],
    `${kind} ${at}`,
    reason,
  ]);
  print(err, formatTable([title, 'IN', 'REGION', 'END', 'REASON'], rows, err.size?.columns));
  for (const command of restoreCommands(ended, options, program)) {
    print(err, `To have copies of what was retired all the same, first: ${command}`);
  }
  if (ended.some(({ end }) => end.kind === 'revoked')) {
    print(err, 'What was revoked only the source account can give back: the command unrevoke.');
  }
}

/** The commands that let accounts copy again what was retired in them: one for all images of the same accounts. */
function restoreCommands(ended: readonly EndedImage[], options: EnvironmentOptions, program: string): string[] {
  const retired = ended.filter(({ end }) => end.kind === 'retired');
  const commands = new Map<string, { readonly words: readonly string[]; readonly imageIds: string[] }>();
  for (const imageId of new Set(retired.map(({ end }) => end.sourceImageId))) {
    const places = retired.filter(({ end }) => end.sourceImageId === imageId).map(({ environment }) => environment);
    for (const region of new Set(places.map((place) => place.region))) {
      const words = wordsFor(
        places.filter((place) => place.region === region),
        region,
        options,
      );
      const command = commands.get(words.join(' ')) ?? { words, imageIds: [] };
      command.imageIds.push(imageId);
      commands.set(words.join(' '), command);
    }
  }
  return Array.from(commands.values(), ({ words, imageIds }) =>
    commandLine(program, ['restore', ...imageIds, ...words]),
  );
}

/** The options that choose environments of one Region again. */
function wordsFor(environments: readonly Environment[], region: string, options: EnvironmentOptions): string[] {
  const { accountsFile, profile, roleName, name } = options;
  const chosen =
    accountsFile === undefined
      ? { '--accounts': environments.map(({ accountId }) => accountId).join(',') }
      : { '--accounts-file': accountsFile, '--only': environments.map(({ account }) => account).join(',') };
  const way = { '--profile': profile, '--role-name': roleName, '--region': region, '--name': otherName(name) };
  return optionWords({ ...chosen, ...way });
}
