import { parentPort, type MessagePort } from 'node:worker_threads';
import type { SourceAnswers } from '../doctor/source-account.ts';
import { clientsWith, makeConnections, type AwsClients, type Credentials } from './aws-clients.ts';
import { reasonOf } from './aws-errors.ts';
import type { FromThread, Jobs, JobName, ToThread } from './thread-jobs.ts';
import { UserError } from './user-error.ts';

/** What a thread runs: this file. */
export const THREAD = new URL(import.meta.url);

/** What a job has of the thread that wants it. */
interface Asking {
  readonly ask: <T>(name: string, ...args: readonly string[]) => Promise<T>;
  readonly warn: (line: string) => void;
  readonly signal: AbortSignal;
}

type DoJobs = {
  readonly [Name in JobName]: (
    input: Jobs[Name]['input'],
    aws: AwsClients,
    copier: Extract<ToThread, { kind: 'task' }>['copier'],
    asking: Asking,
  ) => Promise<Jobs[Name]['result']>;
};

const JOBS: DoJobs = {
  status: async (input, aws, copier, { signal, warn }) => {
    const { readCopier } = await import('../status/read-copiers.ts');
    return await readCopier({ ...copier, aws }, input, signal, warn);
  },
  doctor: async ({ copier, question, topic }, aws, _, { ask }) => {
    const { examine } = await import('../doctor/examine.ts');
    const source: SourceAnswers | undefined = topic && {
      topicArnIn: () => topic.arn,
      hasExistingTopicIn: () => topic.isExisting,
      subscriptions: (region) => ask('subscriptions', region),
      regionOf: (imageId) => ask('regionOf', imageId),
      ownersView: (imageId, region) => ask('ownersView', imageId, region),
    };
    return await examine(copier, aws, question, source);
  },
};

function serve(port: MessagePort): void {
  const stop = new AbortController();
  const requestHandler = makeConnections();
  const asked = new Map<number, (answer: Extract<ToThread, { kind: 'answer' }>) => void>();
  const post = (message: FromThread) => {
    port.postMessage(message);
  };
  let questions = 0;
  const askFor =
    (task: number) =>
    async <T>(name: string, ...args: readonly string[]): Promise<T> => {
      questions += 1;
      const id = questions;
      const answered = new Promise<Extract<ToThread, { kind: 'answer' }>>((resolve) => asked.set(id, resolve));
      post({ kind: 'question', task, id, name, args });
      const answer = await answered;
      if ('problem' in answer) throw new UserError(answer.problem, 1);
      return answer.value as T;
    };
  const work = async ({ task, name, copier, input }: Extract<ToThread, { kind: 'task' }>) => {
    const ask = askFor(task);
    const warn = (line: string) => {
      post({ kind: 'warning', task, line });
    };
    const { profile } = copier.access;
    const aws = clientsWith({
      ...(profile !== undefined && { profile }),
      region: copier.region,
      requestHandler,
      credentials: () => ask<Credentials>('credentials'),
    });
    try {
      const result = await JOBS[name](input as never, aws, copier, { ask, warn, signal: stop.signal });
      post({ kind: 'end', task, result });
    } catch (error) {
      post({ kind: 'end', task, problem: reasonOf(error) });
    }
  };
  port.on('message', (message: ToThread) => {
    switch (message.kind) {
      case 'task':
        void work(message);
        break;
      case 'answer':
        asked.get(message.id)?.(message);
        asked.delete(message.id);
        break;
      case 'stop':
        stop.abort(new UserError(message.reason, 2));
    }
  });
}

if (parentPort) serve(parentPort);
