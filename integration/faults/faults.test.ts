import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, it } from '@jest/globals';
import { CACHE, ROOT } from '../../scripts/tool/common/paths.ts';
import { AccountRun, requestFor } from './account-run.ts';
import { checkAccount } from './check-account.ts';
import { Figures } from './figures.ts';
import { ImagePool } from './image-pool.ts';
import { planOf } from './plan.ts';
import { traceOf } from './trace.ts';

const RESULTS = join(CACHE, 'test');
/** So many fit into `make test`. */
const USUAL_RUNS = 6;
const MOST_SHOWN = 20;

const { FAULT_SEED, FAULT_RUNS } = process.env;
const firstSeed = wholeNumber('FAULT_SEED', FAULT_SEED, 1);
const runs = wholeNumber('FAULT_RUNS', FAULT_RUNS, FAULT_SEED ? 1 : USUAL_RUNS);
const seeds = Array.from({ length: runs }, (_, index) => firstSeed + index);
const figures = new Figures();
let pool: ImagePool | undefined;

beforeAll(async () => {
  mkdirSync(RESULTS, { recursive: true });
  pool = await ImagePool.bake();
});

afterAll(async () => {
  writeFileSync(join(RESULTS, 'faults.txt'), `${figures.summary()}\n`);
  process.stdout.write(`${figures.killTable()}\n${figures.summary()}\n`);
  await pool?.remove();
});

// Each run has accounts of its own, and waits more than it works.
it.concurrent.each(seeds)('every invariant holds after the run with seed %i', async (seed) => {
  const start = Date.now();
  const plan = planOf(seed);
  const images = pool;
  if (!images) throw new Error('no images');
  const accounts = await Promise.all(plan.accounts.map((each) => AccountRun.open(each, images)));
  try {
    for (const [place, account] of accounts.entries()) {
      account.expect(
        plan.requests.map(({ image, targets }) => {
          const isForUs = targets === 'all' || targets.includes(place);
          const ids = targets === 'all' ? targets : targets.flatMap((each) => accounts[each]?.target.account.id ?? []);
          return { image, isForUs, isRepeat: false, body: requestFor(account.image(image), ids) };
        }),
      );
    }
    const ends = await Promise.all(
      accounts.map(async (account) => {
        await account.play();
        await account.comeToRest();
        return await checkAccount(account);
      }),
    );
    const line = figures.add(accounts, ends, Date.now() - start);
    process.stdout.write(`seed ${seed}: ${line}\n`);
    const broken = ends.flatMap(({ violations }, place) => violations.map((each) => `account ${place + 1}: ${each}`));
    if (broken.length > 0) {
      const trace = join(RESULTS, `faults-${seed}.txt`);
      writeFileSync(trace, accounts.map(traceOf).join('\n\n'));
      const story = accounts.flatMap((account, place) => account.story.map((each) => `account ${place + 1}: ${each}`));
      throw new Error(
        [
          ...story,
          'Broken invariants:',
          ...broken.slice(0, MOST_SHOWN),
          ...(broken.length > MOST_SHOWN ? [`and ${broken.length - MOST_SHOWN} more`] : []),
          `Replay it with FAULT_SEED=${seed} make test-faults. All calls of the functions are in ${relative(ROOT, trace)}.`,
        ].join('\n'),
      );
    }
  } finally {
    await Promise.all(accounts.map((account) => account.close()));
  }
});

function wholeNumber(name: string, value: string | undefined, otherwise: number): number {
  if (!value) return otherwise;
  if (!/^[1-9][0-9]{0,8}$/.test(value)) throw new Error(`${name}: "${value}" is no whole number above 0.`);
  return Number(value);
}
