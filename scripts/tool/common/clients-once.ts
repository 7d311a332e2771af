import type { AwsClients } from './aws-clients.ts';

/** Connects to each Region once, when it is first asked for. */
export function clientsOnce(connectTo: (region: string) => AwsClients): (region: string) => AwsClients {
  const clients = new Map<string, AwsClients>();
  return (region) => {
    const own = clients.get(region) ?? connectTo(region);
    clients.set(region, own);
    return own;
  };
}
