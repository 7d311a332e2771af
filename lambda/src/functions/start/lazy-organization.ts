import type { OrganizationTargets } from '../../core/image-targets.ts';
import type { openOrganization } from './organization.ts';

/** The accounts of the organization. The code that reaches them is loaded by the first call: most publishers make none. */
export function lazyOrganization(...config: Parameters<typeof openOrganization>): OrganizationTargets {
  let opened: Promise<ReturnType<typeof openOrganization>> | undefined;
  return {
    list: async (withLabels) => {
      opened ??= import('./organization.ts').then((module) => module.openOrganization(...config));
      return await (await opened).list(withLabels);
    },
  };
}
