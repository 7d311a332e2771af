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
  /** On an image whose outcome is decided. Its time stays the same when an announcement has to be repeated. */
  readonly announcement?: Announcement;
  /** On a copy that is taken away, or is to be. */
  readonly end?: CopyEnd;
}

export interface Announcement {
  readonly state: 'announcing' | 'announced';
  readonly settledAt: string;
  /** On a copy whose source image is not approved: no parameter may point to it. */
  readonly unapproved?: true;
}

/**
 * That a copy is taken away. `asked`: it is to go, and something still uses it. `retired`: it is disabled, and is removed after its
 * quarantine. `revoked`: it is disabled, because its source image is bad.
 */
export interface CopyEnd {
  readonly state: 'asked' | 'retired' | 'revoked';
  readonly at: string;
  /** Days between its retirement and its removal; none where it is revoked. */
  readonly quarantineDays?: number;
}

/** How often a copy is tried in all. */
export const MAX_ATTEMPTS = 3;

// What a copy is, its first word says, so that filters and IAM conditions can match it by its start. What it was before it was retired
// or revoked stands behind, and last that it is not approved.
const FORM =
  /^(?<copier>[A-Za-z0-9_-]+)(?: (?<state>announcing|announced|retired|revoked)=(?<stateAt>\S+))? attempt=(?<attempt>[1-9]) baked=(?<bakedAt>\S+?)(?: key=(?<keyId>[A-Za-z0-9-]+))?(?: within=(?<within>[1-9][0-9]{0,3}))?(?: (?<was>announcing|announced)=(?<wasAt>\S+))?(?: asked=(?<askedAt>\S+))?(?: quarantine=(?<days>[0-9]{1,3}))?(?<unapproved> unapproved)?$/;

/** The tag's value: words, so that it can be read in the console and matched by filters and IAM conditions. */
export function formatMarker({
  copier,
  attempt,
  bakedAt,
  keyId,
  withinMinutes,
  announcement,
  end,
}: CopyMarker): string {
  const announced = announcement ? ` ${announcement.state}=${announcement.settledAt}` : '';
  const isAsked = end?.state === 'asked';
  const [first, last] = end && !isAsked ? [` ${end.state}=${end.at}`, announced] : [announced, ''];
  const key = keyId === undefined ? '' : ` key=${keyId}`;
  const within = withinMinutes === undefined ? '' : ` within=${withinMinutes}`;
  const asked = isAsked ? ` asked=${end.at}` : '';
  const quarantine = end?.quarantineDays === undefined ? '' : ` quarantine=${end.quarantineDays}`;
  const unapproved = announcement?.unapproved ? ' unapproved' : '';
  return `${copier}${first} attempt=${attempt} baked=${bakedAt}${key}${within}${last}${asked}${quarantine}${unapproved}`;
}

/** The marker of a copy of this copier, or undefined for any other value of the tag, or none. */
export function parseMarker(value: string | undefined, copier: string): CopyMarker | undefined {
  const fields = FORM.exec(value ?? '')?.groups;
  if (fields?.['copier'] !== copier) return undefined;
  const { attempt, bakedAt = '', keyId, within } = fields;
  if (Number.isNaN(Date.parse(bakedAt))) return undefined;
  const announcement = announcementOf(fields);
  const end = endOf(fields);
  const marker: CopyMarker = {
    copier,
    attempt: Number(attempt),
    bakedAt,
    ...(keyId && { keyId }),
    ...(within && { withinMinutes: Number(within) }),
    ...(announcement && { announcement }),
    ...(end && { end }),
  };
  // Words in another order, or some that contradict others, are no marker.
  return formatMarker(marker) === value ? marker : undefined;
}

type Fields = Readonly<Record<string, string | undefined>>;

function announcementOf({ state, stateAt, was, wasAt, unapproved }: Fields): Announcement | undefined {
  const approval = unapproved !== undefined && ({ unapproved: true } as const);
  if (stateAt && (state === 'announcing' || state === 'announced')) return { state, settledAt: stateAt, ...approval };
  if (wasAt && (was === 'announcing' || was === 'announced')) return { state: was, settledAt: wasAt, ...approval };
  return undefined;
}

function endOf({ state, stateAt, askedAt, days }: Fields): CopyEnd | undefined {
  const quarantine = days !== undefined && { quarantineDays: Number(days) };
  if (stateAt && (state === 'retired' || state === 'revoked')) return { state, at: stateAt, ...quarantine };
  return askedAt === undefined ? undefined : { state: 'asked', at: askedAt, ...quarantine };
}

/** Whether the marker of a copy of this copier says that the copy is verified, everybody is told, and it was not taken away. */
export function isAnnounced(marker: CopyMarker | undefined): boolean {
  return marker?.announcement?.state === 'announced' && !isTakenAway(marker);
}

/** Whether the marker of a copy says that no parameter may point to it, since its source image is not approved. */
export function isUnapproved(marker: CopyMarker | undefined): boolean {
  return marker?.announcement?.unapproved === true;
}

/** Whether the marker of a copy says that it was retired or revoked. */
export function isTakenAway(marker: CopyMarker | undefined): boolean {
  return marker?.end?.state === 'retired' || marker?.end?.state === 'revoked';
}

/** The ARN of the key that a copy is to be encrypted under: its own one, which is in the account and Region of the copier's. */
export function keyArnOf({ keyId }: CopyMarker, copiersKeyArn: string): string {
  return keyId === undefined ? copiersKeyArn : copiersKeyArn.replace(/[^/]+$/, keyId);
}

/** The id at the end of a key's ARN. */
export function keyIdOf(keyArn: string): string {
  return keyArn.slice(keyArn.lastIndexOf('/') + 1);
}

/**
 * Filter values for {@link MARKER}, with EC2's wildcard: all copies of a copier, or those in some states. `unapproved`: those that are
 * announced and not approved.
 */
export function markerPatterns(
  copier: string,
  ...states: readonly ('attempt' | Announcement['state'] | 'retired' | 'revoked' | 'unapproved')[]
): string[] {
  if (states.length === 0) return [`${copier} *`];
  return states.map((state) => (state === 'unapproved' ? `${copier} announced=* unapproved` : `${copier} ${state}=*`));
}

/**
 * Filter values for {@link MARKER}, with EC2's wildcard, which knows no "later than": the copies whose end is decided, of source images that
 * were baked in the second of that time or later. There are at most 127; EC2 takes 200 (EC2 User Guide, "List and filter using the CLI and API").
 */
export function settledPatterns(copier: string, bakedSince: string): string[] {
  const second = new Date(bakedSince).toISOString().slice(0, 'YYYY-MM-DDThh:mm:ss'.length);
  const later = Array.from(second).flatMap((character, index) =>
    Array.from('123456789')
      .filter((digit) => /\d/.test(character) && digit > character)
      .map((digit) => `${second.slice(0, index)}${digit}`),
  );
  return [second, ...later].map((start) => `${copier} announc* baked=${start}*`);
}
