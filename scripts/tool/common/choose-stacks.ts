import type { StackEntry } from '../../../terraform/stacks/stacks.ts';
import { requireKnown } from './require-known.ts';

/**
 * The stacks that have one of the names, account ids or labels (`label=value`), in their own order.
 * @throws {UserError} for one that no stack has
 */
export function chooseStacks<T extends StackEntry>(stacks: readonly T[], choice: readonly string[]): T[] {
  for (const each of choice) requireAny(stacks, each);
  return stacks.filter((stack) => choice.some((each) => isChosenBy(stack, each)));
}

/** Whether a stack has the name, the account id or the label (`label=value`). */
export function isChosenBy({ name, accountId, labels }: StackEntry, choice: string): boolean {
  const [label = '', ...value] = choice.split('=');
  return value.length === 0 ? name === choice || accountId === choice : labels[label] === value.join('=');
}

function requireAny(stacks: readonly StackEntry[], choice: string): void {
  if (stacks.some((stack) => isChosenBy(stack, choice))) return;
  const isLabel = choice.includes('=');
  const known = isLabel
    ? stacks.flatMap(({ labels }) => Object.entries(labels).map(([label, value]) => `${label}=${value}`))
    : stacks.flatMap(({ name, accountId }) => [name, accountId]);
  requireKnown([choice], known, (name) => `${isLabel ? 'No account has the label' : 'There is no account'} ${name}`);
}
