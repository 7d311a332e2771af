import type { VariantFigures } from './measure.ts';

const WIDTH = 720;
const LABELS = 190;
const NUMBERS = 130;
const ROW = 26;
const BAR = 16;
const TOP = 56;

/** The cold starts as an SVG picture: a bar for each function, the part before its first event apart from the part after. */
export function chartOf(figures: readonly VariantFigures[]): string {
  const longest = Math.max(...figures.map(({ coldMs }) => coldMs.median));
  const scale = (WIDTH - LABELS - NUMBERS) / longest;
  const severalSettings = new Set(figures.map(({ memoryMb }) => memoryMb)).size > 1;
  const rows = figures.map(({ name, memoryMb, initMs, firstMs, coldMs }, index) => {
    const top = TOP + index * ROW;
    const middle = top + BAR / 2;
    const [init, first] = [initMs.median * scale, firstMs.median * scale];
    const label = severalSettings ? `${name}, ${memoryMb} MB` : name;
    return [
      text(LABELS - 8, middle, label, 'end'),
      `<rect class="init" x="${LABELS}" y="${top}" width="${init.toFixed(1)}" height="${BAR}"/>`,
      `<rect class="first" x="${(LABELS + init).toFixed(1)}" y="${top}" width="${first.toFixed(1)}" height="${BAR}"/>`,
      text(LABELS + init + first + 8, middle, `${coldMs.median.toFixed(0)} ms`, 'start'),
    ].join('');
  });
  const height = TOP + figures.length * ROW + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title">
<title id="title">Cold start in milliseconds, medians, shorter is better</title>
<style>
text { font: 13px sans-serif; fill: #1f2328; dominant-baseline: central; }
.init { fill: #57606a; } .first { fill: #0969da; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .init { fill: #8b949e; } .first { fill: #4493f8; } }
</style>
${text(LABELS, 14, 'Cold start, medians: from the start of the process to the first answer', 'start')}
<rect class="init" x="${LABELS}" y="28" width="12" height="12"/>${text(LABELS + 18, 34, 'initialization', 'start')}
<rect class="first" x="${LABELS + 130}" y="28" width="12" height="12"/>${text(LABELS + 148, 34, 'first event', 'start')}
${rows.join('\n')}
</svg>
`;
}

function text(x: number, y: number, content: string, anchor: 'start' | 'end'): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped}</text>`;
}
