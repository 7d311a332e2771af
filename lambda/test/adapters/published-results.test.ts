import { beforeEach, describe, expect, it } from '@jest/globals';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { PublishedResults, PublishedRetirements } from '../../src/adapters/published-results.ts';
import type { CopyResult } from '../../src/core/copy-results.ts';
import type { RetirementResult, RevocationResult } from '../../src/core/retirement-results.ts';
import { ACCOUNT, BAKED_AT, COPY, REGION, settleEnvironment, SOURCE_IMAGE } from '../factories.ts';

const arn = settleEnvironment.RESULTS_TOPIC_ARN;
const eventsClient = new EventBridgeClient({ region: REGION });
const snsClient = new SNSClient({ region: REGION });
const events = mockClient(eventsClient);
const sns = mockClient(snsClient);
const results = new PublishedResults(eventsClient, { arn, sns: snsClient });

const copied = { imageId: COPY, tags: { Name: 'ubuntu "12"' }, reason: null } as unknown as CopyResult;
const failed: CopyResult = { ...copied, reason: 'the key is disabled' };

beforeEach(() => {
  events.reset();
  sns.reset();
  events.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [{ EventId: '1' }] });
});

describe('announce', () => {
  it.each([
    ['Image Copied', copied],
    ['Image Copy Failed', failed],
  ])('tells "%s" on the event bus and on the topic, in the same form', async (detailType, result) => {
    await results.announce(result);

    const put = events.commandCalls(PutEventsCommand).map(({ args }) => args[0].input);
    expect(put).toEqual([
      { Entries: [{ Source: 'image-copier', DetailType: detailType, Detail: JSON.stringify(result) }] },
    ]);
    const published = sns.commandCalls(PublishCommand).map(({ args }) => args[0].input);
    expect(published).toEqual([{ TopicArn: arn, Message: expect.any(String) as unknown }]);
    expect(JSON.parse(published[0]?.Message ?? '')).toEqual({
      source: 'image-copier',
      'detail-type': detailType,
      detail: result,
    });
  });

  it('tells of an approval as of a copy, under another name', async () => {
    await results.announceApproval(copied);

    const Entries = [{ Source: 'image-copier', DetailType: 'Image Approved', Detail: JSON.stringify(copied) }];
    expect(events.commandCalls(PutEventsCommand).map(({ args }) => args[0].input)).toEqual([{ Entries }]);
    const [published] = sns.commandCalls(PublishCommand).map(({ args }) => args[0].input);
    expect(JSON.parse(published?.Message ?? '')).toMatchObject({ 'detail-type': 'Image Approved', detail: copied });
  });

  it('does without a topic', async () => {
    await new PublishedResults(eventsClient, undefined).announce(copied);

    expect(events.commandCalls(PutEventsCommand)).toHaveLength(1);
    expect(sns.calls()).toHaveLength(0);
  });

  it('fails where EventBridge takes the call and not the event', async () => {
    events.on(PutEventsCommand).resolves({
      FailedEntryCount: 1,
      Entries: [{ ErrorCode: 'ThrottlingException', ErrorMessage: 'Rate exceeded' }],
    });

    await expect(results.announce(copied)).rejects.toThrow(
      'EventBridge took no event: ThrottlingException: Rate exceeded',
    );
    expect(sns.calls()).toHaveLength(0);
  });

  it('names the code alone where EventBridge says no more', async () => {
    events.on(PutEventsCommand).resolves({ FailedEntryCount: 1, Entries: [{ ErrorCode: 'InternalFailure' }] });

    await expect(results.announce(copied)).rejects.toThrow(/^EventBridge took no event: InternalFailure: $/);
  });

  it('takes an answer without entries for no failure', async () => {
    events.on(PutEventsCommand).resolves({});

    await expect(results.announce(copied)).resolves.toBeUndefined();
  });

  it.each([
    ['EventBridge', () => events.on(PutEventsCommand)],
    ['SNS', () => sns.on(PublishCommand)],
  ])('fails where %s fails', async (_what, on) => {
    const error = new Error('socket hang up');
    on().rejects(error);

    await expect(results.announce(copied)).rejects.toBe(error);
  });
});

describe('tell', () => {
  const place = { account: ACCOUNT, region: REGION };
  const retirements = new PublishedRetirements(results, place);
  const retired: RetirementResult = {
    kind: 'Image Retired',
    imageId: COPY,
    sourceAmi: SOURCE_IMAGE,
    sourceRegion: REGION,
    name: 'ubuntu_12',
    recipe: null,
    reasons: [],
    quarantineUntil: null,
    remainingSnapshots: ['snap-1'],
    at: BAKED_AT,
  };
  const revoked: RevocationResult = {
    kind: 'Image Revoked',
    sourceAmi: SOURCE_IMAGE,
    sourceRegion: REGION,
    reason: 'a leaked key',
    images: [COPY],
    pending: [],
    parameters: [],
    instances: 2,
    problems: [],
    at: BAKED_AT,
  };

  it.each([retired, revoked])('tells "$kind" on the event bus and on the topic, and where it was', async (result) => {
    await retirements.tell(result);

    const { kind, ...rest } = result;
    const detail = { ...place, ...rest };
    const [put] = events.commandCalls(PutEventsCommand).map(({ args }) => args[0].input.Entries);
    expect(put).toEqual([{ Source: 'image-copier', DetailType: kind, Detail: JSON.stringify(detail) }]);
    const [published] = sns.commandCalls(PublishCommand).map(({ args }) => args[0].input);
    expect(JSON.parse(published?.Message ?? '')).toEqual({ source: 'image-copier', 'detail-type': kind, detail });
  });

  it('fails where nobody could be told', async () => {
    const error = new Error('socket hang up');
    events.on(PutEventsCommand).rejects(error);

    await expect(retirements.tell(retired)).rejects.toBe(error);
  });
});
