import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, it } from '@jest/globals';
import { CACHE, ROOT } from '../../scripts/tool/common/paths.ts';
import { AccountRun, requestFor, type Way } from './account-run.ts';
import { checkAccount } from './check-account.ts';
import { Figures } from './figures.ts';
import { ImagePool } from './image-pool.ts';
import { planOf } from './plan.ts';
import { traceOf } from './trace.ts';

const RESULTS = join(CACHE, 'test');
/** So many fit into `make test`: with requests, and with all requests lost. */
const USUAL_RUNS: Readonly<Record<Way, number>> = { messages: 6, state: 2 };
const MOST_SHOWN = 20;

const { FAULT_SEED, FAULT_RUNS, FAULT_TOPIC } = process.env;
const firstSeed = wholeNumber('FAULT_SEED', FAULT_SEED, 1);
const cases = waysOf(FAULT_TOPIC).flatMap((way) => {
  const runs = wholeNumber('FAULT_RUNS', FAULT_RUNS, FAULT_SEED ? 1 : USUAL_RUNS[way]);
  return Array.from({ length: runs }, (_, index) => [firstSeed + index, way] as const);
});
const figures = new Figures();
const pools = new Map<Way, ImagePool>();

beforeAll(async () => {
  mkdirSync(RESULTS, { recursive: true });
  for (const way of new Set(cases.map(([, each]) => each))) pools.set(way, await ImagePool.bake(way === 'state'));
});

afterAll(async () => {
  writeFileSync(join(RESULTS, 'faults.txt'), `${figures.summary()}\n`);
  process.stdout.write(`${figures.killTable()}\n${figures.summary()}\n`);
  for (const pool of pools.values()) await pool.remove();
});

// Each run has accounts of its own, and waits more than it works.
it.concurrent.each(cases)('every invariant holds after the run with seed %i, by %s', async (seed, way) => {
  const start = Date.now();
  const plan = planOf(seed);
  const images = pools.get(way);
  if (!images) throw new Error('no images');
  const accounts = await Promise.all(plan.accounts.map((each) => AccountRun.open(each, images, way)));
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
    process.stdout.write(`seed ${seed}, by ${way}: ${line}\n`);
    const broken = ends.flatMap(({ violations }, place) => violations.map((each) => `account ${place + 1}: ${each}`));
    if (broken.length > 0) {
      const trace = join(RESULTS, `faults-${seed}-${way}.txt`);
      writeFileSync(trace, accounts.map(traceOf).join('\n\n'));
      const story = accounts.flatMap((account, place) => account.story.map((each) => `account ${place + 1}: ${each}`));
      throw new Error(
        [
          ...story,
          'Broken invariants:',
          ...broken.slice(0, MOST_SHOWN),
          ...(broken.length > MOST_SHOWN ? [`and ${broken.length - MOST_SHOWN} more`] : []),
          `Replay it with FAULT_SEED=${seed} FAULT_TOPIC=${way === 'state' ? 'off' : 'on'} make test-faults. All calls of the functions are in ${relative(ROOT, trace)}.`,
        ].join('\n'),
      );
    }
  } finally {
    await Promise.all(accounts.map((account) => account.close()));
  }
});

/** FAULT_TOPIC is `on`, `off` or, for both, not set. */
function waysOf(topic: string | undefined): Way[] {
  if (topic !== undefined && topic !== 'on' && topic !== 'off')
    throw new Error(`FAULT_TOPIC: "${topic}" is neither on nor off.`);
  return [...(topic === 'off' ? [] : (['messages'] as const)), ...(topic === 'on' ? [] : (['state'] as const))];
}

function wholeNumber(name: string, value: string | undefined, otherwise: number): number {
  if (!value) return otherwise;
  if (!/^[1-9][0-9]{0,8}$/.test(value)) throw new Error(`${name}: "${value}" is no whole number above 0.`);
  return Number(value);
}
