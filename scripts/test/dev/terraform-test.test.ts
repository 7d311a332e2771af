import { describe, expect, it } from '@jest/globals';
import { readableTest, testTotals } from '../../dev/terraform-test.ts';

/** As Terraform 1.11.4 and OpenTofu 1.12.6 write it, in part. */
const lines = [
  { '@message': 'Terraform 1.11.4', terraform: '1.11.4', type: 'version' },
  { '@message': '  "alarms"... in progress', test_run: { run: 'alarms', progress: 'running' }, type: 'test_run' },
  { '@message': '  "alarms"... fail', test_run: { run: 'alarms', progress: 'complete' }, type: 'test_run' },
  {
    '@message': 'Error: Test assertion failed',
    type: 'diagnostic',
    diagnostic: {
      severity: 'error',
      summary: 'Test assertion failed',
      detail: 'Two alarms.',
      range: { filename: 'tests/inputs.tftest.hcl', start: { line: 12, column: 5 } },
    },
  },
  {
    '@message': 'Failure! 3 passed, 1 failed, 2 skipped.',
    test_summary: { status: 'fail', passed: 3, failed: 1, errored: 1, skipped: 2 },
    type: 'test_summary',
  },
];
const output = `A warning of the settings.\n${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;

describe('testTotals', () => {
  it('counts what was not tested as failed', () => {
    expect(testTotals(output)).toEqual({ passed: 3, failed: 4 });
  });

  it('finds none in a run that did not come to its end', () => {
    expect(testTotals('Error: Unsupported argument\n{"@message":"Terraform 1.11.4","type":"version"}\n{ "half')).toBe(
      undefined,
    );
  });
});

describe('readableTest', () => {
  it('says what ended, and why and where it failed', () => {
    expect(readableTest(output)).toBe(`A warning of the settings.
Terraform 1.11.4
  "alarms"... fail
Error: Test assertion failed
  tests/inputs.tftest.hcl:12
Two alarms.
Failure! 3 passed, 1 failed, 2 skipped.
`);
  });
});
