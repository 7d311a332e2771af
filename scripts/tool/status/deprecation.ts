import { formatTime } from './page-text.ts';
import type { CopyFact } from './report.ts';

/** What is to be said of the deprecation of a copy; nothing where it has none. */
export function deprecationText(copy: CopyFact | undefined, readAt: string): string {
  if (copy?.deprecatesAt === undefined) return '';
  return `${isDeprecated(copy, readAt) ? 'since' : 'from'} ${formatTime(copy.deprecatesAt)}`;
}

/** Whether a copy was deprecated when it was read. */
export function isDeprecated({ deprecatesAt }: CopyFact, readAt: string): boolean {
  return deprecatesAt !== undefined && Date.parse(deprecatesAt) <= Date.parse(readAt);
}
