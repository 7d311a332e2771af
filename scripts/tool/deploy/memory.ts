import { readdirSync, readFileSync } from 'node:fs';

const SAMPLE_MS = 1000;
const KIB_PER_MIB = 1024;

/**
 * Watches how much memory some processes and all below them use, from Linux's /proc: their proportional set size, which
 * counts a page that several share once in all (proc(5), smaps_rollup).
 */
export class MemoryWatch {
  readonly #roots: () => readonly number[];
  readonly #ticker: NodeJS.Timeout;
  #peakKib = 0;

  /**
   * @param roots gives the processes of the moment
   * @param sampleMs how often to look: a peak between two looks is missed
   */
  constructor(roots: () => readonly number[], sampleMs = SAMPLE_MS) {
    this.#roots = roots;
    this.#ticker = setInterval(() => {
      this.#sample();
    }, sampleMs);
    this.#ticker.unref();
  }

  /** The most at any time, in MiB; undefined where there is no /proc. */
  get peakMib(): number | undefined {
    return this.#peakKib === 0 ? undefined : Math.round(this.#peakKib / KIB_PER_MIB);
  }

  close(): void {
    clearInterval(this.#ticker);
  }

  #sample(): void {
    const kib = withDescendants(this.#roots()).reduce((sum, pid) => sum + proportionalSetSizeKib(pid), 0);
    this.#peakKib = Math.max(this.#peakKib, kib);
  }
}

function withDescendants(roots: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const name of entries('/proc')) {
    const pid = Number(name);
    if (Number.isNaN(pid)) continue;
    // The name of the program stands in brackets, and may hold any character (proc(5), stat).
    const parent = Number(/\) \S (\d+)/.exec(read(`/proc/${pid}/stat`))?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const all = [...roots];
  for (const pid of all) all.push(...(children.get(pid) ?? []));
  return all;
}

function proportionalSetSizeKib(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
}

/** A process may end at any time: then there is nothing to read. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
