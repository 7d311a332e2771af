import { DescribeRuleCommand, ListTargetsByRuleCommand, ResourceNotFoundException } from '@aws-sdk/client-eventbridge';
import { describe, expect, it } from '@jest/globals';
import { checkRules, readRules, type RuleFacts } from '../../../tool/doctor/rules.ts';
import { ACCOUNT, arn, COPIER } from './facts.ts';
import { awsWithCopier } from './healthy-copier.ts';

const RULE = { state: 'ENABLED', targetArns: [arn('sqs', 'image-copier-settle.fifo')] };

const RETENTION = { state: 'ENABLED', targetArns: [arn('sqs', 'image-copier-retirements')] };

function check(sweep: RuleFacts['rule'], imageState = RULE, retention = RETENTION) {
  const rules = [
    { name: 'image-copier-image-state', rule: imageState },
    { name: 'image-copier-sweep', ...(sweep && { rule: sweep }) },
    { name: 'image-copier-retention', rule: retention },
  ];
  return checkRules(rules, COPIER).map(({ code, severity, subject }) => [code, severity, subject]);
}

describe('checkRules', () => {
  it('finds nothing in rules as the module makes them', () => {
    expect(check(RULE)).toEqual([]);
    expect(check({ ...RULE, targetArns: ['another', ...RULE.targetArns] })).toEqual([]);
  });

  it.each<[string, RuleFacts['rule'], string[]]>([
    ['a rule that is gone', undefined, ['NoRule']],
    ['a rule that is disabled', { ...RULE, state: 'DISABLED' }, ['RuleDisabled']],
    ['a rule without our target', { ...RULE, targetArns: ['another'] }, ['RuleWithoutTarget']],
    ['both', { state: 'DISABLED', targetArns: [] }, ['RuleDisabled', 'RuleWithoutTarget']],
  ])('finds %s', (_, rule, expected) => {
    expect(check(rule)).toEqual(expected.map((code) => [code, 'problem', 'image-copier-sweep']));
  });

  it('only warns of lost events, for the sweep finds what they would have told', () => {
    expect(check(RULE, { ...RULE, state: 'DISABLED' })).toEqual([
      ['RuleDisabled', 'warning', 'image-copier-image-state'],
    ]);
  });

  it('finds a rule that sends to the queue of another function', () => {
    expect(check(RULE, RULE, RULE)).toEqual([['RuleWithoutTarget', 'problem', 'image-copier-retention']]);
  });
});

describe('readRules', () => {
  const read = (aws = awsWithCopier()) => readRules(aws.connect({}).events, 'image-copier');
  const gone = new ResourceNotFoundException({ message: 'gone', $metadata: {} });

  it('reads the rules of a copier', async () => {
    expect(await read()).toEqual([
      { name: 'image-copier-image-state', rule: RULE },
      { name: 'image-copier-sweep', rule: RULE },
      { name: 'image-copier-retention', rule: RETENTION },
    ]);
  });

  it('reads that a rule is not there, or no longer', async () => {
    const aws = awsWithCopier();
    const { events } = aws.in(ACCOUNT);
    events.on(DescribeRuleCommand, { Name: 'image-copier-image-state' }).rejects(gone);
    events.on(ListTargetsByRuleCommand, { Rule: 'image-copier-sweep' }).rejects(gone);

    expect(await read(aws)).toEqual([
      { name: 'image-copier-image-state' },
      { name: 'image-copier-sweep', rule: { state: 'ENABLED', targetArns: [] } },
      { name: 'image-copier-retention', rule: RETENTION },
    ]);
  });
});
