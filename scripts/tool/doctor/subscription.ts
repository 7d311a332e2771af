import {
  GetSubscriptionAttributesCommand,
  paginateListSubscriptions,
  paginateListSubscriptionsByTopic,
  type SNSClient,
  type Subscription,
} from '@aws-sdk/client-sns';
import { formsOf } from '../../../lambda/src/core/copy-request.ts';
import { allOf, isDenied } from '../common/aws-answers.ts';
import { awsCommand } from './commands.ts';
import { applyAfter, arnOf, found, inWords, type CheckedCopier, type Finding, type Remedy } from './finding.ts';
import { queueNames } from './queues.ts';

/** A subscription of the requests queue, as SNS describes it. */
interface SubscriptionFacts {
  readonly topicArn: string;
  /** `PendingConfirmation` while it is not confirmed. */
  readonly arn: string;
  /** Missing where nobody who was asked may read them. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** The subscriptions of the requests queue, as far as they can be known. */
export interface SubscriptionsFacts {
  /** From the accounts file, else from the queue's policy, else from the subscription itself. */
  readonly topicArn: string | undefined;
  readonly subscriptions: readonly SubscriptionFacts[];
  /** Whether the subscriptions of this account could not be listed. */
  readonly isUnread: boolean;
}

/** All subscriptions of a topic, asked by its owner. */
export async function listByTopic(sns: SNSClient, TopicArn: string): Promise<Subscription[]> {
  return await allOf(paginateListSubscriptionsByTopic({ client: sns }, { TopicArn }), (page) => page.Subscriptions);
}

/**
 * Finds the subscription of the queue. Its owner is this account, though the topic is another's (SNS API Reference,
 * GetSubscriptionAttributes, `Owner`), so it is among the account's own. One that the topic's account made is not.
 * @param listAtSource lists all of the topic with the credentials of its account; undefined if these cannot
 */
export async function readSubscriptions(
  sns: SNSClient,
  queueArn: string,
  topicArn: string | undefined,
  listAtSource?: () => Promise<readonly Subscription[] | undefined>,
): Promise<SubscriptionsFacts> {
  let own: Subscription[] = [];
  let isUnread = false;
  try {
    own = await allOf(paginateListSubscriptions({ client: sns }, {}), (page) => page.Subscriptions);
  } catch (error) {
    if (!isDenied(error)) throw error;
    isUnread = true;
  }
  let found = matching(own, queueArn, topicArn);
  if (found.length === 0 && listAtSource) {
    const all = await listAtSource();
    found = matching(all ?? [], queueArn, topicArn);
    isUnread &&= all === undefined;
  }
  const subscriptions = await Promise.all(found.map((each) => readSubscription(sns, each)));
  return { topicArn: topicArn ?? subscriptions[0]?.topicArn, subscriptions, isUnread };
}

function matching(all: readonly Subscription[], queueArn: string, topicArn: string | undefined): Subscription[] {
  return all.filter(
    ({ Endpoint, TopicArn }) => Endpoint === queueArn && (topicArn === undefined || TopicArn === topicArn),
  );
}

async function readSubscription(
  sns: SNSClient,
  { SubscriptionArn: arn = '', TopicArn: topicArn = '' }: Subscription,
): Promise<SubscriptionFacts> {
  if (!arn.startsWith('arn:')) return { topicArn, arn };
  try {
    const { Attributes = {} } = await sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn: arn }));
    return { topicArn, arn, attributes: Attributes };
  } catch (error) {
    if (isDenied(error)) return { topicArn, arn };
    throw error;
  }
}

/**
 * Checks that requests for this account reach the queue, and reach it as they were sent.
 * @param isExistingTopic whether the topic is another system's, whose policy Terraform does not write
 */
export function checkSubscription(
  { topicArn, subscriptions, isUnread }: SubscriptionsFacts,
  copier: CheckedCopier,
  isExistingTopic = false,
): Finding[] {
  const subject = topicArn ?? queueNames(copier.name).requests;
  const [first, ...others] = subscriptions;
  if (!first) return [isUnread ? unread(subject) : none(subject, topicArn, copier, isExistingTopic)];
  return [first, ...others].flatMap((each) => checkOne(each, copier));
}

function none(subject: string, topicArn: string | undefined, copier: CheckedCopier, isExistingTopic: boolean): Finding {
  return {
    code: 'NoSubscription',
    severity: 'problem',
    subject,
    what:
      topicArn === undefined
        ? 'The requests queue is subscribed to no topic.'
        : 'The requests queue is not subscribed to the topic.',
    why: 'No copy request reaches this account.',
    ...(isExistingTopic
      ? applyAfter(
          "Let the topic's own policy allow sns:Subscribe to the account: AMIgo sees to it at its start, for the accounts that Prism knows.",
          copier,
        )
      : copier.applyWithSource),
  };
}

function unread(subject: string): Finding {
  return {
    code: 'SubscriptionUnread',
    severity: 'note',
    subject,
    what: 'The subscription could not be read, so it was not checked.',
    why: 'It may be missing, or let nothing through.',
    ...inWords('Allow sns:ListSubscriptions and sns:GetSubscriptionAttributes, or use --accounts-file.'),
  };
}

