import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { UserError } from '../common/user-error.ts';
import { writeFileAtomic } from '../common/write-file-atomic.ts';

const schema = z.object({
  /** Labels, `label=value`, in the order of their waves. */
  waves: z.array(z.string()),
  /** Whether copies are asked for after the first wave of targets, and whether they came. */
  smoke: z.enum(['not asked', 'open', 'passed']),
  /** The stacks that were chosen, and whether they are done. */
  stacks: z.record(z.string(), z.boolean()),
});

/** What the last run was to apply, and how far it came. */
export type LastRun = z.infer<typeof schema>;

export function writeLastRun(out: string, run: LastRun): void {
  writeFileAtomic(fileIn(out), `${JSON.stringify(run, null, 2)}\n`);
}

/**
 * The last run.
 * @throws {UserError} if there is none, or its record is damaged
 */
export function readLastRun(out: string): LastRun {
  const file = fileIn(out);
  if (!existsSync(file)) throw new UserError(`There is no run to resume in ${out}. Deploy without --resume.`, 2);
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new UserError(`${file} cannot be read. Deploy without --resume.`, 2, { cause: error });
  }
}

/** What of a run concerns the stacks that there still are: an account that left the file cannot be resumed. */
export function withoutDeparted(run: LastRun, stacks: readonly { readonly name: string }[]): LastRun {
  const names = new Set(stacks.map(({ name }) => name));
  return { ...run, stacks: Object.fromEntries(Object.entries(run.stacks).filter(([name]) => names.has(name))) };
}

/** Whether anything of a run is left to do. */
export function isOpen({ smoke, stacks }: LastRun): boolean {
  return Object.values(stacks).includes(false) || (smoke === 'open' && Object.keys(stacks).length > 0);
}

function fileIn(out: string): string {
  return join(out, 'run.json');
}
