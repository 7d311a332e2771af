import { afterAll, beforeAll } from '@jest/globals';
import { DeployedAccounts } from './deployed-accounts.ts';

const APPLY_TIMEOUT_MS = 900_000;

/** The accounts of all parts of this test. */
export const accounts = new DeployedAccounts();

beforeAll(async () => {
  await accounts.apply();
}, APPLY_TIMEOUT_MS);

afterAll(async () => {
  await accounts.leave();
});
