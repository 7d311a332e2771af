import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Lambda Developer Guide, "Configure Lambda function memory": at 1,769 MB a function has one vCPU, in proportion otherwise. */
export const MB_OF_ONE_CPU = 1769;
const PERIOD_US = 20_000;
const GROUPS = '/sys/fs/cgroup';
let made = 0;

/** The share of a processor, 1 for a whole one, that Lambda gives a function of so much memory. */
export function cpuShare(memoryMb: number): number {
  return memoryMb / MB_OF_ONE_CPU;
}

/** A group of processes of the kernel's (cgroup, version 1 or 2) whose processor time can be limited. */
export class CpuLimit {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Undefined where this process may not make such a group. */
  static open(): CpuLimit | undefined {
    made += 1;
    const name = `image-copier-bench-${process.pid}-${made}`;
    for (const parent of [join(GROUPS, 'cpu'), GROUPS]) {
      const directory = join(parent, name);
      try {
        mkdirSync(directory);
      } catch {
        continue;
      }
      if (['cpu.cfs_quota_us', 'cpu.max'].some((file) => existsSync(join(directory, file)))) {
        return new CpuLimit(directory);
      }
      rmdirSync(directory);
    }
    return undefined;
  }

  /** The file that takes the id of a process that joins. */
  get members(): string {
    return join(this.#directory, 'cgroup.procs');
  }

  /** @param share of one processor: 0.25 is a quarter of one, 2 is two */
  set(share: number): void {
    const quota = Math.round(share * PERIOD_US);
    const unified = join(this.#directory, 'cpu.max');
    if (existsSync(unified)) {
      writeFileSync(unified, `${quota} ${PERIOD_US}`);
      return;
    }
    writeFileSync(join(this.#directory, 'cpu.cfs_period_us'), String(PERIOD_US));
    writeFileSync(join(this.#directory, 'cpu.cfs_quota_us'), String(quota));
  }

  /** Only once its processes have ended. */
  close(): void {
    if (readFileSync(this.members, 'utf8') === '') rmdirSync(this.#directory);
  }
}
