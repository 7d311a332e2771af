import {
  COPY_IMAGE_ACTIONS,
  RETIRE_IMAGE_ACTIONS,
  SETTLE_COPY_ACTIONS,
} from '../../scripts/tool/doctor/called-actions.ts';
import type { AccountRun } from './account-run.ts';
import type { AccountEnd } from './check-account.ts';

type Counted = Record<string, number>;

const ACTIONS = {
  'copy-image': COPY_IMAGE_ACTIONS,
  'settle-copy': SETTLE_COPY_ACTIONS,
  'retire-image': RETIRE_IMAGE_ACTIONS,
};

/** Counts what happened in all runs. */
export class Figures {
  readonly #total: Counted = {};
  readonly #faults: Counted = {};
  readonly #kills: Counted = {};
  #runs = 0;
  #ms = 0;

  /** Adds a run, and gives its figures as a line. */
  add(accounts: readonly AccountRun[], ends: readonly AccountEnd[], ms: number): string {
    this.#runs += 1;
    this.#ms += ms;
    const run: Counted = {};
    const faults: Counted = {};
    for (const account of accounts) {
      count(run, 'requests', account.arrived.length);
      count(run, 'deliveries', account.counts.deliveries);
      count(faults, 'requests lost', account.counts.requestsLost);
      count(faults, 'events lost', account.counts.eventsLost);
      count(faults, 'events twice', account.counts.eventsTwice);
      this.#countCalls(account, faults);
    }
    for (const { violations, ended, ...end } of ends) {
      for (const [name, number] of Object.entries({ ...end, ...ended })) count(run, name, number);
      count(run, 'violations', violations.length);
    }
    for (const [name, number] of Object.entries(run)) count(this.#total, name, number);
    for (const [name, number] of Object.entries(faults)) count(this.#faults, name, number);
    return `${words(run)}; faults: ${words(faults)}; ${(ms / 1000).toFixed(1)} s`;
  }

  summary(): string {
    return `Figures: runs ${this.#runs}, ${words(this.#total)}; faults: ${words(this.#faults)}; ${(this.#ms / 1000).toFixed(0)} s`;
  }

  /** How often each function was killed before and after each of its calls. */
  killTable(): string {
    const rows = Object.entries(ACTIONS).flatMap(([name, actions]) =>
      actions.map((action) => {
        const [before, after] = ['before', 'after'].map((when) =>
          String(this.#kills[`${name} ${when} ${action}`] ?? 0),
        );
        return `${name.padEnd(12)} ${action.padEnd(28)} ${before?.padStart(6) ?? ''} ${after?.padStart(6) ?? ''}`;
      }),
    );
    return [`${'killed'.padEnd(12)} ${'at its call'.padEnd(28)} before  after`, ...rows].join('\n');
  }

  #countCalls({ invocations }: AccountRun, faults: Counted): void {
    for (const { functionName, calls } of invocations) {
      for (const { action, interruption, answer } of calls) {
        if (interruption) count(faults, interruption.how === 'kill' ? 'kills' : 'connections cut', 1);
        if (interruption?.how === 'kill') count(this.#kills, `${functionName} ${interruption.when} ${action}`, 1);
        const kind = answer && kindOf(answer);
        if (kind !== undefined) count(faults, kind, 1);
      }
    }
  }
}

function kindOf({ status, body }: { readonly status: number; readonly body: string }): string | undefined {
  if (status < 400) return undefined;
  if (/RequestLimitExceeded|Throttling/.test(body)) return 'throttles';
  if (body.includes('ResourceLimitExceeded')) return 'limits';
  if (body.includes('TagPolicyViolation')) return 'refusals';
  return status >= 500 ? 'server errors' : undefined;
}

function count(counted: Counted, name: string, number: number): void {
  counted[name] = (counted[name] ?? 0) + number;
}

function words(counted: Readonly<Counted>): string {
  return Object.entries(counted)
    .map(([name, number]) => `${name} ${number}`)
    .join(', ');
}
