import { describe, expect, it } from '@jest/globals';
import type { ImageFacts } from '../../src/core/image-catalogue.ts';
import {
  findFlaw,
  isCopyOf,
  isContradicted,
  looksEncrypted,
  ownershipOf,
  snapshotIdsOf,
  unencryptedBlanksOf,
} from '../../src/core/ownership.ts';
import {
  COPY,
  copyMarker,
  copySnapshot,
  copyTags,
  ebsDevice,
  imageCopy,
  REGION,
  SOURCE_IMAGE,
  target,
  withoutSource,
} from '../factories.ts';

const OTHER_IMAGE = 'ami-0eeeeeeeeeeeeeeee';
const ours = (changes: Partial<ImageFacts> = {}) => imageCopy({ tags: copyTags(), ...changes });
const copiedFrom = (imageId: string) => ({ source: { imageId, region: REGION } });
const without = (name: string) => copyTags().filter(({ key }) => key !== name);
const withTag = (key: string, value: string) => [...without(key), { key, value }];
const OURS = { kind: 'ours', sourceImageId: SOURCE_IMAGE, sourceRegion: REGION, marker: copyMarker() };

describe('ownershipOf', () => {
  it.each([
    ['as CopyImage made it', ours()],
    ['whose tag CopiedFromAMI is gone', ours({ tags: without('CopiedFromAMI') })],
    ['whose recipe was edited', ours({ tags: withTag('Recipe', 'windows') })],
    ['whose tag Encrypted was edited', ours({ tags: withTag('Encrypted', 'false') })],
    ['that shows no snapshots yet', ours({ state: 'pending', devices: [] })],
    ['that somebody disabled', ours({ state: 'disabled' })],
  ])('takes a copy for ours %s', (_what, image) => {
    expect(ownershipOf(image, target)).toEqual(OURS);
  });

  it.each([
    ["AMIgo's copier made", imageCopy(), { sourceRegion: REGION }],
    ['EC2 notes no source of', withoutSource(imageCopy()), {}],
    ['EC2 notes no source of, whatever marker it has', withoutSource(ours()), {}],
    [
      'another copier of this kind made',
      ours({ tags: copyTags({ ...copyMarker(), copier: 'golden' }) }),
      { sourceRegion: REGION },
    ],
    ['has a marker that is none', ours({ tags: withTag('ImageCopier', 'image-copier') }), { sourceRegion: REGION }],
  ])("takes a copy for somebody else's that %s", (_what, image, more) => {
    expect(ownershipOf(image, target)).toEqual({ kind: 'theirs', sourceImageId: SOURCE_IMAGE, ...more });
  });

  it.each([
    [
      'a copy of our copy, with its tags',
      ours(copiedFrom(COPY)),
      'OtherSource',
      `EC2 says that it was copied from ${COPY}, its tag CopiedFromAMI names ${SOURCE_IMAGE}.`,
    ],
    [
      'a copy that claims another source by its tag',
      imageCopy({ tags: [{ key: 'CopiedFromAMI', value: OTHER_IMAGE }] }),
      'OtherSource',
      `EC2 says that it was copied from ${SOURCE_IMAGE}, its tag CopiedFromAMI names ${OTHER_IMAGE}.`,
    ],
    [
      'an image of an instance of our copy, with its tags',
      ours({ ...copiedFrom(COPY), sourceInstanceId: 'i-0123' }),
      'MadeOfInstance',
      'It was made of the instance i-0123.',
    ],
    [
      'an image of an instance of the source, with the tags of a copy',
      ours({ sourceInstanceId: 'i-0123' }),
      'MadeOfInstance',
      'It was made of the instance i-0123.',
    ],
    [
      'an image of an instance of which EC2 notes no source',
      withoutSource(ours({ sourceInstanceId: 'i-0123' })),
      'MadeOfInstance',
      'It was made of the instance i-0123.',
    ],
    ["another account's image", ours({ ownerId: '333333333333' }), 'OtherOwner', 'It belongs to account 333333333333.'],
    ['a copy for another end', imageCopy({ tags: [] }), 'NotTagged', 'It has no tag CopiedFromAMI.'],
    [
      'an image with a marker set by hand',
      withoutSource(ours({ tags: without('CopiedFromAMI') })),
      'NotTagged',
      'It has no tag CopiedFromAMI.',
    ],
  ])('takes %s for none', (_what, image, code, reason) => {
    expect(ownershipOf(image, target)).toEqual({ kind: 'none', code, reason });
  });
});

