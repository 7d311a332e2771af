import { FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import type { FakeAws, FakeServices } from './fake-aws.ts';

/** Lines that the functions of a copier have written; a text is written as it is. */
export type FunctionLogs = Readonly<Partial<Record<'copy-image' | 'settle-copy', readonly (object | string)[]>>>;

/** Gives an account the logs of its functions, of which each test says what they hold at this moment. */
export function logsOf(
  aws: FakeAws,
  accountId: string,
  lines: FunctionLogs | (() => FunctionLogs),
  region?: string,
): FakeServices {
  const services = aws.in(accountId, region);
  services.logs.on(FilterLogEventsCommand).callsFake(({ logGroupName = '' }: { logGroupName?: string }) => {
    const written = Object.entries(typeof lines === 'function' ? lines() : lines);
    const ofGroup = written.flatMap(([name, each]) => (logGroupName.endsWith(`-${name}`) ? each : []));
    return {
      events: ofGroup.map((line) => ({ message: typeof line === 'string' ? line : `${JSON.stringify(line)}\n` })),
    };
  });
  return services;
}

/** What settle-copy writes of a copy that EC2 failed to make, and that is tried again. */
export function failedCopy(sourceImage: string, timestamp: string, more: object = {}): object {
  return {
    ...{ message: 'copy failed', timestamp, outcome: 'failed', copy: 'ami-0ff', sourceImage },
    ...{ attempt: 1, reason: 'KMS key is disabled', retryInSeconds: 300, ...more },
  };
}

/** What copy-image writes of a request that it tries again. */
export function retriedRequest(
  sourceImage: string,
  timestamp: string,
  { reason = 'too many copies', ...more }: { reason?: string; tries?: number; retryInSeconds?: number } = {},
): object {
  return {
    ...{ message: 'request retried', timestamp, outcome: 'retried', sourceImage },
    ...{ reason: { code: 'ResourceLimitExceeded', message: reason }, tries: 1, retryInSeconds: 45, ...more },
  };
}
