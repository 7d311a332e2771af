import { describe, expect, it } from '@jest/globals';
import { judge, requirement, type Approval, type SourceMarks } from '../../src/core/approval.ts';
import type { OwnCopy } from '../../src/core/copy-inventory.ts';
import { COPY, FakeSources, ownCopy, REGION, SOURCE_ACCOUNT, SOURCE_IMAGE, sourceMarks } from '../factories.ts';

const WATERMARK: Approval = { kind: 'watermark', name: 'approved' };
const STRANGER = '999999999999';
const BASE = 'ami-0ba5e';

/** Whether a copy is approved whose source image has these marks; undefined: this account does not see it. */
async function isApproved(
  approval: Approval,
  marks: Partial<SourceMarks> | undefined,
  copy: Partial<OwnCopy> = {},
): Promise<boolean | undefined> {
  const sources = new FakeSources();
  if (marks) sources.marks = [sourceMarks(marks)];
  const verdicts = await judge([ownCopy(copy)], sources.gate(approval));
  return verdicts.get(COPY)?.isApproved;
}

describe('a watermark', () => {
  const watermark = (account: string, name = 'approved', imageId = SOURCE_IMAGE) => ({
    watermarks: [{ key: `${account}:${name}`, imageId }],
  });

  it('of a trusted account approves, on the source image or on the copy', async () => {
    expect(await isApproved(WATERMARK, watermark(SOURCE_ACCOUNT))).toBe(true);
    expect(await isApproved(WATERMARK, undefined, watermark(SOURCE_ACCOUNT))).toBe(true);
  });

  it.each([
    ['of an account that is not trusted', watermark(STRANGER)],
    ['of another name', watermark(SOURCE_ACCOUNT, 'approved-not')],
    ['that came from the image that the source was baked from', watermark(SOURCE_ACCOUNT, 'approved', BASE)],
  ])('%s does nothing', async (_what, marks) => {
    expect(await isApproved(WATERMARK, marks)).toBe(false);
    expect(await isApproved(WATERMARK, undefined, marks)).toBe(false);
  });

  it('on an image of an account that is not trusted does nothing', async () => {
    expect(await isApproved(WATERMARK, { ownerId: STRANGER, ...watermark(SOURCE_ACCOUNT) })).toBe(false);
  });
});

describe('a shared tag', () => {
  const tagged = (value: string, key = 'ec2:SharedTag/approved') => ({ tags: [{ key, value }] });
  const anyValue: Approval = { kind: 'sharedTag', key: 'approved' };

  it.each([
    [anyValue, 'yes', true],
    [anyValue, '', true],
    [anyValue, 'False', false],
    [{ ...anyValue, value: 'prod' }, 'prod', true],
    [{ ...anyValue, value: 'prod' }, 'Prod', false],
    [{ ...anyValue, value: 'false' }, 'false', true],
  ] as const)('(%j) with the value "%s": %s', async (approval, value, expected) => {
    expect(await isApproved(approval, tagged(value))).toBe(expected);
  });

  it.each([
    ['a tag that is not shared', tagged('yes', 'approved')],
    ['one in another case', tagged('yes', 'ec2:sharedtag/approved')],
    ['one on an image of an account that is not trusted', { ownerId: STRANGER, ...tagged('yes') }],
    ['a watermark', { watermarks: [{ key: `${SOURCE_ACCOUNT}:approved`, imageId: SOURCE_IMAGE }] }],
  ])('is not %s', async (_what, marks) => {
    expect(await isApproved(anyValue, marks)).toBe(false);
  });

  it('on the copy does nothing: its account sets it, and so does a request', async () => {
    expect(await isApproved(anyValue, sourceMarks(), tagged('yes'))).toBe(false);
    expect(await isApproved(anyValue, undefined, tagged('yes'))).toBe(false);
  });
});

describe('judge', () => {
  it('asks once a Region, for each source once', async () => {
    const sources = new FakeSources();
    const copies = [
      ownCopy({ imageId: 'ami-1' }),
      ownCopy({ imageId: 'ami-2' }),
      ownCopy({ imageId: 'ami-3', sourceImageId: 'ami-a3' }),
      ownCopy({ imageId: 'ami-4', sourceImageId: 'ami-a4', sourceRegion: 'us-east-1' }),
    ];
    await judge(copies, sources.gate());

    expect(sources.calls).toEqual([`${SOURCE_IMAGE},ami-a3 in ${REGION}`, 'ami-a4 in us-east-1']);
  });

  it('says whether the source is seen, and why it could not be read', async () => {
    const sources = new FakeSources();
    sources.marks = [sourceMarks()];
    const copies = [ownCopy(), ownCopy({ imageId: 'ami-2', sourceImageId: 'ami-a2' })];

    expect(await judge(copies, sources.gate())).toEqual(
      new Map([
        [COPY, { isApproved: false, sourceSeen: true }],
        ['ami-2', { isApproved: false, sourceSeen: false }],
      ]),
    );
    sources.failure = new Error('slow down');
    expect((await judge(copies, sources.gate())).get(COPY)).toMatchObject({
      isApproved: false,
      error: sources.failure,
    });
  });
});

describe('requirement', () => {
  const START = `It waits for the approval of its source image ${SOURCE_IMAGE} in ${REGION}`;

  it.each([
    [WATERMARK, `, which needs the watermark approved of ${SOURCE_ACCOUNT}.`],
    [{ kind: 'sharedTag', key: 'approved' }, ', which needs the tag ec2:SharedTag/approved.'],
    [{ kind: 'sharedTag', key: 'approved', value: 'yes' }, ', which needs the tag ec2:SharedTag/approved = yes.'],
  ] as const)('of %j', (approval, end) => {
    expect(requirement(ownCopy(), new FakeSources().gate(approval))).toBe(`${START}${end}`);
  });

  it('of a gate that is not known', () => {
    expect(requirement(ownCopy(), undefined)).toBe(`${START}.`);
  });
});
