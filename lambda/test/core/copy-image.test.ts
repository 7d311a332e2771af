import { beforeEach, describe, expect, it } from '@jest/globals';
import { copyImage } from '../../src/core/copy-image.ts';
import type { Tag } from '../../src/core/copy-request.ts';
import { PaceRefusedError, RetryableError, TokenTakenError } from '../../src/core/errors.ts';
import type { ImageState } from '../../src/core/image-catalogue.ts';
import {
  attemptIn,
  BAKED_AT,
  copyRequest,
  copySnapshot,
  ebsDevice,
  FakeCatalogue,
  FakeEnded,
  NOW_MS,
  imageCopy,
  REGION,
  SOURCE_IMAGE,
  sourceImage,
  target,
  withoutSource,
} from '../factories.ts';

const FAILED = 'ami-0ffffffffffffffff';
let catalogue: FakeCatalogue;
let ended: FakeEnded;

beforeEach(() => {
  catalogue = new FakeCatalogue();
  ended = new FakeEnded();
});

const run = (changes = {}) => copyImage(copyRequest(changes), target, catalogue, ended);
const failure = (name: string, code: string, message: string) =>
  expect.objectContaining({ name, code, message }) as unknown;
const COPY = 'ami-0aaaaaaaaaaaaaaaa';
const OURS = [...imageCopy().tags, { key: 'ImageCopier', value: `image-copier attempt=1 baked=${BAKED_AT}` }];
const UNTRUSTED =
  `${SOURCE_IMAGE} belongs to account 999999999999, which is not trusted. ` +
  'Trusted: 111111111111, 444444444444 (trusted_owner_ids).';

