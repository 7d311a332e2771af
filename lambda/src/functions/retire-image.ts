// Nobody waits for it, so unlike the others it prepares nothing at its start.
export { handler } from './handlers/retire-image.ts';
