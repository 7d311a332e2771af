// Loads the built function and hands it the events that come over IPC, as Lambda's runtime does. Node 22 runs this as it is.
import type { Context, SQSEvent, SQSHandler } from 'aws-lambda';

const [, , functionUrl = ''] = process.argv;
const { handler } = (await import(functionUrl)) as {
  handler: (...args: Parameters<SQSHandler>) => Promise<unknown>;
};

process.on('message', ({ id, event }: { id: number; event: SQSEvent }) => {
  const context = { awsRequestId: `request-${id}` } as Context;
  handler(event, context, () => undefined).then(
    (result) => process.send?.({ id, result }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.send?.({ ready: true });
