import { beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../src/core/asked-requests.ts';
import type { OwnCopy } from '../../src/core/copy-inventory.ts';
import { parseCopyRequest } from '../../src/core/copy-request.ts';
import { COPIED_FROM } from '../../src/core/copy-tags.ts';
import { wantedImages } from '../../src/core/reconcile.ts';
import { sweep } from '../../src/core/settle-copies.ts';
import { sharedTagsOf } from '../../src/core/shared-tags.ts';
import {
  ACCOUNT,
  copyMarker,
  copyTags,
  FakeAccount,
  imageCopy,
  NOW_MS,
  ownCopy,
  REGION,
  settleContext,
} from '../factories.ts';
import { reconcileContext, sharedImage, SharedInMemory } from '../shared-images.ts';

const UNTIL_MS = NOW_MS + 20_000;
const ANNOUNCED = { state: 'announced', settledAt: '2026-11-23T22:30:00.000Z' } as const;
let account: FakeAccount;
let state: SharedInMemory;

/** Images of one recipe, baked a day after each other. */
const bake = (day: number, changes: Parameters<typeof sharedImage>[1] = {}) => sharedImage(day, changes);
const copyOf = (day: number, changes: Partial<OwnCopy> = {}) => {
  const { imageId, createdAt } = bake(day);
  const marker = copyMarker({ bakedAt: createdAt, announcement: ANNOUNCED });
  const tags = copyTags(marker).map((tag) => (tag.key === COPIED_FROM ? { ...tag, value: imageId } : tag));
  const snapshotIds = [`snap-${day}`];
  return ownCopy({ imageId: `ami-c${day}`, sourceImageId: imageId, marker, tags, snapshotIds, ...changes });
};
/** What one sweep asks for, by the days of the images. */
const sweepOnce = async (changes: Parameters<typeof reconcileContext>[2] = {}, untilMs = UNTIL_MS) =>
  await sweep({ ...settleContext(account), reconciling: reconcileContext(account, state, changes) }, untilMs);
const asked = async (changes: Parameters<typeof reconcileContext>[2] = {}) => {
  await sweepOnce(changes);
  return account.enqueued.map(({ body }) => parseCopyRequest(body).sourceAmi);
};

beforeEach(() => {
  account = new FakeAccount();
  account.copies = [];
  state = new SharedInMemory(bake(1), bake(3), bake(2));
});

describe('what is asked for', () => {
  it('is the newest image of each recipe, as a message would', async () => {
    state.images.push(bake(2, { imageId: 'ami-0cc', recipe: 'centos' }));
    const report = await sweepOnce();

    const newest = bake(3);
    expect(account.enqueued.map(({ delaySeconds }) => delaySeconds)).toEqual([undefined, undefined]);
    expect(account.enqueued.map(({ body }) => parseCopyRequest(body))).toEqual([
      expect.objectContaining({ sourceAmi: 'ami-0cc' }),
      {
        sourceAmi: newest.imageId,
        sourceRegion: REGION,
        targetAccounts: [ACCOUNT],
        name: newest.name,
        description: newest.description,
        tags: [
          { key: 'Recipe', value: 'ubuntu' },
          { key: 'Name', value: 'bake' },
        ],
      },
    ]);
    expect(report.reconciled).toEqual({ asked: ['ami-0cc', newest.imageId], remaining: 0 });
  });

  it('is as many as the account is to have, the oldest first', async () => {
    expect(await asked({ newest: 2 })).toEqual([bake(2).imageId, bake(3).imageId]);
  });

  it('is the same one of two of the same time', async () => {
    state.images = [bake(3, { imageId: 'ami-0b' }), bake(3, { imageId: 'ami-0a' }), bake(3, { imageId: 'ami-0c' })];
    expect(await asked()).toEqual(['ami-0a']);
  });

  it('is asked for once in the time that a request is tried again', async () => {
    await sweepOnce();
    expect(await asked()).toHaveLength(1);

    account.nowMs += 21_600_000 - 1;
    expect(await asked()).toHaveLength(1);
    account.nowMs += 1;
    await sweepOnce({}, account.nowMs + 1);
    expect(account.enqueued).toHaveLength(2);
  });

  it('is not asked for again where the rest of the sweep fails, nor where a later one does', async () => {
    state.images.push(bake(2, { imageId: 'ami-0cc', recipe: 'centos' }));
    account.fails = (call, count) => call === 'enqueue' && count === account.calls.indexOf('enqueue') + 1;
    const { errors, reconciled } = await sweepOnce();
    expect(errors.map(({ message }) => message)).toEqual(['enqueue failed']);
    expect(reconciled).toEqual({ asked: [bake(3).imageId], remaining: 0 });

    account.fails = () => false;
    expect((await sweepOnce()).reconciled).toEqual({ asked: ['ami-0cc'], remaining: 0 });
  });

  it('is told though it cannot be noted', async () => {
    state.requests.error = new Error('ThrottlingException');
    expect(await sweepOnce()).toMatchObject({
      reconciled: { asked: [bake(3).imageId], remaining: 0 },
      errors: [{ message: 'ThrottlingException' }],
    });
  });

  it('ends with the time', async () => {
    expect(await sweepOnce({}, NOW_MS)).toMatchObject({ reconciled: { asked: [], remaining: 1 } });
    expect(account.enqueued).toEqual([]);
  });
});

describe('nothing is asked for', () => {
  it.each([
    ['of an owner who is not trusted', { ownerId: '999999999999' }],
    ['that wants copies elsewhere', { regions: ['us-east-1'] }],
    ['that says nothing of copies', { tags: [{ key: 'ec2:SharedTag/Recipe', value: 'ubuntu' }] }],
    [
      'whose tags are its owner’s alone',
      { tags: sharedTagsOf([], [REGION]).concat({ key: 'Recipe', value: 'ubuntu' }) },
    ],
    ['without a recipe', { tags: sharedTagsOf([{ key: 'Name', value: 'x' }], [REGION]) }],
    ['that is not available', { state: 'pending' }],
  ] as const)('by an image %s', (_what, changes) => {
    const images = [bake(3, changes)];
    expect(wantedImages(images, reconcileContext(account, state))).toEqual([]);
  });

  it('by an image that is no more wanted than others of its recipe are new', async () => {
    state.images = [bake(3, { regions: ['us-east-1'] }), bake(2)];
    expect(await asked()).toEqual([bake(2).imageId]);
  });

  it.each(['pending', 'available', 'disabled'] as const)('of which there is a copy that is %s', async (copyState) => {
    account.copies = [copyOf(3, { state: copyState })];
    expect(await asked()).toEqual([]);
  });

  it('while a copy of a newer image is there, though its source is gone', async () => {
    account.copies = [copyOf(4)];
    expect(await asked({ newest: 3 })).toEqual([]);
  });

  it('where somebody else made the copy, of this image or of a newer one', async () => {
    const tags = [
      { key: 'CopiedFromAMI', value: bake(3).imageId },
      { key: 'Recipe', value: 'ubuntu' },
    ];
    account.others.push(imageCopy({ source: { imageId: bake(3).imageId, region: REGION }, tags }));
    expect(await asked({ newest: 3 })).toEqual([]);
  });

  it('once the image was retired or revoked', async () => {
    account.ended.ends.set(bake(3).imageId, { kind: 'retired', at: '', reason: '' });
    account.ended.ends.set(bake(2).imageId, { kind: 'revoked', at: '', reason: '' });
    account.ended.ends.set(bake(1).imageId, { kind: 'unrevoked', at: '', reason: '' });
    expect(await asked({ newest: 3 })).toEqual([bake(1).imageId]);
  });

  it('in the words in which it was refused', async () => {
    const [wanted] = wantedImages(state.images, reconcileContext(account, state));
    const digest = wanted ? digestOf(wanted.request) : '';
    state.requests.refusals.set(bake(3).imageId, { digest, at: '', reason: '' });
    expect(await asked()).toEqual([]);

    state.images.push({ ...bake(3), description: 'in other words' });
    state.images.shift();
    state.images.shift();
    expect(await asked()).toEqual([bake(3).imageId]);
  });

  it('where the account does not want it', async () => {
    const { reconciled, errors } = await sweep(settleContext(account), UNTIL_MS);
    expect({ reconciled, errors }).toEqual({ reconciled: { asked: [], remaining: 0 }, errors: [] });
    expect(account.enqueued).toEqual([]);
  });
});

describe('what only says that it is a copy', () => {
  it.each([
    ['under another key', { kmsKeyArn: 'arn:aws:kms:eu-west-1:222222222222:key/other' }],
    ['not encrypted', { encrypted: false }],
  ])('is none: %s', async (_what, change) => {
    account = new FakeAccount(copyOf(3), copyOf(9));
    account.snapshots = account.snapshots.map((snapshot) => ({ ...snapshot, ...change }));
    expect(await asked()).toEqual([bake(3).imageId]);
  });

  it('is none where somebody else’s is not encrypted', async () => {
    const source = { imageId: bake(3).imageId, region: REGION };
    account.others.push(imageCopy({ source, tags: [], devices: [] }));
    expect(await asked()).toEqual([bake(3).imageId]);
  });
});

describe('what a sweep looks up', () => {
  it('is nothing more where nothing is shared', async () => {
    state.images = [];
    await sweepOnce();
    expect(account.calls).not.toContain('listCopies');
  });

  it('is nothing more where the parameters point to the newest copies', async () => {
    account.copies = [copyOf(3)];
    account.parameters.set('/image-copier/ubuntu', 'ami-c3');
    await sweepOnce({ newest: 2 });
    expect(account.calls).not.toContain('listCopies');
    expect(account.enqueued).toEqual([]);
  });

  it('is all copies where a parameter points to another image', async () => {
    account.copies = [copyOf(3), copyOf(1)];
    account.parameters.set('/image-copier/ubuntu', 'ami-c1');
    expect(await asked()).toEqual([]);
    expect(account.calls).toContain('listCopies');
  });

  it('is all copies where parameters cannot be read', async () => {
    account.copies = [copyOf(3)];
    account.fails = (call) => call === 'list';
    expect(await asked()).toEqual([]);
    expect(account.calls).toContain('listCopies');
  });

  it.each(['listCopies', 'snapshotsOf'])('holds nothing else up where %s fails', async (failing) => {
    account = new FakeAccount(copyOf(3));
    account.failedSnapshots = ['snap-0f'];
    account.fails = (call) => call === failing;

    const { errors, removedSnapshots, reconciled } = await sweepOnce();
    expect(errors.map(({ message }) => message)).toEqual([`${failing} failed`]);
    expect(removedSnapshots).toEqual(['snap-0f']);
    expect(reconciled).toEqual({ asked: [], remaining: 0 });
  });
});
