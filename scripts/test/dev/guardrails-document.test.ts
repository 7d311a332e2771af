import { describe, expect, it } from '@jest/globals';
import { codeSpans, textOf } from './markdown.ts';

const document = textOf('docs/guardrails.md');
const KINDS = ['works', 'works if', 'does not work'];

/** A row of a table: the guardrail, and the codes of the doctor in its last column. */
interface Row {
  readonly guardrail: string;
  readonly codes: readonly string[];
}

/** The rows under each heading. Where nothing is to be set, the doctor finds nothing. */
const rows = sections(document, /^## (.+)$/gm, (body): Row[] => {
  const [, , ...lines] = body.match(/^\| .+ \|$/gm) ?? [];
  return lines.map((line) => {
    const [guardrail = '', ...cells] = line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim());
    return { guardrail, codes: cells.length > 1 ? codeSpans(cells.at(-1) ?? '') : [] };
  });
});

/** The tests under each `describe`, with the codes that they expect of the doctor, each once: one may be found of several functions. */
const tests = sections(
  textOf('integration/tests/guardrails.test.ts'),
  /^describe\('(.+)', \(\) => \{$/gm,
  (body): Row[] =>
    Array.from(
      body.matchAll(/^ {2}it\('(.+)', async \(\) => \{\n([\s\S]*?)^ {2}\}\);$/gm),
      ([, guardrail = '', test = '']) => {
        const refused = test.includes('expectRefused(') ? ['DeadLetters'] : [];
        const found = Array.from(
          test.matchAll(/\[((?:'[A-Z]\w+'(?:, )?)+)\]/g),
          ([, codes = '']) => codes.match(/\w+/g) ?? [],
        );
        return { guardrail, codes: Array.from(new Set([...refused, ...found.flat()])) };
      },
    ),
);

function sections(text: string, heading: RegExp, rowsOf: (body: string) => Row[]): Map<string, Row[]> {
  const [, ...parts] = text.split(heading);
  const titles = parts.filter((_, index) => index % 2 === 0);
  return new Map(titles.map((title, index) => [title.toLowerCase(), rowsOf(parts[index * 2 + 1] ?? '')]));
}

describe('docs/guardrails.md', () => {
  it('has a row for each test, a test for each row, and what the doctor finds there', () => {
    expect(Array.from(tests.keys())).toEqual(KINDS);
    expect(Array.from(tests.values()).every((each) => each.length > 3)).toBe(true);
    expect(rows).toEqual(tests);
  });

  it('names inputs of the module', () => {
    const inputs = textOf('terraform/modules/image-copier/variables.tf');
    const named = codeSpans(document).filter((span) => /^[a-z]+(_[a-z]+)+$/.test(span));

    expect(named).toEqual(expect.arrayContaining(['permissions_boundary_arn', 'code_signing_config_arn', 'role_path']));
    expect(named.filter((name) => !inputs.includes(`variable "${name}"`))).toEqual([]);
  });
});
