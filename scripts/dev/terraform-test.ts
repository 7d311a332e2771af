/** A test that is skipped shows nothing, so it counts as failed. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
}

/** A line of `terraform test -json`, so far as it is read; OpenTofu's are the same. */
interface Line {
  readonly '@message': string;
  readonly type: string;
  readonly test_run?: { readonly progress?: string };
  readonly diagnostic?: {
    readonly detail?: string;
    readonly range?: { readonly filename: string; readonly start: { readonly line: number } };
  };
  readonly test_summary?: {
    readonly passed: number;
    readonly failed: number;
    readonly errored: number;
    readonly skipped: number;
  };
}

/** The totals that a test run ends with; none if it did not come to its end. Only Terraform writes a JUnit report as well. */
export function testTotals(output: string): Totals | undefined {
  const summary = output.split('\n').flatMap((line) => parsed(line)?.test_summary ?? []);
  const last = summary.at(-1);
  return last && { passed: last.passed, failed: last.failed + last.errored + last.skipped };
}

/** What a test run says, for people: without what says that a run goes on. Other lines stay as they are. */
export function readableTest(output: string): string {
  return output
    .split('\n')
    .flatMap((text) => {
      const line = parsed(text);
      if (!line) return text;
      if (line.test_run && line.test_run.progress !== 'complete') return [];
      const { detail = '', range } = line.diagnostic ?? {};
      const place = range && `  ${range.filename}:${range.start.line}`;
      return [line['@message'], ...(place === undefined ? [] : [place]), ...(detail === '' ? [] : [detail])];
    })
    .join('\n');
}

function parsed(line: string): Line | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Line;
  } catch {
    return undefined;
  }
}
