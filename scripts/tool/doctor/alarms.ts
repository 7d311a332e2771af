import { paginateDescribeAlarms, type CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { allOf } from '../common/aws-answers.ts';
import { awsCommand } from './commands.ts';
import { applyAfter, found, inWords, type CheckedCopier, type Finding } from './finding.ts';

/** An alarm as CloudWatch describes it. */
export interface AlarmFacts {
  readonly name: string;
  readonly state: string;
  readonly description: string;
  readonly isEnabled: boolean;
  readonly actions: readonly string[];
  /** When it was made or changed. */
  readonly configuredAtMs: number;
}

/** The alarms of terraform/modules/image-copier, without the copier's name. A test compares them with its outputs. */
export const ALARMS = [
  'copy-image-errors',
  'dangling-parameters',
  'dead-letters',
  'no-sweep',
  'overdue-copies',
  'request-age',
  'retire-image-errors',
  'retirements',
  'settle-copy-errors',
  'settling',
  'snapshots-remaining',
  'unverified-copies',
] as const;

// It wants a sweep in each of four periods of 15 minutes, and takes those before the first sweep for missed ones.
const NO_SWEEP_MS = 60 * 60_000;

/** Reads the alarms whose names begin as the copier's do. */
export async function readAlarms(cloudwatch: CloudWatchClient, name: string): Promise<AlarmFacts[]> {
  const alarms = await allOf(
    paginateDescribeAlarms({ client: cloudwatch }, { AlarmNamePrefix: `${name}-` }),
    (page) => page.MetricAlarms,
  );
  return alarms.map((alarm) => ({
    name: alarm.AlarmName ?? '',
    state: alarm.StateValue ?? '',
    description: alarm.AlarmDescription ?? '',
    isEnabled: alarm.ActionsEnabled ?? true,
    actions: alarm.AlarmActions ?? [],
    configuredAtMs: alarm.AlarmConfigurationUpdatedTimestamp?.getTime() ?? 0,
  }));
}

/**
 * Checks the alarms of the module.
 * @param explained alarms, without the copier's name, whose cause another finding tells already
 * @param nowMs the time, for an alarm that has not watched for long
 */
export function checkAlarms(
  alarms: readonly AlarmFacts[],
  explained: readonly (typeof ALARMS)[number][],
  nowMs: number,
  copier: CheckedCopier,
): Finding[] {
  const names = ALARMS.map((suffix) => `${copier.name}-${suffix}`);
  const own = alarms.filter(({ name }) => names.includes(name));
  const missing = names.filter((name) => !own.some((alarm) => alarm.name === name));
  const silent = own.filter(({ isEnabled }) => !isEnabled).map(({ name }) => name);
  const telling = explained.map((suffix) => `${copier.name}-${suffix}`);
  const on = own.filter(({ name, state }) => state === 'ALARM' && !telling.includes(name));
  const why = 'A failure that needs a person is not told to anybody.';
  return found(
    missing.length > 0 && {
      code: 'AlarmMissing',
      severity: 'warning',
      subject: missing.join(', '),
      what: missing.length === 1 ? 'The alarm does not exist.' : 'The alarms do not exist.',
      why,
      ...copier.apply,
    },
    silent.length > 0 && {
      code: 'AlarmActionsDisabled',
      severity: 'warning',
      subject: silent.join(', '),
      what: 'The actions are disabled.',
      why,
      fix: 'Enable them.',
      commands: [awsCommand(copier, 'cloudwatch', 'enable-alarm-actions', '--alarm-names', ...silent)],
    },
    own.length > 0 &&
      own.every(({ actions }) => actions.length === 0) && {
        code: 'AlarmsTellNobody',
        severity: 'note',
        subject: `${copier.name}-*`,
        what: 'No alarm has an action.',
        why: 'Alarms are seen only by those who look at CloudWatch.',
        ...applyAfter('Name a topic that tells somebody in the input alarm_actions.', copier),
      },
    ...on.map((alarm): Finding => {
      const { name: subject, description, configuredAtMs } = alarm;
      if (subject === `${copier.name}-no-sweep` && nowMs - configuredAtMs < NO_SWEEP_MS) {
        return {
          code: 'NoSweepYet',
          severity: 'note',
          subject,
          what: 'The alarm is on, but it has watched for less than an hour.',
          why: 'A new copier sweeps for the first time after 15 minutes. The alarm turns off by itself after that.',
          ...inWords('Look again in an hour.'),
        };
      }
      return {
        code: 'AlarmOn',
        severity: 'problem',
        subject,
        what: 'The alarm is on.',
        why: description,
        fix: 'Do what the alarm says. Its history tells since when it is on, and why.',
        commands: [awsCommand(copier, 'cloudwatch', 'describe-alarm-history', '--alarm-name', subject)],
      };
    }),
  );
}
