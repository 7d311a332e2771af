// A copy takes minutes at best, so unlike those that make one it prepares nothing at its start.
export { handler } from './handlers/publish-image.ts';
