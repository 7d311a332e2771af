import { describe, expect, it } from '@jest/globals';
import { judgeMutants, type ExplainedSurvivor, type MutationReport } from '../../dev/mutants.ts';

const FILE = 'lambda/src/core/sum.ts';
const SOURCE = `export function sum(a: number, b: number): number {
  return a + b;
}
`;
const PLUS = { start: { line: 2, column: 10 }, end: { line: 2, column: 15 } };
const BODY = { start: { line: 1, column: 51 }, end: { line: 3, column: 2 } };
const minus = { file: FILE, line: 'return a + b;', code: 'a + b', becomes: 'a - b' };
const known: ExplainedSurvivor = { ...minus, why: 'Nobody adds anything but nothing.' };

/** A report of 19 changes that were noticed, and one more for each status. */
function report(...statuses: readonly string[]): MutationReport {
  const killed = Array.from({ length: 19 }, () => ({ status: 'Killed', replacement: '{}', location: BODY }));
  const others = statuses.map((status) => ({ status, replacement: 'a - b', location: PLUS }));
  return { files: { [FILE]: { source: SOURCE, mutants: [...killed, ...others] } } };
}

describe('judgeMutants', () => {
  it('takes survivors that are known, each once', () => {
    expect(judgeMutants(report('Survived'), [known])).toEqual({ score: 95, problems: [] });
    expect(judgeMutants(report('Survived', 'Survived'), [known]).problems).toContainEqual(
      `This survives, and is not in lambda/mutants.json: ${JSON.stringify(minus)}`,
    );
  });

  it.each(['Survived', 'NoCoverage'])('names one that is not known: %s', (status) => {
    expect(judgeMutants(report(status), []).problems).toEqual([
      `This survives, and is not in lambda/mutants.json: ${JSON.stringify(minus)}`,
    ]);
  });

  it.each(['Killed', 'Timeout', 'CompileError'])('names a known one that survives no more: %s', (status) => {
    expect(judgeMutants(report(status), [known]).problems).toEqual([
      `This survives no more, but is in lambda/mutants.json: ${JSON.stringify(known)}`,
    ]);
  });

  it('tells a known one by its code, also over several lines', () => {
    const whole = { status: 'Survived', replacement: '{}', location: BODY };
    const { files } = report();
    const mutants = [...(files[FILE]?.mutants ?? []), whole];
    const explained = {
      file: FILE,
      line: 'export function sum(a: number, b: number): number {',
      code: '{ return a + b; }',
      becomes: '{}',
      why: 'It is never called.',
    };

    expect(judgeMutants({ files: { [FILE]: { source: SOURCE, mutants } } }, [explained]).problems).toEqual([]);
  });

  it('wants a reason', () => {
    const bare = { ...known, why: '' };

    expect(judgeMutants(report('Survived'), [bare]).problems).toEqual([
      `This has no reason in lambda/mutants.json: ${JSON.stringify(bare)}`,
    ]);
  });

  it('wants 95 of 100 noticed, however many are explained', () => {
    expect(judgeMutants(report('Survived', 'Survived'), [known, known])).toEqual({
      score: expect.closeTo(90.48, 2) as unknown,
      problems: ['The score is 90.5 %, below 95 %.'],
    });
  });
});
