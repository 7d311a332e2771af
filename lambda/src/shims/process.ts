/**
 * Stands in the bundle for `node:process`, which the SDK imports for these. To give that module its exports, Node reads all properties of
 * `process`, and opens the standard streams for it.
 */
export const { env, versions } = process;
