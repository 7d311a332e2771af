import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  GetParameterCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  ParameterNotFound,
  PutParameterCommand,
  SSMClient,
  SSMServiceException,
} from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { SsmImageParameters } from '../../src/adapters/ssm-image-parameters.ts';
import { answerPages, COPY, PARAMETER, REGION } from '../factories.ts';

const client = new SSMClient({ region: REGION });
const ssm = mockClient(client);
const parameters = new SsmImageParameters(client, '/image-copier');
const inputs = () => ssm.calls().map(({ args }) => args[0].input as unknown);
const denied = new SSMServiceException({ name: 'AccessDeniedException', $fault: 'client', $metadata: {} });

beforeEach(() => {
  ssm.reset();
});

describe('get', () => {
  it('reads the image that a parameter points to', async () => {
    ssm.on(GetParameterCommand).resolves({ Parameter: { Name: PARAMETER, Value: COPY } });

    expect(await parameters.get(PARAMETER)).toBe(COPY);
    expect(inputs()).toEqual([{ Name: PARAMETER }]);
  });

  it('does not find a parameter that is not there', async () => {
    ssm.on(GetParameterCommand).rejects(new ParameterNotFound({ message: '', $metadata: {} }));

    expect(await parameters.get(PARAMETER)).toBeUndefined();
  });

  it('finds nothing in an answer without a parameter', async () => {
    ssm.on(GetParameterCommand).resolves({});

    expect(await parameters.get(PARAMETER)).toBeUndefined();
  });

  it('says what else SSM refuses', async () => {
    ssm.on(GetParameterCommand).rejects(denied);

    await expect(parameters.get(PARAMETER)).rejects.toBe(denied);
  });
});

describe('getAll', () => {
  it('reads ten at a time, and leaves out those that are not there', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `/image-copier/${index}`);
    ssm.on(GetParametersCommand).callsFake(({ Names = [] }: { Names?: string[] }) => ({
      Parameters: Names.filter((Name) => Name !== names[3]).map((Name) => ({ Name, Value: `ami-${Name.at(-1)}` })),
      InvalidParameters: Names.filter((Name) => Name === names[3]),
    }));

    const found = await parameters.getAll(names);
    expect(found.size).toBe(11);
    expect(found.get('/image-copier/2')).toBe('ami-2');
    expect(found.has('/image-copier/3')).toBe(false);
    expect(inputs()).toEqual([{ Names: names.slice(0, 10) }, { Names: names.slice(10) }]);
  });

  it('says what SSM refuses', async () => {
    ssm.on(GetParametersCommand).rejects(denied);

    await expect(parameters.getAll([PARAMETER])).rejects.toBe(denied);
  });

  it('takes an answer without parameters for one of none, and asks for nothing where nothing is named', async () => {
    ssm.on(GetParametersCommand).resolves({});

    expect(await parameters.getAll([PARAMETER])).toEqual(new Map());
    expect(await parameters.getAll([])).toEqual(new Map());
    expect(inputs()).toHaveLength(1);
  });
});

describe('put', () => {
  it('writes an image that instances can be launched by', async () => {
    await parameters.put(PARAMETER, COPY);

    expect(ssm.commandCalls(PutParameterCommand)).toHaveLength(1);
    expect(inputs()).toEqual([
      { Name: PARAMETER, Value: COPY, Type: 'String', DataType: 'aws:ec2:image', Overwrite: true },
    ]);
  });
});

describe('list', () => {
  it('reads all pages of all levels below the path', async () => {
    const inputs = answerPages(
      ssm.on(GetParametersByPathCommand),
      { Parameters: [{ Name: PARAMETER, Value: COPY }], NextToken: 'more' },
      { Parameters: [{ Name: '/image-copier/windows', Value: 'ami-2' }] },
    );

    expect(await parameters.list()).toEqual([
      { name: PARAMETER, imageId: COPY },
      { name: '/image-copier/windows', imageId: 'ami-2' },
    ]);
    const page = { Path: '/image-copier', Recursive: true, MaxResults: 10 };
    expect(inputs).toEqual([page, { ...page, NextToken: 'more' }]);
  });

  it('takes an answer without parameters for one of none', async () => {
    ssm.on(GetParametersByPathCommand).resolves({});

    expect(await parameters.list()).toEqual([]);
  });

  it('says what SSM refuses', async () => {
    ssm.on(GetParametersByPathCommand).rejects(denied);

    await expect(parameters.list()).rejects.toBe(denied);
  });
});
