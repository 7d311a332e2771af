import type { Finding } from '../../tool/doctor/finding.ts';
import { answerDoctor } from './doctor-stand-in.ts';
import { benchManyAccounts } from './many-accounts.ts';
import { accountWith } from './status-stand-in.ts';
import type { StatusOptions } from './status.ts';

/** Calls that come before the simulations of a role: its own role, the function, its event source mappings. */
const BEFORE_SIMULATIONS = 3;

export type DoctorOptions = Omit<StatusOptions, 'copies'>;

/** Measures how `doctor` examines many accounts, in each of which all is well. */
export async function benchDoctor(options: DoctorOptions, report: (line: string) => void): Promise<void> {
  const { accounts, recipes } = options;
  const images = accountWith({ recipes, copies: 1 });
  const simulations = new Map<string, number>();
  await benchManyAccounts(
    {
      name: 'doctor',
      subject: `${recipes} recipes`,
      answer: (call) =>
        answerDoctor(call, images, recipes, (role) => simulations.set(role, (simulations.get(role) ?? 0) + 1)),
      // A role is asked about by one call after the other, so the one with the most calls decides.
      callsInTurn: () => {
        const most = Math.max(...simulations.values());
        simulations.clear();
        return BEFORE_SIMULATIONS + most;
      },
      check: (output) => {
        requireWell(JSON.parse(output) as Examined[], accounts);
      },
    },
    options,
    report,
  );
}

interface Examined {
  readonly problem: string | null;
  readonly findings: readonly Finding[] | null;
}

function requireWell(examined: readonly Examined[], expected: number): void {
  const bad = examined.find(({ findings }) => findings?.length !== 0);
  if (examined.length === expected && !bad) return;
  throw new Error(`${examined.length} accounts were examined of ${expected}. ${JSON.stringify(bad)}`);
}
