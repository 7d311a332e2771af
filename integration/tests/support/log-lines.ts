import { CloudWatchLogsClient, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs';
import { emulatedSettings, type EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { endpoint } from './emulator.ts';

/** All lines of a log group. */
export async function logLines({ id, region }: EmulatedAccount, logGroupName: string): Promise<string[]> {
  const client = new CloudWatchLogsClient(emulatedSettings(endpoint(), id, region));
  const lines: string[] = [];
  for await (const { events = [] } of paginateFilterLogEvents({ client }, { logGroupName })) {
    lines.push(...events.map(({ message = '' }) => message.trimEnd()));
  }
  return lines;
}
