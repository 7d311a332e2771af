import { fromIni, fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';

/** A way into an account. Without any part it is that of the environment. */
export interface Access {
  readonly profile?: string;
  /** Is assumed with the credentials of the profile or the environment. */
  readonly roleArn?: string;
  readonly region?: string;
}

/** Credentials, and the profile and Region if they were named, for a client of any service. */
export type ClientSettings = ReturnType<typeof clientSettings>;

type Credentials = Awaited<ReturnType<ReturnType<typeof fromNodeProviderChain>>>;

// The SDK itself renews what expires within 5 minutes.
const RENEW_BEFORE_MS = 5 * 60_000;

/** The settings of clients for an account. All clients that are given them share one set of credentials. */
export function clientSettings({ profile, roleArn, region }: Access) {
  const place = { ...(profile !== undefined && { profile }), ...(region !== undefined && { region }) };
  // A profile that is named counts, also when the environment holds credentials.
  const own = profile === undefined ? fromNodeProviderChain() : fromIni({ profile });
  if (roleArn === undefined) return { ...place, credentials: shared(own) };
  const assumed = fromTemporaryCredentials({
    masterCredentials: own,
    clientConfig: place,
    params: { RoleArn: roleArn, RoleSessionName: 'image-copier' },
  });
  return { ...place, credentials: shared(assumed) };
}

/** One set of credentials for all who ask: each client by itself would assume the role again. */
function shared(provide: () => Promise<Credentials>): () => Promise<Credentials> {
  let held: Promise<Credentials> | undefined;
  const ask = () => {
    const asked = provide();
    asked.catch(() => {
      if (held === asked) held = undefined;
    });
    return asked;
  };
  return async () => {
    const before = (held ??= ask());
    const credentials = await before;
    if ((credentials.expiration?.getTime() ?? Infinity) - Date.now() > RENEW_BEFORE_MS) return credentials;
    if (held === before) held = ask();
    return await held;
  };
}
