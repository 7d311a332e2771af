import { existsSync, readFileSync } from 'node:fs';
import { accessOf, accountOf, environmentsOf, regionOf, topicArn, type Environments } from '../common/environments.ts';
import type { AwsClients, Connect } from '../common/aws-clients.ts';
import type { EnvironmentOptions } from '../common/environment-options.ts';
import { lineAbout } from '../common/environment.ts';
import { formatJson } from '../common/json.ts';
import { LiveLines } from '../common/live-lines.ts';
import { reasonOf } from '../common/aws-errors.ts';
import { print, type Terminal } from '../common/terminal.ts';
import type { ExitCode, Tool } from '../common/tool.ts';
import { UserError } from '../common/user-error.ts';
import { follow, isSettled, type Target, type TargetState } from './follow.ts';
import { imagesOfManifest, type ImageInRegion } from './packer-manifest.ts';
import { planRequest, type PlannedCall } from './plan.ts';
import { ResultsInbox } from './results-inbox.ts';
import { formatCall, formatState, stateFields, stateTable } from './show.ts';

export interface RequestOptions extends EnvironmentOptions {
  readonly packerManifest?: string;
  readonly topic?: string;
  readonly share?: true;
  readonly sharedTags?: true;
  readonly wait?: true;
  readonly timeout: number;
  readonly dryRun?: true;
  readonly json?: true;
}

/** One image in its Region: who is asked, how, and all that has to be called for it. */
interface Request {
  readonly image: ImageInRegion;
  /** Of the source account. */
  readonly aws: AwsClients;
  readonly topicArn: string;
  readonly targets: readonly Target[];
  readonly calls: readonly PlannedCall[];
}

/** The accounts that are asked: with their copiers, or by their ids alone. */
interface Asked extends Environments {
  readonly ids?: readonly string[];
}

/** Shares images as far as that is wanted, publishes the copy requests, and follows the copies if that is wanted. */
export async function request(image: string | undefined, options: RequestOptions, tool: Tool): Promise<ExitCode> {
  const { connect, interruptible, terminal } = tool;
  const asked = await askedAccounts(options, connect);
  const images = await imagesToCopy(image, options, asked, connect);
  return await interruptible(async (signal) => {
    const requests: Request[] = [];
    // All is looked at before anything is done: an image that cannot be copied leaves the others as they are.
    for (const each of images) requests.push(...(await prepare(each, options, asked, tool)));
    if (requests.length === 0) throw new UserError('No account is in the Region of the image.', 2);
    if (options.dryRun) {
      printDryRun(requests, options, terminal);
      return 0;
    }
    const states = (await Promise.all(requests.map((each) => carryOut(each, options, signal, terminal)))).flat();
    return conclude(states, options, terminal);
  });
}

/** Accounts by their ids alone need no way in, unless a role is named by which they are looked into. */
async function askedAccounts(options: RequestOptions, connect: Connect): Promise<Asked> {
  const { accountsFile, accounts, roleName } = options;
  if (accountsFile === undefined && !accounts) {
    throw new UserError('Name the accounts that are to copy it: --accounts-file, or --accounts with their ids.', 2);
  }
  if (accounts && roleName === undefined) return { copiers: [], ids: accounts };
  return await environmentsOf(options, connect);
}

async function imagesToCopy(
  image: string | undefined,
  options: RequestOptions,
  { copiers }: Asked,
  connect: Connect,
): Promise<ImageInRegion[]> {
  const { packerManifest } = options;
  if ((image === undefined) === (packerManifest === undefined)) {
    throw new UserError('Name one image, or a --packer-manifest.', 2);
  }
  if (packerManifest !== undefined) return readManifest(packerManifest);
  const regions = Array.from(new Set(copiers.map(({ region }) => region)));
  if (options.region === undefined && regions.length > 1) {
    throw new UserError(`The accounts are in ${regions.join(', ')}. Name the Region of the image with --region.`, 2);
  }
  return [{ imageId: image ?? '', region: options.region ?? regions[0] ?? (await regionOf(options, connect)) }];
}

