import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  GetParameterCommand,
  GetParametersByPathCommand,
  ParameterNotFound,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { mockClient } from 'aws-sdk-client-mock';
import { SsmAskedImages, SsmRefusedRequests } from '../../src/adapters/ssm-asked-requests.ts';
import { answerPages, BAKED_AT, REGION, SOURCE_IMAGE } from '../factories.ts';

const client = new SSMClient({ region: REGION });
const ssm = mockClient(client);
const inputs = () => ssm.calls().map(({ args }) => args[0].input as unknown);
const ASKED_MS = Date.UTC(2026, 10, 24);

beforeEach(() => {
  ssm.reset();
});

describe('the images that were asked for', () => {
  const asked = new SsmAskedImages(client, 'golden');
  const path = '/image-copier-requests/golden/asked';

  it('are read as they were noted', async () => {
    ssm.on(PutParameterCommand).resolves({});
    const noted = new Map([
      [SOURCE_IMAGE, ASKED_MS],
      ['ami-01', ASKED_MS + 1000],
    ]);
    await asked.note(noted);
    const Value = `${SOURCE_IMAGE}=1795478400 ami-01=1795478401`;
    expect(inputs()).toEqual([{ Name: `${path}/0`, Value, Type: 'String', Overwrite: true }]);

    const pages = answerPages(ssm.on(GetParametersByPathCommand), { Parameters: [{ Name: `${path}/0`, Value }] });
    expect(await asked.list()).toEqual(noted);
    expect(pages).toMatchObject([{ Path: path, MaxResults: 10 }]);
  });

  it('are as many as fit into each parameter', async () => {
    ssm.on(PutParameterCommand).resolves({});
    const longest = (index: number) => `ami-${String(index).padStart(32, '0')}`;
    await asked.note(new Map(Array.from({ length: 161 }, (_, index) => [longest(index), ASKED_MS])));

    const puts = ssm.commandCalls(PutParameterCommand).map(({ args }) => args[0].input);
    expect(puts.map(({ Name }) => Name)).toEqual([`${path}/0`, `${path}/1`, `${path}/2`]);
    expect(puts.map(({ Value = '' }) => Value.split(' ').length)).toEqual([80, 80, 1]);
    expect(Math.max(...puts.map(({ Value = '' }) => Value.length))).toBeLessThanOrEqual(4096);
  });

  it('count by the last time, and what is no such note does not', async () => {
    answerPages(
      ssm.on(GetParametersByPathCommand),
      { Parameters: [{ Value: 'ami-01=1795478401' }, {}], NextToken: '2' },
      { Parameters: [{ Value: 'ami-01=1795478400 by hand ami-02=soon' }] },
    );
    expect(await asked.list()).toEqual(new Map([['ami-01', ASKED_MS + 1000]]));
  });
});

describe('the requests that were refused', () => {
  const refused = new SsmRefusedRequests(client, 'golden');
  const Name = `/image-copier-requests/golden/refused/${SOURCE_IMAGE}`;
  const refusal = { digest: 'd'.repeat(64), at: BAKED_AT, reason: 'InvalidTags: too many' };

  it('are read as they were noted', async () => {
    ssm.on(PutParameterCommand).resolves({});
    await refused.note(SOURCE_IMAGE, refusal);
    const Value = JSON.stringify(refusal);
    expect(inputs()).toEqual([{ Name, Value, Type: 'String', Overwrite: true }]);

    ssm.on(GetParameterCommand).resolves({ Parameter: { Value } });
    expect(await refused.find(SOURCE_IMAGE)).toEqual(refusal);
    expect(inputs()[1]).toEqual({ Name });
  });

  it('are stored whatever the reason says, and however long it is', async () => {
    ssm.on(PutParameterCommand).resolves({});
    await refused.note(SOURCE_IMAGE, { ...refusal, reason: `{{ssm:x}}${'\u0001'.repeat(5000)}` });

    const [put] = ssm.commandCalls(PutParameterCommand).map(({ args }) => args[0].input.Value ?? '');
    expect(put).not.toContain('{{');
    expect(put?.length).toBeLessThanOrEqual(4096);
    expect(JSON.parse(put ?? '')).toMatchObject({ reason: expect.stringMatching(/^\{\{ssm:x\}\}/) as unknown });
  });

  it('are none where nothing is noted, or nothing that can be read', async () => {
    ssm.on(GetParameterCommand).rejectsOnce(new ParameterNotFound({ message: '', $metadata: {} }));
    expect(await refused.find(SOURCE_IMAGE)).toBeUndefined();
    for (const Value of ['x', '{}', undefined]) {
      ssm.on(GetParameterCommand).resolves({ Parameter: { ...(Value !== undefined && { Value }) } });
      expect(await refused.find(SOURCE_IMAGE)).toBeUndefined();
    }
  });

  it('are not known where SSM fails', async () => {
    ssm.on(GetParameterCommand).rejects(new Error('ThrottlingException'));
    await expect(refused.find(SOURCE_IMAGE)).rejects.toThrow('ThrottlingException');
  });
});
