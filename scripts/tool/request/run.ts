import { existsSync, readFileSync } from 'node:fs';
import {
  accessOf,
  accountOf,
  DEFAULT_INPUTS,
  environmentsOf,
  regionOf,
  requireRegions,
  topicArn,
  type Environments,
} from '../common/environments.ts';
import type { AwsClients, Connect } from '../common/aws-clients.ts';
import { commandLine, optionWords } from '../common/command-line.ts';
import { otherName, type EnvironmentOptions } from '../common/environment-options.ts';
import { findEndedImages, printEndedImages } from '../common/ended-images.ts';
import { lineAbout, type Copier } from '../common/environment.ts';
import { findImageRegion } from '../common/find-image-region.ts';
import { formatJson, isJson } from '../common/json.ts';
import { LiveLines } from '../common/live-lines.ts';
import { reasonOf } from '../common/aws-errors.ts';
import { print, type Terminal } from '../common/terminal.ts';
import type { ExitCode, Tool } from '../common/tool.ts';
import { UserError } from '../common/user-error.ts';
import { waitFor } from '../common/wait-for.ts';
import { imageFor } from '../common/wanted-images.ts';
import { follow, isSettled, type Target, type TargetState } from './follow.ts';
import { callingBuild, imagesOfManifest, type ImageInRegion } from './packer-manifest.ts';
import { planRequest, type PlannedCall } from './plan.ts';
import { ResultsInbox } from '../common/results-inbox.ts';
import { formatCall, formatState, stateFields, stateTable } from './show.ts';

export interface RequestOptions extends EnvironmentOptions {
  /** Those of the accounts' Regions that are asked. */
  readonly onlyRegion?: readonly string[];
  readonly packerManifest?: string;
  readonly topic?: string;
  readonly share?: true;
  readonly sharedTags?: true;
  /** Minutes within which EC2 is to copy. */
  readonly within?: number;
  readonly wait?: true;
  readonly timeout: number;
  readonly dryRun?: true;
  readonly json?: true;
}

/** One image in its Region: who is asked, and all that has to be called for it. */
interface Request {
  readonly image: ImageInRegion;
  readonly asked: readonly AskedRegion[];
  readonly calls: readonly PlannedCall[];
}

/** The accounts that are asked on the topic of a Region: that of their copiers, not of the image. */
interface AskedRegion {
  readonly region: string;
  /** Of the source account. */
  readonly aws: AwsClients;
  readonly topicArn: string;
  readonly targets: readonly Target[];
}

/** The accounts that may be asked: with their copiers, or by their ids alone. */
interface Accounts extends Environments {
  readonly ids?: readonly string[];
}

/** Shares images as far as that is wanted, publishes the copy requests, and follows the copies if that is wanted. */
export async function request(image: string | undefined, options: RequestOptions, tool: Tool): Promise<ExitCode> {
  const { interruptible, terminal } = tool;
  const accounts = await accountsToAsk(options, await tool.loadConnect());
  const builds = await imagesToCopy(image, options, accounts, tool);
  if (builds.length === 0) {
    if (options.json) print(terminal.out, formatJson([]));
    return 0;
  }
  return await interruptible(async (signal) => {
    const requests: Request[] = [];
    // All is looked at before anything is done: an image that cannot be copied leaves the others as they are.
    for (const build of builds) requests.push(...(await prepare(build, options, accounts, tool)));
    await warnOfEnds(requests, options, signal, tool);
    if (options.dryRun) {
      printDryRun(requests, options, terminal);
      return 0;
    }
    return conclude(await carryOut(requests, options, signal, terminal), options, signal, tool);
  });
}

