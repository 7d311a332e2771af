/** The tag of a revoked image of the source account: when that was, and why. */
export const REVOKED_TAG = 'ImageCopierRevoked';
