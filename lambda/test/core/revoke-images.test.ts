import { beforeEach, describe, expect, it } from '@jest/globals';
import type { AccountImage } from '../../src/core/account-images.ts';
import { formatMarker } from '../../src/core/copy-marker.ts';
import { disableRevoked, revokeImage, unrevokeImage, type Revocation } from '../../src/core/revoke-images.ts';
import { copyMarker, NOW_MS, REGION } from '../factories.ts';
import { announcedCopy, copyId, ImageAccount, sourceId } from '../image-account.ts';

const AT = new Date(NOW_MS).toISOString();
const EARLIER = new Date(NOW_MS - 1000).toISOString();
const LATER = new Date(NOW_MS + 1000).toISOString();
const PARAMETER = '/image-copier/ubuntu';
const BAD = copyId(3);
const SOURCE = sourceId(3);
const revocation: Revocation = { sourceAmi: SOURCE, sourceRegion: REGION, reason: 'CVE-2026-1', at: AT };
let account: ImageAccount;

beforeEach(() => {
  account = new ImageAccount(...[1, 2, 3].map((number) => announcedCopy({ number })));
  account.parameters.set(PARAMETER, BAD);
});

const revoke = async (changes: Partial<Revocation> = {}) =>
  await revokeImage({ ...revocation, ...changes }, account.context());
const unrevoke = async (changes: Partial<Revocation> = {}) =>
  await unrevokeImage({ ...revocation, at: LATER, ...changes }, account.context());
const bakedAt = announcedCopy({ number: 3 }).createdAt;
const announced = { state: 'announced', settledAt: bakedAt } as const;
const marker = (changes: Parameters<typeof copyMarker>[0]) => formatMarker(copyMarker({ bakedAt, ...changes }));

/** An image that was made of another one in the account. */
function madeOf(imageId: string, number: number, changes: Partial<AccountImage> = {}): AccountImage {
  const source = { imageId, region: REGION };
  return announcedCopy({ number, changes: { source, tags: [], name: `own ${number}`, ...changes } });
}

describe('revoking an image', () => {
  it('notes it, marks its copy, moves the parameter, and then disables the copy', async () => {
    expect(await revoke()).toEqual({
      kind: 'Image Revoked',
      sourceAmi: SOURCE,
      sourceRegion: REGION,
      reason: 'CVE-2026-1',
      images: [BAD],
      pending: [],
      parameters: [{ name: PARAMETER, from: BAD, to: copyId(2) }],
      instances: 0,
      problems: [],
      errors: [],
      hasChanged: true,
      at: AT,
    });
    expect(account.calls).toEqual([
      `note ${SOURCE} revoked`,
      `mark ${BAD} revoked`,
      `put ${PARAMETER} ${copyId(2)}`,
      `disable ${BAD}`,
    ]);
    expect(account.ended.ends.get(SOURCE)).toEqual({ kind: 'revoked', at: AT, reason: 'CVE-2026-1' });
    expect(account.tag(BAD)).toBe(marker({ announcement: announced, end: { state: 'revoked', at: AT } }));
  });

  it('does nothing the second time', async () => {
    await revoke();
    account.calls.length = 0;
    expect(await revoke()).toMatchObject({ hasChanged: false, images: [BAD], parameters: [], errors: [] });
    expect(account.calls).toEqual([`note ${SOURCE} revoked`]);
  });

  it('disables copies whoever made them, and what descends from any', async () => {
    const amigos = announcedCopy({
      number: 4,
      changes: { tags: [{ key: 'CopiedFromAMI', value: SOURCE }], source: { imageId: SOURCE, region: REGION } },
    });
    const untagged = madeOf(SOURCE, 5);
    const child = madeOf(BAD, 6);
    const baked = madeOf(child.imageId, 7, { sourceInstanceId: 'i-1' });
    const other = madeOf(copyId(2), 8);
    account.all.unshift(baked, other, child, untagged, amigos);
    const outcome = await revoke();
    const family = [amigos, untagged, child, baked].map(({ imageId }) => imageId);
    expect(outcome?.images.toSorted()).toEqual([BAD, ...family].toSorted());
    for (const id of family) {
      expect(account.state(id)).toBe('disabled');
      expect(account.tag(id, 'ImageCopierEnd')).toBe(`image-copier revoked=${AT} source=${SOURCE}`);
    }
    expect(account.state(other.imageId)).toBe('available');
    expect(account.state(copyId(2))).toBe('available');
  });

  it('disables one that has no room for the mark all the same', async () => {
    const child = madeOf(BAD, 6);
    account.all.push(child);
    account.full.push(child.imageId);
    expect(await revoke()).toMatchObject({ errors: [], problems: [] });
    expect(account.state(child.imageId)).toBe('disabled');
  });

  it('leaves the source image itself to the source account', async () => {
    account.all.push(madeOf('ami-0', 5, { imageId: SOURCE }));
    await revoke();
    expect(account.state(SOURCE)).toBe('available');
  });

  it('marks a copy that is pending, and says that there is one', async () => {
    account.all = [announcedCopy({ number: 3, state: 'pending', marker: { announcement: undefined } as never })];
    expect(await revoke()).toMatchObject({ images: [], pending: [BAD], hasChanged: true });
    expect(account.tag(BAD)).toBe(marker({ end: { state: 'revoked', at: AT } }));
    expect(account.calls).not.toContain(`disable ${BAD}`);
  });

  it('leaves one that is in quarantine as it is', async () => {
    const retired = announcedCopy({ number: 3, state: 'disabled', marker: { end: { state: 'retired', at: EARLIER } } });
    account.all = [retired];
    expect(await revoke()).toMatchObject({ images: [BAD], hasChanged: false });
    expect(account.tag(BAD)).toContain('retired=');
  });

  it('counts the instances that still run it', async () => {
    account.references = [
      { imageId: BAD, kind: 'instance', name: 'i-1' },
      { imageId: BAD, kind: 'launch template', name: 'lt-1' },
      { imageId: copyId(2), kind: 'instance', name: 'i-2' },
    ];
    expect(await revoke()).toMatchObject({ instances: 1 });
  });

  it('has nothing to disable where there is no copy, and notes it all the same', async () => {
    expect(await revoke({ sourceAmi: sourceId(9) })).toMatchObject({ images: [], instances: 0, hasChanged: false });
    expect(account.ended.ends.get(sourceId(9))).toMatchObject({ kind: 'revoked' });
  });
});