/** Accounts by their ids alone need no way in, unless a role is named by which they are looked into. */
async function accountsToAsk(options: RequestOptions, connect: Connect): Promise<Accounts> {
  const { accountsFile, accounts, onlyRegion, region, roleName, ...others } = options;
  if (accountsFile === undefined && !accounts) {
    throw new UserError('Name the accounts that are to copy it: --accounts-file, or --accounts with their ids.', 2);
  }
  if (accounts && roleName === undefined) return { copiers: [], ids: accounts };
  const chosen = { ...others, ...(accounts && { accounts }), ...(roleName !== undefined && { roleName }) };
  if (accountsFile === undefined) {
    const regions = onlyRegion ?? [region ?? (await regionOf(options, connect))];
    const parts = await Promise.all(regions.map((each) => environmentsOf({ ...chosen, region: each }, connect)));
    return { copiers: parts.flatMap(({ copiers }) => copiers) };
  }
  // --region is that of the image.
  const environments = await environmentsOf({ ...chosen, accountsFile }, connect);
  requireRegions(
    onlyRegion ?? [],
    environments.copiers.map((copier) => copier.region),
  );
  const copiers = environments.copiers.filter((copier) => onlyRegion?.includes(copier.region) ?? true);
  return { ...environments, copiers };
}

/** What was baked: of each image the one to copy, or one for each Region. It is nothing where a build of Packer's made no image. */
async function imagesToCopy(
  image: string | undefined,
  options: RequestOptions,
  accounts: Accounts,
  tool: Tool,
): Promise<readonly (readonly ImageInRegion[])[]> {
  const { packerManifest } = options;
  if ((image === undefined) === (packerManifest === undefined)) {
    throw new UserError('Name one image, or a --packer-manifest.', 2);
  }
  if (packerManifest !== undefined) return await readManifest(packerManifest, tool);
  const imageId = image ?? '';
  const { loadConnect } = tool;
  return [[{ imageId, region: options.region ?? (await findRegion(imageId, options, accounts, await loadConnect())) }]];
}

async function readManifest(
  file: string,
  { env, terminal: { err } }: Tool,
): Promise<readonly (readonly ImageInRegion[])[]> {
  if (!existsSync(file)) throw new UserError(`There is no ${file}.`, 2);
  const caller = callingBuild(env);
  const text = caller ? await untilWritten(file) : readFileSync(file, 'utf8');
  const { builds, withoutImage } = imagesOfManifest(text, file, caller);
  if (caller && builds.length === 0) {
    const { name, builderType } = caller;
    print(err, `${file} has no machine image of the build ${name} (${builderType}): nothing is asked for.`);
  } else if (withoutImage.length > 0) {
    print(err, `${file} names no image of ${withoutImage.join(', ')} (artifact_id is null). The others are asked for.`);
  }
  return builds;
}

const WRITING = { timeoutMs: 2000, pollMs: 100 };

/** Packer's builds end side by side, and its manifest is written in place: the one that calls may find what another one is just writing. */
async function untilWritten(file: string): Promise<string> {
  const read = () => readFileSync(file, 'utf8');
  const whole = () => {
    const text = read();
    return Promise.resolve(isJson(text) ? text : undefined);
  };
  return await waitFor(`${file} to be written`, whole, WRITING).catch(read);
}

/** The Region of an image that nobody named: where the source account has it, or that of the credentials. */
async function findRegion(
  imageId: string,
  options: RequestOptions,
  { source }: Accounts,
  connect: Connect,
): Promise<string> {
  if (!source) return await regionOf(options, connect);
  const found = await findImageRegion(source, imageId);
  if (found !== undefined) return found;
  throw new UserError(
    `There is no image ${imageId} of the source account in ${source.regions.join(', ')}. Name its Region with --region.`,
    2,
  );
}

