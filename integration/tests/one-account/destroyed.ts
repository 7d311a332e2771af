import { expect, it } from '@jest/globals';
import { IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { ListQueuesCommand } from '@aws-sdk/client-sqs';
import { emulatedSettings } from '../../../scripts/emulated-account.ts';
import { endpoint, REGION } from '../support/emulator.ts';
import { APPLY_TIMEOUT_MS, root, target } from './account.ts';

it(
  'is gone after destroy',
  async () => {
    await root.destroy();

    const { QueueUrls = [] } = await target.sqs.send(new ListQueuesCommand({}));
    const { Roles = [] } = await new IAMClient(emulatedSettings(endpoint(), target.id, REGION)).send(
      new ListRolesCommand({}),
    );
    expect(QueueUrls).toEqual([]);
    expect(Roles).toEqual([]);
  },
  APPLY_TIMEOUT_MS,
);
