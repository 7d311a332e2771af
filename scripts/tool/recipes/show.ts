import type { Environment } from '../common/environment.ts';
import { formatTable } from '../common/table.ts';
import type { RecipeVersion } from './history.ts';

/** Something of an environment's copier. */
interface In<T> {
  readonly copier: Environment;
  readonly value: T;
}

/** The values of a recipe's parameter as a table; undefined if there are none. */
export function formatHistory(
  histories: readonly In<readonly RecipeVersion[]>[],
  width: number | undefined,
): string | undefined {
  const rows = histories.flatMap(({ copier, value }) =>
    value.map(({ version, imageId, setAt, image }, index) => [
      copier.account,
      copier.region,
      String(version),
      imageId,
      image?.sourceImageId ?? '-',
      setAt,
      [...(index === 0 ? ['current'] : []), stateOf(image)].join(', '),
    ]),
  );
  if (rows.length === 0) return undefined;
  return formatTable(['ACCOUNT', 'REGION', 'VERSION', 'IMAGE', 'SOURCE IMAGE', 'SET AT', 'STATE'], rows, width);
}

/** A parameter that is to point to another image. */
interface Move {
  readonly parameter: string;
  /** Undefined where there is no such parameter yet. */
  readonly from: string | undefined;
  readonly to: string;
}

/** What would be set, as a table. */
export function formatMoves(moves: readonly In<Move>[], width: number | undefined): string {
  return formatTable(
    ['ACCOUNT', 'REGION', 'PARAMETER', 'FROM', 'TO'],
    moves.map(({ copier, value }) => [copier.account, copier.region, value.parameter, value.from ?? '-', value.to]),
    width,
  );
}

function stateOf(image: RecipeVersion['image']): string {
  if (!image) return 'gone';
  if (!image.isVerified) return `${image.state}, not verified`;
  return image.isApproved ? image.state : `${image.state}, not approved`;
}
