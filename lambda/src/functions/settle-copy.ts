import { prepare } from './handlers/settle-copy.ts';

export { handler } from './handlers/settle-copy.ts';

// Lambda waits for it before it hands out the first event.
await prepare();
