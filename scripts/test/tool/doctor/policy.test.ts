import { describe, expect, it } from '@jest/globals';
import { allowedPrincipals, allowedValues, decide, parsePolicy, type Policy } from '../../../tool/doctor/policy.ts';

const ROLE = 'arn:aws:iam::222222222222:role/operator';
const CALL = { principal: ROLE, action: 'kms:Decrypt', context: {} };

function allow(changes: object = {}): Policy {
  return { Statement: [{ Effect: 'Allow', Action: 'kms:Decrypt', Principal: { AWS: ROLE }, ...changes }] };
}

describe('decide', () => {
  it.each([
    ['the principal itself', { AWS: ROLE }, 'allowed'],
    ['everybody', '*', 'allowed'],
    ['everybody, as an AWS principal', { AWS: '*' }, 'allowed'],
    ['its account', { AWS: 'arn:aws:iam::222222222222:root' }, 'delegated'],
    ['its account by id', { AWS: ['333333333333', '222222222222'] }, 'delegated'],
    ['another account', { AWS: 'arn:aws:iam::333333333333:root' }, 'silent'],
    ['a service', { Service: 'sns.amazonaws.com' }, 'silent'],
  ])('sees whom an Allow is for: %s', (_, Principal, decision) => {
    expect(decide(allow({ Principal }), CALL)).toBe(decision);
  });

  it('knows services', () => {
    const policy = allow({ Principal: { Service: ['sns.amazonaws.com'] } });
    expect(decide(policy, { ...CALL, principal: 'sns.amazonaws.com' })).toBe('allowed');
    expect(decide(policy, { ...CALL, principal: 'events.amazonaws.com' })).toBe('silent');
  });

  it.each([
    ['KMS:decrypt', 'allowed'],
    ['kms:De*', 'allowed'],
    ['*', 'allowed'],
    ['kms:Encrypt', 'silent'],
    [['kms:Encrypt', 'kms:Decrypt'], 'allowed'],
  ])('compares actions: %s', (Action, decision) => {
    expect(decide(allow({ Action }), CALL)).toBe(decision);
  });

  it('lets a deny win', () => {
    const { Statement = [] } = allow();
    const deny = { Effect: 'Deny', NotAction: 'kms:Encrypt', Principal: '*' } as const;
    expect(decide({ Statement: [deny, ...[Statement].flat()] as Policy['Statement'] & object }, CALL)).toBe('denied');
  });

  it.each([
    [{ StringEquals: { 'aws:PrincipalAccount': '222222222222' } }, 'allowed'],
    [{ StringEquals: { 'AWS:principalaccount': ['1', '222222222222'] } }, 'allowed'],
    [{ StringEquals: { 'aws:PrincipalAccount': '333333333333' } }, 'silent'],
    [{ StringNotEquals: { 'aws:PrincipalAccount': '222222222222' } }, 'silent'],
    [{ StringNotEquals: { 'kms:ViaService': 'ec2' } }, 'allowed'],
    [{ StringLike: { 'aws:PrincipalAccount': '22*2' } }, 'allowed'],
    [{ StringLike: { 'aws:PrincipalAccount': '2?2' } }, 'silent'],
    [{ StringEquals: { 'kms:ViaService': 'ec2' } }, 'silent'],
    [{ StringEqualsIfExists: { 'kms:ViaService': 'ec2' } }, 'allowed'],
    [{ 'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': 'aws:ebs:id' } }, 'allowed'],
    [{ 'ForAnyValue:StringEquals': { 'aws:PrincipalAccount': ['1', '222222222222'] } }, 'allowed'],
    [{ 'ForAnyValue:StringEquals': { 'kms:EncryptionContextKeys': 'aws:ebs:id' } }, 'silent'],
    [{ Null: { 'kms:ViaService': 'true' } }, 'allowed'],
    [{ Null: { 'aws:PrincipalAccount': 'true' } }, 'silent'],
    [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, 'silent'],
    [
      {
        StringEquals: { 'aws:PrincipalAccount': '222222222222' },
        Bool: { 'kms:GrantIsForAWSResource': 'true' },
      },
      'silent',
    ],
  ])('weighs conditions: %j', (Condition, decision) => {
    const context = { 'aws:PrincipalAccount': '222222222222' };
    expect(decide(allow({ Condition }), { ...CALL, context })).toBe(decision);
  });

  it('takes a single statement that is in no list', () => {
    const [statement] = [allow().Statement ?? []].flat();
    expect(decide({ Statement: statement as Policy['Statement'] & object }, CALL)).toBe('allowed');
  });

  it('takes dots and brackets literally', () => {
    const Condition = { ArnLike: { 'aws:SourceArn': 'arn:aws:sns:*:1.1:[a]' } };
    expect(decide(allow({ Condition }), { ...CALL, context: { 'aws:SourceArn': 'arn:aws:sns:x:1.1:[a]' } })).toBe(
      'allowed',
    );
    expect(decide(allow({ Condition }), { ...CALL, context: { 'aws:SourceArn': 'arn:aws:sns:x:1x1:a' } })).toBe(
      'silent',
    );
  });
});

describe('parsePolicy', () => {
  it.each([[undefined], [''], ['no json']])('finds no statements in %j', (text) => {
    expect(decide(parsePolicy(text), CALL)).toBe('silent');
  });

  it('reads a document', () => {
    expect(decide(parsePolicy(JSON.stringify(allow())), CALL)).toBe('allowed');
  });
});

describe('what a policy names', () => {
  it('lists the principals that are allowed', () => {
    const deny = { Effect: 'Deny', Principal: { AWS: '333333333333' } };
    const statements = [...[allow().Statement ?? []].flat(), deny];
    expect(allowedPrincipals({ Statement: statements })).toEqual([ROLE]);
  });

  it('lists what a service may send for', () => {
    const policy = allow({
      Principal: { Service: 'sns.amazonaws.com' },
      Condition: { ArnEquals: { 'AWS:SourceArn': ['one', 'two'] }, StringEquals: { 'aws:SourceAccount': '1' } },
    });
    expect(allowedValues(policy, 'sns.amazonaws.com', 'aws:SourceArn')).toEqual(['one', 'two']);
    expect(allowedValues(policy, 'events.amazonaws.com', 'aws:SourceArn')).toEqual([]);
  });
});