/** Each account is asked in each of its Regions: for the image that was baked there, else for the first one. */
async function prepare(
  build: readonly ImageInRegion[],
  options: RequestOptions,
  accounts: Accounts,
  { loadConnect, terminal }: Tool,
): Promise<Request[]> {
  const { copiers, ids = [], source } = accounts;
  const connect = await loadConnect();
  const sourceIn = (region: string) => source?.clientsIn(region) ?? connect({ ...accessOf(options), region });
  const ownRegions = options.onlyRegion ?? build.map(({ region }) => region);
  const regions = ids.length > 0 ? ownRegions : Array.from(new Set(copiers.map(({ region }) => region)));
  const requests: Request[] = [];
  for (const image of build) {
    const { imageId, region: imageRegion } = image;
    const here = regions.filter((region) => imageFor(build, region) === image);
    const asked: AskedRegion[] = [];
    for (const region of here) {
      const aws = sourceIn(region);
      const about = { region, imageId, ...(options.within !== undefined && { withinMinutes: options.within }) };
      const targets: Target[] = [
        ...ids.map((accountId) => ({ accountId, account: accountId, ...about })),
        ...copiers
          .filter((copier) => copier.region === region)
          .map((copier) => ({ accountId: copier.accountId, account: copier.account, ...about, copier })),
      ];
      asked.push({ region, aws, targets, topicArn: await topicArnOf(options, accounts, aws, region) });
    }
    if (asked.length === 0) {
      print(terminal.err, `Nobody is asked for ${imageId}: no account is in ${imageRegion}.`);
      continue;
    }
    const topics = asked.map(({ region, aws, topicArn: arn, targets }) => ({
      sns: aws.sns,
      topicArn: arn,
      region,
      accounts: targets.map(({ accountId }) => accountId),
    }));
    const inputs = asked.flatMap(({ targets }) => targets.map(({ copier }) => copier ?? DEFAULT_INPUTS));
    const planned = { imageId, region: imageRegion, topics, copiers: inputs };
    const calls = await planRequest(sourceIn(imageRegion), planned, options, (line) => {
      print(terminal.err, line);
    });
    requests.push({ image, asked, calls });
  }
  return requests;
}

/** Names the accounts that will refuse an image, since it was retired or revoked there, and what undoes that. */
async function warnOfEnds(
  requests: readonly Request[],
  options: RequestOptions,
  signal: AbortSignal,
  { program, terminal }: Tool,
): Promise<void> {
  const asked = new Map<Copier, string[]>();
  for (const { imageId, copier } of requests.flatMap((each) => each.asked).flatMap(({ targets }) => targets)) {
    if (copier) asked.set(copier, [...(asked.get(copier) ?? []), imageId]);
  }
  const ended = await findEndedImages(asked, signal, terminal);
  printEndedImages('REFUSED', ended, options, program, terminal);
}

async function topicArnOf(
  { topic }: RequestOptions,
  { source }: Accounts,
  aws: AwsClients,
  region: string,
): Promise<string> {
  if (topic !== undefined) return topicArn(source?.accountId ?? (await accountOf(aws)), region, topic);
  if (source) return source.topicArnIn(region);
  throw new UserError('Name the topic for copy requests with --topic.', 2);
}

function printDryRun(requests: readonly Request[], { json }: RequestOptions, { out }: Terminal): void {
  const calls = requests.flatMap(({ calls: planned }) => planned);
  if (json) print(out, formatJson(calls.map(({ action, resource, details }) => ({ action, resource, details }))));
  else for (const call of calls) print(out, formatCall(call));
}

