import { relative } from 'node:path';
import { OPERATORS_ACCOUNT } from './administrator-role.ts';
import { ACCOUNTS_FILE, DEMO } from './demo-accounts.ts';
import { ROOT } from '../tool/common/paths.ts';

/** What `make up` says at its end: where the demo's accounts stand, and commands for a shell in the top folder. */
export function wayIn(endpoint: string, requestTopicArn: string): string {
  const [target] = DEMO.targetAccounts;
  const accountsFile = relative(ROOT, ACCOUNTS_FILE);
  // The AWS CLI takes the Region from AWS_DEFAULT_REGION, and version 2 from AWS_REGION too; the SDK of this tool from AWS_REGION.
  return `
The demo's accounts stand at ${endpoint}, Region ${DEMO.region}.
  accounts file   ${accountsFile}
  requests topic  ${requestTopicArn}
  source account  ${DEMO.sourceAccount}
  targets         ${[...DEMO.targetAccounts, DEMO.lateAccount].join(', ')}

An access key id of 12 digits is the account; any secret will do.
${OPERATORS_ACCOUNT} may assume the role of the accounts file:
  export AWS_ENDPOINT_URL=${endpoint} AWS_SECRET_ACCESS_KEY=any
  export AWS_REGION=${DEMO.region} AWS_DEFAULT_REGION=${DEMO.region} AWS_ACCESS_KEY_ID=${OPERATORS_ACCOUNT}

Bake, ask and look:
  make demo
  ./scripts/tool/image-copier.mjs status --accounts-file ${accountsFile}
  AWS_ACCESS_KEY_ID=${target} aws ec2 describe-images --owners self

Stop it:
  make down`;
}
