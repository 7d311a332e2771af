import type { EndReason } from '../../../lambda/src/core/retirement-results.ts';
import { dollarsAMonth, type ImageSize } from '../common/image-size.ts';
import type { Environment } from '../common/environment.ts';
import { formatTable } from '../common/table.ts';

/** An image of an account, and how far its end is. */
export interface ShownImage {
  readonly copier: Environment;
  readonly imageId: string;
  readonly recipe?: string | undefined;
  readonly size?: ImageSize;
  readonly state: string;
  readonly reasons: readonly EndReason[];
}

/** What a retention policy frees of a recipe. */
export interface FreedRecipe {
  readonly recipe: string;
  /** Copies in all accounts. */
  readonly copies: number;
  readonly goes: number;
  readonly stays: number;
  readonly gib: number;
}

/** Images with their sizes, or without where none is known. */
export function formatImages(images: readonly ShownImage[], width: number | undefined): string {
  const sized = images.some(({ size }) => size);
  const head = ['ACCOUNT', 'REGION', 'IMAGE', 'RECIPE', ...(sized ? ['GIB', '$/MONTH'] : []), 'STATE', 'REASON'];
  const rows = images.map(({ copier, imageId, recipe = '-', size, state, reasons }) => [
    copier.account,
    copier.region,
    imageId,
    recipe,
    ...(sized ? [formatSize(size), size ? dollarsAMonth(size.gib).toFixed(2) : '-'] : []),
    state,
    reasons.map(({ message }) => message).join(' '),
  ]);
  return formatTable(head, rows, width);
}

/** What a retention policy frees, by recipe. */
export function formatFreed(recipes: readonly FreedRecipe[], width: number | undefined): string {
  const rows = recipes.map(({ recipe, copies, goes, stays, gib }) => [
    recipe,
    ...[copies, goes, stays].map(String),
    gib.toFixed(1),
    dollarsAMonth(gib).toFixed(2),
  ]);
  return formatTable(['RECIPE', 'COPIES', 'WOULD GO', 'WOULD STAY', 'GIB FREED', '$/MONTH FREED'], rows, width);
}

/** What the sizes are, in a sentence. */
export function sizesNote(sizes: readonly (ImageSize | undefined)[]): string {
  const known = sizes.filter((size) => size !== undefined);
  const shared = 'Blocks that other snapshots hold too are freed with the last of them.';
  if (known.every(({ by }) => by === 'full')) return `GiB are the full sizes of snapshots. ${shared}`;
  return `GiB are the full sizes of snapshots; with < those of the volumes, where EC2 tells no full size. ${shared}`;
}

function formatSize(size: ImageSize | undefined): string {
  if (!size) return '-';
  return size.by === 'full' ? size.gib.toFixed(1) : `<${size.gib.toFixed(1)}`;
}
