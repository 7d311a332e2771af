import { describe, expect, it } from '@jest/globals';
import { isSameEndpoint } from '../../dev/localstack/emulator.ts';

describe('isSameEndpoint', () => {
  it.each([
    ['http://127.0.0.1:4566', true],
    ['http://127.0.0.1:4566/', true],
    ['http://localhost:4566', true],
    ['http://127.0.0.1:4567', false],
    ['http://localhost.example.com:4566', false],
    ['http://10.0.0.1:4566', false],
    ['', false],
    ['127.0.0.1', false],
  ])('compares %j with what make up started', (named, isSame) => {
    expect(isSameEndpoint(named, 'http://127.0.0.1:4566')).toBe(isSame);
  });
});
