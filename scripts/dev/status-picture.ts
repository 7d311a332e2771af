import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runScript } from './entry.ts';
import { CACHE, ROOT } from '../tool/common/paths.ts';
import { statusPage } from '../tool/status/page.ts';
import { openChromium } from '../test/tool/status/browser/chromium.ts';
import { sampleFleet } from '../test/tool/fleet/sample-fleet.ts';
import { sampleReport } from '../test/tool/status/sample-report.ts';

/** Draws the status page of the sample report: the light one for the docs, the dark one to look at. */
await runScript(async () => {
  const browser = await openChromium();
  try {
    for (const [colorScheme, file] of [
      ['light', join(ROOT, 'docs', 'status.png')],
      ['dark', join(CACHE, 'status-dark.png')],
    ] as const) {
      const page = await browser.newPage({ colorScheme, viewport: { width: 1660, height: 800 } });
      await page.setContent(statusPage(sampleReport(), sampleFleet()));
      writeFileSync(file, await page.screenshot({ fullPage: true }));
      console.log(`Drew ${file}`);
    }
  } finally {
    await browser.close();
  }
});
