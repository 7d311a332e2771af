import { describe, expect, it } from '@jest/globals';
import { letsRoleCopy, SHARED_KEY_ACTIONS } from '../../../tool/doctor/source-key.ts';
import { ACCOUNT, keyStatements, SOURCE } from './facts.ts';

const ROOT = `arn:aws:iam::${ACCOUNT}:root`;
const ROLE = `arn:aws:iam::${ACCOUNT}:role/image-copier-copy-image-eu-west-1`;

describe('letsRoleCopy', () => {
  const lets = (changes: object) =>
    letsRoleCopy(
      { Statement: [{ Effect: 'Allow', Action: SHARED_KEY_ACTIONS, Principal: { AWS: ROOT }, ...changes }] },
      ROLE,
      'eu-west-1',
    );

  it('asks the key policy of another account', () => {
    expect(lets({})).toBe(true);
    expect(lets({ Principal: { AWS: ROLE } })).toBe(true);
    expect(lets({ Condition: keyStatements().used.Condition })).toBe(true);
    expect(lets({ Principal: { AWS: SOURCE } })).toBe(false);
    expect(lets({ Action: SHARED_KEY_ACTIONS.slice(1) })).toBe(false);
  });
});
