import type { StackEntry } from '../../../terraform/stacks/stacks.ts';
import { isChosenBy } from '../common/choose-stacks.ts';

/**
 * The stacks in the order of a rollout: the source account, whose topics the others subscribe to; the targets that each
 * label names, in turn; all other targets. A wave may be empty.
 * @param labels as `label=value`
 */
export function inWaves<T extends StackEntry>(stacks: readonly T[], labels: readonly string[]): T[][] {
  const waves: T[][] = [[], ...labels.map(() => []), []];
  for (const stack of stacks) {
    const label = labels.findIndex((each) => isChosenBy(stack, each));
    const wave = stack.kind === 'source' ? 0 : label === -1 ? waves.length - 1 : label + 1;
    waves[wave]?.push(stack);
  }
  return waves;
}
