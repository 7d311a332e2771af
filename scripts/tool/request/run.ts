import type { PlacesOptions } from '../common/places-options.ts';
import { existsSync, readFileSync } from 'node:fs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { SNSClient } from '@aws-sdk/client-sns';
import { AnnouncementError, planAnnouncement, type PlannedCall } from './plan.ts';
import { follow, isSettled, type Target, type TargetState } from './follow.ts';
import { imagesOfManifest, ManifestError, type ImageInRegion } from './packer-manifest.ts';
import { ResultsInbox } from './results-inbox.ts';
import { LiveLines } from '../common/live-lines.ts';
import { messageOf } from '../common/message-of.ts';
import { explained } from '../common/aws-errors.ts';
import { interruptible } from '../common/interruption.ts';
import { formatJson } from '../common/json.ts';
import { accountOf, ownSettings, placesOf, regionOf, topicArn, type Place, type Places } from '../common/places.ts';
import { formatTable } from '../common/table.ts';
import { UserError } from '../common/user-error.ts';

export interface AnnounceOptions extends PlacesOptions {
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
interface Announcement {
  readonly image: ImageInRegion;
  readonly settings: Place['settings'];
  readonly topicArn: string;
  readonly targets: readonly Target[];
  readonly calls: readonly PlannedCall[];
}

/** Shares images as far as that is wanted, publishes the copy requests, and follows the copies if that is wanted. */
export async function announce(image: string | undefined, options: AnnounceOptions): Promise<void> {
  const places = await placesToAsk(options);
  const images = await imagesToAnnounce(image, options, places);
  await interruptible(async (signal) => {
    const announcements: Announcement[] = [];
    // All is looked at before anything is done: an image that cannot be announced leaves the others as they are.
    for (const each of images) announcements.push(...(await prepare(each, options, places)));
    if (announcements.length === 0) throw new UserError('No account is in the Region of the image.', 2);
    if (options.dryRun) {
      showDryRun(announcements, options);
      return;
    }
    const states = (await Promise.all(announcements.map((each) => carryOut(each, options, signal)))).flat();
    conclude(states, options);
  });
}

/** Accounts by their ids alone need no way in, unless a role is named by which they are looked into. */
async function placesToAsk(options: AnnounceOptions): Promise<Places & { readonly ids?: readonly string[] }> {
  const { accountsFile, accounts, roleName } = options;
  if (accountsFile === undefined && !accounts) {
    throw new UserError('Name the accounts that are to copy it: --accounts-file, or --accounts with their ids.', 2);
  }
  if (accounts && roleName === undefined) return { targets: [], ids: accounts };
  return await placesOf(options);
}

async function imagesToAnnounce(
  image: string | undefined,
  options: AnnounceOptions,
  places: Places,
): Promise<ImageInRegion[]> {
  const { packerManifest } = options;
  if ((image === undefined) === (packerManifest === undefined)) {
    throw new UserError('Name one image, or a --packer-manifest.', 2);
  }
  if (packerManifest !== undefined) return readManifest(packerManifest);
  const regions = Array.from(new Set(places.targets.map(({ region }) => region)));
  if (options.region === undefined && regions.length > 1) {
    throw new UserError(`The accounts are in ${regions.join(', ')}. Name the Region of the image with --region.`, 2);
  }
  return [{ imageId: image ?? '', region: options.region ?? regions[0] ?? (await regionOf(options)) }];
}

function readManifest(file: string): ImageInRegion[] {
  if (!existsSync(file)) throw new UserError(`There is no ${file}.`, 2);
  try {
    return imagesOfManifest(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof ManifestError) throw new UserError(`${file} ${error.message}.`, 2, { cause: error });
    throw error;
  }
}

async function prepare(
  image: ImageInRegion,
  options: AnnounceOptions,
  places: Awaited<ReturnType<typeof placesToAsk>>,
): Promise<Announcement[]> {
  const { imageId, region } = image;
  const targets = targetsIn(image, places);
  if (targets.length === 0) {
    console.error(`${imageId} is not announced: no account is in ${region}.`);
    return [];
  }
  const settings = places.source?.settingsIn(region) ?? ownSettings(options, region);
  const accounts = targets.map(({ accountId }) => accountId);
  const ec2 = new EC2Client(settings);
  try {
    const requestTopicArn = await topicArnOf(options, places, settings);
    const sns = new SNSClient(settings);
    const calls = await planAnnouncement({ ec2, sns, topicArn: requestTopicArn, imageId, accounts }, options);
    return [{ image, settings, topicArn: requestTopicArn, targets, calls }];
  } catch (error) {
    if (error instanceof AnnouncementError) throw new UserError(error.message, 1, { cause: error });
    throw explained(error, { region, name: options.name });
  }
}

function targetsIn(
  { imageId, region }: ImageInRegion,
  { targets, ids }: { targets: readonly Place[]; ids?: readonly string[] },
): Target[] {
  if (ids) return ids.map((accountId) => ({ accountId, account: accountId, region, imageId }));
  return targets
    .filter((place) => place.region === region)
    .map((place) => ({ accountId: place.accountId, account: place.account, region, imageId, place }));
}

async function topicArnOf(options: AnnounceOptions, { source }: Places, settings: Place['settings']): Promise<string> {
  const { topic } = options;
  const { region } = settings;
  if (topic !== undefined) return topicArn(source?.accountId ?? (await accountOf(settings)), region, topic);
  if (source) return source.topicArnIn(region);
  throw new UserError('Name the topic for copy requests with --topic.', 2);
}

function showDryRun(announcements: readonly Announcement[], { json }: AnnounceOptions): void {
  const calls = announcements.flatMap(({ calls: planned }) => planned);
  if (json) console.log(formatJson(calls.map(({ action, resource, details }) => ({ action, resource, details }))));
  else for (const { action, resource, details } of calls) console.log(`would call ${action} ${resource}: ${details}`);
}

async function carryOut(
  { image, settings, topicArn, targets, calls }: Announcement,
  options: AnnounceOptions,
  signal: AbortSignal,
): Promise<TargetState[]> {
  const { imageId, region } = image;
  // Subscribed before the request goes out: a result may come within seconds.
  const inbox = options.wait ? await openInbox(settings, `${topicArn}-results`, targets) : undefined;
  try {
    for (const call of calls) {
      await call.send();
      if (!options.json) console.error(`${call.action} ${call.resource}`);
    }
    const asked = targets.map((target): TargetState => ({ target, progress: 'waiting' }));
    const names = targets.map(({ account }) => account).join(', ');
    if (!options.json) console.error(`Asked for copies of ${imageId} in ${region}: ${names}.`);
    return options.wait ? await followTargets(targets, inbox, options, signal) : asked;
  } catch (error) {
    throw explained(error, { region, name: options.name });
  } finally {
    await inbox?.close();
  }
}

async function openInbox(
  settings: Place['settings'],
  topicArn: string,
  targets: readonly Target[],
): Promise<ResultsInbox | undefined> {
  try {
    return await ResultsInbox.open(settings, topicArn);
  } catch (error) {
    const reason = messageOf(error);
    if (targets.every(({ place }) => place)) {
      console.error(`The results topic tells nothing (${reason}): the accounts themselves are asked.`);
      return undefined;
    }
    throw new UserError(
      `--wait cannot follow the copies: ${topicArn} cannot be subscribed to (${reason}), and without --role-name or ` +
        'an accounts file the accounts cannot be asked. Nothing was announced.',
      1,
      { cause: error },
    );
  }
}

async function followTargets(
  targets: readonly Target[],
  inbox: ResultsInbox | undefined,
  { timeout, json }: AnnounceOptions,
  signal: AbortSignal,
): Promise<TargetState[]> {
  const live = process.stderr.isTTY && !json ? new LiveLines(process.stderr) : undefined;
  try {
    return await follow(targets, {
      inbox,
      timeoutMs: timeout * 60_000,
      since: new Date(Date.now() - CLOCKS_APART_MS),
      signal,
      onChange: (changed, all) => {
        if (live) live.draw(stateTable(all, process.stderr.columns).split('\n'));
        else console.error(`${changed.target.account}, ${changed.target.region}: ${describeState(changed)}`);
      },
    });
  } finally {
    live?.close();
  }
}

// The time of a dead letter is SQS's, and this machine may be ahead of it.
const CLOCKS_APART_MS = 60_000;

function conclude(states: readonly TargetState[], { wait, json, timeout }: AnnounceOptions): void {
  if (json) console.log(formatJson(states.map(fieldsOf)));
  if (!wait) return;
  if (!json) console.log(stateTable(states, process.stdout.isTTY ? process.stdout.columns : undefined));
  const late = states.filter((state) => !isSettled(state)).map(({ target }) => target.account);
  if (late.length > 0) {
    console.error(
      `The time (${timeout} minutes) is over for ${late.join(', ')}. The copies go on; look with npx image-copier status.`,
    );
  }
  if (states.some(({ progress }) => progress !== 'available')) process.exitCode = 1;
}

function stateTable(states: readonly TargetState[], width: number | undefined): string {
  const rows = states.map(({ target, progress, copy = '-', reason = '' }) => [
    target.account,
    target.region,
    target.imageId,
    progress,
    copy,
    reason,
  ]);
  return formatTable(['ACCOUNT', 'REGION', 'IMAGE', 'STATE', 'COPY', 'REASON'], rows, width);
}

function describeState({ progress, copy, reason }: TargetState): string {
  return [progress, copy, reason].filter((part) => part !== undefined).join(', ');
}

function fieldsOf({ target, progress, copy, reason }: TargetState) {
  const { accountId, account, region, imageId } = target;
  return { account, accountId, region, imageId, state: progress, copy: copy ?? null, reason: reason ?? null };
}
