import { afterEach, beforeEach, jest } from '@jest/globals';

/** Gives each test of a file this environment, and the lines that a function logs in it. */
export function logLinesIn(environment: NodeJS.ProcessEnv): readonly Record<string, unknown>[] {
  const original = process.env;
  const lines: Record<string, unknown>[] = [];

  beforeEach(() => {
    process.env = { ...original, ...environment };
    lines.length = 0;
    jest.spyOn(process.stdout, 'write').mockImplementation((line) => {
      lines.push(JSON.parse(line.toString()) as Record<string, unknown>);
      return true;
    });
  });

  afterEach(() => {
    jest.restoreAllMocks();
    process.env = original;
  });
  return lines;
}
