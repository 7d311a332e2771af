import { DeleteParameterCommand } from '@aws-sdk/client-ssm';
import * as calls from './calls.ts';
import { administrator } from './cast.ts';
import type { Identity } from './identity.ts';

/** What the copier notes of an image that there is not: that it was taken away, and that a request for it was refused. */
export const ENDED = '/image-copier-ended/image-copier/ami-00000000000000000';
export const REFUSED = '/image-copier-requests/image-copier/refused/ami-00000000000000000';

/** Writes a note, and takes it away again. */
export async function onNote(name: string, by: Identity): Promise<void> {
  await calls.putParameter(name)(by);
  await administrator.ssm.send(new DeleteParameterCommand({ Name: name }));
}
