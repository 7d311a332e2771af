import { describe, expect, it } from '@jest/globals';
import { literalKeys } from '../../dev/lambda-bundle.ts';

describe('literalKeys', () => {
  it('writes keys that are constants as what they stand for', () => {
    const source = 'const _xN = "xmlName";\nconst _d = "dryRun";\nexport var A$ = [1, { [_xN]: _d }, () => a[_d]];';

    expect(literalKeys(source, 'schemas_0.js')).toBe(
      'const _xN = "xmlName";\nconst _d = "dryRun";\nexport var A$ = [1, { "xmlName": _d }, () => a[_d]];',
    );
  });

  it.each([
    ['there are no constants', 'export var A$ = [1, { xmlName: 2 }];', 'has no constants any more'],
    ['a key is none', 'const _d = "x";\nexport var A$ = [1, { [_xN]: _d }];', 'the key _xN is no constant any more'],
  ])('fails where %s, so that a new SDK is looked at', (_, source, message) => {
    expect(() => literalKeys(source, 'schemas_0.js')).toThrow(message);
  });
});
