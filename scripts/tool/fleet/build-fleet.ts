import type { Environment } from '../common/environment.ts';
import type { Outcome } from '../common/in-environments.ts';
import { FLEET_STATES, type FleetCounts, type FleetReport, type RunningInstance } from './report.ts';

/** A running instance, with what EC2 keeps of its image. */
export interface InstanceFact {
  readonly instanceId: string;
  readonly imageId: string;
  /** The account that the image belongs to. */
  readonly ownerId?: string;
  readonly name?: string;
  readonly createdAt?: string;
}

/** An image of an account, as far as it decides what instances of it run. */
export interface ImageFact {
  readonly imageId: string;
  readonly name: string;
  readonly createdAt: string;
  /** What it was made of, as EC2 notes it. */
  readonly source?: { readonly imageId: string; readonly region: string };
  readonly isRevoked: boolean;
  /** Of copies, the copier's own and others that count. */
  readonly copy?: CopyOfRecipe;
}

export interface CopyOfRecipe {
  readonly sourceImageId: string;
  /** The Region of its source image, where EC2 tells it. */
  readonly sourceRegion?: string | undefined;
  readonly recipe: string | undefined;
  readonly bakedAt: string;
  /** Whether it can be launched, and is verified, announced and approved: an instance of an older one is behind it. */
  readonly isReady: boolean;
  /** Why it does not count as verified, whatever state it is in. */
  readonly flaw?: string;
}

/** What one account and Region has. */
export interface FleetFacts {
  readonly instances: readonly InstanceFact[];
  /** All images of the account. */
  readonly images: readonly ImageFact[];
  /** Owners of images of others that its own images were made of, by image. */
  readonly others: ReadonlyMap<string, string>;
}

/** An image of the source account, in whatever state. */
export interface FleetSource {
  readonly imageId: string;
  readonly region: string;
  readonly name: string;
  readonly bakedAt: string;
  readonly recipe: string | undefined;
  readonly isRevoked: boolean;
}

export interface FleetInput {
  readonly readAt: string;
  readonly recipeTag: string;
  readonly outcomes: readonly Outcome<FleetFacts>[];
  /** Of the source account; empty where it was not read. */
  readonly sources: readonly FleetSource[];
  readonly sourceProblem?: string;
}

/** What is known of the image of an instance, without the instance. */
type Verdict = Omit<RunningInstance, 'accountId' | 'account' | 'region' | 'instanceId' | 'imageId'>;

/** What an image was made of: a copy, an image of somebody else, or what cannot be told any more. */
type Origin =
  | { readonly kind: 'copy'; readonly imageId: string; readonly copy: CopyOfRecipe }
  | { readonly kind: 'source'; readonly source: FleetSource }
  | { readonly kind: 'none' | 'unknown'; readonly reason: string };

interface Found {
  readonly origin: Origin;
  /** Whether the image, or one that it was made of, was revoked. */
  readonly isRevoked: boolean;
}

/** All running instances, by what they run. Nothing is asked for: all is in the input. */
export function buildFleet(input: FleetInput): FleetReport {
  const { readAt, outcomes, sourceProblem } = input;
  const known = new KnownImages(input);
  const instances = outcomes.flatMap((outcome) => {
    if (!('value' in outcome)) return [];
    const { accountId, account, region } = outcome.copier;
    // Thousands of instances run a few images.
    const verdicts = new Map<string, Verdict>();
    return outcome.value.instances.map((instance): RunningInstance => {
      const { instanceId, imageId } = instance;
      const verdict = verdicts.get(imageId) ?? known.verdictOf(instance, outcome.copier, outcome.value);
      verdicts.set(imageId, verdict);
      return { accountId, account, region, instanceId, imageId, ...verdict };
    });
  });
  return {
    readAt,
    environments: outcomes.map((outcome) => {
      const { accountId, account, region, labels } = outcome.copier;
      return { accountId, account, region, labels, ...('problem' in outcome && { problem: outcome.problem }) };
    }),
    ...(sourceProblem !== undefined && { sourceProblem }),
    recipes: countsOf(instances),
    instances,
  };
}

/** The report with instances of these recipes alone. */
export function onlyRecipes(report: FleetReport, recipes: readonly string[]): FleetReport {
  const instances = report.instances.filter(({ recipe }) => recipe !== undefined && recipes.includes(recipe));
  return { ...report, recipes: countsOf(instances), instances };
}

