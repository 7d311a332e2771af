import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { statusPage } from '../../tool/status/page.ts';
import { openChromium } from '../../test/tool/status/browser/chromium.ts';
import { largeReport } from '../../test/tool/status/sample-report.ts';
import { median } from './statistics.ts';

/** Seconds until a page can be used, by the accounts that it has at most. */
const GOALS = [
  { accounts: 1000, seconds: 2 },
  { accounts: 3000, seconds: 5 },
] as const;
/** Of 60 frames a second: what the clock of a browser without a screen is off by is no miss. */
const GOAL_FRAMES = 59;
/** Pixels that a frame scrolls by, which is 3,600 a second. */
const STEP = 60;
const SCROLL_MS = 3000;

export interface PageBenchOptions {
  readonly accounts: number;
  readonly recipes: number;
  readonly rounds: number;
}

interface Scrolled {
  readonly framesPerSecond: number;
  readonly longestMs: number;
  /** What the page's thread worked for a frame. A machine with other work makes frames late, but this hardly longer. */
  readonly cpuMs: number;
}

interface Run {
  readonly shownSeconds: number;
  readonly usableSeconds: number;
  /** What the page's thread worked until then. */
  readonly cpuSeconds: number;
  readonly elements: number;
  readonly scrolls: Readonly<Record<ScrollName, Scrolled>>;
}

/**
 * Pixels to the right and down for each frame; it turns round at the ends. `whole`: from end to end in two seconds, as a scroll bar is
 * drawn, which puts other cells into view with each frame. There is no goal for that.
 */
const SCROLLS = {
  'to the side': [STEP, 0],
  down: [0, STEP],
  'from end to end': ['whole', 0],
} as const;
type ScrollName = keyof typeof SCROLLS;

/**
 * Opens the status page of many accounts in a browser, and scrolls it.
 * @throws {Error} if it takes longer to open, or scrolls with fewer frames a second, than is the goal
 */
export async function benchPage(options: PageBenchOptions, report: (line: string) => void): Promise<void> {
  const { accounts, recipes, rounds } = options;
  const folder = mkdtempSync(join(tmpdir(), 'image-copier-bench-'));
  const browser = await openChromium();
  try {
    const start = performance.now();
    const html = statusPage(largeReport(accounts, recipes));
    const madeSeconds = (performance.now() - start) / 1000;
    const file = join(folder, 'status.html');
    writeFileSync(file, html);
    report(
      `Page of ${accounts} accounts and ${recipes} recipes: ${(Buffer.byteLength(html) / 1e6).toFixed(1)} MB, made in ` +
        `${madeSeconds.toFixed(1)} s. Chromium ${browser.version()}, an empty page: ${(await idle(browser)).toFixed(1)} frames a second.`,
    );
    const runs: Run[] = [];
    for (let round = 0; round < rounds; round += 1) runs.push(await runOnce(browser, pathToFileURL(file).href));
    const of = (figure: (run: Run) => number) => median(runs.map(figure));
    const usable = of(({ usableSeconds }) => usableSeconds);
    report(
      `Shown after ${of(({ shownSeconds }) => shownSeconds).toFixed(2)} s, usable after ${usable.toFixed(2)} s, ` +
        `${of(({ cpuSeconds }) => cpuSeconds).toFixed(2)} s of CPU in the page, ${of(({ elements }) => elements)} elements.`,
    );
    const missed: string[] = [];
    for (const name of Object.keys(SCROLLS) as ScrollName[]) {
      const frames = of(({ scrolls }) => scrolls[name].framesPerSecond);
      report(
        `Scrolled ${name}: ${frames.toFixed(1)} frames a second, the longest ${of(({ scrolls }) => scrolls[name].longestMs).toFixed(0)} ms, ` +
          `${of(({ scrolls }) => scrolls[name].cpuMs).toFixed(1)} ms of CPU in the page for each.`,
      );
      if (frames < GOAL_FRAMES && SCROLLS[name][0] !== 'whole') missed.push(`60 frames a second ${name}`);
    }
    const goal = GOALS.find((each) => accounts <= each.accounts);
    if (goal && usable > goal.seconds) missed.push(`usable within ${goal.seconds} s`);
    if (missed.length > 0) throw new Error(`Goals that are missed: ${missed.join(', ')}.`);
    report(goal ? `The goals are ${goal.seconds} s and 60 frames a second, and they are met.` : 'All scrolled at 60.');
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true });
  }
}

