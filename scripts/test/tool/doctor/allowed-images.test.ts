import { describe, expect, it } from '@jest/globals';
import type { ImageCriterion } from '@aws-sdk/client-ec2';
import { checkAllowedImages, hidesImagesOf } from '../../../tool/doctor/allowed-images.ts';
import { COPIER, SOURCE } from './facts.ts';

function check(state: string, ...criteria: ImageCriterion[]) {
  return checkAllowedImages({ state, criteria }, [SOURCE], COPIER).map(({ code, severity }) => [code, severity]);
}

describe('checkAllowedImages', () => {
  it.each<[string, ImageCriterion[]]>([
    ['disabled', []],
    ['disabled', [{ ImageProviders: ['amazon'] }]],
    ['enabled', [{ ImageProviders: ['amazon'] }, { ImageProviders: [SOURCE] }]],
    ['enabled', [{ ImageProviders: [SOURCE], ImageNames: [] }]],
    ['audit-mode', [{ ImageProviders: [SOURCE] }]],
  ])('finds nothing where the owner is admitted: %s %j', (state, criteria) => {
    expect(check(state, ...criteria)).toEqual([]);
  });

  it('finds an owner that is left out', () => {
    expect(check('enabled')).toEqual([['AllowedImagesLeaveOut', 'problem']]);
    expect(check('enabled', { ImageProviders: ['amazon'] })).toEqual([['AllowedImagesLeaveOut', 'problem']]);
    expect(check('audit-mode', { ImageProviders: ['amazon'] })).toEqual([['AllowedImagesLeaveOut', 'warning']]);
  });

  it('says that only some images are admitted', () => {
    const byName = { ImageProviders: [SOURCE], ImageNames: ['amigo_*'] };
    const byAge = { ImageProviders: [SOURCE], CreationDateCondition: { MaximumDaysSinceCreated: 30 } };

    expect(check('enabled', byName)).toEqual([['AllowedImagesNarrow', 'note']]);
    expect(check('enabled', byAge)).toEqual([['AllowedImagesNarrow', 'note']]);
    expect(check('enabled', { ImageNames: ['amigo_*'] })).toEqual([['AllowedImagesNarrow', 'note']]);
    expect(check('enabled', byName, { ImageProviders: [SOURCE] })).toEqual([]);
  });

  it('says that it could not be read', () => {
    expect(checkAllowedImages({ unread: 'no' }, [SOURCE], COPIER)).toMatchObject([
      { code: 'AllowedImagesUnread', severity: 'note' },
    ]);
  });
});

describe('hidesImagesOf', () => {
  it('holds while it is enabled alone', () => {
    const criteria = [{ ImageProviders: ['amazon'] }];
    expect(hidesImagesOf(SOURCE, { state: 'enabled', criteria })).toBe(true);
    expect(hidesImagesOf('amazon', { state: 'enabled', criteria })).toBe(false);
    expect(hidesImagesOf(SOURCE, { state: 'audit-mode', criteria })).toBe(false);
    expect(hidesImagesOf(SOURCE, { unread: 'no' })).toBe(false);
  });
});
