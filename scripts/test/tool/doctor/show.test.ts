import { describe, expect, it } from '@jest/globals';
import type { Environment } from '../../../tool/common/environment.ts';
import { formatFindings } from '../../../tool/doctor/show.ts';
import type { Finding, Severity } from '../../../tool/doctor/finding.ts';

const environment = (account: string): Environment => ({
  account,
  accountId: '222222222222',
  region: 'eu-west-1',
  labels: {},
});

function finding(severity: Severity, changes: Partial<Finding> = {}): Finding {
  return { code: `A${severity}`, severity, subject: 'it', what: 'What.', why: 'Why.', fix: 'do it', ...changes };
}

describe('formatFindings', () => {
  it('groups findings by account, the gravest first', () => {
    const text = formatFindings([
      { environment: environment('payments'), findings: [finding('note'), finding('problem'), finding('warning')] },
      { environment: environment('222222222222'), findings: [] },
      { environment: environment('closed'), problem: 'Access denied.' },
    ]);

    expect(text.split('\n')).toEqual([
      'payments (222222222222), eu-west-1',
      ...['problem', 'warning', 'note'].flatMap((severity) => [
        `  ${severity} A${severity}: it`,
        '    What.',
        '    Why it matters: Why.',
        '    To fix it: do it',
      ]),
      '',
      '222222222222, eu-west-1: nothing found.',
      '',
      'closed (222222222222), eu-west-1: could not be read.',
      '',
      '3 accounts and Regions: 1 problem, 1 warning, 1 note; 1 could not be read.',
    ]);
  });

  it('obeys nothing that a text of AWS says to the terminal', () => {
    const text = formatFindings([
      { environment: environment('a'), findings: [finding('note', { what: 'x\u001b[2J\ny' })] },
    ]);
    expect(text.split('\n')[2]).toBe('    x\\u{1b}[2J\\u{a}y');
  });
});
