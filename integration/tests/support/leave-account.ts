import { DeleteEventSourceMappingCommand, LambdaClient, paginateListEventSourceMappings } from '@aws-sdk/client-lambda';
import { emulatedSettings, type EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';
import { endpoint } from './emulator.ts';
import { removeImages } from './remove-images.ts';

/**
 * Takes away what would go on to keep the emulator busy: images, and the polls of the functions. What else stands in an account
 * that nobody uses any more costs memory alone; to have Terraform destroy it would cost more than most tests do.
 */
export async function leaveAccount(account: EmulatedAccount): Promise<void> {
  await removeImages(account);
  const client = new LambdaClient(emulatedSettings(endpoint(), account.id, account.region));
  for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings({ client }, {})) {
    await Promise.all(
      EventSourceMappings.map(({ UUID }) => client.send(new DeleteEventSourceMappingCommand({ UUID }))),
    );
  }
}
