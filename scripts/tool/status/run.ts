import { writeFileSync } from 'node:fs';
import type { EnvironmentOptions } from '../common/environment-options.ts';
import { environmentsOf } from '../common/environments.ts';
import { formatJson } from '../common/json.ts';
import { messageOf } from '../common/message-of.ts';
import { print } from '../common/terminal.ts';
import type { ExitCode, Tool } from '../common/tool.ts';
import { UserError } from '../common/user-error.ts';
import { buildFleet, onlyRecipes } from '../fleet/build-fleet.ts';
import { readFleet } from '../fleet/read-fleet.ts';
import type { FleetReport } from '../fleet/report.ts';
import { statusPage } from './page.ts';
import { shareCommand } from '../backfill/share-command.ts';
import { readReport } from './read-report.ts';
import type { CellState, StatusReport } from './report.ts';
import { formatStatus } from './show.ts';

export interface StatusOptions extends EnvironmentOptions {
  readonly recipe?: readonly string[];
  readonly images?: true;
  readonly all?: true;
  readonly html?: string;
  readonly json?: true;
}

const BAD: readonly CellState[] = ['failed', 'missing', 'stale', 'unknown'];

/** Reads all environments at once, and shows the matrix. */
export async function status(options: StatusOptions, tool: Tool): Promise<ExitCode> {
  const { terminal, loadConnect, interruptible } = tool;
  const { out, err } = terminal;
  const environments = await environmentsOf(options, await loadConnect());
  return await interruptible(async (signal) => {
    const choice = { ...options, ends: true };
    const { report, allRead } = await readReport(environments, choice, signal, tool);
    if (options.html !== undefined) {
      const fleet = buildFleet(await readFleet(environments, signal, terminal));
      writePage(options.html, report, options.recipe ? onlyRecipes(fleet, options.recipe) : fleet);
      print(err, `Wrote ${options.html}.`);
    }
    const { all } = options;
    print(out, options.json ? formatJson(report) : formatStatus(report, { all, width: out.size?.columns }));
    printUnshared(report, options, tool);
    // An account that could not be read is a failure also where there is no row that could show it.
    const isBad = report.rows.some(({ cells }) => cells.some(({ state }) => BAD.includes(state)));
    return allRead && !isBad ? 0 : 1;
  });
}

/** Names the accounts that nothing is shared with, as it is with a new one, and the command that changes it. */
function printUnshared(
  { rows, columns }: StatusReport,
  options: StatusOptions,
  { program, terminal: { err } }: Tool,
): void {
  const lacking = columns.filter((_, index) => {
    const wanted = rows.map(({ cells }) => cells[index]?.state).filter((state) => state !== 'not wanted');
    return wanted.length > 0 && wanted.every((state) => state === 'not shared');
  });
  if (lacking.length === 0) return;
  const names = Array.from(new Set(lacking.map(({ account }) => account))).join(', ');
  const command = shareCommand(program, options, columns, lacking);
  print(err, `None of these images is shared with ${names}. To share them and ask for copies: ${command}`);
}

function writePage(file: string, report: StatusReport, fleet: FleetReport): void {
  try {
    writeFileSync(file, statusPage(report, fleet));
  } catch (error) {
    throw new UserError(`${file} cannot be written: ${messageOf(error)}.`, 2, { cause: error });
  }
}
