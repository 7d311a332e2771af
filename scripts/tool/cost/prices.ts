/** A list price in US dollars. */
export interface Price {
  readonly dollars: number;
  /** What it is the price of. */
  readonly unit: string;
  /** Title of AWS's page that lists it. */
  readonly page: string;
}

/** When the prices were written down. Nothing here asks AWS: look whether they still hold. */
export const PRICES_AS_OF = '2026-11-26';

/** The Region that the prices are of. */
export const PRICES_REGION = 'us-east-1';

/** The first tier of each price where AWS lists several, without free tier, discounts and tax. */
export const PRICES = {
  /** EBS bills GiB, which its pages call GB (EBS User Guide, "Pricing and billing for archiving Amazon EBS snapshots"). */
  snapshot: { dollars: 0.05, unit: 'GiB-month, standard tier', page: 'Amazon EBS pricing' },
  transfer: { dollars: 0.02, unit: 'GB from us-east-1 to another Region', page: 'Amazon EC2 On-Demand Pricing' },
  key: { dollars: 1, unit: 'key and month', page: 'AWS Key Management Service pricing' },
  /** Each of the first two rotations of a key adds it; later ones add nothing. */
  rotation: { dollars: 1, unit: 'rotation and month, two at most', page: 'AWS Key Management Service pricing' },
  keyRequests: { dollars: 0.03, unit: '10,000 requests', page: 'AWS Key Management Service pricing' },
  dashboard: { dollars: 3, unit: 'dashboard and month', page: 'Amazon CloudWatch pricing' },
  alarm: { dollars: 0.1, unit: 'alarm of standard resolution and month', page: 'Amazon CloudWatch pricing' },
  /** By the hour, and only for hours in which the metric is sent. */
  metric: { dollars: 0.3, unit: 'custom metric and month', page: 'Amazon CloudWatch pricing' },
  logIngestion: { dollars: 0.5, unit: 'GB of logs taken in', page: 'Amazon CloudWatch pricing' },
  logStorage: { dollars: 0.03, unit: 'GB-month of logs', page: 'Amazon CloudWatch pricing' },
  standardQueue: { dollars: 0.4, unit: 'million requests, standard queue', page: 'Amazon SQS pricing' },
  fifoQueue: { dollars: 0.5, unit: 'million requests, FIFO queue', page: 'Amazon SQS pricing' },
  invocations: { dollars: 0.2, unit: 'million invocations', page: 'AWS Lambda Pricing' },
  duration: { dollars: 0.0000133334, unit: 'GB-second, arm64', page: 'AWS Lambda Pricing' },
  /** Deliveries to SQS queues cost nothing. */
  publishing: { dollars: 0.5, unit: 'million requests of 64 KB', page: 'Amazon SNS pricing' },
  filtering: { dollars: 0.09, unit: 'GB that payload filters read', page: 'Amazon SNS pricing' },
  /** Events of AWS services and of rules with a schedule cost nothing. */
  customEvents: { dollars: 1, unit: 'million custom events', page: 'Amazon EventBridge pricing' },
} as const satisfies Record<string, Price>;

/** Dollars for one of each unit, by name. */
export type PriceList = Readonly<Record<keyof typeof PRICES, Price>>;

/** A price of time-based copies, for durations from so many minutes on. */
export interface PacePrice {
  readonly fromMinutes: number;
  /** For a GiB that is copied. */
  readonly dollars: number;
}

/** Of copies that are to be done within a time (EBS User Guide, "Time-based copies", Pricing and billing), the shortest time first. */
export const PACE_PRICES: readonly PacePrice[] = [
  { fromMinutes: 15, dollars: 0.02 },
  { fromMinutes: 30, dollars: 0.018 },
  { fromMinutes: 60, dollars: 0.016 },
  { fromMinutes: 2 * 60, dollars: 0.014 },
  { fromMinutes: 4 * 60, dollars: 0.012 },
  { fromMinutes: 8 * 60, dollars: 0.01 },
  { fromMinutes: 16 * 60, dollars: 0.005 },
];

/** Dollars for a GiB that is copied within so many minutes, 15 or more. */
export function pacePrice(minutes: number): number {
  return PACE_PRICES.findLast(({ fromMinutes }) => fromMinutes <= minutes)?.dollars ?? NaN;
}
