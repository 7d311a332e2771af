import {
  DescribeRuleCommand,
  ListTargetsByRuleCommand,
  type EventBridgeClient,
  type Target,
} from '@aws-sdk/client-eventbridge';
import { ifThere } from '../common/aws-answers.ts';
import { awsCommand } from './commands.ts';
import { arnOf, found, type CheckedCopier, type Finding } from './finding.ts';
import { queueNames } from './queues.ts';

/** A rule of the default event bus as EventBridge describes it. */
export interface RuleFacts {
  readonly name: string;
  /** Missing where the rule does not exist. */
  readonly rule?: { readonly state: string; readonly targetArns: readonly string[] };
}

interface Expectation {
  readonly suffix: string;
  /** The queue that it sends to. */
  readonly queue: 'retirements' | 'settle';
  /** The sweep alone would be enough, the events alone would not. */
  readonly severity: 'problem' | 'warning';
  readonly why: string;
}

const RULES: readonly Expectation[] = [
  {
    suffix: 'image-state',
    queue: 'settle',
    severity: 'warning',
    why: 'A copy is announced up to 15 minutes late, by the sweep.',
  },
  {
    suffix: 'sweep',
    queue: 'settle',
    severity: 'problem',
    why: 'A copy whose event EC2 did not deliver is never announced, and nobody is told of overdue ones.',
  },
  {
    suffix: 'retention',
    queue: 'retirements',
    severity: 'problem',
    why: 'No image goes by itself, none leaves its quarantine, and snapshots that were left behind stay.',
  },
];

/** Reads the rules that wake the functions. */
export async function readRules(events: EventBridgeClient, name: string): Promise<RuleFacts[]> {
  return await Promise.all(RULES.map(({ suffix }) => readRule(events, `${name}-${suffix}`)));
}

async function readRule(events: EventBridgeClient, name: string): Promise<RuleFacts> {
  const rule = await ifThere(events.send(new DescribeRuleCommand({ Name: name })), 'ResourceNotFoundException');
  if (!rule) return { name };
  const { Targets = [] } = (await ifThere(
    events.send(new ListTargetsByRuleCommand({ Rule: name })),
    'ResourceNotFoundException',
  )) ?? { Targets: [] as Target[] };
  return { name, rule: { state: rule.State ?? '', targetArns: Targets.map(({ Arn = '' }) => Arn) } };
}

/** Checks that each rule is there, enabled, and sends to its queue. */
export function checkRules(rules: readonly RuleFacts[], copier: CheckedCopier): Finding[] {
  const queues = queueNames(copier.name);
  return RULES.flatMap(({ suffix, queue, severity, why }) => {
    const queueArn = arnOf('sqs', queues[queue], copier);
    const subject = `${copier.name}-${suffix}`;
    const rule = rules.find(({ name }) => name === subject)?.rule;
    const { apply } = copier;
    if (!rule) return [{ code: 'NoRule', severity, subject, what: 'The rule does not exist.', why, ...apply }];
    return found(
      rule.state === 'DISABLED' && {
        code: 'RuleDisabled',
        severity,
        subject,
        what: 'The rule is disabled.',
        why,
        fix: 'Enable it.',
        commands: [awsCommand(copier, 'events', 'enable-rule', '--name', subject)],
      },
      !rule.targetArns.includes(queueArn) && {
        code: 'RuleWithoutTarget',
        severity,
        subject,
        what: `The rule does not send to ${queueArn}.`,
        why,
        ...apply,
      },
    );
  });
}
