/** A number for people: whole from 10, with two digits at most below. */
export function count(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 2 : 0 });
}

/** A number with its noun. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Dollars and cents, with commas; `<0.01` for what would not show. */
export function formatDollars(dollars: number): string {
  if (dollars > 0 && dollars < 0.01) return '<0.01';
  return dollars.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

/** Percent of the whole, with one digit; `<0.1%` for what would not show. */
export function formatShare(part: number, whole: number): string {
  const percent = (100 * part) / whole;
  return percent > 0 && percent < 0.1 ? '<0.1%' : `${percent.toFixed(1)}%`;
}