describe('the parameter of a revoked image', () => {
  it.each([
    ['not verified', (image: AccountImage) => image, 'arn:aws:kms:other'],
    ['disabled', (image: AccountImage): AccountImage => ({ ...image, state: 'disabled' }), undefined],
    ['revoked too', () => announcedCopy({ number: 2, marker: { end: { state: 'revoked', at: EARLIER } } }), undefined],
    [
      'not announced',
      () => announcedCopy({ number: 2, marker: { announcement: { state: 'announcing', settledAt: EARLIER } } }),
      undefined,
    ],
    [
      'not approved',
      () =>
        announcedCopy({
          number: 2,
          marker: { announcement: { state: 'announced', settledAt: EARLIER, unapproved: true } },
        }),
      undefined,
    ],
    ['of another recipe', () => announcedCopy({ number: 2, recipe: 'centos' }), undefined],
  ])('goes past a copy that is %s', async (_what, change, kmsKeyArn) => {
    account.all = account.all.map((image) => (image.imageId === copyId(2) ? change(image) : image));
    if (kmsKeyArn) {
      account.snapshots = account.snapshots.map((each) =>
        each.snapshotId === 'snap-2' ? { ...each, kmsKeyArn } : each,
      );
    }
    expect(await revoke()).toMatchObject({ parameters: [{ name: PARAMETER, from: BAD, to: copyId(1) }] });
  });

  it('stays where there is no other copy, and that is said', async () => {
    account.all = [announcedCopy({ number: 3 })];
    expect(await revoke()).toMatchObject({ parameters: [{ name: PARAMETER, from: BAD, to: null }], images: [BAD] });
    expect(account.parameters.get(PARAMETER)).toBe(BAD);
  });

  it('stays where it points to another copy', async () => {
    account.parameters.set(PARAMETER, copyId(1));
    expect(await revoke()).toMatchObject({ parameters: [] });
    expect(account.parameters.get(PARAMETER)).toBe(copyId(1));
  });
});

