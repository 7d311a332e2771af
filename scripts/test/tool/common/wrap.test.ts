import { describe, expect, it } from '@jest/globals';
import { reflow, wrapText } from '../../../tool/common/wrap.ts';

describe('wrapText', () => {
  it('wraps lines at words, and keeps how far they are indented', () => {
    expect(wrapText('one two three\n  four five six', 10)).toBe('one two\nthree\n  four\n  five six');
  });

  it('leaves a text as it is where there is no terminal', () => {
    expect(wrapText('one two three', undefined)).toBe('one two three');
  });

  it('leaves words whole that are longer than a line', () => {
    expect(wrapText('see arn:aws:kms:eu-west-1:key there', 10)).toBe('see\narn:aws:kms:eu-west-1:key\nthere');
  });

  it.each(['image-copier', './scripts/tool/image-copier.mjs', 'npx image-copier', 'aws'])(
    'leaves a command of %s whole, which half of would do something else',
    (program) => {
      const command = `${program} backfill --share --only payments.`;

      expect(wrapText(`It is not shared. Run ${command} Then look again at it.`, 24)).toBe(
        `It is not shared. Run\n${command}\nThen look again at it.`,
      );
    },
  );

  it('wraps sentences about a program', () => {
    expect(wrapText('The image-copier Lambda of it', 20)).toBe('The image-copier\nLambda of it');
  });
});

describe('reflow', () => {
  it('joins the lines of a paragraph, and leaves examples whole', () => {
    expect(
      reflow('\none two three\nfour\n\nExamples:\n  image-copier status --all\n\nExit codes: 0 done\nor not.\n', 11),
    ).toBe('\none two\nthree four\n\nExamples:\n  image-copier status --all\n\nExit codes:\n0 done or\nnot.\n');
  });
});
