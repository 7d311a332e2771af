import { prepare } from './copy-image-handler.ts';

export { handler } from './copy-image-handler.ts';

// Lambda waits for it before it hands out the first event.
await prepare();
