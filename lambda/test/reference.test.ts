import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseCopyRequest } from '../src/core/copy-request.ts';

const reference = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'reference.md'), 'utf8');

describe('docs/reference.md', () => {
  it('shows a copy request that is taken', () => {
    const [, example = ''] = /```json\n(.*?)```/s.exec(reference) ?? [];

    expect(parseCopyRequest(example)).toMatchObject({ sourceAmi: 'ami-0123456789abcdef0' });
  });

  it('names the fields that are required', () => {
    const [, example = ''] = /```json\n(.*?)```/s.exec(reference) ?? [];
    const fields = Object.keys(JSON.parse(example) as object);

    expect(fields).toHaveLength(6);
    for (const field of fields) {
      const without = { ...(JSON.parse(example) as object), [field]: undefined };
      expect(() => parseCopyRequest(JSON.stringify(without))).toThrow(field);
    }
  });
});
