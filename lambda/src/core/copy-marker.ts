/** The tag by which a copier knows its own copies. EC2 sets it with the copy, on the image and on each snapshot. */
export const MARKER = 'ImageCopier';

/** What a copy says about itself, so that it can be settled without any other record of it. */
export interface CopyMarker {
  /** The name of the copier that made it. */
  readonly copier: string;
  /** 1 for the first try, up to {@link MAX_ATTEMPTS}. */
  readonly attempt: number;
  /** When the source image was made, as EC2 says it: copies of a recipe are ordered by it. */
  readonly bakedAt: string;
  /** The key that it was ordered under: the copier may have another by now. Copies of the first versions do not name it. */
  readonly keyId?: string;
  /** Minutes within which EC2 has taken it on to copy; none where it copies at its own pace. */
  readonly withinMinutes?: number;
  /** On an image whose end is decided. Its time stays the same when an announcement has to be repeated. */
  readonly announcement?: Announcement;
}

export interface Announcement {
  readonly state: 'announcing' | 'announced';
  readonly settledAt: string;
}

/** How often a copy is tried in all. */
export const MAX_ATTEMPTS = 3;

const FORM =
  /^(?<copier>[A-Za-z0-9_-]+)(?: (?<state>announcing|announced)=(?<settledAt>\S+))? attempt=(?<attempt>[1-9]) baked=(?<bakedAt>\S+?)(?: key=(?<keyId>[A-Za-z0-9-]+))?(?: within=(?<within>[1-9][0-9]{0,3}))?$/;

/** The tag's value: words, so that it can be read in the console and matched by filters and IAM conditions. */
export function formatMarker({ copier, attempt, bakedAt, keyId, withinMinutes, announcement }: CopyMarker): string {
  const announced = announcement ? ` ${announcement.state}=${announcement.settledAt}` : '';
  const key = keyId === undefined ? '' : ` key=${keyId}`;
  const within = withinMinutes === undefined ? '' : ` within=${withinMinutes}`;
  return `${copier}${announced} attempt=${attempt} baked=${bakedAt}${key}${within}`;
}

/** The marker of a copy of this copier, or undefined for any other value of the tag, or none. */
export function parseMarker(value: string | undefined, copier: string): CopyMarker | undefined {
  const fields = FORM.exec(value ?? '')?.groups;
  if (fields?.['copier'] !== copier) return undefined;
  const { state, settledAt, attempt, bakedAt = '', keyId, within } = fields;
  if (Number.isNaN(Date.parse(bakedAt))) return undefined;
  return {
    copier,
    attempt: Number(attempt),
    bakedAt,
    ...(keyId && { keyId }),
    ...(within && { withinMinutes: Number(within) }),
    ...(settledAt && { announcement: { state: state as Announcement['state'], settledAt } }),
  };
}

/** Whether the marker of a copy of this copier says that the copy is verified and everybody is told. */
export function isAnnounced(marker: CopyMarker | undefined): boolean {
  return marker?.announcement?.state === 'announced';
}

/** The ARN of the key that a copy is to be encrypted under: its own one, which is in the account and Region of the copier's. */
export function keyArnOf({ keyId }: CopyMarker, copiersKeyArn: string): string {
  return keyId === undefined ? copiersKeyArn : copiersKeyArn.replace(/[^/]+$/, keyId);
}

/** The id at the end of a key's ARN. */
export function keyIdOf(keyArn: string): string {
  return keyArn.slice(keyArn.lastIndexOf('/') + 1);
}

/** Filter values for {@link MARKER}, with EC2's wildcard: all copies of a copier, or those in some states. */
export function markerPatterns(copier: string, ...starts: readonly ('attempt' | Announcement['state'])[]): string[] {
  return starts.length === 0 ? [`${copier} *`] : starts.map((start) => `${copier} ${start}=*`);
}
