import { GetTopicAttributesCommand, type SNSClient } from '@aws-sdk/client-sns';
import { isDenied, isError } from '../common/aws-answers.ts';
import type { AlarmFacts } from './alarms.ts';
import { applyAfter, found, inWords, type CheckedCopier, type Finding } from './finding.ts';

/** An SNS topic that alarms send to. */
export interface AlarmTopicFacts {
  readonly arn: string;
  readonly state: 'there' | 'missing' | { readonly unread: string };
}

// SNS API Reference, GetTopicAttributes, "Errors": a topic of another Region is an invalid parameter, and no alarm reaches it.
const NO_TOPIC = ['NotFound', 'NotFoundException', 'InvalidParameter', 'InvalidParameterException'];

/** Looks for the topics among the actions of the alarms. */
export async function readAlarmTopics(sns: SNSClient, alarms: readonly AlarmFacts[]): Promise<AlarmTopicFacts[]> {
  const arns = new Set(alarms.flatMap(({ actions }) => actions.filter((arn) => arn.split(':')[2] === 'sns')));
  return await Promise.all(
    Array.from(arns, async (arn): Promise<AlarmTopicFacts> => {
      try {
        await sns.send(new GetTopicAttributesCommand({ TopicArn: arn }));
        return { arn, state: 'there' };
      } catch (error) {
        if (isError(error, ...NO_TOPIC)) return { arn, state: 'missing' };
        if (!isDenied(error)) throw error;
        return { arn, state: { unread: error instanceof Error ? error.message : String(error) } };
      }
    }),
  );
}

/** Checks that the topics are there. One of another account says so only to whom its policy lets ask. */
export function checkAlarmTopics(topics: readonly AlarmTopicFacts[], copier: CheckedCopier): Finding[] {
  return topics.flatMap(({ arn: subject, state }) =>
    found(
      state === 'missing' && {
        code: 'AlarmTopicMissing',
        severity: 'warning',
        subject,
        what: `Alarms send to this topic, and there is none in ${copier.region}.`,
        why: 'A failure that needs a person is not told to anybody.',
        ...applyAfter('Make the topic, or name another in the input alarm_actions.', copier),
      },
      typeof state === 'object' && {
        code: 'AlarmTopicUnread',
        severity: 'note',
        subject,
        what: `Alarms send to this topic, and it could not be looked for. ${state.unread}`,
        why: 'If there is no such topic, a failure that needs a person is not told to anybody.',
        ...inWords(
          "Allow sns:GetTopicAttributes for whoever runs this command; if it is another account's, there too.",
        ),
      },
    ),
  );
}