/** All recipes that copies or source images belong to. */
export function recipesOf({ outcomes, sources }: FleetInput): string[] {
  const copies = outcomes.flatMap((outcome) => ('value' in outcome ? outcome.value.images : []));
  return [...copies.flatMap(({ copy }) => copy?.recipe ?? []), ...sources.flatMap(({ recipe }) => recipe ?? [])];
}

/** How many instances of each recipe are in which state: in the order of the recipes, and at last those without one. */
export function countsOf(instances: readonly RunningInstance[]): FleetCounts[] {
  const recipes = new Map<string | null, RunningInstance[]>();
  for (const instance of instances) {
    const recipe = instance.recipe ?? null;
    const same = recipes.get(recipe);
    if (same) same.push(instance);
    else recipes.set(recipe, [instance]);
  }
  const counts = Array.from(recipes, ([recipe, of]): FleetCounts => {
    const states = FLEET_STATES.map((state) => [state, of.filter((each) => each.state === state).length] as const);
    return { recipe, instances: of.length, states: Object.fromEntries(states) as FleetCounts['states'] };
  });
  return counts.sort(({ recipe: one }, { recipe: other }) => {
    if (one === null || other === null) return one === null ? 1 : -1;
    return one < other ? -1 : 1;
  });
}

/** The images of all accounts. EC2 gives no id twice, so an image that is shared between accounts is found by its id. */
class KnownImages {
  readonly #recipeTag: string;
  readonly #images: ReadonlyMap<string, ImageFact>;
  readonly #sources: ReadonlyMap<string, FleetSource>;
  /** A source image that was revoked, and with it each of its copies: an account may not have come to its own yet. */
  readonly #revoked: ReadonlySet<string>;
  /** Owners of the images of others. */
  readonly #others: ReadonlyMap<string, string>;
  /** What images of a name are copies of: EC2 keeps the name of an image that is gone, and copies have that of their request. */
  readonly #byName = new Map<string, CopyOfRecipe[]>();

