/** Does some work for each item, so many at a time, and gives the results in the order of the items. */
export async function eachOf<T, R>(items: readonly T[], atATime: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += atATime) {
    results.push(...(await Promise.all(items.slice(start, start + atATime).map(work))));
  }
  return results;
}
