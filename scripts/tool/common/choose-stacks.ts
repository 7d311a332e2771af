import { closest } from '../../../terraform/stacks/closest.ts';
import type { StackEntry } from '../../../terraform/stacks/stacks.ts';
import { UserError } from './user-error.ts';

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
    : stacks.map(({ name }) => name);
  const near = closest(choice, Array.from(new Set(known)));
  const what = isLabel ? 'No account has the label' : 'There is no account';
  throw new UserError(`${what} ${choice}.${near === undefined ? '' : ` Did you mean ${near}?`}`, 2);
}
