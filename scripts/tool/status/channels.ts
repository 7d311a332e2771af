import { channelOf, type ImageParameter } from '../../../lambda/src/core/image-parameters.ts';
import type { Copier } from '../common/environment.ts';
import type { Outcome } from '../common/in-environments.ts';
import type { ChannelFact, CopierFacts } from './copier-facts.ts';
import type { ChannelInAccount } from './report.ts';

/** What the channels of an account point to. */
export function channelsIn(parameters: readonly ImageParameter[], names: Pick<Copier, 'parameterPath'>): ChannelFact[] {
  return parameters.flatMap(({ name, imageId }) => {
    const found = channelOf(name, names);
    return found ? [{ ...found, imageId }] : [];
  });
}

/** The channels of all accounts. An account with copies of a recipe that lacks a channel of it, which another has, is there too. */
export function channelsOf(outcomes: readonly Outcome<CopierFacts>[]): ChannelInAccount[] {
  const read = outcomes.filter((outcome) => 'value' in outcome);
  const known = new Map(
    read.flatMap(({ value }) =>
      value.channels.map(({ recipe, channel }) => [`${recipe} ${channel}`, { recipe, channel }] as const),
    ),
  );
  return Array.from(known.values())
    .sort((one, other) => compare(one.recipe, other.recipe) || compare(one.channel, other.channel))
    .flatMap(({ recipe, channel }) =>
      read.flatMap(({ copier: { accountId, account, region, labels }, value }): ChannelInAccount[] => {
        const about = { accountId, account, region, labels, recipe, channel };
        const fact = value.channels.find((each) => each.recipe === recipe && each.channel === channel);
        if (fact) return [{ ...about, imageId: fact.imageId, ...copyOf(fact, value) }];
        return value.copies.some((copy) => copy.recipe === recipe) ? [{ ...about, state: 'not set' }] : [];
      }),
    );
}

/** An image of the account that is no copy, or of another one, is not known here. */
function copyOf(
  { imageId }: ChannelFact,
  { copies }: CopierFacts,
): Pick<ChannelInAccount, 'state' | 'sourceImageId' | 'bakedAt'> {
  const copy = copies.find(({ fact }) => fact.imageId === imageId);
  if (!copy) return { state: 'no copy' };
  const { fact, state, end } = copy;
  const isTakenAway = end !== undefined && end.state !== 'asked';
  return { state: isTakenAway ? end.state : state, sourceImageId: fact.sourceImageId, bakedAt: fact.bakedAt };
}

/** A channel with all accounts in which it stands alike. */
export interface ChannelGroup extends Pick<ChannelInAccount, 'recipe' | 'channel' | 'state'> {
  /** The source image; of what is no copy the image itself. */
  readonly image?: string;
  readonly bakedAt?: string;
  /** The accounts; where there are several Regions, with theirs. */
  readonly places: readonly string[];
}

/** The channels by what they point to: by recipe and channel, then the newest image first. */
export function groupChannels(channels: readonly ChannelInAccount[]): ChannelGroup[] {
  const manyRegions = new Set(channels.map(({ region }) => region)).size > 1;
  const groups = new Map<string, ChannelGroup>();
  for (const { recipe, channel, state, sourceImageId, imageId, bakedAt, account, region } of channels) {
    const image = sourceImageId ?? imageId;
    const key = [recipe, channel, state, image].join(' ');
    const places = [...(groups.get(key)?.places ?? []), manyRegions ? `${account} ${region}` : account];
    groups.set(key, {
      ...{ recipe, channel, state, places },
      ...(image !== undefined && { image }),
      ...(bakedAt !== undefined && { bakedAt }),
    });
  }
  return [...groups.values()].sort(
    (one, other) =>
      compare(one.recipe, other.recipe) ||
      compare(one.channel, other.channel) ||
      Date.parse(other.bakedAt ?? '1970-01-01') - Date.parse(one.bakedAt ?? '1970-01-01'),
  );
}

const MAX_PLACES = 3;

/** The first accounts of a group by name, and how many others there are. */
export function placesOf({ places }: ChannelGroup): string {
  const others = places.length - MAX_PLACES;
  const named = places.slice(0, MAX_PLACES).join(', ');
  return others > 0 ? `${named} and ${others} more` : named;
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
