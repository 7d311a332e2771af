import { OrganizationsClient } from '@aws-sdk/client-organizations';
import { STSClient } from '@aws-sdk/client-sts';
import { OrganizationAccounts } from '../../adapters/organization-accounts.ts';
import { assumeRole } from '../../adapters/sts-role.ts';
import { clientOf, TIMEOUTS } from '../common/clients.ts';
import type { OrganizationConfig } from '../common/publish-configuration.ts';

/**
 * Of the 240 s that a run has, so that there is time to publish. To list 5,000 accounts takes 250 calls, one after the other; their labels
 * take one call each, and at 10 a second 5,000 in four runs. What is left the next sweep reads: it knows the labels that were read.
 */
const READING_MS = 150_000;

/** @param sessionName names the function in CloudTrail: 2 to 64 characters (STS API Reference, AssumeRole) */
export function openOrganization(
  region: string,
  { roleArn, unitIds, regions }: OrganizationConfig,
  sessionName: string,
): OrganizationAccounts {
  const sts = clientOf(STSClient, region).client;
  // Organizations throttles by the organization, which has other callers. Adaptive retries slow down to what it takes (AWS SDKs and
  // Tools Reference Guide, "Retry behavior").
  const organizations = new OrganizationsClient({
    region,
    credentials: () => assumeRole(sts, roleArn, sessionName),
    requestHandler: TIMEOUTS,
    retryMode: 'adaptive',
    maxAttempts: 4,
  });
  return new OrganizationAccounts(organizations, { unitIds, regions, readingMs: READING_MS, nowMs: Date.now });
}
