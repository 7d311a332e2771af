import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { MemoryWatch } from '../../../tool/deploy/memory.ts';
import { waitFor } from '../../../dev/wait-for.ts';

const HOLD_64_MIB = `
const held = Buffer.alloc(64 * 2 ** 20, 1);
process.stdout.write('held');
process.stdin.on('end', () => process.exit(held[0] - 1)).resume();
`;

describe('MemoryWatch', () => {
  it('sees the memory of a process and of all below it, where there is /proc', async () => {
    const child = spawn(process.execPath, ['-e', HOLD_64_MIB], { stdio: ['pipe', 'pipe', 'inherit'] });
    const alone = new MemoryWatch(() => [child.pid ?? 0]);
    const both = new MemoryWatch(() => [process.pid]);
    try {
      await once(child.stdout, 'data');
      if (!existsSync('/proc')) {
        expect(alone.peakMib).toBeUndefined();
        return;
      }
      const mib = (watch: MemoryWatch, least: number) =>
        waitFor(`${least} MiB`, () => Promise.resolve((watch.peakMib ?? 0) > least ? watch.peakMib : undefined));
      const ofChild = await mib(alone, 63);
      expect(await mib(both, ofChild)).toBeGreaterThan(ofChild);
    } finally {
      child.stdin.end();
      alone.close();
      both.close();
    }
  });
});
