import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { UserError } from '../common/user-error.ts';

const schema = z.object({
  command: z.string(),
  pid: z.int(),
  host: z.string(),
  /** When the process began, as far as the system tells: a later one may have its pid. */
  began: z.string(),
  /** When the lock was taken, in ISO 8601. */
  since: z.string(),
});

type Holder = z.infer<typeof schema>;

/**
 * Runs a command of which one at a time may work in an output folder: another would overwrite its configurations and logs.
 * A lock whose process is gone, as after a kill or a crash, is taken over.
 * @param command names it for whoever comes second
 * @throws {UserError} if another one runs
 */
export async function withRunLock<T>(out: string, command: string, use: () => Promise<T>): Promise<T> {
  mkdirSync(out, { recursive: true });
  const file = join(out, 'run.lock');
  const { pid } = process;
  const own = JSON.stringify({ command, pid, host: hostname(), began: beganAt(pid), since: new Date() });
  take(file, own, out);
  try {
    return await use();
  } finally {
    // Whoever held it for dead may have it now.
    if (read(file) === own) rmSync(file, { force: true });
  }
}

function take(file: string, own: string, out: string): void {
  for (;;) {
    try {
      // O_EXCL: of two, one gets it (open(2)).
      writeFileSync(file, own, { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const found = read(file);
    // It was given back meanwhile.
    if (found === undefined) continue;
    const holder = holderIn(found);
    if (!holder || isRunning(holder)) throw new UserError(refusal(holder, file, out), 1);
    setAside(file, found);
  }
}

/** Removes a dead lock. Another process may do the same, and have a lock of its own there by now: that one stays. */
function setAside(file: string, dead: string): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
    if (read(aside) !== dead) linkSync(aside, file);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['ENOENT', 'EEXIST'].includes(code)) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function holderIn(content: string): Holder | undefined {
  try {
    return schema.parse(JSON.parse(content));
  } catch {
    return undefined;
  }
}

/** Whether the process is still there. Of another machine, which shares the folder, that cannot be known. */
function isRunning({ pid, host, began }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return began === beganAt(pid);
}

/** When a process began, in ticks since the boot (proc(5), stat: field 22); empty where there is no /proc. */
function beganAt(pid: number): string {
  // The name of the program stands in brackets, and may hold any character.
  return (read(`/proc/${pid}/stat`) ?? '').split(') ').at(-1)?.split(' ')[19] ?? '';
}

function refusal(holder: Holder | undefined, file: string, out: string): string {
  if (!holder) return `Another deploy begins in ${out}. Try again; if that does not help, remove ${file}.`;
  const { command, pid, host, since } = holder;
  const [where, remedy] =
    host === hostname()
      ? ['', 'Wait for it, or choose another folder with --out.']
      : [` on ${host}`, `Wait for it; if it is gone, remove ${file}.`];
  return `Another ${command} runs in ${out} since ${clock(new Date(since))} (pid ${pid}${where}). ${remedy}`;
}

/** The time of day, with the day if that is another one. */
function clock(time: Date): string {
  const [hours = '', minutes = ''] = time.toTimeString().split(':');
  const isToday = time.toDateString() === new Date().toDateString();
  return `${isToday ? '' : `${time.toDateString()}, `}${hours}:${minutes}`;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
