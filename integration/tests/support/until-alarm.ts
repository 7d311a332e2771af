import { CloudWatchClient, DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { emulatedSettings, type EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { endpoint } from './emulator.ts';

/** The emulator looks at the alarms of all accounts one after another, so that under load one waits for minutes. */
const TIMEOUT_MS = 540_000;

/** Waits until an alarm is on. */
export async function untilAlarm(
  { id, region }: Pick<EmulatedAccount, 'id' | 'region'>,
  name: string,
): Promise<MetricAlarm> {
  const cloudwatch = new CloudWatchClient(emulatedSettings(endpoint(), id, region));
  return await waitFor(
    `the alarm ${name}`,
    async () => {
      const { MetricAlarms: [alarm] = [] } = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames: [name] }));
      return alarm?.StateValue === 'ALARM' ? alarm : undefined;
    },
    { timeoutMs: TIMEOUT_MS },
  );
}
