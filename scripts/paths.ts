import { join } from 'node:path';

/** The checkout. All that is generated or run goes into its `.cache`. */
export const ROOT = join(import.meta.dirname, '..');
export const CACHE = join(ROOT, '.cache');
