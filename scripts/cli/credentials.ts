import { fromIni, fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';

/** A way into an account. Without any part it is that of the environment. */
export interface Access {
  readonly profile?: string;
  /** Is assumed with the credentials of the profile or the environment. */
  readonly roleArn?: string;
  readonly region?: string;
}

/** The settings of a client for an account. */
export function clientSettings({ profile, roleArn, region }: Access) {
  const place = { ...(profile !== undefined && { profile }), ...(region !== undefined && { region }) };
  // A profile that is named counts, also when the environment holds credentials.
  const own = profile === undefined ? fromNodeProviderChain() : fromIni({ profile });
  if (roleArn === undefined) return { ...place, credentials: own };
  const assumed = fromTemporaryCredentials({
    masterCredentials: own,
    clientConfig: place,
    params: { RoleArn: roleArn, RoleSessionName: 'image-copier' },
  });
  return { ...place, credentials: assumed };
}
