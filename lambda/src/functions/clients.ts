/** Settings of every client. Calls come one after the other: with two tries each they end within a function's time. */
export const clientSettings = {
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 9_000, throwOnRequestTimeout: true },
  maxAttempts: 2,
} as const;

/** Where the functions count what they do; the dimension `service` is POWERTOOLS_SERVICE_NAME. */
export const METRICS_NAMESPACE = 'ImageCopier';
