import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  DeleteParameterCommand,
  GetParameterCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  ParameterNotFound,
  PutParameterCommand,
  SSMClient,
  SSMServiceException,
} from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { SsmEndedSources } from '../../src/adapters/ssm-ended-sources.ts';
import type { SourceEnd } from '../../src/core/ended-sources.ts';
import { RetryableError } from '../../src/core/errors.ts';
import { answerPages, BAKED_AT, REGION, SOURCE_IMAGE } from '../factories.ts';

const client = new SSMClient({ region: REGION });
const ssm = mockClient(client);
const ended = new SsmEndedSources(client, 'golden');
const Name = `/image-copier-ended/golden/${SOURCE_IMAGE}`;
const end: SourceEnd = { kind: 'revoked', at: BAKED_AT, reason: 'a leaked key' };
const Value = JSON.stringify(end);
const inputs = () => ssm.calls().map(({ args }) => args[0].input as unknown);
const notFound = new ParameterNotFound({ message: '', $metadata: {} });
const ssmError = (name: string, message = '') =>
  new SSMServiceException({ name, message, $fault: 'client', $metadata: { httpStatusCode: 400 } });
const DAMAGED = `The parameter ${Name} is not as this copier writes it. Delete it, or set it as it was.`;

beforeEach(() => {
  ssm.reset();
});

describe('find', () => {
  it.each(['retired', 'revoked', 'unrevoked'] as const)('reads that a source image is %s', async (kind) => {
    ssm.on(GetParameterCommand).resolves({ Parameter: { Name, Value: JSON.stringify({ ...end, kind }) } });

    expect(await ended.find(SOURCE_IMAGE)).toEqual({ ...end, kind });
    expect(inputs()).toEqual([{ Name }]);
  });

  it('finds nothing where nothing was decided', async () => {
    ssm.on(GetParameterCommand).rejects(notFound);

    expect(await ended.find(SOURCE_IMAGE)).toBeUndefined();
  });

  it.each([
    ['no JSON', 'revoked'],
    ['of a kind that is not known', '{"kind":"lost","at":"","reason":""}'],
    ['without a time', '{"kind":"revoked","reason":""}'],
    ['without a reason', '{"kind":"revoked","at":""}'],
    ['null', 'null'],
    ['empty', ''],
    ['not there', undefined],
  ])('says which parameter is damaged, and tries again: the value is %s', async (_what, damaged) => {
    ssm.on(GetParameterCommand).resolves({ Parameter: { Name, ...(damaged !== undefined && { Value: damaged }) } });

    await expect(ended.find(SOURCE_IMAGE)).rejects.toMatchObject({
      name: 'RetryableError',
      message: `Error: ${DAMAGED}`,
    });
  });

  it('takes a right that is missing for one that may not have spread yet', async () => {
    const cause = ssmError('AccessDeniedException', 'not\u202Eauthorized');
    ssm.on(GetParameterCommand).rejects(cause);

    await expect(ended.find(SOURCE_IMAGE)).rejects.toMatchObject({
      name: 'UncertainError',
      code: 'AccessDeniedException',
      message: String.raw`AccessDeniedException: not\u{202e}authorized`,
      cause,
    });
  });

  it('tries again after anything else', async () => {
    ssm.on(GetParameterCommand).rejects(ssmError('ThrottlingException', 'Rate exceeded'));

    const error = await ended.find(SOURCE_IMAGE).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RetryableError);
    expect(error).toMatchObject({
      name: 'RetryableError',
      code: 'ThrottlingException',
      message: 'ThrottlingException: Rate exceeded',
    });
  });
});