async function carryOut(
  requests: readonly Request[],
  options: RequestOptions,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<TargetState[]> {
  const regions = requests.flatMap(({ asked }) => asked);
  const targets = regions.flatMap((asked) => asked.targets);
  const inboxes: ResultsInbox[] = [];
  try {
    // Subscribed before the requests go out: a result may come within seconds.
    for (const asked of options.wait ? regions : []) inboxes.push(...(await openInbox(asked, terminal)));
    for (const { image, asked, calls } of requests) {
      for (const call of calls) {
        await call.send();
        if (!options.json) print(terminal.err, `${call.action} ${call.resource}`);
      }
      for (const { region, targets: ofRegion } of options.json ? [] : asked) {
        const names = ofRegion.map(({ account }) => account).join(', ');
        print(terminal.err, `Asked for copies of ${image.imageId} in ${region}: ${names}.`);
      }
    }
    if (!options.wait) return targets.map((target): TargetState => ({ target, progress: 'waiting' }));
    return await followTargets(targets, inboxes, options, signal, terminal);
  } finally {
    for (const inbox of inboxes) await inbox.close();
  }
}

/** The inbox on a Region's results topic; none where that cannot be listened to, and the accounts can be asked. */
async function openInbox({ aws, topicArn: arn, targets }: AskedRegion, { err }: Terminal): Promise<ResultsInbox[]> {
  const topic = `${arn}-results`;
  try {
    return [await ResultsInbox.open(aws, topic)];
  } catch (error) {
    const reason = reasonOf(error);
    if (targets.every(({ copier }) => copier)) {
      print(err, `The results topic tells nothing (${reason}): the accounts themselves are asked.`);
      return [];
    }
    throw new UserError(
      `--wait cannot follow the copies: ${topic} cannot be subscribed to (${reason}), and without --role-name or ` +
        'an accounts file the accounts cannot be asked. Nothing was published.',
      1,
      { cause: error },
    );
  }
}

async function followTargets(
  targets: readonly Target[],
  inboxes: readonly ResultsInbox[],
  { timeout, json }: RequestOptions,
  signal: AbortSignal,
  { err }: Terminal,
): Promise<TargetState[]> {
  const live = err.size && !json ? new LiveLines(err) : undefined;
  let drawn = '';
  const draw = (all: readonly TargetState[]) => {
    const table = stateTable(all, live?.width);
    if (table !== drawn) live?.draw(table.split('\n'));
    drawn = table;
  };
  // Printed once the live lines are gone, which would erase them; each look may give the same one.
  const warnings = new Set<string>();
  try {
    return await follow(targets, {
      inboxes,
      timeoutMs: timeout * 60_000,
      since: new Date(Date.now() - CLOCKS_APART_MS),
      signal,
      onChange: (changed, all) => {
        if (live) draw(all);
        else print(err, lineAbout(changed.target, formatState(changed)));
      },
      onLook: draw,
      warn: (line) => warnings.add(line),
    });
  } finally {
    live?.close();
    for (const warning of warnings) print(err, warning);
  }
}

// The time of a dead letter is SQS's, and this machine may be ahead of it.
const CLOCKS_APART_MS = 60_000;

function conclude(
  states: readonly TargetState[],
  options: RequestOptions,
  signal: AbortSignal,
  { program, terminal: { out, err } }: Tool,
): ExitCode {
  const { wait, json, timeout } = options;
  if (json) print(out, formatJson(states.map(stateFields)));
  if (!wait) return 0;
  if (!json) print(out, stateTable(states, out.size?.columns));
  const late = states.filter((state) => !isSettled(state)).map(({ target }) => target);
  if (late.length > 0) {
    const names = late.map(({ account }) => account).join(', ');
    const why = signal.aborted
      ? `Stopped waiting for ${names}.`
      : `The time (${timeout} minutes) is over for ${names}.`;
    print(err, [`${why} The copies go on. Look again with:`, ...statusCommands(program, options, late)].join('\n  '));
    if (signal.aborted) return 2;
  }
  return states.every(({ progress }) => progress === 'available') ? 0 : 1;
}

/** What shows later how far the accounts are, one for each Region where accounts are named without a file. */
function statusCommands(
  program: string,
  { accountsFile, accounts = [], only, onlyRegion = [], roleName, profile, name }: RequestOptions,
  targets: readonly Target[],
): string[] {
  const statusOf = (options: Parameters<typeof optionWords>[0]) =>
    commandLine(program, ['status', ...optionWords({ ...options, '--profile': profile, '--name': otherName(name) })]);
  if (accountsFile !== undefined) {
    const [region] = onlyRegion.length === 1 ? onlyRegion : [];
    const chosen = { '--only': only?.join(','), '--region': region, '--role-name': roleName };
    return [statusOf({ '--accounts-file': accountsFile, ...chosen })];
  }
  // The accounts were asked by their ids: only the user knows a role in them.
  const accounted = { '--accounts': accounts.join(','), '--role-name': roleName ?? 'ROLE' };
  return Array.from(new Set(targets.map(({ region }) => region)), (region) =>
    statusOf({ ...accounted, '--region': region }),
  );
}
