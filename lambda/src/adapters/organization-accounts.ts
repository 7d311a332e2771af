import {
  paginateListAccountsForParent,
  paginateListOrganizationalUnitsForParent,
  paginateListTagsForResource,
  type OrganizationsClient,
} from '@aws-sdk/client-organizations';
import type { OrganizationTargets, Target } from '../core/image-targets.ts';

type Labels = Target['labels'];

export interface OrganizationSettings {
  /** Units whose accounts, with those of the units below them, are targets; or a root. */
  readonly unitIds: readonly string[];
  /** Where these accounts have copiers. */
  readonly regions: readonly string[];
  /** How long one reading may take, in milliseconds. */
  readonly readingMs: number;
  readonly nowMs: () => number;
}

/** Labels of thousands of accounts are thousands of calls, which others of the organization need as well. They seldom change. */
const LABELS_MS = 60 * 60 * 1000;

/**
 * The accounts of units, from AWS Organizations, with their tags as labels. The accounts are listed each time, so that one that comes or
 * leaves is seen at once; their labels are kept in memory for an hour.
 */
export class OrganizationAccounts implements OrganizationTargets {
  readonly #organizations: OrganizationsClient;
  readonly #settings: OrganizationSettings;
  #known = new Map<string, { readonly labels: Labels; readonly readAtMs: number }>();

  constructor(organizations: OrganizationsClient, settings: OrganizationSettings) {
    this.#organizations = organizations;
    this.#settings = settings;
  }

  /** @throws {Error} if Organizations cannot be read, or not in the time for it: what was read of the labels is kept for the next time */
  async list(withLabels: boolean): Promise<Target[]> {
    const { regions, nowMs, readingMs } = this.#settings;
    const untilMs = nowMs() + readingMs;
    const accounts = await this.#accounts(untilMs);
    this.#known = new Map(Array.from(this.#known).filter(([account]) => accounts.has(account)));
    const targets: Target[] = [];
    for (const account of accounts) {
      targets.push({ account, regions, labels: withLabels ? await this.#labelsOf(account, untilMs) : {} });
    }
    return targets;
  }

  /** Of each unit once, also if it is below another that is named. */
  async #accounts(untilMs: number): Promise<Set<string>> {
    const accounts = new Set<string>();
    const units = new Set(this.#settings.unitIds);
    // What is added to a set while it is walked through comes along.
    for (const ParentId of units) {
      const client = { client: this.#organizations };
      // "These operations can occasionally return an empty set of results even when more results are available" (Organizations API
      // Reference, ListAccountsForParent): the paginators go on as long as there is a token.
      for await (const { Accounts = [] } of paginateListAccountsForParent(client, { ParentId })) {
        this.#checkTime(untilMs);
        // Of the Status there is to be none after September 2026 (Organizations API Reference, Account).
        for (const { Id, State } of Accounts) if (Id !== undefined && State === 'ACTIVE') accounts.add(Id);
      }
      for await (const { OrganizationalUnits = [] } of paginateListOrganizationalUnitsForParent(client, { ParentId })) {
        this.#checkTime(untilMs);
        for (const { Id } of OrganizationalUnits) if (Id !== undefined) units.add(Id);
      }
    }
    return accounts;
  }

  async #labelsOf(account: string, untilMs: number): Promise<Labels> {
    const { nowMs } = this.#settings;
    const known = this.#known.get(account);
    if (known && nowMs() - known.readAtMs < LABELS_MS) return known.labels;
    this.#checkTime(untilMs);
    const tags: [string, string][] = [];
    const pages = paginateListTagsForResource({ client: this.#organizations }, { ResourceId: account });
    for await (const { Tags = [] } of pages) {
      for (const { Key = '', Value = '' } of Tags) tags.push([Key, Value]);
    }
    const labels = Object.fromEntries(tags);
    this.#known.set(account, { labels, readAtMs: nowMs() });
    return labels;
  }

  #checkTime(untilMs: number): void {
    const { nowMs, readingMs } = this.#settings;
    if (nowMs() < untilMs) return;
    throw new Error(
      `AWS Organizations could not be read in ${readingMs / 1000} s. The labels that were read are known to the next sweep.`,
    );
  }
}
