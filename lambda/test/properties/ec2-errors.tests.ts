import { describe, expect, it } from '@jest/globals';
import { EC2ServiceException } from '@aws-sdk/client-ec2';
import fc from 'fast-check';
import { classifyEc2Error } from '../../src/adapters/ec2-errors.ts';
import { RejectedError, RetryableError, UncertainError } from '../../src/core/errors.ts';
import { anyText, UNPRINTABLE } from './arbitraries.ts';

const name = fc.oneof(
  fc.constantFrom(
    'InvalidRequest',
    'RequestLimitExceeded',
    'UnauthorizedOperation',
    'InvalidAMIID.NotFound',
    'InvalidParameterValue',
    'TagLimitExceeded',
    'constructor',
    '__proto__',
  ),
  fc.stringMatching(/^[A-Za-z.]{1,40}$/),
);
const message = fc.oneof(anyText(), fc.constant('You do not have permission to access the storage of this ami'));
const answer = (status: fc.Arbitrary<number>) =>
  fc.tuple(name, message, status).map(([code, text, httpStatusCode]) => {
    const $fault = httpStatusCode < 500 ? 'client' : 'server';
    return new EC2ServiceException({ name: code, message: text, $fault, $metadata: { httpStatusCode } });
  });
const classify = (error: unknown) => classifyEc2Error(error, 'eu-west-1');

describe('classifyEc2Error', () => {
  it('tries any answer of EC2 again or rejects it, and keeps it', () => {
    fc.assert(
      fc.property(answer(fc.integer({ min: 100, max: 599 })), (error) => {
        const classed = classify(error);
        expect(classed instanceof RetryableError || classed instanceof RejectedError).toBe(true);
        expect(classed.code).toBe(error.name);
        expect(classed.message.startsWith(`${error.name}: `)).toBe(true);
        expect(classed.message).not.toMatch(UNPRINTABLE);
        expect(classed.cause).toMatchObject({ name: error.name, $metadata: error.$metadata });
      }),
    );
  });

  it('rejects nothing for which EC2 is at fault, or for which it asks to wait', () => {
    const status = fc.oneof(fc.integer({ min: 500, max: 599 }), fc.constant(429));
    fc.assert(
      fc.property(answer(status), (error) => {
        expect(classify(error)).toBeInstanceOf(RetryableError);
      }),
    );
  });

  it('is uncertain of each code that is not known, whatever its text', () => {
    const unknown = fc.stringMatching(/^[A-Z][A-Za-z]{1,30}\.Never$/);
    fc.assert(
      fc.property(unknown, message, fc.integer({ min: 400, max: 428 }), (code, text, httpStatusCode) => {
        const error = new EC2ServiceException({
          name: code,
          message: text,
          $fault: 'client',
          $metadata: { httpStatusCode },
        });
        expect(classify(error)).toBeInstanceOf(UncertainError);
      }),
    );
  });

  it('rejects nothing without an answer, but a Region that there is not', () => {
    const code = fc.constantFrom('ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN', 'EPIPE');
    const lost = fc.oneof(
      fc.tuple(name, message).map(([errorName, text]) => Object.assign(new Error(text), { name: errorName })),
      fc.tuple(code, message).map(([errorCode, text]) => Object.assign(new Error(text), { code: errorCode })),
      fc.oneof(anyText(), fc.integer(), fc.boolean(), fc.constantFrom(null, undefined)),
    );
    fc.assert(
      fc.property(lost, (error) => {
        expect(classify(error)).toBeInstanceOf(RetryableError);
      }),
    );
  });
});
