import { describe, expect, it } from '@jest/globals';
import { GetAllowedImagesSettingsCommand, type ImageCriterion } from '@aws-sdk/client-ec2';
import { checkAllowedImages, hidesImagesOf, readAllowedImages } from '../../../tool/doctor/allowed-images.ts';
import { ACCOUNT, COPIER, SOURCE } from './facts.ts';
import { awsWithCopier } from './healthy-copier.ts';

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

describe('readAllowedImages', () => {
  const read = (aws = awsWithCopier()) => readAllowedImages(aws.connect({}).ec2);

  function readFailingWith(name: string) {
    const aws = awsWithCopier();
    const error = Object.assign(new Error(`${name}, said EC2.`), { name });
    aws.in(ACCOUNT).ec2.on(GetAllowedImagesSettingsCommand).rejects(error);
    return read(aws);
  }

  it('reads the setting', async () => {
    const ImageCriteria = [{ ImageProviders: [SOURCE] }];
    const aws = awsWithCopier(({ allowedImages }) => Object.assign(allowedImages, { State: 'enabled', ImageCriteria }));

    expect(await read()).toEqual({ state: 'disabled', criteria: [] });
    expect(await read(aws)).toEqual({ state: 'enabled', criteria: ImageCriteria });
  });

  it.each(['UnauthorizedOperation', 'InvalidAction', 'UnsupportedOperation'])(
    'takes %s for an answer: not all may ask, and not every partition has the setting',
    async (name) => {
      expect(await readFailingWith(name)).toEqual({ unread: `${name}, said EC2.` });
    },
  );

  it('takes nothing else for an answer', async () => {
    await expect(readFailingWith('RequestLimitExceeded')).rejects.toThrow('RequestLimitExceeded');
  });
});
