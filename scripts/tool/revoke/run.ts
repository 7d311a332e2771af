import { PublishCommand } from '@aws-sdk/client-sns';
import type { RevocationResult } from '../../../lambda/src/core/retirement-results.ts';
import type { AwsClients, Connect } from '../common/aws-clients.ts';
import { reasonOf } from '../common/aws-errors.ts';
import { clientsOnce } from '../common/clients-once.ts';
import type { EnvironmentOptions } from '../common/environment-options.ts';
import { lineAbout } from '../common/environment.ts';
import {
  accessOf,
  accountOf,
  DEFAULT_INPUTS,
  environmentsOf,
  housekeepingTopic,
  regionOf,
  requireRegions,
  topicArn,
} from '../common/environments.ts';
import { findImageRegion } from '../common/find-image-region.ts';
import { formatJson } from '../common/json.ts';
import { LiveLines } from '../common/live-lines.ts';
import { notFound } from '../common/require-known.ts';
import { ResultsInbox } from '../common/results-inbox.ts';
import { MAX_NAMED_IMAGES } from '../common/retirements-queue.ts';
import { print, type Terminal } from '../common/terminal.ts';
import type { ExitCode, Tool } from '../common/tool.ts';
import { UserError } from '../common/user-error.ts';
import { readSourceImages } from '../status/read-copiers.ts';
import { follow, waiting, type Told, type ToldState } from './follow.ts';
import { formatTold, toldFields, toldTable } from './show.ts';
import {
  findDecided,
  revokeStep,
  takeSteps,
  unrevokeStep,
  type DecidedImage,
  type SourceStep,
} from './source-images.ts';
import { counted } from '../common/counted.ts';

export interface UnrevokeOptions extends EnvironmentOptions {
  readonly onlyRegion?: readonly string[];
  readonly topic?: string;
  readonly housekeepingTopic?: string;
  readonly reason?: string;
  readonly wait?: true;
  readonly timeout: number;
  readonly dryRun?: true;
  readonly yes?: true;
  readonly json?: true;
}

export interface RevokeOptions extends UnrevokeOptions {
  readonly reason: string;
  readonly recipe?: string;
  readonly before?: Date;
}

/** A Region whose accounts are told. */
interface ToldRegion {
  readonly region: string;
  /** Of the source account. */
  readonly aws: AwsClients;
  readonly housekeepingTopicArn: string;
  readonly resultsTopicArn: string;
  readonly accounts: readonly { readonly account: string; readonly accountId: string }[];
}

/** The source account, and all who are told. */
interface Audience {
  readonly sourceRegions: readonly string[];
  readonly clientsIn: (region: string) => AwsClients;
  readonly recipeTag: string;
  readonly regions: readonly ToldRegion[];
}

/** A decision on source images, which the accounts are to carry out. */
interface Decision {
  readonly verb: 'revoke' | 'unrevoke';
  readonly kind: RevocationResult['kind'];
  readonly reason: string;
  readonly at: string;
}

/** Takes bad images away: from the source account, and from every account that has copies of them. */
export async function revoke(images: readonly string[], options: RevokeOptions, tool: Tool): Promise<ExitCode> {
  const { recipe, before, reason } = options;
  if (
    images.length === 0 ? recipe === undefined || before === undefined : recipe !== undefined || before !== undefined
  ) {
    throw new UserError('Name images, or all of a recipe that were baked before a time: --recipe and --before.', 2);
  }
  const decision: Decision = { verb: 'revoke', kind: 'Image Revoked', reason, at: new Date().toISOString() };
  const find = async (audience: Audience) => {
    if (recipe === undefined || before === undefined) return await namedImages(images, options, audience);
    const places = await bakedBefore(recipe, before, audience);
    return await findDecided(places, audience.clientsIn);
  };
  return await decide(decision, find, options, tool);
}

/** Takes back that images are revoked. */
export async function unrevoke(images: readonly string[], options: UnrevokeOptions, tool: Tool): Promise<ExitCode> {
  const { reason = '' } = options;
  const decision: Decision = { verb: 'unrevoke', kind: 'Revocation Undone', reason, at: new Date().toISOString() };
  return await decide(decision, (audience) => namedImages(images, options, audience), options, tool);
}

