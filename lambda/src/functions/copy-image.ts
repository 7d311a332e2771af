import { prepare } from './handlers/copy-image.ts';

export { handler } from './handlers/copy-image.ts';

// Lambda waits for it before it hands out the first event.
await prepare();
