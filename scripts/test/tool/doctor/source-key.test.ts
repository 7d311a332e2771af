import { describe, expect, it } from '@jest/globals';
import { admission, SHARED_KEY_ACTIONS } from '../../../tool/doctor/source-key.ts';
import { ACCOUNT, keyStatements, SOURCE } from './facts.ts';

const ROOT = `arn:aws:iam::${ACCOUNT}:root`;
const ROLE = `arn:aws:iam::${ACCOUNT}:role/image-copier-copy-image-eu-west-1`;
const PATH = 'o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*';

const admitted = (changes: object, ...more: object[]) => {
  const Action = SHARED_KEY_ACTIONS;
  const Statement = [{ Effect: 'Allow' as const, Action, Principal: { AWS: ROOT }, ...changes }, ...more];
  return admission({ Statement }, ROLE, 'eu-west-1');
};

describe('a source key', () => {
  it('admits a role by the key policy of another account', () => {
    expect(admitted({})).toBe('admitted');
    expect(admitted({ Principal: { AWS: ROLE } })).toBe('admitted');
    expect(admitted({ Condition: keyStatements().used.Condition })).toBe('admitted');
    expect(admitted({ Principal: { AWS: SOURCE } })).toBe('refused');
    expect(admitted({ Action: SHARED_KEY_ACTIONS.slice(1) })).toBe('refused');
  });

  // EC2 User Guide, "Allow organizations and OUs to use a KMS key".
  it.each([
    ['an organization', { StringEquals: { 'aws:PrincipalOrgID': 'o-a1b2c3d4e5' } }],
    ['one of two', { StringEquals: { 'aws:PrincipalOrgID': ['o-0000000000', 'o-a1b2c3d4e5'] } }],
    ['a unit', { 'ForAnyValue:StringLike': { 'aws:PrincipalOrgPaths': PATH } }],
    [
      'a unit of an organization',
      {
        StringEquals: { 'aws:PrincipalOrgID': 'o-a1b2c3d4e5' },
        'ForAnyValue:StringLike': { 'aws:PrincipalOrgPaths': PATH },
      },
    ],
  ])('may admit it as a member of %s', (_, Condition) => {
    expect(admitted({ Principal: { AWS: '*' }, Condition })).toBe('members');
    expect(admitted({ Principal: { AWS: SOURCE }, Condition })).toBe('refused');
    expect(
      admitted({ Principal: { AWS: '*' }, Condition }, { Effect: 'Deny', Action: 'kms:Decrypt', Principal: '*' }),
    ).toBe('refused');
  });
});
