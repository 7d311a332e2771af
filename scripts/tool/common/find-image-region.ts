import { ownImages } from './copies.ts';
import type { Source } from './environments.ts';

/** The Region of the accounts file where the source account has an image, if it has it. It is not looked for where there is one Region. */
export async function findImageRegion(
  { regions, clientsIn }: Pick<Source, 'regions' | 'clientsIn'>,
  imageId: string,
): Promise<string | undefined> {
  const [only, second] = regions;
  if (second === undefined) return only;
  const filters = [{ Name: 'image-id', Values: [imageId] }];
  const found = await Promise.all(
    regions.map(async (region) =>
      (await ownImages(clientsIn(region), filters, { disabledToo: true })).length > 0 ? [region] : [],
    ),
  );
  return found.flat()[0];
}
