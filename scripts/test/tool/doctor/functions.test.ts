import { describe, expect, it } from '@jest/globals';
import { checkFunctions, compareCode, type FunctionFacts } from '../../../tool/doctor/functions.ts';
import { arn, codes, lambdaFunction, COPIER } from './facts.ts';

const MAPPING = {
  id: 'mapping',
  queueArn: arn('sqs', 'image-copier-requests'),
  state: 'Enabled',
  responseTypes: ['ReportBatchItemFailures'],
};

function check(changes: Partial<FunctionFacts>, builtSha256: string | undefined = 'built') {
  const functions = { copyImage: lambdaFunction('copy-image', changes), settleCopy: lambdaFunction('settle-copy') };
  return checkFunctions(functions, builtSha256, COPIER);
}

describe('checkFunctions', () => {
  it('finds nothing in functions as the module makes them', () => {
    expect(check({})).toEqual([]);
    expect(check({ state: 'Inactive' })).toEqual([]);
    expect(check({ lastUpdate: 'InProgress' })).toEqual([]);
    expect(check({ mappings: [{ ...MAPPING, state: 'Updating' }] })).toEqual([]);
  });

  it.each<[string, Partial<FunctionFacts>, string[]]>([
    ['a function that failed', { state: 'Failed', stateReason: 'Its key is disabled.' }, ['FunctionNotActive']],
    ['an update that failed', { lastUpdate: 'Failed' }, ['FunctionUpdateFailed']],
    ['a function that may not run', { reservedConcurrency: 0 }, ['FunctionThrottled']],
    ['another runtime', { runtime: 'nodejs18.x' }, ['FunctionRuntime']],
    ['a mapping that is gone', { mappings: [] }, ['NoMapping']],
    ['a mapping of another queue', { mappings: [{ ...MAPPING, queueArn: arn('sqs', 'other') }] }, ['NoMapping']],
    ['a mapping that is disabled', { mappings: [{ ...MAPPING, state: 'Disabled' }] }, ['MappingDisabled']],
    ['a mapping without failures', { mappings: [{ ...MAPPING, responseTypes: [] }] }, ['NoBatchFailures']],
    ['other code', { codeSha256: 'other' }, ['CodeNotBuilt']],
  ])('finds %s', (_, changes, expected) => {
    expect(codes(check(changes))).toEqual(expected);
  });

  it('does not compare with a zip that is not there', () => {
    const functions = { copyImage: lambdaFunction('copy-image'), settleCopy: lambdaFunction('settle-copy') };
    expect(checkFunctions(functions, undefined, COPIER)).toEqual([]);
  });

  it('finds functions that are missing', () => {
    expect(checkFunctions({}, 'built', COPIER).map(({ code, subject }) => [code, subject])).toEqual([
      ['NoFunction', 'image-copier-copy-image'],
      ['NoFunction', 'image-copier-settle-copy'],
    ]);
  });
});

describe('compareCode', () => {
  function account(copying: string, settling = copying) {
    return {
      copier: COPIER,
      functions: {
        copyImage: lambdaFunction('copy-image', { codeSha256: copying }),
        settleCopy: lambdaFunction('settle-copy', { codeSha256: settling }),
      },
    };
  }
  const missing = { copier: COPIER, functions: {} };

  it.each([
    ['nothing where all have the same', [account('a'), account('a'), missing], [0, 0, 0]],
    ['nothing in one account', [account('a')], [0]],
    ['the one that differs', [account('a'), account('b'), account('a')], [0, 1, 0]],
    ['both of two', [account('a'), account('b')], [1, 1]],
    ['two functions that differ', [account('a', 'b'), account('a')], [1, 0]],
    ['two functions that differ in one account', [account('a', 'b')], [1]],
  ])('finds %s', (_, accounts, expected) => {
    expect(compareCode(accounts).map(({ length }) => length)).toEqual(expected);
  });
});
