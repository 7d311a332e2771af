/** What Terraform would do to a resource. A resource that is replaced is destroyed, and made anew. */
export interface ResourceChange {
  readonly address: string;
  readonly action: 'create' | 'destroy' | 'replace' | 'update';
}

const ACTIONS: Readonly<Record<string, ResourceChange['action']>> = {
  'will be created': 'create',
  'will be destroyed': 'destroy',
  'will be updated in-place': 'update',
};

/** The changes that a plan names, in its order. Data that is read is none. */
export function changesIn(plan: string): ResourceChange[] {
  const lines = plan.matchAll(
    /^ {2}# (.+?) (will be created|will be destroyed|will be updated in-place|(?:is tainted, so )?must be replaced|will be replaced.+)$/gm,
  );
  return Array.from(lines, ([, address = '', words = '']) => ({ address, action: ACTIONS[words] ?? 'replace' }));
}
