import type { QueueUrls } from '../../adapters/sqs-request-queue.ts';
import type { NextTries, RequestQueue } from '../../core/request-queue.ts';
import type { openQueues } from './queues.ts';

/** The queues. The code that reaches them is loaded by the first call: most events make none. */
export function lazyQueues(config: QueueUrls & { readonly region: string }): RequestQueue & NextTries {
  let opened: Promise<ReturnType<typeof openQueues>> | undefined;
  const queues = async () => {
    opened ??= import('./queues.ts').then((module) => module.openQueues(config.region, config));
    return await opened;
  };
  return {
    postpone: async (...delivery) => (await queues()).postpone(...delivery),
    deadLetter: async (...letter) => (await queues()).deadLetter(...letter),
    enqueue: async (...request) => (await queues()).enqueue(...request),
  };
}