describe('copyImage of an image that was taken away', () => {
  const at = '2026-11-20T00:00:00.000Z';

  it.each([
    [
      'retired',
      'ImageRetired',
      `${SOURCE_IMAGE} was retired at ${at}. Nobody uses it. To have a copy all the same, undo that (command restore), and ask for it again.`,
    ],
    [
      'revoked',
      'ImageRevoked',
      `${SOURCE_IMAGE} was revoked at ${at}: Nobody uses it. Only the source account can undo that (command unrevoke).`,
    ],
  ] as const)('rejects a request for one that was %s', async (kind, code, message) => {
    ended.ends.set(SOURCE_IMAGE, { kind, at, reason: 'Nobody uses it.' });
    await expect(run()).rejects.toEqual(failure('RejectedError', code, message));
    expect(catalogue.asked).toEqual([]);
  });

  it('finds the copy that is there all the same', async () => {
    ended.ends.set(SOURCE_IMAGE, { kind: 'revoked', at, reason: 'Bad.' });
    catalogue.copies = [imageCopy({ state: 'disabled' })];
    expect(await run()).toEqual({ kind: 'reused', imageId: COPY });
  });

  it('brings back no copy that was removed while it was looked for', async () => {
    catalogue.findCopies = async () => {
      // The note comes before the removal.
      await Promise.resolve();
      ended.ends.set(SOURCE_IMAGE, { kind: 'retired', at: new Date(NOW_MS).toISOString(), reason: 'Nobody uses it.' });
      return [];
    };
    await expect(run()).rejects.toMatchObject({ code: 'ImageRetired' });
    expect(catalogue.asked).toEqual([]);
  });

  it('copies one whose revocation was undone', async () => {
    ended.ends.set(SOURCE_IMAGE, { kind: 'unrevoked', at, reason: 'It was good.' });
    expect(await run()).toMatchObject({ kind: 'started' });
  });
});

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
          {
            key: 'ImageCopier',
            value: `image-copier attempt=1 baked=${BAKED_AT} key=11111111-2222-3333-4444-555555555555`,
          },
        ]) as unknown,
        clientToken: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
      },
    ]);
  });

  it('tags it as the account wants, whatever the request says', async () => {
    await copyImage(copyRequest(), { ...target, copyTags: [{ key: 'Recipe', value: 'fixed' }] }, catalogue, ended);

    const [{ tags } = { tags: [] }] = catalogue.started;
    expect(tags.filter(({ key }) => key === 'Recipe')).toEqual([{ key: 'Recipe', value: 'fixed' }]);
  });

  it('ignores a request for others', async () => {
    expect(await run({ targetAccounts: ['333333333333'] })).toEqual({ kind: 'ignored' });
    expect(catalogue.started).toEqual([]);
  });

  it('rejects an image that nobody trusted owns, and names the owner', async () => {
    catalogue.source = sourceImage({ ownerId: '999999999999' });

    const strict = { ...target, trustedOwners: ['111111111111', '444444444444'] };
    const copying = copyImage(copyRequest(), strict, catalogue, ended);
    await expect(copying).rejects.toEqual(failure('RejectedError', 'UntrustedOwner', UNTRUSTED));
  });

  it('rejects an untrusted image even where a copy of it exists', async () => {
    catalogue.source = sourceImage({ ownerId: '999999999999' });
    catalogue.copies = [imageCopy()];

    await expect(run()).rejects.toMatchObject({ name: 'RejectedError', code: 'UntrustedOwner' });
  });

  it.each(['pending', 'available', 'disabled'] as const)('takes a copy of ours that is %s for done', async (state) => {
    const { tags } = imageCopy();
    const marker = { key: 'ImageCopier', value: `image-copier attempt=1 baked=${BAKED_AT}` };
    catalogue.copies = [imageCopy({ state, tags: [...tags, marker] })];

    expect(await run()).toEqual({ kind: 'reused', imageId: 'ami-0aaaaaaaaaaaaaaaa' });
    expect(catalogue.started).toEqual([]);
  });

  it.each(['available', 'disabled'] as const)('takes a copy of another copier that is %s for done', async (state) => {
    catalogue.copies = [imageCopy({ state })];

    expect(await run()).toEqual({ kind: 'reused', imageId: 'ami-0aaaaaaaaaaaaaaaa' });
    expect(catalogue.started).toEqual([]);
  });

  it.each(['available', 'disabled'] as const)(
    'takes a copy for done of which EC2 notes no source: %s',
    async (state) => {
      catalogue.copies = [withoutSource(imageCopy({ state }))];

      expect(await run()).toEqual({ kind: 'reused', imageId: COPY });
      expect(catalogue.started).toEqual([]);
    },
  );

  it('takes a copy of ours for done whose snapshot EC2 does not show at the moment', async () => {
    catalogue.copies = [imageCopy({ tags: OURS })];
    catalogue.snapshots = [];

    expect(await run()).toEqual({ kind: 'reused', imageId: COPY });
  });

  it.each([
    ['under another key than its marker names', { kmsKeyArn: `${target.kmsKeyArn}0` }],
    ['not encrypted', { encrypted: false }],
  ])('makes its own copy beside one that only says that it is ours: it is %s', async (_what, changes) => {
    catalogue.copies = [imageCopy({ tags: OURS })];
    catalogue.snapshots = [copySnapshot(changes)];

    expect(await run()).toMatchObject({ kind: 'started' });
  });

  it('takes a copy for done whose empty volumes are not encrypted', async () => {
    catalogue.copies = [imageCopy({ devices: [ebsDevice(), { name: '/dev/xvdcz', encrypted: false }] })];

    expect(await run()).toEqual({ kind: 'reused', imageId: COPY });
  });

  it.each([
    ['the tag that names its source', OURS.filter(({ key }) => key !== 'CopiedFromAMI')],
    ['all tags but the marker', OURS.filter(({ key }) => key === 'ImageCopier')],
  ])('takes a copy of ours for done that has lost %s', async (_what, tags) => {
    catalogue.copies = [imageCopy({ tags })];

    expect(await run()).toEqual({ kind: 'reused', imageId: COPY });
  });

  it('waits for a copy that another copier has started, whose empty volumes are not encrypted', async () => {
    const devices = [
      { name: '/dev/xvda', encrypted: true },
      { name: '/dev/xvdcz', encrypted: false },
    ];
    catalogue.copies = [imageCopy({ state: 'pending', devices })];

    await expect(run()).rejects.toMatchObject({ code: 'CopyInProgress' });
  });

  it('makes its own copy beside an image that is being made of an instance of the source', async () => {
    catalogue.copies = [imageCopy({ state: 'pending', tags: [], sourceInstanceId: 'i-0123' })];

    expect(await run()).toMatchObject({ kind: 'started' });
  });

  it('takes a copy for done although its source is gone', async () => {
    catalogue.source = undefined;
    catalogue.copies = [imageCopy()];

    expect(await run()).toEqual({ kind: 'reused', imageId: 'ami-0aaaaaaaaaaaaaaaa' });
  });

  it.each([
    ['is not encrypted', { devices: [ebsDevice({ encrypted: false })] }],
    ['has a snapshot that is not', { devices: [ebsDevice(), ebsDevice({ encrypted: false })] }],
    ['has no snapshot', { devices: [] }],
    ['somebody made for another end', { tags: [{ key: 'Name', value: 'mine' }] }],
    ['has no tags and is finished', { tags: [] }],
    ['EC2 has deregistered', { state: 'deregistered' as ImageState }],
    ['somebody makes for another end', { state: 'pending' as ImageState, tags: [{ key: 'Name', value: 'mine' }] }],
    ['is tagged as a copy of another image', { tags: [{ key: 'CopiedFromAMI', value: 'ami-0123' }] }],
    ['names its source in another tag', { tags: [{ key: 'Parent', value: SOURCE_IMAGE }] }],
    ['has the tags of a copy and was copied from that one', { source: { imageId: COPY, region: REGION }, tags: OURS }],
    ['has the tags of a copy and was made of an instance', { sourceInstanceId: 'i-0123', tags: OURS }],
    ['belongs to another account', { ownerId: '333333333333', tags: OURS }],
    ['EC2 says is of another Region', { source: { imageId: SOURCE_IMAGE, region: 'us-east-1' } }],
  ])('makes its own copy beside one that %s', async (_what, change) => {
    catalogue.copies = [imageCopy(change)];

    expect(await run()).toMatchObject({ kind: 'started' });
  });

  it.each([
    ['has tagged it', imageCopy().tags],
    ['has not tagged it yet', []],
  ])('waits for the end of a copy that another copier has started and %s', async (_what, tags) => {
    catalogue.copies = [imageCopy({ state: 'pending', tags })];

    await expect(run()).rejects.toEqual(
      failure('RetryableError', 'CopyInProgress', `${COPY}, a copy that somebody else started, is still pending.`),
    );
  });

  it('makes its own copy after one of another copier that failed', async () => {
    catalogue.copies = [imageCopy({ state: 'failed' })];

    expect(await run()).toMatchObject({ kind: 'started' });
  });

  describe('after a copy that failed', () => {
    const failed = (marker: string) =>
      imageCopy({
        imageId: FAILED,
        state: 'failed',
        tags: [
          { key: 'CopiedFromAMI', value: SOURCE_IMAGE },
          { key: 'ImageCopier', value: marker },
        ],
      });
    const ours = failed(`image-copier attempt=1 baked=${BAKED_AT}`);
    const retry = { attempt: 2, after: FAILED };

    it.each(['failed', 'error', 'invalid'] as const)('waits until it is settled where it is %s', async (state) => {
      catalogue.copies = [{ ...ours, state }];

      await expect(run()).rejects.toEqual(
        failure('RetryableError', 'CopyFailed', `${FAILED}, an earlier copy, has failed and is about to be settled.`),
      );
      expect(catalogue.started).toEqual([]);
    });

    it('is done with one that fails at once: the copy carries the request on', async () => {
      catalogue.answers = [[FAILED, 'failed']];

      expect(await run()).toEqual({ kind: 'started', imageId: FAILED });
      expect(catalogue.started).toHaveLength(1);
    });

    it('makes the next try with another token, and counts it', async () => {
      await run();
      catalogue.copies = [ours];
      await run({ retry });

      const [first, second] = catalogue.started;
      expect(second?.clientToken).not.toBe(first?.clientToken);
      expect(second?.tags).toContainEqual({
        key: 'ImageCopier',
        value: expect.stringMatching(/^image-copier attempt=2 /) as unknown,
      });
    });

    it('makes its own copy beside one that has the marker in another tag', async () => {
      const tags = [{ key: 'Note', value: `image-copier attempt=1 baked=${BAKED_AT}` }];
      catalogue.copies = [imageCopy({ imageId: FAILED, state: 'failed', tags })];

      expect(await run()).toMatchObject({ kind: 'started' });
    });

    it('makes its own copy beside one that failed for another copier', async () => {
      catalogue.copies = [failed(`golden attempt=1 baked=${BAKED_AT}`)];

      expect(await run()).toMatchObject({ kind: 'started' });
    });
  });

  describe('where EC2 answers with a copy of long ago', () => {
    it('goes on after those that are gone, with the same tokens each time', async () => {
      catalogue.answers = [
        ['ami-01', 'deregistered'],
        ['ami-02', 'deregistered'],
        ['ami-03', 'pending'],
      ];
      expect(await run()).toEqual({ kind: 'started', imageId: 'ami-03' });
      const tokens = catalogue.started.map(({ clientToken }) => clientToken);
      expect(new Set(tokens).size).toBe(3);

      const again = new FakeCatalogue();
      again.answers = catalogue.answers;
      await copyImage(copyRequest(), target, again, ended);
      expect(again.started.map(({ clientToken }) => clientToken)).toEqual(tokens);
    });

    it('ends at the copy that the next try has made', async () => {
      catalogue.answers = [
        [FAILED, 'deregistered'],
        ['ami-02', 'available'],
      ];
      await run();
      const retried = new FakeCatalogue();
      await copyImage(copyRequest({ retry: { attempt: 2, after: FAILED } }), target, retried, ended);

      expect(catalogue.started[1]?.clientToken).toBe(retried.started[0]?.clientToken);
    });

    it('tries again while EC2 does not list it', async () => {
      catalogue.answers = [['ami-01', undefined]];

      await expect(run()).rejects.toEqual(
        failure('RetryableError', 'CopyNotListed', 'EC2 answers with ami-01, which it does not list (yet).'),
      );
      expect(catalogue.started).toHaveLength(1);
    });

    it('ends at the copy that another request began after the same one, at another try', async () => {
      catalogue.answers = [['ami-02', 'pending']];
      catalogue.startedAt = 1;

      expect(await run({ retry: { attempt: 2, after: FAILED } })).toEqual({ kind: 'started', imageId: 'ami-02' });
      expect(catalogue.started.map(({ tags }) => attemptIn(tags))).toEqual([1]);
    });

    it('goes on with its own try after a copy that is gone, and that another try began', async () => {
      catalogue.answers = [['ami-02', 'deregistered']];
      catalogue.startedAt = 3;

      expect(await run({ retry: { attempt: 2, after: FAILED } })).toMatchObject({ kind: 'started' });
      expect(catalogue.started.map(({ tags }) => attemptIn(tags))).toEqual([3, 2]);
    });

    it('tries again where it was begun with other tags than those of any try', async () => {
      const taken = new TokenTakenError('IdempotentParameterMismatch', 'other arguments');
      catalogue.startError = taken;

      await expect(run({ retry: { attempt: 2, after: FAILED } })).rejects.toBe(taken);
      expect(catalogue.asked.map(({ tags }) => attemptIn(tags))).toEqual([2, 1, 3]);
      expect(new Set(catalogue.asked.map(({ clientToken }) => clientToken)).size).toBe(1);
    });

    it.each([
      ['its own', [], [1]],
      ['another', [new TokenTakenError('IdempotentParameterMismatch', 'other arguments')], [1, 2]],
    ])('asks for no further attempt once EC2 says something else of %s', async (_which, before, asked) => {
      const error = new RetryableError('ResourceLimitExceeded', 'too many copies');
      catalogue.startErrors.push(...before, error);

      await expect(run()).rejects.toBe(error);
      expect(catalogue.asked.map(({ tags }) => attemptIn(tags))).toEqual(asked);
    });

    it('does not go on for ever in one delivery', async () => {
      catalogue.answers = Array.from({ length: 9 }, (_, index) => [`ami-0${index}`, 'deregistered']);

      await expect(run()).rejects.toEqual(
        failure('RetryableError', 'CopiesGone', '5 earlier copies are gone. It goes on after them.'),
      );
      expect(catalogue.started).toHaveLength(5);
    });
  });

  it('rejects an image of another partition before it asks EC2 for a copy', async () => {
    await expect(run({ sourceRegion: 'cn-north-1' })).rejects.toEqual(
      failure(
        'RejectedError',
        'OtherPartition',
        `${SOURCE_IMAGE} cannot be copied: cn-north-1 is in another partition than ${REGION}. Bake the image in this partition.`,
      ),
    );
    expect(catalogue.asked).toEqual([]);
  });

  it('tries again while the image is not shared', async () => {
    catalogue.source = undefined;

    await expect(run()).rejects.toEqual(
      failure(
        'RetryableError',
        'SourceNotVisible',
        `${SOURCE_IMAGE} is not visible to this account in ${REGION}. Share it (launch permission), or check its id, its Region and the account's Allowed AMIs setting.`,
      ),
    );
  });

  it.each(['pending', 'transient'] as const)('tries again while the image is %s', async (state) => {
    catalogue.source = sourceImage({ state });

    await expect(run()).rejects.toEqual(
      failure('RetryableError', 'SourceNotReady', `${SOURCE_IMAGE} is ${state}. It is copied once it is available.`),
    );
  });

  it.each(['invalid', 'deregistered', 'failed', 'error', 'disabled'] as const)(
    'rejects an image that is %s',
    async (state) => {
      catalogue.source = sourceImage({ state });

      await expect(run()).rejects.toEqual(
        failure('RejectedError', 'SourceNotCopyable', `${SOURCE_IMAGE} is ${state} and cannot be copied.`),
      );
    },
  );

  it('rejects tags that EC2 cannot hold before it asks EC2', async () => {
    await expect(run({ tags: [{ key: '', value: '' }] })).rejects.toEqual(
      failure('RejectedError', 'InvalidTags', 'Bad copy request: tags: a tag has an empty name.'),
    );
  });
});

