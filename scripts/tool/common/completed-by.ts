import type { Option } from 'commander';

/** What a shell offers as the value of an option: names and labels of an accounts file, with the source account or without, or labels alone. */
export type Offer = 'accounts' | 'targets' | 'labels';

const offers = new WeakMap<Option, Offer>();

/** Lets shells complete the value of an option, which is a list with commas. */
export function completedBy(offer: Offer, option: Option): Option {
  offers.set(option, offer);
  return option;
}

/** What {@link completedBy} said of an option. */
export function offerOf(option: Option): Offer | undefined {
  return offers.get(option);
}
