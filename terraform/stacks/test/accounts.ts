import type { AccountsFile } from '../accounts-file.ts';

/** A source account and two targets, one of them in two Regions. */
export function accountsFile(changes: Partial<AccountsFile> = {}): AccountsFile {
  return {
    source: { id: '111111111111', name: 'bakery' },
    topic: 'amigo-PROD-notify',
    defaults: { regions: ['eu-west-1'], roleName: 'deployer' },
    accounts: [
      { id: '333333333333', name: 'web' },
      {
        id: '222222222222',
        name: 'payments',
        regions: ['eu-west-1', 'eu-central-1'],
        labels: { wave: 'canary' },
        inputs: { retry_hours: 24, trusted_owner_ids: null },
      },
    ],
    ...changes,
  };
}
