import type { StatusReport } from '../../tool/status/report.ts';
import { benchManyAccounts, type ManyAccountsOptions } from './many-accounts.ts';
import { accountWith, answerStatus } from './status-stand-in.ts';

/** How many calls of one account wait for each other: its role, its images, their snapshots. */
const IN_TURN = 3;

export interface StatusOptions extends ManyAccountsOptions {
  readonly recipes: number;
  /** Copies of each recipe in each account: its history. */
  readonly copies: number;
}

/** Measures how `status` reads many accounts. */
export async function benchStatus(options: StatusOptions, report: (line: string) => void): Promise<void> {
  const { accounts, recipes, copies } = options;
  const account = accountWith(options);
  await benchManyAccounts(
    {
      name: 'status',
      subject: `${recipes} recipes, ${copies} copies of each`,
      answer: (call) => answerStatus(call, account),
      callsInTurn: () => IN_TURN,
      check: (output) => {
        requireCopies(JSON.parse(output) as StatusReport, accounts * recipes);
      },
    },
    options,
    report,
  );
}

function requireCopies({ rows }: StatusReport, expected: number): void {
  const cells = rows.flatMap((row) => row.cells);
  const others = cells.filter(({ state }) => state !== 'available');
  if (others.length === 0 && cells.length === expected) return;
  throw new Error(`${cells.length - others.length} copies are shown, not ${expected}. ${others[0]?.reason ?? ''}`);
}
