export { newAccountId } from '../../../scripts/dev/emulated-account.ts';

/** The emulator that the test run started, or that the user named. */
export function endpoint(): string {
  const { AWS_ENDPOINT_URL: url } = process.env;
  if (!url) throw new Error('AWS_ENDPOINT_URL is not set. Run the tests with make test-integration.');
  return url;
}

export const REGION = 'eu-west-1';

interface Fault {
  readonly kind: 'error' | 'throttle' | 'limit' | 'slow-copy' | 'fail-copy' | 'keep-snapshot' | 'lose-event' | 'clock';
  readonly account: string;
  readonly [setting: string]: unknown;
}

/** Keeps an account from copying, as a tag policy would, until the returned function is called: each request is refused at once. */
export async function refuseCopies(account: string): Promise<() => Promise<void>> {
  return await injectFault({
    kind: 'error',
    account,
    operation: 'CopyImage',
    code: 'TagPolicyViolation',
    message: "The tag policy does not allow the specified value for the following tag key: 'Recipe'.",
    status: 400,
  });
}

/** Makes EC2 fail in an account until the returned function is called. */
export async function injectFault(fault: Fault): Promise<() => Promise<void>> {
  const url = `${endpoint()}/_image-copier/faults`;
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(fault) });
  const { id, error } = (await response.json()) as { id?: string; error?: string };
  if (id === undefined) throw new Error(`The emulator refused the fault: ${error ?? response.status}`);
  return async () => {
    await fetch(`${url}/${id}`, { method: 'DELETE' });
  };
}

/** Ends the copies of an account that are pending, or one of them. */
export async function endCopies(account: string, imageId?: string): Promise<void> {
  const pending = `${endpoint()}/_image-copier/accounts/${account}/pending-images`;
  const response = await fetch(imageId === undefined ? pending : `${pending}/${imageId}`, { method: 'DELETE' });
  if (!response.ok) throw new Error(`The emulator ended no copies: ${response.status}`);
}

/**
 * Makes an account one of an organization, which limits nothing in it. Its root user may then do only what the emulator knows the actions of.
 * @returns has it leave
 */
export async function joinOrganization(account: string, id: string): Promise<() => Promise<void>> {
  const url = `${endpoint()}/_image-copier/accounts/${account}/organization`;
  const call = async (init: RequestInit) => {
    const { ok, status } = await fetch(url, init);
    if (!ok) throw new Error(`The emulator answers with ${status}.`);
  };
  await call({ method: 'PUT', body: JSON.stringify({ id }) });
  return async () => {
    await call({ method: 'DELETE' });
  };
}
