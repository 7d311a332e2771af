import { DescribeImagesCommand } from '@aws-sdk/client-ec2';
import { bakeImage, type BakedImage } from '../../scripts/tool/common/bake.ts';
import { emulatedAccount, type EmulatedAccount } from '../../scripts/dev/emulated-account.ts';
import { waitFor } from '../../scripts/dev/wait-for.ts';
import { endpoint, injectFault, newAccountId, REGION } from '../tests/support/emulator.ts';
import { removeImages } from '../tests/support/remove-images.ts';
import { tagAsWanted } from '../tests/support/wanted-image.ts';
import { STRANGERS_IMAGE, UNASKED_IMAGE } from './plan.ts';

export interface PoolImage extends BakedImage {
  readonly owner: EmulatedAccount;
  readonly createdAt: string;
}

/** The recipes of the images, in the order of their bakes: those of the source account, the stranger's, and the one that nobody asks for. */
const RECIPES = ['ubuntu', 'ubuntu', 'debian', 'ubuntu', 'ubuntu', 'debian', 'ubuntu', 'ubuntu'];

/** The source images of all runs. Each run has accounts of its own, so no run sees what another made of them. */
export class ImagePool {
  readonly source: EmulatedAccount;
  readonly images: readonly PoolImage[];
  readonly #stranger: EmulatedAccount;

  private constructor(source: EmulatedAccount, stranger: EmulatedAccount, images: readonly PoolImage[]) {
    this.source = source;
    this.#stranger = stranger;
    this.images = images;
  }

  /** @param areWanted whether the images say of themselves that copies of them are wanted, all but the one that nobody asks for */
  static async bake(areWanted: boolean): Promise<ImagePool> {
    const [source, stranger] = [newAccountId(), newAccountId()].map((id) => emulatedAccount(endpoint(), id, REGION));
    if (!source || !stranger) throw new Error('no accounts');
    for (const { id } of [source, stranger]) await injectFault({ kind: 'slow-copy', account: id, seconds: 0 });
    const images: PoolImage[] = [];
    for (const [index, recipe] of RECIPES.entries()) {
      const owner = index === STRANGERS_IMAGE ? stranger : source;
      const image = await bakeAfter(images.at(-1), owner, index, recipe);
      if (areWanted && index !== UNASKED_IMAGE) await tagAsWanted(owner, image);
      images.push(image);
    }
    return new ImagePool(source, stranger, images);
  }

  async remove(): Promise<void> {
    for (const account of [this.source, this.#stranger]) await removeImages(account);
  }
}

/** EC2 says the time of an image in whole seconds: each image of the pool has another one. */
async function bakeAfter(
  previous: PoolImage | undefined,
  owner: EmulatedAccount,
  index: number,
  recipe: string,
): Promise<PoolImage> {
  await waitFor(
    'the next second',
    () => Promise.resolve(Date.now() >= Date.parse(previous?.createdAt ?? '1970') + 1000 ? true : undefined),
    { pollMs: 50 },
  );
  const image = await bakeImage(owner.ec2, {
    name: `amigo_${recipe}_${index}_2026/11/23_22-10-00`,
    description: `AMI for ${recipe} built by Amigo: #${index}`,
    tags: { BuiltBy: 'amigo', Name: `amigo_${recipe}_${index}`, Recipe: recipe, BuildNumber: String(index) },
    volumeSizes: index % 2 === 0 ? [8] : [8, 20],
  });
  const { Images: [described] = [] } = await owner.ec2.send(new DescribeImagesCommand({ ImageIds: [image.imageId] }));
  return { ...image, owner, createdAt: described?.CreationDate ?? '' };
}
