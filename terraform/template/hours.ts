import { ref, type Value } from './intrinsics.ts';

/** Each hour up to the most that retry_hours takes, then whole days: a table of a template has at most 200 rows. */
export const HOURS: readonly number[] = [
  ...Array.from({ length: 96 }, (_, index) => index + 1),
  ...Array.from({ length: 26 }, (_, index) => 24 * (index + 5)),
];

export interface HoursRow {
  readonly Seconds: string;
  /** Only for hours that retry_hours takes: each byte of the template counts. */
  readonly Tries?: string;
}

/** What CloudFormation, which has no arithmetic, cannot compute from hours; see queue.tf for the deliveries. */
export const HOURS_TABLE: Readonly<Record<string, HoursRow>> = Object.fromEntries(
  HOURS.map((hours) => [
    hours,
    { Seconds: String(hours * 3600), ...(hours >= 6 && hours <= 96 && { Tries: String(5 + hours * 10) }) },
  ]),
);

/** A column of the table, for the hours of a parameter. */
export function fromHours(parameter: string, column: keyof HoursRow): Value {
  return { 'Fn::FindInMap': ['Hours', ref(parameter), column] };
}