describe('isCopyOf', () => {
  it.each([
    [true, ours(), SOURCE_IMAGE, REGION],
    [true, withoutSource(imageCopy()), SOURCE_IMAGE, 'us-east-1'],
    [false, ours(), SOURCE_IMAGE, 'us-east-1'],
    [false, ours(), OTHER_IMAGE, REGION],
    [false, ours(copiedFrom(COPY)), SOURCE_IMAGE, REGION],
  ])('says %s by image and Region', (expected, image, imageId, region) => {
    expect(isCopyOf(ownershipOf(image, target), imageId, region)).toBe(expected);
  });
});

describe('looksEncrypted', () => {
  const blank = { name: '/dev/xvdcz', encrypted: false };
  const hidden = { name: '/dev/xvda', encrypted: true };

  it.each([
    [true, 'with its snapshot encrypted', ours()],
    [true, 'with an empty volume that is not', ours({ devices: [ebsDevice(), blank] })],
    [true, 'of which EC2 does not say it', ours({ devices: [{ name: '/dev/xvda', snapshotId: 'snap-1' }] })],
    [false, 'with one snapshot that is not', ours({ devices: [ebsDevice(), ebsDevice({ encrypted: false })] })],
    [false, 'without any snapshot', ours({ devices: [{ ...blank, encrypted: true }] })],
    [false, 'without any device', ours({ devices: [] })],
    [true, 'that is pending, and shows no device', ours({ state: 'pending', devices: [] })],
    [true, 'that is pending, with an empty volume', ours({ state: 'pending', devices: [hidden, blank] })],
    [false, 'that is pending, and shows no device that is', ours({ state: 'pending', devices: [blank, blank] })],
  ])('says %s for an image %s', (expected, _what, image) => {
    expect(looksEncrypted(image)).toBe(expected);
  });
});

it('tells devices with a snapshot from those for which EC2 makes an empty volume', () => {
  const devices = [
    ebsDevice(),
    { name: '/dev/sdf' },
    { name: '/dev/sdg', encrypted: false },
    { name: '/dev/sdh', encrypted: true },
  ];

  expect(snapshotIdsOf({ devices })).toEqual(['snap-1']);
  expect(unencryptedBlanksOf({ devices })).toEqual(['/dev/sdf', '/dev/sdg']);
});

describe('findFlaw', () => {
  const KEY = `${target.kmsKeyArn}0`;
  const flawOf = (...snapshots: ReturnType<typeof copySnapshot>[]) => findFlaw(['snap-1'], snapshots, target.kmsKeyArn);

  it('finds none where each snapshot is under the key', () => {
    expect(flawOf(copySnapshot())).toBeUndefined();
  });

  it('compares no key where it is not known', () => {
    expect(findFlaw(['snap-1'], [copySnapshot({ kmsKeyArn: KEY })], undefined)).toBeUndefined();
    expect(findFlaw(['snap-1'], [copySnapshot({ encrypted: false })], undefined)).toMatchObject({
      code: 'NotEncrypted',
    });
  });

  it.each([
    ['SnapshotNotShown', false, flawOf()],
    ['NotEncrypted', true, flawOf(copySnapshot({ encrypted: false }))],
    ['OtherKey', true, flawOf(copySnapshot({ kmsKeyArn: KEY }))],
    ['NoSnapshot', false, findFlaw([], [], target.kmsKeyArn)],
  ])('finds %s', (code, contradicted, flaw) => {
    expect(flaw).toMatchObject({ code });
    expect(flaw && isContradicted(flaw)).toBe(contradicted);
  });
});