async function decide(
  decision: Decision,
  find: (audience: Audience) => Promise<DecidedImage[]>,
  options: UnrevokeOptions,
  tool: Tool,
): Promise<ExitCode> {
  const { terminal, loadConnect, interruptible } = tool;
  const { out, err } = terminal;
  const { dryRun, yes, json, wait } = options;
  const { verb } = decision;
  if (!dryRun && !yes && !terminal.canAsk) {
    throw new UserError(`There is no terminal to ask on. Add --yes to ${verb} images without being asked.`, 2);
  }
  const audience = await audienceOf(options, await loadConnect());
  return await interruptible(async (signal) => {
    const decided = await find(audience);
    if (decided.length > MAX_NAMED_IMAGES) {
      throw new UserError(`These are ${decided.length} images. Name at most ${MAX_NAMED_IMAGES} at once.`, 2);
    }
    const steps = decided.flatMap((each) => stepFor(each, decision, audience) ?? []);
    const messages = messagesFor(decided, decision);
    if (dryRun) {
      printDryRun(steps, messages, audience, options, terminal);
      return 0;
    }
    for (const { imageId, region, image } of json ? [] : decided) {
      const name = image ? `${image.Name ?? ''}, ${image.State ?? ''}` : 'it is gone from the source account';
      print(err, `${imageId} in ${region}: ${name}`);
    }
    const question = `${verb === 'revoke' ? 'Revoke' : 'Unrevoke'} ${counted(decided.length, 'image')} in all accounts? Type yes:`;
    if (!yes && !(await terminal.confirm(question, signal))) throw new UserError('Nothing was done.', 2);
    const inboxes: ResultsInbox[] = [];
    try {
      // Subscribed before the messages go out: a result may come within seconds.
      if (wait) inboxes.push(...(await openInboxes(audience.regions, terminal)));
      const problems = await takeSteps(steps);
      for (const [imageId, problem] of problems) print(err, `${imageId} in the source account: ${problem}`);
      const untold = await publish(messages, audience.regions, options, terminal);
      const isSent = problems.size === 0 && untold.length === 0;
      const targets = targetsOf(audience.regions, decided);
      if (!wait) {
        if (json) print(out, formatJson(targets.map(waiting).map(toldFields)));
        return isSent ? 0 : 1;
      }
      const states = await followAll(targets, inboxes, decision, options, signal, terminal);
      return conclude(states, options, signal, terminal) && isSent ? 0 : 1;
    } finally {
      await Promise.all(inboxes.map((inbox) => inbox.close()));
    }
  });
}

