import { InvokeCommand } from '@aws-sdk/client-lambda';
import { sweepWakeUp } from '../support/target-account.ts';
import { administrator } from './cast.ts';

/**
 * Has the target account look for what is shared with it and for what waits, as every 15 minutes.
 * @returns the images that it asks for, by the log of this very sweep: the log group has the lines of others, and some come late
 */
export async function sweep(): Promise<readonly string[]> {
  const Payload = JSON.stringify({ Records: [sweepWakeUp()] });
  const FunctionName = 'image-copier-settle-copy';
  const answer = await administrator.lambda.send(new InvokeCommand({ FunctionName, LogType: 'Tail', Payload }));
  const lines = Buffer.from(answer.LogResult ?? '', 'base64')
    .toString()
    .split('\n');
  const done = lines.find((line) => line.includes('"sweep done"'));
  if (answer.FunctionError !== undefined || done === undefined) {
    throw new Error(`settle-copy has not swept: ${answer.FunctionError ?? lines.join('\n')}`);
  }
  return (JSON.parse(done) as { asked: string[] }).asked;
}
