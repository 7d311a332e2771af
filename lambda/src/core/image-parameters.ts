/** Parameters that name an image by its recipe. AWS checks the image after it has taken the value. */
export interface ImageParameters {
  /** The image that the parameter points to, if it is there. */
  get(name: string): Promise<string | undefined>;
  /** Asks for a new value. It is stored once AWS has checked the image. */
  put(name: string, imageId: string): Promise<void>;
  /** All parameters below the copier's path. */
  list(): Promise<ImageParameter[]>;
}

export interface ImageParameter {
  readonly name: string;
  readonly imageId: string;
}
