import { describe, expect, it } from '@jest/globals';
import type { Environment } from '../../../tool/common/environment.ts';
import { formatFindings as whole } from '../../../tool/doctor/show.ts';
import type { Finding, Severity } from '../../../tool/doctor/finding.ts';

const environment = (account: string): Environment => ({
  account,
  accountId: '222222222222',
  region: 'eu-west-1',
  labels: {},
});

const formatFindings = (...args: Parameters<typeof whole>) => whole(...args).whole;
const EXEC = ['exec', '--accounts-file', 'a.yaml', '--only'];
const deploy = (account: string) => ({ program: 'copier', words: ['deploy', '--only', account] });
const runAws = (account: string) => ({ program: 'copier', words: [...EXEC, account, '--', 'aws', '--key', account] });

function finding(severity: Severity, changes: Partial<Finding> = {}): Finding {
  const texts = { subject: 'it', what: 'What.', why: 'Why.', fix: 'Do it.', commands: [] };
  return { code: `A${severity}`, severity, ...texts, ...changes };
}

const found = (account: string, ...findings: readonly Finding[]) => ({ environment: environment(account), findings });

describe('formatFindings', () => {
  it('shows the gravest first, over all accounts', () => {
    const text = formatFindings(
      [
        found('payments', finding('note'), finding('warning')),
        found('222222222222', finding('problem', { commands: [deploy('web')] })),
        found('web'),
        { environment: environment('closed'), problem: 'Access denied.' },
      ],
      'note',
      undefined,
    );

    const texts = ['  it', '  What.', '  Why it matters: Why.', '  To fix it: Do it.'];
    expect(text.split('\n')).toEqual([
      'problem Aproblem in 222222222222, eu-west-1',
      ...texts,
      '    copier deploy --only web',
      '',
      'warning Awarning in payments (222222222222), eu-west-1',
      ...texts,
      '',
      'note Anote in payments (222222222222), eu-west-1',
      ...texts,
      '',
      'Nothing found in web (222222222222), eu-west-1.',
      '',
      'Could not be read: closed (222222222222), eu-west-1.',
      '',
      '4 accounts and Regions: 1 problem, 1 warning, 1 note; 1 could not be read.',
    ]);
  });

  it('shows once what is the same in many places, with one command for all of them', () => {
    const accounts = Array.from({ length: 60 }, (_, index) => `account-${index}`);
    const text = formatFindings(
      accounts.map((account) => found(account, finding('note', { commands: [deploy(account)] }))),
      'note',
      undefined,
    );

    expect(text.split('\n')).toEqual([
      'note Anote in 60 of 60 accounts and Regions',
      '  it',
      '  What.',
      '  Why it matters: Why.',
      '  To fix it: Do it.',
      `    copier deploy --only ${accounts.join(',')}`,
      '',
      '60 accounts and Regions: 0 problems, 0 warnings, 60 notes.',
    ]);
  });

  it('names the places of what differs in its subject alone, and leaves the rest of many to --json', () => {
    const accounts = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const text = formatFindings(
      [
        ...accounts.map((account) =>
          found(account, finding('warning', { subject: `key of ${account}`, commands: [runAws(account)] })),
        ),
        found('well'),
      ],
      'note',
      undefined,
    );

    expect(text.split('\n')).toEqual([
      'warning Awarning in 8 of 9 accounts and Regions',
      ...accounts.slice(0, 6).map((account) => `  ${account} (222222222222), eu-west-1: key of ${account}`),
      '  and 2 others: see --json',
      '  What.',
      '  Why it matters: Why.',
      '  To fix it: Do it.',
      ...accounts.slice(0, 6).map((account) => `    copier ${EXEC.join(' ')} ${account} -- aws --key ${account}`),
      '    and 2 commands: see --json',
      '',
      'Nothing found in well (222222222222), eu-west-1.',
      '',
      '9 accounts and Regions: 0 problems, 8 warnings, 0 notes.',
    ]);
  });

  it('names some of the many places that are not all', () => {
    const text = formatFindings(
      [...['a', 'b', 'c', 'd'].map((account) => found(account, finding('note'))), found('e'), found('f')],
      'note',
      undefined,
    );

    const places = ['a', 'b', 'c', 'd'].map((account) => `${account} (222222222222), eu-west-1`);
    expect(text).toContain(`note Anote in 4 of 6 accounts and Regions: ${places.join('; ')}\n`);
  });

  it('shows what is grave enough, and counts the rest', () => {
    const all = [found('a', finding('problem'), finding('warning'), finding('note'), finding('note'))];
    const headings = (least: Severity) =>
      formatFindings(all, least, undefined)
        .split('\n')
        .filter((line) => /^\w/.test(line));

    expect(headings('problem')).toEqual([
      'problem Aproblem in a (222222222222), eu-west-1',
      '1 account and Region: 1 problem. Not shown: 1 warning, 2 notes.',
    ]);
    expect(headings('warning')).toEqual([
      'problem Aproblem in a (222222222222), eu-west-1',
      'warning Awarning in a (222222222222), eu-west-1',
      '1 account and Region: 1 problem, 1 warning. Not shown: 2 notes.',
    ]);
  });

  it.each([60, 120])('fits into %d columns, but for what is one word and for commands', (width) => {
    const what = 'EC2 hides these images, and every copy fails with InvalidAMIID.NotFound. '.repeat(3).trim();
    const subject = `arn:aws:kms:eu-west-1:222222222222:key/${'1'.repeat(90)}`;
    const commands = [runAws('payments'.repeat(12))];
    const text = formatFindings([found('a', finding('problem', { what, subject, commands }))], 'note', width);

    const wide = text.split('\n').filter((line) => line.length > width);
    expect(wide).toEqual([`  ${subject}`, expect.stringMatching(/^ {4}copier exec /)]);
    expect(text.replaceAll('\n  ', ' ')).toContain(what);
  });

  it('obeys nothing that a text of AWS says to the terminal', () => {
    const text = formatFindings([found('a', finding('note', { what: 'x\u001b[2J\ny' }))], 'note', undefined);
    expect(text.split('\n')[2]).toBe('  x\\u{1b}[2J\\u{a}y');
  });
});
