import { Logger } from '@aws-lambda-powertools/logger';
import { spellOutHidden } from '../core/hidden-characters.ts';

/** Settings of every client. Calls come one after the other: with two tries each they end within a function's time. */
export const clientSettings = {
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 9_000, throwOnRequestTimeout: true },
  maxAttempts: 2,
} as const;

/** Where the functions count what they do; the dimension `service` is POWERTOOLS_SERVICE_NAME. */
export const METRICS_NAMESPACE = 'ImageCopier';

/** A logger of one line of JSON for each entry. AWS may repeat in an error what the sender of a message wrote. */
export function createLogger(): Logger {
  const jsonReplacerFn = (key: string, value: unknown) => {
    if (typeof value !== 'string') return value;
    return key === 'stack' ? value.replace(/[^\n]+/g, spellOutHidden) : spellOutHidden(value); // its lines stay lines
  };
  return new Logger({ jsonReplacerFn });
}
