import type { EnvironmentOptions } from '../common/environment-options.ts';
import { environmentsOf, type Environments } from '../common/environments.ts';
import { allWell, printProblems } from '../common/in-environments.ts';
import { formatJson } from '../common/json.ts';
import { requireKnown } from '../common/require-known.ts';
import { print } from '../common/terminal.ts';
import type { ExitCode, Tool } from '../common/tool.ts';
import { buildFleet, onlyRecipes, recipesOf } from './build-fleet.ts';
import { readFleet } from './read-fleet.ts';
import { formatFleet } from './show.ts';

export interface FleetOptions extends EnvironmentOptions {
  readonly recipe?: readonly string[];
  readonly all?: true;
  readonly json?: true;
}

/** Reads all environments at once, and shows what their instances run. */
export async function fleet(options: FleetOptions, tool: Tool): Promise<ExitCode> {
  const { terminal, loadConnect, interruptible } = tool;
  const { out, err } = terminal;
  const { recipe, all, json } = options;
  const environments = await environmentsOf(options, await loadConnect());
  return await interruptible(async (signal) => {
    const input = await readFleet(environments, signal, terminal);
    const { outcomes, sourceProblem } = input;
    printProblems(outcomes, terminal);
    if (sourceProblem !== undefined) print(err, sourceLine(environments, sourceProblem));
    const isRead = allWell(outcomes) && sourceProblem === undefined;
    if (recipe) requireKnown(recipe, recipesOf(input), (name) => `There is no copy of the recipe ${name}`, isRead);
    const whole = buildFleet(input);
    const report = recipe ? onlyRecipes(whole, recipe) : whole;
    print(out, json ? formatJson(report) : formatFleet(report, { all, width: out.size?.columns }));
    const hasRevoked = report.instances.some(({ state }) => state === 'revoked');
    return isRead && !hasRevoked ? 0 : 1;
  });
}

function sourceLine({ source }: Environments, problem: string): string {
  return `${source?.account ?? ''}: ${problem} Without it, fewer images that are gone can be told.`;
}
