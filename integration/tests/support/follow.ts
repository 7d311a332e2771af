import { expect } from '@jest/globals';
import { inOneForm, isAsShown, type Runbook } from './runbook.ts';

/** Writes the documents anew, from what the commands print here. */
const isWriting = process.env['WRITE_RUNBOOK'] === '1';

/**
 * Runs the next step of a section at each call, and compares what it prints with what the document shows.
 * @param names what the document's names stand for here
 */
export function following(runbook: Runbook, section: string, names: Readonly<Record<string, string>>) {
  const steps = runbook.stepsOf(section);
  return async (code: number) => {
    const step = steps.shift();
    if (!step) throw new Error(`"${section}" has no further step`);
    const printed = await runbook.run(step, names);
    if (isWriting) runbook.write(step, printed.output);
    else if (!isAsShown(printed.output, step.shown)) {
      expect({ command: step.command, output: inOneForm(printed.output) }).toEqual({
        command: step.command,
        output: inOneForm(step.shown),
      });
    }
    expect({ command: step.command, code: printed.code, output: printed.output }).toMatchObject({ code });
    return { isLast: steps.length === 0 };
  };
}