describe('a copy in a hurry', () => {
  const markerOf = ({ tags }: { tags: readonly Tag[] }) => tags.find(({ key }) => key === 'ImageCopier')?.value;
  const hurried = { ...target, withinMinutes: 60 };

  it.each([
    ['the time that the request names', target, { withinMinutes: 15 }, 15],
    ['that of the account', hurried, {}, 60],
    ['that of the request rather than that of the account', hurried, { withinMinutes: 15 }, 15],
  ])('is to be made within %s', async (_what, to, changes, minutes) => {
    expect(await copyImage(copyRequest(changes), to, catalogue, ended)).toEqual({
      kind: 'started',
      imageId: 'ami-0bbbbbbbbbbbbbbbb',
    });
    expect(catalogue.started).toMatchObject([{ withinMinutes: minutes }]);
    expect(catalogue.started.map(markerOf)).toEqual([expect.stringMatching(new RegExp(` within=${minutes}$`))]);
  });

  it('is made at the pace of EC2 where that refuses the time, and says so', async () => {
    catalogue.paceError = new PaceRefusedError('ResourceLimitExceeded', 'no throughput is left');

    expect(await run({ withinMinutes: 15 })).toEqual({
      kind: 'started',
      imageId: 'ami-0bbbbbbbbbbbbbbbb',
      ownPace: { code: 'ResourceLimitExceeded', message: 'no throughput is left' },
    });
    const [started] = catalogue.started;
    expect(started).not.toHaveProperty('withinMinutes');
    expect(started && markerOf(started)).not.toContain('within');
  });

  it('has the token of any other copy of the image: there is to be one', async () => {
    await run({ withinMinutes: 15 });
    await run();

    const [first, second] = catalogue.started;
    expect(first?.clientToken).toBe(second?.clientToken);
  });

  it('is not tried at another pace after another error', async () => {
    const error = new RetryableError('SourceNotReady', 'not yet');
    catalogue.startError = error;

    await expect(run({ withinMinutes: 15 })).rejects.toBe(error);
    expect(catalogue.asked).toHaveLength(1);
  });
});
