import { serviceName, writeLine } from './log.ts';

type Unit = 'Count' | 'Seconds';

interface Metric {
  readonly unit: Unit;
  readonly values: number[];
}

/** Where the functions count what they do, each under its name as the dimension `service`. */
const NAMESPACE = 'ImageCopier';
// CloudWatch User Guide, "Specification: Embedded metric format": a metric has at most 100 values.
const MAX_VALUES = 100;

/** Collects what is counted, and writes it as a line of the log from which CloudWatch makes metrics. */
export class Metrics {
  #metrics = new Map<string, Metric>();

  add(name: string, unit: Unit, value: number): void {
    const metric = this.#metrics.get(name) ?? { unit, values: [] };
    this.#metrics.set(name, metric);
    metric.values.push(value);
    if (metric.values.length === MAX_VALUES) this.publish();
  }

  count(name: string, value = 1): void {
    this.add(name, 'Count', value);
  }

  /** Writes nothing where nothing was counted. */
  publish(): void {
    if (this.#metrics.size === 0) return;
    const metrics = Array.from(this.#metrics);
    this.#metrics = new Map();
    const Metrics = metrics.map(([Name, { unit: Unit }]) => ({ Name, Unit }));
    writeLine({
      _aws: {
        Timestamp: Date.now(),
        CloudWatchMetrics: [{ Namespace: NAMESPACE, Dimensions: [['service']], Metrics }],
      },
      service: serviceName(),
      ...Object.fromEntries(metrics.map(([name, { values }]) => [name, values.length === 1 ? values[0] : values])),
    });
  }
}
