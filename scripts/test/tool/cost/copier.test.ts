import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { imageCopierTemplate } from '../../../../terraform/template/template.ts';
import { ASSUMPTIONS } from '../../../tool/cost/assumptions.ts';
import { COPIER, COPY_METRICS, DAILY_METRICS, SOURCE, WATCH } from '../../../tool/cost/copier.ts';
import { ROOT } from '../../../tool/common/paths.ts';

const template = imageCopierTemplate();
const resources = Object.values(template.Resources).filter(({ Condition }) => Condition !== 'HasDashboard');
const MODULES = join(ROOT, 'terraform', 'modules');
const read = (...path: string[]) => readFileSync(join(ROOT, ...path), 'utf8');

/** The default of an input of the module image-copier. */
function defaultOf(input: string): string | undefined {
  const [, block = ''] = new RegExp(`^variable "${input}" \\{\n(.*?)^\\}`, 'ms').exec(variables) ?? [];
  return /^ {2}default += (.*)$/m.exec(block)?.[1];
}
const variables = read('terraform', 'modules', 'image-copier', 'variables.tf');

describe('what is counted of a copier', () => {
  // A test of the template compares it with the Terraform module.
  it('is all that the template makes by default', () => {
    expect(template.Parameters['WithDashboard']?.Default).toBe('false');
    const counts = new Map<string, number>();
    for (const { Type } of resources) counts.set(Type, (counts.get(Type) ?? 0) + 1);

    expect(Object.fromEntries(counts)).toEqual({
      'AWS::CloudWatch::Alarm': COPIER.alarms,
      'AWS::KMS::Key': COPIER.keys,
      // Paid for by use, or not at all.
      'AWS::Events::Rule': 3,
      'AWS::IAM::Role': 3,
      'AWS::KMS::Alias': 1,
      'AWS::Lambda::EventSourceMapping': 3,
      'AWS::Lambda::Function': 3,
      'AWS::Logs::LogGroup': 3,
      'AWS::SNS::Subscription': 2,
      'AWS::SQS::Queue': 4,
      'AWS::SQS::QueuePolicy': 4,
    });
    expect(COPIER.dashboards).toBe(0);
  });

  it('has alarms of standard resolution and of one metric each', () => {
    const alarms = resources.filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');

    for (const { Properties } of alarms) {
      expect(Properties).toHaveProperty('MetricName');
      expect(Number(Properties['Period'])).toBeGreaterThanOrEqual(60);
    }
  });

  it('has the defaults of the Terraform module', () => {
    expect(defaultOf('memory_size')).toBe(String(COPIER.memoryMb));
    expect(defaultOf('log_retention_days')).toBe(String(COPIER.logRetentionDays));
    expect(defaultOf('architecture')).toBe('"arm64"'); // as the price of Lambda's time is
    expect(read('terraform', 'modules', 'image-copier', 'settle.tf')).toContain(
      `"rate(${COPIER.sweepMinutes} minutes)"`,
    );
    expect(read('terraform', 'modules', 'image-copier', 'retire.tf')).toContain('"rate(1 day)"');
    expect(read('terraform', 'modules', 'image-copier', 'key.tf')).toMatch(/enable_key_rotation +=  ?true/);
  });

  it('has each queue polled as its event source mapping has Lambda do', () => {
    const polled = resources
      .filter(({ Type }) => Type === 'AWS::Lambda::EventSourceMapping')
      .map(({ Properties }) => {
        const {
          'Fn::GetAtt': [name = ''],
        } = Properties['EventSourceArn'] as { 'Fn::GetAtt': readonly string[] };
        const isFifo = template.Resources[name]?.Properties['FifoQueue'] === true;
        const { pollers, fewestPollers } = ASSUMPTIONS;
        return { name, isFifo, pollers: (isFifo || 'ScalingConfig' in Properties ? pollers : fewestPollers).value };
      });

    expect(COPIER.queues).toEqual(polled);
  });

  it('sends the metrics that are counted', () => {
    const functions =
      read('lambda', 'src', 'functions', 'handlers', 'copy-image.ts') +
      read('lambda', 'src', 'functions', 'handlers', 'settle-copy.ts') +
      read('lambda', 'src', 'functions', 'handlers', 'retire-image.ts');

    for (const metric of [...COPY_METRICS, ...DAILY_METRICS]) expect(functions).toContain(`'${metric}'`);
  });
});

it('counts the alarms and the dashboard of the source account', () => {
  const module = join(MODULES, 'source-account');
  const text = readdirSync(module)
    .filter((file) => file.endsWith('.tf'))
    .map((file) => readFileSync(join(module, file), 'utf8'))
    .join('\n');
  const entriesOf = (local: string) => {
    const [, entries = ''] = new RegExp(`^ {2}${local} = \\{\n(.*?)^ {2}\\}`, 'ms').exec(text) ?? [];
    return entries.trim().split('\n').length;
  };
  const alarms = Array.from(
    text.matchAll(/^resource "aws_cloudwatch_metric_alarm" "\w+" \{\n(.*)$/gm),
    ([, first = '']) => {
      const [, local] = /for_each += local\.(\w+)/.exec(first) ?? [];
      return local === undefined ? 1 : entriesOf(local);
    },
  );

  expect(alarms.reduce((sum, count) => sum + count)).toBe(SOURCE.alarms);
  expect(text.match(/^resource "aws_cloudwatch_dashboard"/gm)).toHaveLength(SOURCE.dashboards);
});

it('counts what the watch of the source account polls, and how often it looks at a request', () => {
  const watch = read('terraform', 'modules', 'source-account', 'watch.tf');
  const [, hours = '0'] =
    /LONGEST_SECONDS = (\d+) \* 3600/.exec(read('lambda', 'src', 'core', 'watch-requests.ts')) ?? [];

  expect(watch.match(/receives = local\.watch_failures/g)).toHaveLength(WATCH.queues);
  expect(2 + Math.ceil(24 / Number(hours))).toBe(WATCH.invocationsPerRequest);
});
