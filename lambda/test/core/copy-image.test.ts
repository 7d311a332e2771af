import { beforeEach, describe, expect, it } from '@jest/globals';
import { copyImage } from '../../src/core/copy-image.ts';
import type { ImageState } from '../../src/core/image-catalogue.ts';
import { copyRequest, FakeCatalogue, imageCopy, REGION, SOURCE_ACCOUNT, SOURCE_IMAGE, target } from '../factories.ts';

let catalogue: FakeCatalogue;

beforeEach(() => {
  catalogue = new FakeCatalogue();
});

const run = (changes = {}) => copyImage(copyRequest(changes), target, catalogue);
const failure = (name: string, code: string) => expect.objectContaining({ name, code }) as unknown;

describe('copyImage', () => {
  it('starts one encrypted, tagged copy', async () => {
    expect(await run()).toEqual({ kind: 'started', imageId: 'ami-0bbbbbbbbbbbbbbbb' });
    expect(catalogue.started).toEqual([
      {
        sourceImageId: SOURCE_IMAGE,
        sourceRegion: REGION,
        name: 'amigo_ubuntu_12_2026/11/23_22-10-00',
        description: 'AMI for ubuntu built by Amigo: #12',
        kmsKeyArn: target.kmsKeyArn,
        tags: expect.arrayContaining([
          { key: 'Recipe', value: 'ubuntu' },
          { key: 'Encrypted', value: 'true' },
          { key: 'CopiedFromAMI', value: SOURCE_IMAGE },
        ]) as unknown,
        clientToken: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
      },
    ]);
  });

  it('ignores a request for others', async () => {
    expect(await run({ targetAccounts: ['333333333333'] })).toEqual({ kind: 'ignored' });
    expect(catalogue.started).toEqual([]);
  });

  it('refuses an image that nobody trusted owns, and names the owner', async () => {
    catalogue.source = { ownerId: '999999999999', state: 'available' };

    await expect(run()).rejects.toEqual(failure('RefusedError', 'UntrustedOwner'));
    await expect(run()).rejects.toThrow('belongs to account 999999999999');
  });

  it('refuses an untrusted image even where a copy of it exists', async () => {
    catalogue.source = { ownerId: '999999999999', state: 'available' };
    catalogue.copies = [imageCopy()];

    await expect(run()).rejects.toEqual(failure('RefusedError', 'UntrustedOwner'));
  });

  it.each(['pending', 'available'] as const)('takes a copy that is %s for done', async (state) => {
    catalogue.copies = [imageCopy({ state })];

    expect(await run()).toEqual({ kind: 'reused', imageId: 'ami-0aaaaaaaaaaaaaaaa' });
    expect(catalogue.started).toEqual([]);
  });

  it('takes a copy for done although its source is gone', async () => {
    catalogue.source = undefined;
    catalogue.copies = [imageCopy()];

    expect(await run()).toEqual({ kind: 'reused', imageId: 'ami-0aaaaaaaaaaaaaaaa' });
  });

  it.each([
    ['is not encrypted', { encrypted: false }],
    ['somebody made for another end', { tags: [{ key: 'Name', value: 'mine' }] }],
    ['has no tags and is finished', { tags: [] }],
    ['EC2 has deregistered', { state: 'deregistered' as ImageState }],
  ])('makes its own copy beside one that %s', async (_what, change) => {
    catalogue.copies = [imageCopy(change)];

    expect(await run()).toMatchObject({ kind: 'started' });
  });

  it('waits while another copier has started a copy and not tagged it yet', async () => {
    catalogue.copies = [imageCopy({ state: 'pending', tags: [] })];

    await expect(run()).rejects.toEqual(failure('RetryableError', 'CopyInProgress'));
  });

  it('makes a new attempt with another token after a failed copy', async () => {
    await run();
    catalogue.copies = [imageCopy({ state: 'failed' })];
    await run();

    const [first, second] = catalogue.started.map(({ clientToken }) => clientToken);
    expect(second).not.toBe(first);
  });

  it('tries again while the image is not shared', async () => {
    catalogue.source = undefined;

    await expect(run()).rejects.toEqual(failure('RetryableError', 'SourceNotVisible'));
  });

  it.each(['pending', 'transient'] as const)('tries again while the image is %s', async (state) => {
    catalogue.source = { ownerId: SOURCE_ACCOUNT, state };

    await expect(run()).rejects.toEqual(failure('RetryableError', 'SourceNotReady'));
  });

  it.each(['invalid', 'deregistered', 'failed', 'error', 'disabled'] as const)(
    'refuses an image that is %s',
    async (state) => {
      catalogue.source = { ownerId: SOURCE_ACCOUNT, state };

      await expect(run()).rejects.toEqual(failure('RefusedError', 'SourceNotCopyable'));
    },
  );

  it('refuses tags that EC2 cannot hold before it asks EC2', async () => {
    await expect(run({ tags: [{ key: '', value: '' }] })).rejects.toEqual(failure('RefusedError', 'InvalidTags'));
  });
});
