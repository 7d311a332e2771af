import { InvalidArgumentError } from 'commander';
import { CHANNEL_WORDS, IMAGE_ID, isChannel } from '../../../lambda/src/core/allowed-values.ts';
import { isPace } from '../../../lambda/src/core/copy-pace.ts';

/** Collects a list that is given with commas, or by several options. */
export function list(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, ...value.split(',').filter((part) => part !== '')];
}

export function roleArn(value: string): string {
  if (/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/.test(value)) return value;
  throw new InvalidArgumentError('It must be like arn:aws:iam::222222222222:role/operator.');
}

export function region(value: string): string {
  if (/^[a-z]{2,4}(-[a-z]{2,12}){1,3}-\d{1,2}$/.test(value)) return value;
  throw new InvalidArgumentError('It must be a Region, such as eu-west-1.');
}

export function regions(value: string, previous: readonly string[] = []): readonly string[] {
  return list(value, previous).map(region);
}

export function date(value: string): Date {
  const parsed = new Date(value);
  if (/^\d{4}-\d{2}-\d{2}(T.+)?$/.test(value) && !Number.isNaN(parsed.getTime())) return parsed;
  throw new InvalidArgumentError('It must be a date, such as 2026-11-01.');
}

/** As the Terraform module checks it. */
export function copierName(value: string): string {
  if (/^[A-Za-z0-9_-]{1,36}$/.test(value)) return value;
  throw new InvalidArgumentError('It must be 1 to 36 letters, digits, hyphens and underscores.');
}

export function channel(value: string): string {
  if (isChannel(value)) return value;
  throw new InvalidArgumentError(`It must be ${CHANNEL_WORDS}, such as prod.`);
}

export function imageId(value: string): string {
  if (IMAGE_ID.test(value)) return value;
  throw new InvalidArgumentError('It must be an image id, such as ami-0123456789abcdef0.');
}

/** Collects the images that are named one after another. */
export function imageIds(value: string, previous: readonly string[] = []): readonly string[] {
  return Array.from(new Set([...previous, imageId(value)]));
}

export function minutes(value: string): number {
  if (/^\d{1,5}(\.\d{1,3})?$/.test(value) && Number(value) > 0) return Number(value);
  throw new InvalidArgumentError('It must be a number of minutes above 0.');
}

/** A reader of whole numbers, plainly written: no sign, no exponent. */
export function wholeNumber(least: number, most: number): (value: string) => number {
  return (value) => {
    const read = /^\d{1,9}$/.test(value) ? Number(value) : NaN;
    if (read >= least && read <= most) return read;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

/** A reader of numbers above 0, plainly written, with a fraction or without. */
export function numberUpTo(most: number): (value: string) => number {
  return (value) => {
    const read = /^\d{1,9}(\.\d{1,9})?$/.test(value) ? Number(value) : NaN;
    if (read > 0 && read <= most) return read;
    throw new InvalidArgumentError(`It must be a number above 0, at most ${most}.`);
  };
}

/** What {@link pace} reads, in words. */
export const PACE_WORDS = '15m to 48h, in steps of 15 minutes';

/** Reads a time within which EC2 is to copy, such as `45m` or `2h`, as minutes. */
export function pace(value: string): number {
  const [, number = '', unit] = /^(\d{1,4})([mh])$/.exec(value) ?? [];
  const minutes = Number(number) * (unit === 'h' ? 60 : 1);
  if (isPace(minutes)) return minutes;
  throw new InvalidArgumentError(`It must be a time such as 15m or 2h: ${PACE_WORDS}.`);
}
