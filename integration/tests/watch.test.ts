import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { PublishCommand } from '@aws-sdk/client-sns';
import { GetQueueUrlCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { emulatedAccount, emulatedSettings } from '../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../../scripts/tool/common/bake.ts';
import { findCopies } from '../../scripts/tool/common/copies.ts';
import { endpoint, newAccountId, REGION } from './support/emulator.ts';
import { leaveAccount } from './support/leave-account.ts';
import { logLines } from './support/log-lines.ts';
import { Rollout } from './support/rollout.ts';
import { untilAlarm } from './support/until-alarm.ts';

const DEPLOY_TIMEOUT_MS = 900_000;
const rollout = new Rollout();
const source = emulatedAccount(endpoint(), rollout.source, REGION);
const target = emulatedAccount(endpoint(), newAccountId(), REGION);
const settings = emulatedSettings(endpoint(), source.id, REGION);
const lambda = new LambdaClient(settings);
// As Rollout names it.
const TOPIC = 'amigo-TEST-notify';
const WATCH = `${TOPIC}-watch`;
const STRANGER = newAccountId();

interface Report {
  readonly code: string | undefined;
  readonly reason: string | undefined;
  readonly body: string;
}

let unheardUrl: string;
const reports: Report[] = [];
let bakes = 0;

beforeAll(async () => {
  await rollout.makeRoles([target.id]);
  rollout.write({ web: { id: target.id } });
  const { code, stderr } = await rollout.run('deploy');
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
  const { QueueUrl = '' } = await source.sqs.send(new GetQueueUrlCommand({ QueueName: `${TOPIC}-unheard` }));
  unheardUrl = QueueUrl;
}, DEPLOY_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([source, target].map(leaveAccount));
  rollout.remove();
});

async function bake(): Promise<BakedImage> {
  bakes += 1;
  return await bakeImage(source.ec2, {
    name: `amigo_ubuntu_${bakes}`,
    description: '',
    tags: { Recipe: 'ubuntu' },
    volumeSizes: [8],
  });
}

async function publish(request: unknown): Promise<string> {
  const Message = typeof request === 'string' ? request : JSON.stringify(request);
  await source.sns.send(new PublishCommand({ TopicArn: `arn:aws:sns:${REGION}:${source.id}:${TOPIC}`, Message }));
  return Message;
}

/** Waits for a report. What others have reported is kept for those who look for it. */
async function reportOf(about: string, matches: (report: Report) => boolean): Promise<Report> {
  return await waitFor(`a report of ${about}`, async () => {
    const { Messages = [] } = await source.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: unheardUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
        VisibilityTimeout: 0,
      }),
    );
    for (const { Body = '', MessageAttributes = {} } of Messages) {
      const { ErrorCode, Reason } = MessageAttributes;
      reports.push({ code: ErrorCode?.StringValue, reason: Reason?.StringValue, body: Body });
    }
    return reports.find(matches);
  });
}

async function untilLogged(outcome: string, { imageId }: BakedImage): Promise<void> {
  await waitFor(`${imageId} to be ${outcome}`, async () => {
    const lines = (await logLines(source, `/aws/lambda/${WATCH}`)).filter((line) => line.startsWith('{'));
    const found = lines
      .map((line) => JSON.parse(line) as { outcome?: string; sourceImage?: string })
      .some((line) => line.outcome === outcome && line.sourceImage === imageId);
    return found ? true : undefined;
  });
}

/** Has the watch look at requests that wait after a second, in place of a day. */
async function hurry(): Promise<void> {
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: WATCH }));
  const Variables = { ...Environment?.Variables, OVERDUE_SECONDS: '1' };
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: WATCH, Environment: { Variables } }));
  await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 120 }, { FunctionName: WATCH });
}

describe('a request that reaches nobody', () => {
  const request = {
    sourceAmi: 'ami-0123456789abcdef0',
    sourceRegion: REGION,
    targetAccounts: [target.id] as unknown,
    name: 'amigo_ubuntu_12',
    description: '',
    tags: { Recipe: 'ubuntu' },
  };

  it.each([
    ['a list of numbers', [Number(target.id)], /targetAccounts\[0\] must be a string|is no account id in quotes/],
    ['null', null, /targetAccounts must be a list of account ids/],
    ['missing', undefined, /targetAccounts must be a list of account ids/],
    ['a list of objects', [{ id: target.id }], /targetAccounts\[0\]/],
    ['a text', `${target.id},${STRANGER}`, /targetAccounts must be a list of account ids/],
    ['an id that nobody subscribed for', [STRANGER], new RegExp(`No copier hears it: ${STRANGER} has not subscribed`)],
  ])('is reported with its reason, where targetAccounts is %s', async (shape, targetAccounts, reason) => {
    const body = await publish({ ...request, description: shape, targetAccounts });

    const report = await reportOf(shape, (each) => each.body === body);
    expect(report.code).toMatch(/^(InvalidRequest|Unheard)$/);
    expect(report.reason).toMatch(reason);
  });

  it('is reported if it is no JSON', async () => {
    const body = await publish(`${JSON.stringify(request)}}`);

    expect(await reportOf('what is no JSON', (each) => each.body === body)).toMatchObject({ code: 'InvalidRequest' });
  });

  it('raises an alarm', async () => {
    const { Period } = await untilAlarm(source, `${TOPIC}-unheard`);

    expect(Period).toBe(60);
  });
});

describe('a request that is heard', () => {
  it('leaves nothing once each account has given its result, also where it is published again', async () => {
    const image = await bake();
    await share(source.ec2, image, [target.id]);
    await publish(copyRequestFor(image, REGION, ['*']));
    await untilLogged('noted', image);
    await hurry();

    await publish(copyRequestFor(image, REGION, [target.id]));
    await untilLogged('answered', image);

    expect(await findCopies(target, image.imageId)).toHaveLength(1);
    // A report of it would be there before one that is made later.
    const later = await publish({ ...copyRequestFor(image, REGION, [STRANGER]), description: 'later' });
    await reportOf('a later request', ({ body }) => body === later);
    expect(reports.filter(({ body }) => body.includes(image.imageId) && body !== later)).toEqual([]);
  });

  it('is reported with the accounts that gave no result in time', async () => {
    const image = await bake();
    await hurry();
    const request = copyRequestFor(image, REGION, [target.id, STRANGER]);
    await publish(request);

    const { reason, body } = await reportOf('an overdue account', (each) => {
      return each.code === 'Overdue' && each.body.includes(image.imageId);
    });
    expect(reason).toBe(`No result of ${image.imageId} within 1 s: ${target.id}.`);
    expect(JSON.parse(body)).toEqual({ ...request, targetAccounts: [target.id] });
  });
});
