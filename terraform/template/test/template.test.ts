import { describe, expect, it } from '@jest/globals';
import { imageCopierTemplate } from '../template.ts';
import { resolved } from './resolved.ts';

const template = imageCopierTemplate();

function ifGiven(condition: string, value: unknown): unknown {
  return { 'Fn::If': [condition, value, { Ref: 'AWS::NoValue' }] };
}

describe('the template', () => {
  it('has the deliveries for each choice of RetryHours', () => {
    const { AllowedValues = [] } = template.Parameters['RetryHours'] ?? {};

    expect(AllowedValues.map((hours) => template.Mappings['Hours']?.[String(hours)]?.D)).toEqual(
      AllowedValues.map((hours) => String(5 + Number(hours) * 10)),
    );
    expect(AllowedValues).toHaveLength(91);
  });

  it.each([
    ['222222222222', ['222222222222', '*']],
    ['102222222222', ['102222222222', '*']],
    ['020222222222', ['020222222222', '20222222222', '*']],
    ['000222222222', ['000222222222', '00222222222', '0222222222', '222222222', '*']],
    ['000002222222', ['000002222222', '00002222222', '0002222222', '002222222', '02222222', '*']],
  ])('lets requests for %s pass, as for each form of it with lost zeros', (accountId, targetAccounts) => {
    const { FilterPolicy } = template.Resources['Subscription']?.Properties ?? {};
    const parameters = { 'AWS::AccountId': accountId, FilterEnabled: 'true' };

    expect(resolved(FilterPolicy, parameters, template)).toEqual({ targetAccounts });
  });

  it.each([
    [
      'arn:aws:sns:us-east-1:111111111111:amigo-PROD-housekeeping-notify',
      ['111111111111', 'amigo-PROD-housekeeping-notify'],
    ],
    ['', ['', '']],
  ])('finds account and name of the housekeeping topic %s, also where there is none', (HousekeepingTopicArn, parts) => {
    const { TopicArn } = template.Resources['HousekeepingSubscription']?.Properties ?? {};
    const [, values] = (TopicArn as { 'Fn::Sub': readonly [string, Readonly<Record<string, unknown>>] })['Fn::Sub'];

    expect(Object.values(values).map((value) => resolved(value, { HousekeepingTopicArn }, template))).toEqual(parts);
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

    expect(kept.sort()).toEqual([
      'DeadLetters',
      'DeadLettersPolicy',
      'ImageKey',
      'Requests',
      'RequestsPolicy',
      'Retirements',
      'RetirementsPolicy',
    ]);
  });

  it('waits as long with the deletion of the key as it is told', () => {
    expect(template.Resources['ImageKey']?.Properties['PendingWindowInDays']).toEqual({ Ref: 'KeyDeletionWindowDays' });
    expect(template.Parameters['KeyDeletionWindowDays']).toMatchObject({ Type: 'Number', Default: 30 });
  });

  it('runs its functions on a runtime that they were tested on', () => {
    const functions = Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');

    expect(functions.map(({ Properties }) => Properties['Runtime'])).toEqual(functions.map(() => ({ Ref: 'Runtime' })));
    expect(template.Parameters['Runtime']).toMatchObject({
      Default: 'nodejs22.x',
      AllowedValues: ['nodejs22.x', 'nodejs24.x'],
    });
  });

  it.each(['CopyImage', 'RetireImage', 'SettleCopy'])('runs %s signed and in a VPC if it is told so', (name) => {
    const { CodeSigningConfigArn, VpcConfig } = template.Resources[name]?.Properties ?? {};

    expect(CodeSigningConfigArn).toEqual(ifGiven('HasCodeSigning', { Ref: 'CodeSigningConfigArn' }));
    expect(VpcConfig).toEqual(
      ifGiven('HasVpc', { SecurityGroupIds: { Ref: 'SecurityGroupIds' }, SubnetIds: { Ref: 'SubnetIds' } }),
    );
    expect(template.Conditions).toMatchObject({
      HasCodeSigning: { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'CodeSigningConfigArn' }, ''] }] },
      HasVpc: { 'Fn::Not': [{ 'Fn::Equals': [{ 'Fn::Join': ['', { Ref: 'SubnetIds' }] }, ''] }] },
    });
  });

  it.each([
    ['CopyImageRole', 'copy-image'],
    ['RetireImageRole', 'retire-image'],
    ['SettleCopyRole', 'settle-copy'],
  ])('lets Lambda attach to the VPC with %s, and the code of %s do nothing of it', (role, name) => {
    const policies = template.Resources[role]?.Properties['Policies'] as
      { PolicyDocument: { Statement: unknown[] } }[] | undefined;
    const statement = {
      Action: [
        'ec2:AssignPrivateIpAddresses',
        'ec2:CreateNetworkInterface',
        'ec2:DeleteNetworkInterface',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSubnets',
        'ec2:UnassignPrivateIpAddresses',
      ],
      Resource: '*',
    };
    const arn = `arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:\${Name}-${name}`;

    expect(policies?.[0]?.PolicyDocument.Statement.slice(-2)).toEqual([
      ifGiven('HasVpc', { Sid: 'LambdaAttachesToVpc', Effect: 'Allow', ...statement }),
      ifGiven('HasVpc', {
        Sid: 'CodeAttachesNothing',
        Effect: 'Deny',
        ...statement,
        Condition: { ArnEquals: { 'lambda:SourceFunctionArn': { 'Fn::Sub': arn } } },
      }),
    ]);
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
