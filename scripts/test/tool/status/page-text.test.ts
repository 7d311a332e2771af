import { describe, expect, it } from '@jest/globals';
import {
  escapeHtml,
  escapeWithIds,
  formatDuration,
  formatShortDuration,
  formatTime,
  scriptJson,
  secondsBetween,
} from '../../../tool/status/page-text.ts';

describe('escapeWithIds', () => {
  it('has each id in an element of its own', () => {
    expect(escapeWithIds('<ami-0123456789abcdef0> in 222222222222, eu-west-1')).toBe(
      '&lt;<span class="id">ami-0123456789abcdef0</span>&gt; in <span class="id">222222222222</span>, eu-west-1',
    );
  });
});

describe('escapeHtml', () => {
  it('writes out what HTML takes for its own, and what is hidden', () => {
    expect(escapeHtml(`<a href="x" id='y'>&amp;\u202E\n`)).toBe(
      '&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;\\u{202e}\\u{a}',
    );
  });
});

describe('scriptJson', () => {
  it('ends no script', () => {
    expect(scriptJson('</script><!--')).toBe('"\\u003c/script\\u003e\\u003c!--"');
  });

  it.each(['</script>', '<!--<script>', ']]>', '&lt;', '"\\', '\u2028\u2029', 'a\u0000b'])('gives %j back', (text) => {
    expect(JSON.parse(scriptJson({ [text]: [text] }))).toEqual({ [text]: [text] });
    expect(scriptJson(text)).not.toMatch(/[<>&]/);
  });
});

describe('formatTime', () => {
  it.each([
    ['2026-11-23T22:10:04.000Z', '2026-11-23 22:10:04'],
    ['2026-11-23T23:10:04+01:00', '2026-11-23 22:10:04'],
    ['soon', 'soon'],
    ['', ''],
  ])('shows %s as %s', (time, shown) => {
    expect(formatTime(time)).toBe(shown);
  });
});

describe('secondsBetween', () => {
  it('counts seconds, and none for what is no duration', () => {
    const [early, late] = ['2026-11-23T22:10:04Z', '2026-11-23T22:11:04Z'];

    expect(secondsBetween(early, late)).toBe(60);
    expect(secondsBetween(late, early)).toBeUndefined();
    expect(secondsBetween(early, undefined)).toBeUndefined();
    expect(secondsBetween('soon', late)).toBeUndefined();
  });
});

describe('durations', () => {
  it.each([
    [0, '0 s', '0 s'],
    [59, '59 s', '59 s'],
    [60, '1 min', '1 min'],
    [3599, '59 min 59 s', '59 min'],
    [7500, '2 h 5 min', '2 h'],
    [86_400 + 59, '1 d', '1 d'],
    [3 * 86_400 + 4 * 3600, '3 d 4 h', '3 d'],
  ])('shows %d seconds as %s, or %s in short', (seconds, long, short) => {
    expect(formatDuration(seconds)).toBe(long);
    expect(formatShortDuration(seconds)).toBe(short);
  });
});
