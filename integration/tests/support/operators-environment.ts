import { OPERATORS_ACCOUNT } from '../../../scripts/dev/administrator-role.ts';
import { emulatedEnvironment, withoutAws } from '../../../scripts/dev/emulated-account.ts';
import { endpoint, REGION } from './emulator.ts';

/** The environment in which operators run the tool, and it runs Terraform. */
export function operatorsEnvironment(): NodeJS.ProcessEnv {
  return { ...withoutAws(), ...emulatedEnvironment(endpoint(), OPERATORS_ACCOUNT, REGION) };
}

/**
 * The same, where Terraform takes the provider that the test run keeps for it (scripts/dev/attached-provider.ts). It does so
 * in the operators' environment alone, since a provider reads its own and not that of Terraform. Where nobody keeps one,
 * Terraform starts its own.
 */
export function withAttachedProvider(): NodeJS.ProcessEnv {
  const { ATTACHED_PROVIDER: TF_REATTACH_PROVIDERS } = process.env;
  return { ...operatorsEnvironment(), ...(TF_REATTACH_PROVIDERS && { TF_REATTACH_PROVIDERS }) };
}
