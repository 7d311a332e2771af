import type { StackEntry } from '../../../../terraform/stacks/stacks.ts';

/** A stack of one Region. */
export function stack(name: string, changes: Partial<StackEntry> = {}): StackEntry {
  return {
    name,
    kind: 'target',
    accountId: '222222222222',
    regions: ['eu-west-1'],
    labels: {},
    directory: `stacks/${name}`,
    ...changes,
  };
}

export const SOURCE = stack('source', { kind: 'source', accountId: '111111111111' });
