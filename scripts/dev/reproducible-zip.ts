import { zipSync, type Zippable } from 'fflate';

/** Writes files into a zip, by their paths there. The same files in the same order give the same bytes on any machine. */
export function reproducibleZip(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  // A zip holds a time and a mode for each file. Both are fixed, and the time is read as local time.
  const attributes = { mtime: new Date(1980, 0, 1), os: 3, attrs: 0o644 << 16, level: 9 } as const;
  const zippable: Zippable = {};
  for (const [name, contents] of files) zippable[name] = [contents, attributes];
  return zipSync(zippable);
}