/** All who have copiers are told: a bad image is bad for everybody. */
async function audienceOf(options: UnrevokeOptions, connect: Connect): Promise<Audience> {
  const { accountsFile, accounts = [], only, onlyRegion, topic, region: imageRegion, ...others } = options;
  if (only) throw new UserError('--only chooses accounts, and this is for all that have copies. Leave it out.', 2);
  if (accountsFile === undefined) {
    if (topic === undefined) {
      throw new UserError('Name the accounts: --accounts-file, or the topic for copy requests with --topic.', 2);
    }
    const ownRegion = imageRegion ?? (await regionOf(options, connect));
    const clientsIn = clientsOnce((region) => connect({ ...accessOf(options), region }));
    const accountId = await accountOf(clientsIn(ownRegion));
    const regions = onlyRegion ?? [ownRegion];
    return {
      sourceRegions: [ownRegion],
      clientsIn,
      recipeTag: DEFAULT_INPUTS.recipeTag,
      regions: regions.map((region) => ({
        region,
        aws: clientsIn(region),
        housekeepingTopicArn: topicArn(accountId, region, options.housekeepingTopic ?? housekeepingTopic(topic)),
        resultsTopicArn: topicArn(accountId, region, `${topic}-results`),
        accounts: accounts.map((id) => ({ account: id, accountId: id })),
      })),
    };
  }
  const { copiers, source } = await environmentsOf({ ...others, accountsFile }, connect);
  if (!source) throw new Error('an accounts file without a source account');
  const known = Array.from(new Set(copiers.map(({ region }) => region)));
  requireRegions(onlyRegion ?? [], known);
  const arnIn = (name: string, region: string) => topicArn(source.accountId, region, name);
  return {
    sourceRegions: source.regions,
    clientsIn: source.clientsIn,
    recipeTag: copiers[0]?.recipeTag ?? DEFAULT_INPUTS.recipeTag,
    regions: known
      .filter((region) => onlyRegion?.includes(region) ?? true)
      .map((region) => {
        const named = options.housekeepingTopic;
        const arn = named === undefined ? source.housekeepingTopicArnIn(region) : arnIn(named, region);
        if (arn === undefined) {
          throw new UserError(
            `The topics in ${region} are another system's. Name the one for housekeeping with --housekeeping-topic, or in the accounts file (source.inputs.housekeeping_topic_name).`,
            2,
          );
        }
        return {
          region,
          aws: source.clientsIn(region),
          housekeepingTopicArn: arn,
          resultsTopicArn: `${topic === undefined ? source.topicArnIn(region) : arnIn(topic, region)}-results`,
          accounts: copiers.filter((copier) => copier.region === region),
        };
      }),
  };
}

async function namedImages(
  images: readonly string[],
  { region }: UnrevokeOptions,
  { sourceRegions, clientsIn }: Audience,
): Promise<DecidedImage[]> {
  const places: { imageId: string; region: string }[] = [];
  for (const imageId of images) {
    const found = region ?? (await findImageRegion({ regions: sourceRegions, clientsIn }, imageId));
    if (found === undefined) throw missing(imageId, sourceRegions);
    places.push({ imageId, region: found });
  }
  const decided = await findDecided(places, clientsIn);
  // One that is gone may still have copies. Then its Region is named, so that it is no slip.
  const gone = decided.find(({ image }) => !image);
  if (gone && region === undefined) throw missing(gone.imageId, sourceRegions);
  return decided;
}

function missing(imageId: string, regions: readonly string[]): UserError {
  return new UserError(
    `There is no image ${imageId} of the source account in ${regions.join(', ')}. If it is gone and has copies, name the Region that it was in with --region.`,
    2,
  );
}

async function bakedBefore(
  recipe: string,
  before: Date,
  { sourceRegions, clientsIn, recipeTag }: Audience,
): Promise<{ imageId: string; region: string }[]> {
  const all = await readSourceImages({ regions: sourceRegions, clientsIn }, recipeTag, { disabledToo: true });
  const own = all.filter((image) => image.recipe === recipe);
  if (own.length === 0) {
    const names = all.flatMap((image) => image.recipe ?? []);
    throw notFound(`The source account has no image of the recipe ${recipe}`, { missing: recipe, names });
  }
  const bad = own.filter(({ bakedAt }) => Date.parse(bakedAt) < before.getTime());
  if (bad.length === 0) throw new UserError(`No image of ${recipe} was baked before ${before.toISOString()}.`, 2);
  return bad.map(({ imageId, region }) => ({ imageId, region }));
}

function stepFor(
  decided: DecidedImage,
  { verb, at, reason }: Decision,
  { clientsIn }: Audience,
): SourceStep | undefined {
  const aws = clientsIn(decided.region);
  return verb === 'revoke' ? revokeStep(decided, aws, at, reason) : unrevokeStep(decided, aws);
}

/** One for each Region of images. */
function messagesFor(decided: readonly DecidedImage[], { verb, reason, at }: Decision): string[] {
  return Array.from(new Set(decided.map(({ region }) => region)), (sourceRegion) => {
    const sourceAmis = decided.filter(({ region }) => region === sourceRegion).map(({ imageId }) => imageId);
    return JSON.stringify({ [verb]: { sourceAmis, sourceRegion, reason, at } });
  });
}