describe('a channel that points to a revoked image', () => {
  const PROD = '/image-copier/ubuntu/channels/prod';

  beforeEach(() => {
    account = new ImageAccount(...[1, 2, 3, 4].map((number) => announcedCopy({ number })));
    account.parameters.set(PARAMETER, copyId(4));
    account.parameters.set(PROD, BAD);
  });

  it('moves to the newest older copy, and never to a newer one', async () => {
    expect(await revoke()).toMatchObject({ parameters: [{ name: PROD, from: BAD, to: copyId(2) }], errors: [] });
    expect(account.parameters).toEqual(
      new Map([
        [PARAMETER, copyId(4)],
        [PROD, copyId(2)],
      ]),
    );
  });

  it('goes past older copies that are revoked too, or of other recipes', async () => {
    account.all = account.all.map((image) =>
      image.imageId === copyId(2) ? announcedCopy({ number: 2, recipe: 'centos' }) : image,
    );
    expect(await revoke()).toMatchObject({ parameters: [{ name: PROD, to: copyId(1) }] });
  });

  it('stays where there is no older copy, and that is said', async () => {
    account.all = account.all.slice(2);
    expect(await revoke()).toMatchObject({ parameters: [{ name: PROD, from: BAD, to: null }] });
    expect(account.parameters.get(PROD)).toBe(BAD);
  });

  it('stays where it was moved to once the revocation is undone', async () => {
    await revoke();
    expect(await unrevoke()).toMatchObject({ parameters: [] });
    expect(account.parameters.get(PROD)).toBe(copyId(2));
  });
});

describe('who may revoke', () => {
  it('an image of a trusted account', async () => {
    account.source = { ownerId: '111111111111', state: 'disabled', createdAt: bakedAt };
    expect(await revoke()).toMatchObject({ images: [BAD] });
  });

  it('never one that EC2 shows to belong to somebody else', async () => {
    account.source = { ownerId: '137112412989', state: 'available', createdAt: bakedAt };
    await expect(revoke()).rejects.toMatchObject({
      name: 'RejectedError',
      code: 'UntrustedOwner',
      message: `${SOURCE} belongs to account 137112412989, which is not trusted, so it cannot be revoked here. Trusted: 111111111111 (trusted_owner_ids).`,
    });
    expect(account.calls).toEqual([]);
  });
});

describe('a revocation of which a part fails', () => {
  it.each([
    ['the mark', `mark ${BAD} revoked`, BAD],
    ['the parameter', `put ${PARAMETER} ${copyId(2)}`, PARAMETER],
    ['the disabling', `disable ${BAD}`, BAD],
  ])('%s does the others, and says what is left', async (_what, call, subject) => {
    account.fails = (each) => each === call;
    const outcome = await revoke();
    expect(outcome).toMatchObject({
      problems: [`${subject}: ${call} failed`],
      errors: [{ message: `${call} failed` }],
    });
    expect(account.calls).toHaveLength(4);
    account.fails = () => false;
    expect(await revoke()).toMatchObject({ errors: [] });
    expect(account.state(BAD)).toBe('disabled');
    expect(account.parameters.get(PARAMETER)).toBe(copyId(2));
  });

  it('does not list an image as disabled that is not', async () => {
    account.fails = (call) => call === `disable ${BAD}`;
    expect(await revoke()).toMatchObject({ images: [] });
  });
});

