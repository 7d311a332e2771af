import { ref, type Value } from './intrinsics.ts';

/** Each hour up to the most that retry_hours takes, then whole days: a table of a template has at most 200 rows. */
export const HOURS: readonly number[] = [
  ...Array.from({ length: 96 }, (_, index) => index + 1),
  ...Array.from({ length: 26 }, (_, index) => 24 * (index + 5)),
];

/** One letter a column: each byte of the template counts, a hundred times here. */
export interface HoursRow {
  /** Seconds. */
  readonly S: string;
  /** Deliveries, for hours that retry_hours takes. */
  readonly D?: string;
}

const COLUMNS = { seconds: 'S', deliveries: 'D' } as const satisfies Record<string, keyof HoursRow>;

/** What CloudFormation, which has no arithmetic, cannot compute from hours; see queue.tf for the deliveries. */
export const HOURS_TABLE: Readonly<Record<string, HoursRow>> = Object.fromEntries(
  HOURS.map((hours) => [
    hours,
    { S: String(hours * 3600), ...(hours >= 6 && hours <= 96 && { D: String(5 + hours * 10) }) },
  ]),
);

/** A column of the table, for the hours of a parameter. */
export function fromHours(parameter: string, column: keyof typeof COLUMNS): Value {
  return { 'Fn::FindInMap': ['Hours', ref(parameter), COLUMNS[column]] };
}
