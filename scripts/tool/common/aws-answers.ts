/** Whether AWS answered that the thing asked for does not exist, by one of these names of errors. */
export function isError(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes(error.name);
}

/** What a call answers, or undefined if AWS says by one of these errors that there is no such thing. */
export async function ifThere<T>(answer: Promise<T>, ...names: readonly string[]): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isError(error, ...names)) return undefined;
    throw error;
  }
}

/** What AWS's services call it when the caller may not make a call. */
export const DENIED: readonly string[] = [
  'AccessDenied',
  'AccessDeniedException',
  'AuthFailure',
  'AuthorizationError',
  'AuthorizationErrorException',
  'UnauthorizedOperation',
];

/** Whether AWS rejected a call because the caller may not make it. */
export function isDenied(error: unknown): boolean {
  return isError(error, ...DENIED);
}

/** All items of a listing in pages. */
export async function allOf<Page, Item>(
  pages: AsyncIterable<Page>,
  items: (page: Page) => readonly Item[] | undefined,
): Promise<Item[]> {
  const all: Item[] = [];
  for await (const page of pages) all.push(...(items(page) ?? []));
  return all;
}