function readManifest(file: string): ImageInRegion[] {
  if (!existsSync(file)) throw new UserError(`There is no ${file}.`, 2);
  return imagesOfManifest(readFileSync(file, 'utf8'), file);
}

async function prepare(
  image: ImageInRegion,
  options: RequestOptions,
  asked: Asked,
  { terminal, connect }: Tool,
): Promise<Request[]> {
  const { imageId, region } = image;
  const targets = targetsIn(image, asked);
  if (targets.length === 0) {
    print(terminal.err, `Nobody is asked for ${imageId}: no account is in ${region}.`);
    return [];
  }
  const aws = asked.source?.clientsIn(region) ?? connect({ ...accessOf(options), region });
  const accounts = targets.map(({ accountId }) => accountId);
  const requestTopicArn = await topicArnOf(options, asked, aws, region);
  const calls = await planRequest(aws, { topicArn: requestTopicArn, imageId, region, accounts }, options);
  return [{ image, aws, topicArn: requestTopicArn, targets, calls }];
}

function targetsIn({ imageId, region }: ImageInRegion, { copiers, ids }: Asked): Target[] {
  if (ids) return ids.map((accountId) => ({ accountId, account: accountId, region, imageId }));
  return copiers
    .filter((copier) => copier.region === region)
    .map((copier) => ({ accountId: copier.accountId, account: copier.account, region, imageId, copier }));
}

async function topicArnOf(
  { topic }: RequestOptions,
  { source }: Asked,
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
  { image, aws, topicArn: requestTopicArn, targets, calls }: Request,
  options: RequestOptions,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<TargetState[]> {
  const { imageId, region } = image;
  // Subscribed before the request goes out: a result may come within seconds.
  const inbox = options.wait ? await openInbox(aws, `${requestTopicArn}-results`, targets, terminal) : undefined;
  try {
    for (const call of calls) {
      await call.send();
      if (!options.json) print(terminal.err, `${call.action} ${call.resource}`);
    }
    const names = targets.map(({ account }) => account).join(', ');
    if (!options.json) print(terminal.err, `Asked for copies of ${imageId} in ${region}: ${names}.`);
    if (!options.wait) return targets.map((target): TargetState => ({ target, progress: 'waiting' }));
    return await followTargets(targets, inbox, options, signal, terminal);
  } finally {
    await inbox?.close();
  }
}

async function openInbox(
  aws: AwsClients,
  topic: string,
  targets: readonly Target[],
  { err }: Terminal,
): Promise<ResultsInbox | undefined> {
  try {
    return await ResultsInbox.open(aws, topic);
  } catch (error) {
    const reason = reasonOf(error);
    if (targets.every(({ copier }) => copier)) {
      print(err, `The results topic tells nothing (${reason}): the accounts themselves are asked.`);
      return undefined;
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
  inbox: ResultsInbox | undefined,
  { timeout, json }: RequestOptions,
  signal: AbortSignal,
  { err }: Terminal,
): Promise<TargetState[]> {
  const live = err.size && !json ? new LiveLines(err) : undefined;
  // Printed once the live lines are gone, which would erase them; each look may give the same one.
  const warnings = new Set<string>();
  try {
    return await follow(targets, {
      inbox,
      timeoutMs: timeout * 60_000,
      since: new Date(Date.now() - CLOCKS_APART_MS),
      signal,
      onChange: (changed, all) => {
        if (live) live.draw(stateTable(all, err.size?.columns).split('\n'));
        else print(err, lineAbout(changed.target, formatState(changed)));
      },
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
  { wait, json, timeout }: RequestOptions,
  { out, err }: Terminal,
): ExitCode {
  if (json) print(out, formatJson(states.map(stateFields)));
  if (!wait) return 0;
  if (!json) print(out, stateTable(states, out.size?.columns));
  const late = states.filter((state) => !isSettled(state)).map(({ target }) => target.account);
  if (late.length > 0) {
    print(
      err,
      `The time (${timeout} minutes) is over for ${late.join(', ')}. The copies go on; look with npx image-copier status.`,
    );
  }
  return states.every(({ progress }) => progress === 'available') ? 0 : 1;
}
