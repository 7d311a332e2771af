// Loads the built function and hands it the events that come over IPC, as Lambda's runtime does. Node 22 runs this as it is.
import { flushCompileCache } from 'node:module';
import type { Context, SQSEvent, SQSHandler } from 'aws-lambda';

/** The time that an invocation has. */
const { REMAINING_MS = '120000' } = process.env;

// Before the function is loaded: it may keep the clock.
const now = Date.now;
let ahead = 0;
Date.now = () => now() + ahead;

const [, , functionUrl = ''] = process.argv;
const { handler } = (await import(functionUrl)) as {
  handler: (...args: Parameters<SQSHandler>) => Promise<unknown>;
};
flushCompileCache(); // so that the next process starts faster, also when this one is killed

process.on('message', ({ id, event, aheadMs }: { id: number; event: SQSEvent; aheadMs: number }) => {
  ahead = aheadMs;
  const deadlineMs = Date.now() + Number(REMAINING_MS);
  const getRemainingTimeInMillis = () => deadlineMs - Date.now();
  const context = { awsRequestId: `request-${id}`, getRemainingTimeInMillis } as Context;
  handler(event, context, () => undefined).then(
    (result) => process.send?.({ id, result: result ?? null }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.send?.({ ready: true });
