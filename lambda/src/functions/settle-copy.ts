import { prepare } from './settle-copy-handler.ts';

export { handler } from './settle-copy-handler.ts';

// Lambda waits for it before it hands out the first event.
await prepare();
