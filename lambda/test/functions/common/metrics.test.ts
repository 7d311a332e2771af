import { beforeEach, expect, it, jest } from '@jest/globals';
import { Metrics } from '../../../src/functions/common/metrics.ts';

let lines: Record<string, unknown>[];

beforeEach(() => {
  lines = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((line) => {
    lines.push(JSON.parse(line.toString()) as Record<string, unknown>);
    return true;
  });
});

it('writes what was counted once, each metric with its unit', () => {
  const metrics = new Metrics();
  metrics.count('CopiesSettled');
  metrics.count('ParametersDangling', 3);
  metrics.add('CopyTime', 'Seconds', 600);
  metrics.add('CopyTime', 'Seconds', 700);
  metrics.publish();
  metrics.publish();

  expect(lines).toEqual([
    {
      _aws: {
        Timestamp: expect.any(Number) as unknown,
        CloudWatchMetrics: [
          {
            Namespace: 'ImageCopier',
            Dimensions: [['service']],
            Metrics: [
              { Name: 'CopiesSettled', Unit: 'Count' },
              { Name: 'ParametersDangling', Unit: 'Count' },
              { Name: 'CopyTime', Unit: 'Seconds' },
            ],
          },
        ],
      },
      service: 'image-copier',
      CopiesSettled: 1,
      ParametersDangling: 3,
      CopyTime: [600, 700],
    },
  ]);
});

it('begins another line where a metric has as many values as CloudWatch takes', () => {
  const metrics = new Metrics();
  for (let value = 0; value < 250; value += 1) metrics.add('CopyTime', 'Seconds', value);
  metrics.publish();

  expect(lines.map(({ CopyTime }) => (CopyTime as number[]).length)).toEqual([100, 100, 50]);
});