/** Where it cannot be listened, the images are revoked all the same: that is in more of a hurry than to know how far it is. */
async function openInboxes(regions: readonly ToldRegion[], { err }: Terminal): Promise<ResultsInbox[]> {
  const opened = await Promise.all(
    regions.map(async ({ aws, region, resultsTopicArn }) => {
      try {
        return [await ResultsInbox.open(aws, resultsTopicArn)];
      } catch (error) {
        print(
          err,
          `Nothing will be heard of accounts in ${region}: ${resultsTopicArn} cannot be subscribed to. ${reasonOf(error)}`,
        );
        return [];
      }
    }),
  );
  return opened.flat();
}

/** Tells all Regions, whatever one of them meets, and gives those that could not be told. */
async function publish(
  messages: readonly string[],
  regions: readonly ToldRegion[],
  { json }: UnrevokeOptions,
  { err }: Terminal,
): Promise<ToldRegion[]> {
  const told = await Promise.all(
    regions.map(async (each) => {
      const { aws, housekeepingTopicArn: TopicArn, region } = each;
      try {
        for (const Message of messages) await aws.sns.send(new PublishCommand({ TopicArn, Message }));
        if (!json) print(err, `sns:Publish ${TopicArn}`);
        return [];
      } catch (error) {
        print(err, `The accounts in ${region} could not be told: ${reasonOf(error)} Run the command again.`);
        return [each];
      }
    }),
  );
  return told.flat();
}

function targetsOf(regions: readonly ToldRegion[], decided: readonly DecidedImage[]): Told[] {
  return regions.flatMap(({ region, accounts }) =>
    accounts.flatMap(({ account, accountId }) =>
      decided.map(({ imageId }) => ({ account, accountId, region, imageId })),
    ),
  );
}

async function followAll(
  targets: readonly Told[],
  inboxes: readonly ResultsInbox[],
  { kind }: Decision,
  { timeout, json }: UnrevokeOptions,
  signal: AbortSignal,
  { err }: Terminal,
): Promise<ToldState[]> {
  const live = err.size && !json ? new LiveLines(err) : undefined;
  const draw = (all: readonly ToldState[]) => {
    const done = all.filter(({ state }) => state === 'done').length;
    live?.draw([`${done} of ${all.length} done`]);
  };
  try {
    draw(targets.map(waiting));
    return await follow(targets, {
      inboxes,
      kind,
      timeoutMs: timeout * 60_000,
      signal,
      onChange: (changed, all) => {
        if (live) draw(all);
        else print(err, lineAbout(changed.told, formatTold(changed)));
      },
    });
  } finally {
    live?.close();
  }
}

/** Shows how far all are, and gives whether all are done. */
function conclude(
  states: readonly ToldState[],
  { json, timeout }: UnrevokeOptions,
  signal: AbortSignal,
  { out, err }: Terminal,
): boolean {
  if (json) print(out, formatJson(states.map(toldFields)));
  else print(out, toldTable(states, out.size?.columns));
  const late = states.filter(({ state }) => state === 'waiting');
  const instances = states.reduce((sum, state) => sum + state.instances, 0);
  print(err, `${states.length - late.length} of ${states.length} done. Instances of these images: ${instances}.`);
  if (late.length === 0) return true;
  const names = Array.from(new Set(late.map(({ told }) => told.account))).join(', ');
  print(
    err,
    `${signal.aborted ? 'Stopped waiting for' : `The time (${timeout} minutes) is over for`} ${names}. It goes on in the accounts, if their copiers know of revocations.`,
  );
  return false;
}

function printDryRun(
  steps: readonly SourceStep[],
  messages: readonly string[],
  { regions }: Audience,
  { json }: UnrevokeOptions,
  { out }: Terminal,
): void {
  const lines = [
    ...steps.map(({ decided, what }) => `would ${what} ${decided.imageId} in ${decided.region}`),
    ...regions.flatMap(({ housekeepingTopicArn }) =>
      messages.map((message) => `would call sns:Publish ${housekeepingTopicArn}: ${message}`),
    ),
  ];
  if (json) print(out, formatJson(lines));
  else for (const line of lines) print(out, line);
}