function checkOne({ arn, attributes }: SubscriptionFacts, copier: CheckedCopier): Finding[] {
  if (!arn.startsWith('arn:')) return [pending(arn, copier)];
  if (!attributes) return [unread(arn)];
  if (attributes['PendingConfirmation'] === 'true') return [pending(arn, copier)];
  const deadLetters = arnOf('sqs', queueNames(copier.name).deadLetters, copier);
  const set = (fix: string, name: string, value: string): Remedy => {
    const words = ['--subscription-arn', arn, '--attribute-name', name, '--attribute-value', value];
    return { fix, commands: [awsCommand(copier, 'sns', 'set-subscription-attributes', ...words)] };
  };
  return found(
    attributes['RawMessageDelivery'] !== 'true' && {
      code: 'SubscriptionNotRaw',
      severity: 'problem',
      subject: arn,
      what: 'Raw message delivery is off.',
      why: 'Requests arrive in an envelope of SNS, and each is rejected as a bad request.',
      ...set('Turn it on.', 'RawMessageDelivery', 'true'),
    },
    ...checkFilter(arn, attributes, set, copier),
    redriveTarget(attributes['RedrivePolicy']) !== deadLetters && {
      code: 'SubscriptionWithoutDeadLetters',
      severity: 'warning',
      subject: arn,
      what: `Its redrive policy does not name ${deadLetters}.`,
      why: 'A request that SNS cannot deliver is lost.',
      ...set('Name that queue.', 'RedrivePolicy', JSON.stringify({ deadLetterTargetArn: deadLetters })),
    },
  );
}

function pending(subject: string, copier: CheckedCopier): Finding {
  return {
    code: 'SubscriptionPending',
    severity: 'problem',
    subject,
    what: 'The subscription is not confirmed: another account than this one asked for it.',
    why: 'SNS delivers nothing to it.',
    ...copier.apply,
    fix: `${copier.apply.fix} The credentials must be those of this account.`,
  };
}

function checkFilter(
  subject: string,
  { FilterPolicy, FilterPolicyScope }: Readonly<Record<string, string>>,
  set: (fix: string, name: string, value: string) => Remedy,
  copier: CheckedCopier,
): Finding[] {
  if (FilterPolicy === undefined || FilterPolicy === '{}') {
    return [
      {
        code: 'FilterOff',
        severity: 'note',
        subject,
        what: 'The subscription has no filter policy.',
        why: 'Requests for other accounts wake the function as well. It ignores them.',
        ...applyAfter('Set the input filter_enabled to true.', copier),
      },
    ];
  }
  const passing = targetAccountsIn(FilterPolicy);
  const [, ...shortForms] = formsOf(copier.accountId);
  const ours = set(
    'Let them through.',
    'FilterPolicy',
    JSON.stringify({ targetAccounts: [copier.accountId, ...shortForms, '*'] }),
  );
  const missingForms = shortForms.filter((form) => !passing.includes(form));
  const isInBody = FilterPolicyScope === 'MessageBody';
  return found(
    !isInBody && {
      code: 'FilterScope',
      severity: 'problem',
      subject,
      what: 'The filter policy is compared with message attributes, and the scope must be MessageBody.',
      why: 'Copy requests have no attributes, so none passes the filter.',
      ...set('Set the scope.', 'FilterPolicyScope', 'MessageBody'),
    },
    !passing.includes(copier.accountId) && {
      code: 'FilterLacksAccount',
      severity: 'problem',
      subject,
      what: `The filter policy ${FilterPolicy} does not let requests for ${copier.accountId} through.`,
      why: 'Requests that list this account do not reach it.',
      ...ours,
    },
    passing.includes(copier.accountId) &&
      !passing.includes('*') && {
        code: 'FilterLacksEveryone',
        severity: 'warning',
        subject,
        what: 'The filter policy does not let requests for "*" through.',
        why: 'Requests for every account do not reach this one.',
        ...ours,
      },
    passing.includes(copier.accountId) &&
      missingForms.length > 0 && {
        code: 'FilterLacksLostZeros',
        severity: 'warning',
        subject,
        what: `The filter policy does not let requests for ${missingForms.join(', ')} through.`,
        why: "A request in which this account's id has lost the zeros at its start does not reach it.",
        ...ours,
      },
  );
}

/** The values of `targetAccounts`, if nothing else is asked of a request. */
function targetAccountsIn(filterPolicy: string): readonly unknown[] {
  const { targetAccounts, ...others } = JSON.parse(filterPolicy) as { targetAccounts?: unknown };
  return Array.isArray(targetAccounts) && Object.keys(others).length === 0 ? targetAccounts : [];
}

function redriveTarget(policy: string | undefined): unknown {
  if (policy === undefined) return undefined;
  return (JSON.parse(policy) as { deadLetterTargetArn?: unknown }).deadLetterTargetArn;
}
