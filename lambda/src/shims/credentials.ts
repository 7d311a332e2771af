/**
 * Stands in the bundle for the SDK's own chain of credential providers. Lambda gives a function the credentials of its role
 * in the environment (Lambda Developer Guide, "Working with Lambda environment variables"); the code that would look for
 * them in files, on the network and in other programs takes time to load and is never used.
 */
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';
