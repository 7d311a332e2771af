import { describe, expect, it } from '@jest/globals';
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  InvokeCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { emulatedSettings } from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { denials } from '../support/decisions.ts';
import { endpoint, REGION } from '../support/emulator.ts';
import type { FunctionName } from '../support/handler-process.ts';
import { logLines } from '../support/log-lines.ts';
import { FunctionRole } from '../support/role-policy.ts';
import { target } from './account.ts';

const lambda = new LambdaClient(emulatedSettings(endpoint(), target.id, REGION));

/** Runs the function in a new execution environment, which has a stream of its own in the log. Answers the request's ID. */
async function runAnew(FunctionName: string, Description: string): Promise<string> {
  await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Description }));
  await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 60, minDelay: 1 }, { FunctionName });
  const Payload = JSON.stringify({ Records: [] });
  const { LogResult = '' } = await lambda.send(new InvokeCommand({ FunctionName, Payload, LogType: 'Tail' }));
  const [, requestId] = /RequestId: (\S+)/.exec(Buffer.from(LogResult, 'base64').toString()) ?? [];
  if (requestId === undefined) throw new Error('The function was not run.');
  return requestId;
}

async function untilDenied(functionName: FunctionName, action: string): Promise<void> {
  const session = `arn:aws:sts::${target.id}:assumed-role/image-copier-${functionName}-${REGION}/`;
  await waitFor(`${functionName} to be denied ${action}`, async () => {
    const all = await denials();
    return all.some((denial) => denial.principal.startsWith(session) && denial.action === action) || undefined;
  });
}

describe.each(['copy-image', 'settle-copy'] as const)('Lambda, with the role of %s,', (functionName) => {
  const FunctionName = `image-copier-${functionName}`;
  const role = new FunctionRole(target, functionName);

  it.each(['logs:CreateLogStream', 'logs:PutLogEvents'])('needs %s to write a log', async (action) => {
    const putBack = await role.takeOut(action);
    const unlogged = await runAnew(FunctionName, `Without ${action}`);
    await untilDenied(functionName, action);
    await putBack();
    const logged = await runAnew(FunctionName, `With ${action}`);
    const lines = await waitFor('a line in the log', async () => {
      const found = (await logLines(target, `/aws/lambda/${FunctionName}`)).join('\n');
      return found.includes(logged) ? found : undefined;
    });
    expect(lines).not.toContain(unlogged);
  });

  // Lambda asks for them when the mapping is made (Lambda Developer Guide, "Using Lambda with Amazon SQS").
  it('needs each action with which it takes messages from the queue', async () => {
    const { EventSourceMappings: [mapping] = [] } = await lambda.send(
      new ListEventSourceMappingsCommand({ FunctionName }),
    );
    const { UUID, EventSourceArn } = mapping ?? {};
    await lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
    await waitFor('the mapping to be gone', async () => {
      const found = lambda.send(new GetEventSourceMappingCommand({ UUID }));
      return await found.then(
        () => undefined,
        () => true,
      );
    });
    const mapAgain = new CreateEventSourceMappingCommand({ FunctionName, EventSourceArn });
    for (const name of ['DeleteMessage', 'GetQueueAttributes', 'ReceiveMessage']) {
      const putBack = await role.takeOut(`sqs:${name}`);
      await expect(lambda.send(mapAgain)).rejects.toThrow(`does not have permissions to call ${name} on SQS`);
      await putBack();
    }
    expect(await lambda.send(mapAgain)).toMatchObject({ EventSourceArn });
  });
});
