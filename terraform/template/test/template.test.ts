import { describe, expect, it } from '@jest/globals';
import { imageCopierTemplate } from '../template.ts';

/** CreateStackSet and CreateStack take a TemplateBody of at most so many bytes (CloudFormation API Reference). */
const MAX_INLINE_BYTES = 51_200;
const template = imageCopierTemplate();

describe('the template', () => {
  it('fits into a call, with a twentieth of it to spare', () => {
    expect(Buffer.byteLength(JSON.stringify(template))).toBeLessThan(MAX_INLINE_BYTES * 0.95);
  });

  it('has the deliveries for each choice of RetryHours', () => {
    const { AllowedValues = [] } = template.Parameters['RetryHours'] ?? {};

    expect(AllowedValues.map((hours) => template.Mappings['Hours']?.[String(hours)]?.Deliveries)).toEqual(
      AllowedValues.map((hours) => String(5 + Number(hours) * 10)),
    );
    expect(AllowedValues).toHaveLength(91);
  });

  it('is the same each time', () => {
    expect(JSON.stringify(imageCopierTemplate())).toBe(JSON.stringify(template));
  });

  it('keeps the key, and the queues of requests with their policies, when the stack goes, or replaces them', () => {
    const kept = Object.entries(template.Resources)
      .filter(
        ([, { DeletionPolicy, UpdateReplacePolicy }]) =>
          DeletionPolicy?.startsWith('Retain') && UpdateReplacePolicy === 'Retain',
      )
      .map(([name]) => name);

    expect(kept.sort()).toEqual(['DeadLetters', 'DeadLettersPolicy', 'ImageKey', 'Requests', 'RequestsPolicy']);
  });

  it('waits as long with the deletion of the key as it is told', () => {
    expect(template.Resources['ImageKey']?.Properties['PendingWindowInDays']).toEqual({ Ref: 'KeyDeletionWindowDays' });
    expect(template.Parameters['KeyDeletionWindowDays']).toMatchObject({ Type: 'Number', Default: 30 });
  });

  it('names only parameters, resources and conditions that it has', () => {
    const known = new Set([
      ...Object.keys(template.Parameters),
      ...Object.keys(template.Resources),
      ...['AccountId', 'NoValue', 'Partition', 'Region'].map((name) => `AWS::${name}`),
    ]);
    const text = JSON.stringify({ ...template, Parameters: {} });
    const refs = [...text.matchAll(/"Ref":"([^"]+)"/g), ...text.matchAll(/"Fn::GetAtt":\["([^"]+)"/g)];
    const conditions = [...text.matchAll(/"Fn::If":\["([^"]+)"/g)];

    expect(refs.map(([, name = '']) => name).filter((name) => !known.has(name))).toEqual([]);
    expect(refs.length).toBeGreaterThan(50);
    expect(conditions.map(([, name = '']) => name).filter((name) => !(name in template.Conditions))).toEqual([]);
  });
});
