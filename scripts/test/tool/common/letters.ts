import type { DeadLetter } from '../../../tool/common/dead-letter.ts';

export const IMAGE = 'ami-0123456789abcdef0';
export const REQUESTED_AT = '2026-11-23T22:10:00.000Z';

export function letter(changes: Partial<DeadLetter> = {}): DeadLetter {
  return {
    id: '1b2c3d4e-0000-4000-8000-000000000000',
    sourceImage: IMAGE,
    code: 'UntrustedOwner',
    reason: 'It belongs to somebody else.',
    requestedAt: new Date(REQUESTED_AT),
    attempt: undefined,
    receiveCount: 1,
    body: `{"sourceAmi":"${IMAGE}"}`,
    ...changes,
  };
}
