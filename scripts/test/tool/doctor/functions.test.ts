import { GetFunctionCommand, ListEventSourceMappingsCommand, ResourceNotFoundException } from '@aws-sdk/client-lambda';
import { describe, expect, it } from '@jest/globals';
import { checkFunctions, compareCode, readFunctions, type FunctionFacts } from '../../../tool/doctor/functions.ts';
import { ACCOUNT, arn, codes, COPIER, KEY, lambdaFunction, SOURCE } from './facts.ts';
import { awsWithCopier, BUILT } from './healthy-copier.ts';

const MAPPING = {
  id: 'mapping',
  queueArn: arn('sqs', 'image-copier-requests'),
  state: 'Enabled',
  responseTypes: ['ReportBatchItemFailures'],
};

const FUNCTIONS = {
  copyImage: lambdaFunction('copy-image'),
  retireImage: lambdaFunction('retire-image'),
  settleCopy: lambdaFunction('settle-copy'),
};

function check(changes: Partial<FunctionFacts>, builtSha256: string | undefined = 'built') {
  const functions = { ...FUNCTIONS, copyImage: lambdaFunction('copy-image', changes) };
  return checkFunctions(functions, builtSha256, COPIER);
}

describe('checkFunctions', () => {
  it('finds nothing in functions as the module makes them', () => {
    expect(check({})).toEqual([]);
    expect(check({ state: 'Inactive' })).toEqual([]);
    expect(check({ lastUpdate: 'InProgress' })).toEqual([]);
    expect(check({ mappings: [{ ...MAPPING, state: 'Updating' }] })).toEqual([]);
  });

  it.each(['nodejs22.x', 'nodejs24.x'])('finds nothing where a function runs on %s', (runtime) => {
    expect(check({ runtime })).toEqual([]);
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
    expect(checkFunctions(FUNCTIONS, undefined, COPIER)).toEqual([]);
  });

  it('finds functions that are missing', () => {
    expect(checkFunctions({}, 'built', COPIER).map(({ code, subject }) => [code, subject])).toEqual([
      ['NoFunction', 'image-copier-copy-image'],
      ['NoFunction', 'image-copier-retire-image'],
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

describe('readFunctions', () => {
  const copyImage = lambdaFunction('copy-image', {
    codeSha256: BUILT,
    environment: { KMS_KEY_ARN: KEY, RETRY_SECONDS: '21600', TRUSTED_OWNERS: SOURCE },
  });
  const retireImage = lambdaFunction('retire-image', {
    codeSha256: BUILT,
    environment: { RETRY_SECONDS: '21600' },
  });
  const settleCopy = lambdaFunction('settle-copy', {
    codeSha256: BUILT,
    environment: { PARAMETER_PATH: '/image-copier' },
  });
  const read = (aws = awsWithCopier()) => readFunctions(aws.connect({}).lambda, 'image-copier');

  it('reads the functions of a copier, with their mappings', async () => {
    expect(await read()).toEqual({ copyImage, retireImage, settleCopy });
  });

  it('reads further pages of mappings', async () => {
    const aws = awsWithCopier();
    aws
      .in(ACCOUNT)
      .lambda.on(ListEventSourceMappingsCommand, { FunctionName: 'image-copier-settle-copy' })
      .resolves({ EventSourceMappings: [{ UUID: 'one' }], NextMarker: 'more' })
      .on(ListEventSourceMappingsCommand, { FunctionName: 'image-copier-settle-copy', Marker: 'more' })
      .resolves({ EventSourceMappings: [{ UUID: 'two', State: 'Disabled' }] });

    expect((await read(aws)).settleCopy?.mappings).toEqual([
      { id: 'one', queueArn: '', state: '', responseTypes: [] },
      { id: 'two', queueArn: '', state: 'Disabled', responseTypes: [] },
    ]);
  });

  it('leaves out a function that is not there', async () => {
    const aws = awsWithCopier();
    const gone = new ResourceNotFoundException({ message: 'gone', Type: 'User', $metadata: {} });
    aws.in(ACCOUNT).lambda.on(GetFunctionCommand, { FunctionName: 'image-copier-copy-image' }).rejects(gone);

    expect(await read(aws)).toEqual({ retireImage, settleCopy });
  });

  it('reads why a function does not run', async () => {
    const aws = awsWithCopier();
    aws
      .in(ACCOUNT)
      .lambda.on(GetFunctionCommand, { FunctionName: 'image-copier-copy-image' })
      .resolves({
        Configuration: {
          State: 'Failed',
          StateReason: 'Its key is gone.',
          LastUpdateStatus: 'Failed',
          LastUpdateStatusReason: 'Its role is gone.',
        },
        Concurrency: { ReservedConcurrentExecutions: 0 },
      });

    expect((await read(aws)).copyImage).toEqual({
      name: 'image-copier-copy-image',
      state: 'Failed',
      stateReason: 'Its key is gone.',
      lastUpdate: 'Failed',
      lastUpdateReason: 'Its role is gone.',
      runtime: '',
      codeSha256: '',
      timeoutSeconds: 0,
      roleArn: '',
      environment: {},
      reservedConcurrency: 0,
      mappings: copyImage.mappings,
    });
  });
});
