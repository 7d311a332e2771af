import type { Tag } from './copy-request.ts';
import type { SourceImage } from './image-catalogue.ts';

/** An image of another account that may be launched here, as EC2 shows it. */
export interface SharedImage extends SourceImage {
  readonly imageId: string;
  readonly region: string;
  readonly name: string;
  readonly description: string;
  /** Those that its owner shares: none else is shown. */
  readonly tags: readonly Tag[];
}

/** The images that the trusted accounts share with this one. */
export interface SharedImages {
  /** All of them, of all Regions that are looked in. */
  list(): Promise<SharedImage[]>;
}