describe('undoing a revocation', () => {
  it('enables the copy, takes its mark away, and points the parameter to it again', async () => {
    await revoke();
    account.calls.length = 0;
    expect(await unrevoke()).toMatchObject({
      kind: 'Revocation Undone',
      images: [BAD],
      parameters: [{ name: PARAMETER, from: copyId(2), to: BAD }],
      errors: [],
    });
    expect(account.calls).toEqual([
      `note ${SOURCE} unrevoked`,
      `enable ${BAD}`,
      `put ${PARAMETER} ${BAD}`,
      `mark ${BAD} none`,
    ]);
    expect(account.tag(BAD)).toBe(marker({ announcement: announced }));
    expect(account.state(BAD)).toBe('available');
  });

  it('enables what descends from it, and what others made', async () => {
    const child = madeOf(BAD, 6);
    account.all.push(child);
    await revoke();
    await unrevoke();
    expect(account.state(child.imageId)).toBe('available');
    expect(account.tag(child.imageId, 'ImageCopierEnd')).toBeUndefined();
  });

  it('leaves what was disabled by others', async () => {
    const child = madeOf(BAD, 6, { state: 'disabled' });
    await revoke();
    account.all.push(child);
    expect(await unrevoke()).toMatchObject({ images: [BAD] });
    expect(account.state(child.imageId)).toBe('disabled');
  });

  it('leaves what descends from another revoked image', async () => {
    account.all.push(madeOf(BAD, 6));
    const other = announcedCopy({ number: 2, changes: { source: { imageId: BAD, region: REGION } } });
    account.all = account.all.map((image) => (image.imageId === copyId(6) ? { ...other, imageId: copyId(6) } : image));
    await revoke();
    await revoke({ sourceAmi: sourceId(2) });
    await unrevoke();
    expect(account.state(copyId(6))).toBe('available');
    expect(account.state(copyId(2))).toBe('disabled');
    await unrevoke({ sourceAmi: sourceId(2) });
    expect(account.state(copyId(2))).toBe('available');
  });

  it('lets a pending copy be settled again', async () => {
    account.all = [announcedCopy({ number: 3, state: 'pending', marker: { announcement: undefined } as never })];
    await revoke();
    expect(await unrevoke()).toMatchObject({ pending: [BAD], images: [] });
    expect(account.tag(BAD)).toBe(marker({}));
  });

  it('does not move a parameter back where a newer copy is there', async () => {
    await revoke();
    account.all.push(announcedCopy({ number: 4 }));
    account.snapshots.push(...new ImageAccount(announcedCopy({ number: 4 })).snapshots);
    account.parameters.set(PARAMETER, copyId(4));
    expect(await unrevoke()).toMatchObject({ parameters: [] });
  });

  it('points no parameter to a copy that is not approved, and keeps it waiting', async () => {
    const announcement = { state: 'announced', settledAt: EARLIER, unapproved: true } as const;
    const waiting = announcedCopy({ number: 3, marker: { announcement } });
    account.all = account.all.map((image) => (image.imageId === BAD ? waiting : image));
    account.parameters.set(PARAMETER, copyId(2));
    await revoke();
    expect(account.tag(BAD)).toMatch(/^image-copier revoked=.* unapproved$/);

    expect(await unrevoke()).toMatchObject({ images: [BAD], parameters: [] });
    expect(account.tag(BAD)).toMatch(/^image-copier announced=.* unapproved$/);
    expect(account.parameters.get(PARAMETER)).toBe(copyId(2));
  });

  it('keeps that an image was retired', async () => {
    account.ended.ends.set(SOURCE, { kind: 'retired', at: EARLIER, reason: 'Old.' });
    await unrevoke();
    expect(account.ended.ends.get(SOURCE)).toMatchObject({ kind: 'retired' });
  });

  it.each([`enable ${BAD}`, `mark ${BAD} none`, `put ${PARAMETER} ${BAD}`])(
    'goes on after a failure of %s',
    async (call) => {
      await revoke();
      account.fails = (each) => each === call;
      expect(await unrevoke()).toMatchObject({ errors: [{ message: `${call} failed` }] });
      account.fails = () => false;
      await unrevoke();
      expect(account.state(BAD)).toBe('available');
      expect(account.parameters.get(PARAMETER)).toBe(BAD);
      expect(account.tag(BAD)).toBe(marker({ announcement: announced }));
    },
  );
});

describe('of two decisions on one image the later one holds', () => {
  it('a revocation that comes after its undoing does nothing', async () => {
    await unrevoke();
    account.calls.length = 0;
    expect(await revoke()).toBeUndefined();
    expect(account.calls).toEqual([]);
  });

  it('an undoing that comes after a later revocation does nothing', async () => {
    await revoke({ at: LATER });
    account.calls.length = 0;
    expect(await unrevoke({ at: AT })).toBeUndefined();
    expect(account.calls).toEqual([]);
  });

  it('a revocation after the undoing of an earlier one holds', async () => {
    await unrevoke({ at: EARLIER });
    expect(await revoke()).toMatchObject({ images: [BAD] });
  });

  it('a retired image is revoked', async () => {
    account.ended.ends.set(SOURCE, { kind: 'retired', at: LATER, reason: 'Old.' });
    await revoke();
    expect(account.ended.ends.get(SOURCE)).toMatchObject({ kind: 'revoked' });
  });
});

describe('the sweep', () => {
  it('disables revoked images that can be launched, and no others', async () => {
    await revoke();
    account.all = account.all.map((image) => ({ ...image, state: 'available' }));
    expect(await disableRevoked(account.context())).toEqual([BAD]);
    expect(account.state(BAD)).toBe('disabled');
    expect(account.state(copyId(2))).toBe('available');
  });

  it('leaves those alone whose revocation is being taken back', async () => {
    await revoke();
    account.ended.ends.set(SOURCE, { kind: 'unrevoked', at: LATER, reason: '' });
    account.all = account.all.map((image) => ({ ...image, state: 'available' }));
    expect(await disableRevoked(account.context())).toEqual([]);
    expect(account.state(BAD)).toBe('available');
  });
});