  constructor({ outcomes, sources, recipeTag }: FleetInput) {
    const facts = outcomes.flatMap((outcome) => ('value' in outcome ? outcome.value : []));
    const images = facts.flatMap((each) => each.images);
    this.#recipeTag = recipeTag;
    this.#images = new Map(images.map((image) => [image.imageId, image]));
    this.#sources = new Map(sources.map((source) => [source.imageId, source]));
    this.#others = new Map(facts.flatMap(({ others }) => Array.from(others)));
    this.#revoked = new Set([
      ...sources.flatMap(({ imageId, isRevoked }) => (isRevoked ? imageId : [])),
      ...images.flatMap(({ isRevoked, copy }) => (isRevoked && copy ? copy.sourceImageId : [])),
    ]);
    for (const { name, copy } of images) if (copy) this.#addName(name, copy);
    for (const { imageId, region, name, recipe, bakedAt } of sources) {
      this.#addName(name, { sourceImageId: imageId, sourceRegion: region, recipe, bakedAt, isReady: false });
    }
  }

  verdictOf(instance: InstanceFact, environment: Environment, { images }: FleetFacts): Verdict {
    const { origin, isRevoked } = this.#originOf(instance, environment);
    switch (origin.kind) {
      case 'copy': {
        const verdict = this.#verdictOfCopy(origin.copy, isRevoked, images);
        return origin.imageId === instance.imageId ? verdict : { ...verdict, copyId: origin.imageId };
      }
      case 'source': {
        const { imageId, recipe, bakedAt } = origin.source;
        const reason =
          imageId === instance.imageId
            ? 'It runs the source image itself.'
            : `Its image was made of the source image ${imageId}, not of a copy.`;
        const known = { ...(recipe !== undefined && { recipe }), sourceImageId: imageId, bakedAt, reason };
        return { state: isRevoked ? 'revoked' : 'no copy', ...known };
      }
      default: {
        const state = origin.kind === 'none' ? 'no copy' : 'unknown';
        const bakedAt = instance.createdAt ?? this.#images.get(instance.imageId)?.createdAt;
        const known = { ...(bakedAt !== undefined && { bakedAt }), reason: origin.reason };
        return { state: isRevoked ? 'revoked' : state, ...known };
      }
    }
  }

  #verdictOfCopy(copy: CopyOfRecipe, isRevoked: boolean, images: readonly ImageFact[]): Verdict {
    const { recipe, bakedAt, sourceImageId, flaw } = copy;
    if (recipe === undefined) {
      const reason = `The copy has no tag ${this.#recipeTag}.`;
      return { state: isRevoked ? 'revoked' : 'unknown', sourceImageId, bakedAt, reason };
    }
    const behind = newerThan(copy, images);
    const known = { recipe, behind, sourceImageId, bakedAt };
    if (isRevoked) return { state: 'revoked', ...known };
    if (behind > 0) return { state: 'behind', ...known };
    return flaw === undefined ? { state: 'current', ...known } : { state: 'unknown', ...known, reason: flaw };
  }

  /** Goes from the image of an instance back to a copy, or to where nothing more is known. */
  #originOf(instance: InstanceFact, environment: Environment): Found {
    let isRevoked = false;
    const seen = new Set<string>();
    for (let at = { imageId: instance.imageId, region: environment.region }; ;) {
      const { imageId } = at;
      const source = this.#sources.get(imageId);
      const image = seen.has(imageId) ? undefined : this.#images.get(imageId);
      seen.add(imageId);
      isRevoked ||= this.#revoked.has(imageId) || image?.isRevoked === true;
      if (source) return { origin: { kind: 'source', source }, isRevoked };
      if (image?.copy) return this.#foundCopy(imageId, image.copy, isRevoked);
      if (image && !image.source) return { origin: { kind: 'none', reason: 'It is no copy.' }, isRevoked };
      if (!image?.source) {
        const isFirst = imageId === instance.imageId;
        const found = isFirst ? this.#unlisted(instance, environment) : { origin: this.#unlistedParent(at), isRevoked };
        return { ...found, isRevoked: found.isRevoked || isRevoked };
      }
      at = image.source;
    }
  }

  /** An image that is none of those that the accounts have now. */
  #unlisted({ imageId, ownerId, name }: InstanceFact, { accountId, region }: Environment): Found {
    if (ownerId === undefined) return unknown('EC2 does not tell whom its image belongs to.');
    if (ownerId !== accountId) {
      return { origin: { kind: 'none', reason: `Its image belongs to account ${ownerId}.` }, isRevoked: false };
    }
    // Its tags, and what it was made of, are gone with it.
    const named = name === undefined ? [] : (this.#byName.get(name) ?? []);
    const inRegion = named.filter(({ sourceRegion }) => sourceRegion === region);
    const copies = inRegion.length > 0 ? inRegion : named;
    if (new Set(copies.map(({ recipe }) => recipe)).size > 1) {
      return unknown('Its image is gone, and images of several recipes have its name.');
    }
    const copy = copies.find(({ sourceImageId }) => this.#revoked.has(sourceImageId)) ?? copies[0];
    if (!copy) return unknown('Its image is gone, and no copy or source image has its name.');
    return this.#foundCopy(imageId, { ...copy, flaw: 'Its image is gone, and there is no newer copy.' }, false);
  }

  #unlistedParent({ imageId, region }: { readonly imageId: string; readonly region: string }): Origin {
    const owner = this.#others.get(imageId);
    return owner === undefined
      ? { kind: 'unknown', reason: `Its image was made of ${imageId} in ${region}, which EC2 does not show.` }
      : { kind: 'none', reason: `Its image was made of ${imageId}, which belongs to account ${owner}.` };
  }

  #foundCopy(imageId: string, copy: CopyOfRecipe, isRevoked: boolean): Found {
    return { origin: { kind: 'copy', imageId, copy }, isRevoked: isRevoked || this.#revoked.has(copy.sourceImageId) };
  }

  #addName(name: string, copy: CopyOfRecipe): void {
    const same = this.#byName.get(name);
    if (same) same.push(copy);
    else this.#byName.set(name, [copy]);
  }
}

function unknown(reason: string): Found {
  return { origin: { kind: 'unknown', reason }, isRevoked: false };
}

/** How many source images of a recipe are newer of which there is a copy that can be launched. */
function newerThan({ recipe, sourceImageId, bakedAt }: CopyOfRecipe, images: readonly ImageFact[]): number {
  const since = Date.parse(bakedAt);
  const newer = images.flatMap(({ copy }) =>
    copy?.isReady && copy.recipe === recipe && Date.parse(copy.bakedAt) > since ? copy.sourceImageId : [],
  );
  return new Set(newer.filter((id) => id !== sourceImageId)).size;
}
