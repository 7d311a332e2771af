import { endpoint } from './emulator.ts';

/** What policies did not allow. */
export interface Denial {
  readonly time: string;
  /** The ARN of the role's session. */
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
}

/** The last denials in all accounts. */
export async function denials(): Promise<Denial[]> {
  return (await decisions('denials')) as Denial[];
}

/** The actions that policies allowed, by the ARN of each role. */
export async function allowedActions(): Promise<Record<string, string[]>> {
  return (await decisions('allowed')) as Record<string, string[]>;
}

async function decisions(kind: string): Promise<unknown> {
  const response = await fetch(`${endpoint()}/_image-copier/${kind}`);
  return await response.json();
}