describe('findAll', () => {
  it('reads the ends of several source images at once, and says which cannot be read', async () => {
    const nameOf = (id: string) => `/image-copier-ended/golden/${id}`;
    ssm.on(GetParametersCommand).resolves({
      Parameters: [
        { Name, Value },
        { Name: nameOf('ami-damaged'), Value: 'revoked' },
      ],
      InvalidParameters: [nameOf('ami-none')],
    });

    const found = await ended.findAll([SOURCE_IMAGE, 'ami-damaged', 'ami-none']);
    expect(found.get(SOURCE_IMAGE)).toEqual(end);
    expect(found.get('ami-damaged')).toEqual(
      new Error(
        `The parameter ${nameOf('ami-damaged')} is not as this copier writes it. Delete it, or set it as it was.`,
      ),
    );
    expect([...found.keys()]).toEqual([SOURCE_IMAGE, 'ami-damaged']);
    expect(inputs()).toEqual([{ Names: [Name, nameOf('ami-damaged'), nameOf('ami-none')] }]);
  });

  it('classes what SSM refuses', async () => {
    ssm.on(GetParametersCommand).rejects(ssmError('AccessDeniedException', 'not authorized'));

    await expect(ended.findAll([SOURCE_IMAGE])).rejects.toMatchObject({ name: 'UncertainError' });
  });
});

describe('note', () => {
  it('writes a standard parameter, in place of one that is there', async () => {
    ssm.on(PutParameterCommand).resolves({});
    await ended.note(SOURCE_IMAGE, end);

    expect(ssm.commandCalls(PutParameterCommand)).toHaveLength(1);
    expect(inputs()).toEqual([{ Name, Value, Type: 'String', Overwrite: true }]);
  });

  it.each(['{{key}}', '{{{{', String.raw`\{{"}}`])(
    'stores a reason that Parameter Store would take for a reference: %s',
    async (reason) => {
      let stored = '';
      ssm.on(PutParameterCommand).callsFake(({ Value: given }: { Value: string }) => {
        stored = given;
        return {};
      });
      ssm.on(GetParameterCommand).callsFake(() => ({ Parameter: { Value: stored } }));
      await ended.note(SOURCE_IMAGE, { ...end, reason });

      // SSM API Reference, PutParameter: a value may not have it.
      expect(stored).not.toContain('{{');
      expect(await ended.find(SOURCE_IMAGE)).toEqual({ ...end, reason });
    },
  );

  it('says what SSM refuses', async () => {
    const error = ssmError('ParameterLimitExceeded');
    ssm.on(PutParameterCommand).rejects(error);

    await expect(ended.note(SOURCE_IMAGE, end)).rejects.toBe(error);
  });
});

describe('forget', () => {
  it('deletes the parameter', async () => {
    ssm.on(DeleteParameterCommand).resolves({});
    await ended.forget(SOURCE_IMAGE);

    expect(ssm.commandCalls(DeleteParameterCommand)).toHaveLength(1);
    expect(inputs()).toEqual([{ Name }]);
  });

  it('takes one that is gone for deleted', async () => {
    ssm.on(DeleteParameterCommand).rejects(notFound);

    await expect(ended.forget(SOURCE_IMAGE)).resolves.toBeUndefined();
  });

  it('says what else SSM refuses', async () => {
    const error = ssmError('TooManyUpdates');
    ssm.on(DeleteParameterCommand).rejects(error);

    await expect(ended.forget(SOURCE_IMAGE)).rejects.toBe(error);
  });
});

describe('list', () => {
  it('reads all pages', async () => {
    const pages = answerPages(
      ssm.on(GetParametersByPathCommand),
      { Parameters: [{ Name, Value }], NextToken: 'more' },
      { NextToken: 'most' },
      { Parameters: [{ Name: '/image-copier-ended/golden/ami-2', Value }] },
    );

    expect(await ended.list()).toEqual([
      { sourceImageId: SOURCE_IMAGE, ...end },
      { sourceImageId: 'ami-2', ...end },
    ]);
    const page = { Path: '/image-copier-ended/golden', MaxResults: 10 };
    expect(pages).toEqual([page, { ...page, NextToken: 'more' }, { ...page, NextToken: 'most' }]);
  });

  it('says which parameter is damaged', async () => {
    ssm.on(GetParametersByPathCommand).resolves({ Parameters: [{ Name, Value: 'revoked' }] });

    await expect(ended.list()).rejects.toThrow(DAMAGED);
  });
});