async function runOnce(browser: Browser, address: string): Promise<Run> {
  // A new context, so that nothing is kept from the round before.
  const context = await browser.newContext({ viewport: { width: 1660, height: 1000 } });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(300_000);
    const worked = await cpuOf(page);
    const start = performance.now();
    const seconds = () => (performance.now() - start) / 1000;
    await page.goto(address, { timeout: 300_000 });
    await painted(page);
    const shownSeconds = seconds();
    // It can be used once a key has moved the focus, and that is painted.
    await page.locator('#c0-0').focus();
    await page.keyboard.press('ArrowRight');
    await page.locator('#c0-1:focus').waitFor();
    await painted(page);
    const usableSeconds = seconds();
    const cpuSeconds = await worked();
    const elements = await page.evaluate<number>('document.querySelectorAll("*").length');
    const scrolls = {} as Record<ScrollName, Scrolled>;
    for (const name of Object.keys(SCROLLS) as ScrollName[]) {
      const [across, down] = SCROLLS[name];
      const before = await worked();
      const times = await page.evaluate<number[]>(
        `(${SCROLL})(${JSON.stringify(across)}, ${JSON.stringify(down)}, ${SCROLL_MS})`,
      );
      scrolls[name] = { ...framesOf(times), cpuMs: (1000 * ((await worked()) - before)) / times.length };
    }
    return { shownSeconds, usableSeconds, cpuSeconds, elements, scrolls };
  } finally {
    await context.close();
  }
}

async function idle(browser: Browser): Promise<number> {
  const page = await browser.newPage();
  const times = await page.evaluate<number[]>(`(${FRAME_TIMES})(() => undefined, ${SCROLL_MS})`);
  await page.close();
  return framesOf(times).framesPerSecond;
}

/** Counts from now on what the page's thread works, in seconds of processor time. */
async function cpuOf(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const total = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN;
  };
  const before = await total();
  return async () => (await total()) - before;
}

function framesOf(times: readonly number[]): Omit<Scrolled, 'cpuMs'> {
  const lengths = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  const whole = lengths.reduce((sum, length) => sum + length, 0);
  return { framesPerSecond: (1000 * lengths.length) / whole, longestMs: Math.max(...lengths) };
}

/** The frame after the next one has begun only once the next one was painted. */
async function painted(page: Page): Promise<void> {
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
}

/** Does something in each frame, and gives the times at which the frames began. */
const FRAME_TIMES = `(act, milliseconds) => new Promise((resolve) => {
  const times = [];
  const next = () => requestAnimationFrame(() => {
    times.push(performance.now());
    if (times.at(-1) - times[0] > milliseconds) return resolve(times);
    act();
    next();
  });
  next();
})`;

const SCROLL = `async (across, down, milliseconds) => {
  const scroller = document.querySelector('#matrix').parentElement;
  scroller.scrollTo(0, 0);
  const ends = [scroller.scrollWidth - scroller.clientWidth, scroller.scrollHeight - scroller.clientHeight];
  const steps = [across, down].map((step, axis) => (step === 'whole' ? ends[axis] / 120 : step));
  return (${FRAME_TIMES})(() => {
    const at = [scroller.scrollLeft, scroller.scrollTop];
    steps.forEach((step, axis) => {
      if (at[axis] + step > ends[axis] + 1 || at[axis] + step < -1) steps[axis] = -step;
    });
    scroller.scrollBy(steps[0], steps[1]);
  }, milliseconds);
}`;
