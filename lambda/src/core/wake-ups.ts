import * as z from 'zod/mini';

/** What a message to settle-copy says. It only wakes the function up: what holds is what EC2 says. */
export type WakeUp =
  | { readonly kind: 'image'; readonly imageId: string; readonly state: string }
  | { readonly kind: 'sweep' }
  | { readonly kind: 'unknown'; readonly text: string };

const event = z.union([
  z.object({
    source: z.literal('aws.ec2'),
    'detail-type': z.literal('EC2 AMI State Change'),
    detail: z.object({ ImageId: z.string(), State: z.string() }),
  }),
  z.object({ source: z.literal('aws.events'), 'detail-type': z.literal('Scheduled Event') }),
]);

/** Reads an event as EventBridge puts it into the queue. Nobody else may, so anything else is a fault of ours. */
export function readWakeUp(body: string): WakeUp {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    // Nothing is no event either.
  }
  const { data } = event.safeParse(json);
  if (!data) return { kind: 'unknown', text: body.slice(0, 200) };
  if (!('detail' in data)) return { kind: 'sweep' };
  return { kind: 'image', imageId: data.detail.ImageId, state: data.detail.State };
}
