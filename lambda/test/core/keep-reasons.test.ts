import { describe, expect, it } from '@jest/globals';
import type { AccountImage } from '../../src/core/account-images.ts';
import { keepReasons, knownTo, type KeepReason, type KeepRules } from '../../src/core/keep-reasons.ts';
import { ACCOUNT, COPIER, NOW_MS, REGION, target } from '../factories.ts';
import { announcedCopy, copyId, DAY_MS, ImageAccount, sourceId } from '../image-account.ts';

const RULES: KeepRules = {
  copier: COPIER,
  account: ACCOUNT,
  kmsKeyArn: target.kmsKeyArn,
  parameterPath: '/image-copier',
  recipeTag: 'Recipe',
  rollbackDepth: 0,
  retireTagged: [],
};
const PARAMETER = '/image-copier/ubuntu';
const AT = '2026-11-20T00:00:00.000Z';

/** The reasons to keep the copy of the first image, of which there are three. */
function reasonsOf(
  first: AccountImage | undefined,
  change: (account: ImageAccount) => void = () => undefined,
  rules: Partial<KeepRules> = {},
) {
  const image = first ?? announcedCopy({ number: 1 });
  const account = new ImageAccount(image, announcedCopy({ number: 2 }), announcedCopy({ number: 3 }));
  account.parameters.set(PARAMETER, copyId(3));
  change(account);
  const view = {
    images: account.all,
    snapshots: account.snapshots,
    parameters: Array.from(account.parameters, ([name, imageId]) => ({ name, imageId })),
    found: { references: account.references, unreadable: account.unreadable },
  };
  const all = { ...RULES, ...rules };
  return keepReasons(knownTo(account.image(image.imageId) ?? image, all), view, all, account.nowMs);
}

const use = (code: string, message: string) => [{ kind: 'use', code, message }];
const wait = (code: string, message: string) => [{ kind: 'wait', code, message }];
const never = (message: string) => [{ kind: 'never', code: 'NotOurs', message }];

describe('the reasons to keep an image', () => {
  it('are none for an old copy that nothing uses', () => {
    expect(reasonsOf(undefined)).toEqual([]);
  });

  it('are all named, and not the first alone', () => {
    const reasons = reasonsOf(
      announcedCopy({ number: 1, tags: [{ key: 'Keep', value: '' }], changes: { isProtected: true } }),
      (account) => {
        account.references = [
          { imageId: copyId(1), kind: 'instance', name: 'i-1' },
          { imageId: copyId(1), kind: 'Auto Scaling group', name: 'web' },
        ];
        account.unreadable = ['EC2 Fleets could not be read: AccessDenied'];
      },
    );
    expect(reasons.map(({ code }) => code)).toEqual(['Referenced', 'Referenced', 'Protected', 'KeepTag', 'Unreadable']);
  });

  it('name what uses it', () => {
    const reasons = reasonsOf(undefined, (account) => {
      account.references = [
        { imageId: copyId(1), kind: 'launch template', name: 'lt-1' },
        { imageId: copyId(2), kind: 'instance', name: 'i-2' },
      ];
    });
    expect(reasons).toEqual(use('Referenced', 'The launch template lt-1 uses it.'));
  });

  it.each([
    ['is pending', 'pending', 'It is pending.'],
    ['has failed', 'failed', 'It is failed.'],
  ] as const)('ask to wait where it %s', (_what, state, message) => {
    expect(reasonsOf(announcedCopy({ number: 1, state }))).toEqual(wait('NotAvailable', message));
  });

  it('ask to wait until it is announced', () => {
    const marker = { announcement: { state: 'announcing', settledAt: AT } } as const;
    expect(reasonsOf(announcedCopy({ number: 1, marker }))).toEqual(wait('NotAnnounced', 'It is not announced yet.'));
  });

  it('ask to wait while it is protected from being deregistered', () => {
    const image = announcedCopy({ number: 1, changes: { isProtected: true } });
    expect(reasonsOf(image)).toEqual(wait('Protected', 'It is protected from being deregistered.'));
  });

  it.each([
    ['a moment ago', 0, true],
    ['almost two days ago', 2 * DAY_MS - 1, true],
    ['two days ago', 2 * DAY_MS, false],
  ])('ask to wait after a launch %s: %s', (_when, ago, waits) => {
    const lastLaunchedAt = new Date(NOW_MS - ago).toISOString();
    const reasons = reasonsOf(announcedCopy({ number: 1, changes: { lastLaunchedAt } }));
    const message = `It was launched at ${lastLaunchedAt}, less than two days ago.`;
    expect(reasons).toEqual(waits ? wait('LaunchedLately', message) : []);
  });

  it.each([
    ['keep', '', true],
    ['Keep', 'true', true],
    ['KEEP', 'until 2027', true],
    ['keep', 'false', false],
    ['keeper', 'true', false],
  ])('tell of the tag %s = %s: %s', (key, value, keeps) => {
    const reasons = reasonsOf(announcedCopy({ number: 1, tags: [{ key, value }] }));
    expect(reasons).toEqual(keeps ? use('KeepTag', `It has the tag ${key}.`) : []);
  });

  it('tell of a copy that is being made of it', () => {
    const child = announcedCopy({
      number: 9,
      state: 'pending',
      recipe: 'other',
      changes: { source: { imageId: copyId(1), region: REGION }, tags: [] },
    });
    const pending = reasonsOf(undefined, (account) => account.all.push(child));
    expect(pending).toEqual(use('PendingCopy', `${copyId(9)} is being made of it.`));
    const done = reasonsOf(undefined, (account) => account.all.push({ ...child, state: 'available' }));
    expect(done).toEqual([]);
  });

  it('tell of each parameter that points to it', () => {
    const reasons = reasonsOf(undefined, (account) => account.parameters.set('/image-copier/pinned', copyId(1)));
    expect(reasons).toEqual(use('Parameter', 'The parameter /image-copier/pinned points to it.'));
  });
});

describe('the newest image of a recipe stays', () => {
  const newest = use('Newest', 'It is the newest image of ubuntu.');

  it('whatever its parameter points to', () => {
    expect(reasonsOf(announcedCopy({ number: 4 }))).toEqual(newest);
  });

  it.each([
    ['are of another recipe', { recipe: 'centos' }],
    ['are disabled', { state: 'disabled' }],
    ['are not announced', { marker: { announcement: { state: 'announcing', settledAt: AT } } }],
    ['are retired', { marker: { end: { state: 'retired', at: AT } } }],
    ['are revoked', { marker: { end: { state: 'revoked', at: AT } } }],
    ['belong to others', { changes: { ownerId: '999999999999' } }],
  ] as const)('where the newer ones %s', (_what, change) => {
    const reasons = reasonsOf(undefined, (account) => {
      account.all.splice(1, 2, ...[2, 3].map((number) => announcedCopy({ number, ...change })));
    });
    expect(reasons).toEqual(newest);
  });

  it.each([
    ['only say that they are ours', { kmsKeyArn: 'arn:aws:kms:other' }],
    ['are not encrypted', { encrypted: false }],
    ['have snapshots that EC2 does not show', { snapshotId: 'snap-other' }],
  ])('where the newer ones %s', (_what, change) => {
    const reasons = reasonsOf(undefined, (account) => {
      account.snapshots = account.snapshots.map((each) =>
        each.snapshotId === 'snap-1' ? each : { ...each, ...change },
      );
    });
    expect(reasons).toEqual(newest);
  });

  it('of two that were baked at the same moment, one and the same', () => {
    const twin = announcedCopy({ number: 3, changes: { imageId: copyId(8) } });
    const reasons = [twin, announcedCopy({ number: 3 })].map((image) =>
      reasonsOf(image, (account) => {
        account.all = [twin, announcedCopy({ number: 3 }), announcedCopy({ number: 1 })];
        account.parameters.clear();
      }),
    );
    expect(reasons).toEqual([newest, []]);
  });

  it('also one in quarantine, where no newer one is left', () => {
    const image = announcedCopy({ number: 4, state: 'disabled', marker: { end: { state: 'retired', at: AT } } });
    expect(reasonsOf(image)).toEqual(newest);
  });

  it('but not one that is revoked: nobody can launch it', () => {
    const image = announcedCopy({ number: 4, state: 'disabled', marker: { end: { state: 'revoked', at: AT } } });
    expect(reasonsOf(image)).toEqual([]);
  });

  it('but a copy without a recipe is the newest of nothing', () => {
    const image = announcedCopy({ number: 4 });
    expect(reasonsOf({ ...image, tags: image.tags.filter(({ key }) => key !== 'Recipe') })).toEqual([]);
  });
});

describe('where copies are not approved', () => {
  const UNAPPROVED = { announcement: { state: 'announced', settledAt: AT, unapproved: true } } as const;
  const APPROVED = [1, 2, 4];
  const notApproved = wait('NotApproved', 'Its source image may still be approved.');

  /** Why one of six copies stays, of which 1, 2 and 4 are approved, while the parameter points to one of them. */
  function reasonsOfNumber(number: number, current: number | undefined): KeepReason[] {
    const copies = [1, 2, 3, 4, 5, 6].map((each) =>
      announcedCopy({ number: each, ...(!APPROVED.includes(each) && { marker: UNAPPROVED }) }),
    );
    return reasonsOf(
      copies[number - 1],
      (account) => {
        account.all = copies;
        account.snapshots = new ImageAccount(...copies).snapshots;
        account.parameters.clear();
        if (current !== undefined) account.parameters.set(PARAMETER, copyId(current));
      },
      { rollbackDepth: 1 },
    );
  }

  it.each([
    ['the newest of all stays', 6, 4, use('Newest', 'It is the newest image of ubuntu.')],
    ['one that is newer than the one in use may still be approved', 5, 4, notApproved],
    [
      'the newest approved one stays, though another is in use',
      4,
      2,
      use('Newest', 'It is the newest image of ubuntu.'),
    ],
    ['one that is older than the one in use may go', 3, 4, []],
    ['none of those that are not approved may go where none is in use', 3, undefined, notApproved],
    ['only approved ones count as those to go back to', 2, 4, [expect.objectContaining({ code: 'Rollback' })]],
    ['an approved one out of reach may go', 1, 4, []],
  ] as const)('%s', (_what, number, current, expected) => {
    expect(reasonsOfNumber(number, current)).toEqual(expected);
  });
});

describe('the copies to go back to stay', () => {
  const LINE = [1, 2, 3, 4, 5];
  /** Those of five copies that stay as ones to go back to. */
  function rollbacks(rollbackDepth: number, current: number | undefined, centos = false): number[] {
    return LINE.filter((number) => {
      const reasons = reasonsOf(
        announcedCopy({ number }),
        (account) => {
          account.all = LINE.map((each) => announcedCopy({ number: each }));
          if (centos) account.all.push(announcedCopy({ number: 9, recipe: 'centos' }));
          account.snapshots = new ImageAccount(...account.all).snapshots;
          account.parameters.clear();
          if (current !== undefined) account.parameters.set(PARAMETER, copyId(current));
        },
        { rollbackDepth },
      );
      return reasons.some(({ code }) => code === 'Rollback');
    });
  }

  it.each([
    ['before the newest', 2, 5, [3, 4]],
    ['before the one that the parameter was rolled back to', 2, 4, [2, 3]],
    ['as far as there are any', 9, 3, [1, 2]],
    ['before the newest where there is no parameter', 1, undefined, [4]],
    ['before the newest where the parameter points elsewhere', 1, 77, [4]],
    ['none where none are asked for', 0, 5, []],
  ] as const)('%s', (_what, depth, current, expected) => {
    expect(rollbacks(depth, current)).toEqual(expected);
  });

  it('of its own recipe alone', () => {
    expect(rollbacks(1, 5, true)).toEqual([4]);
  });

  it('and say why', () => {
    const reasons = reasonsOf(announcedCopy({ number: 2 }), undefined, { rollbackDepth: 1 });
    expect(reasons).toEqual(use('Rollback', 'It is one of the 1 images of ubuntu before one in use (rollback_depth).'));
  });
});

describe('what a channel of a recipe points to', () => {
  const PROD = '/image-copier/ubuntu/channels/prod';
  const reasonOfEach = (channel: string, rollbackDepth: number) =>
    [1, 2, 3, 4, 5].map((number) =>
      reasonsOf(
        announcedCopy({ number }),
        (account) => {
          account.all = [1, 2, 3, 4, 5].map((each) => announcedCopy({ number: each }));
          account.snapshots = new ImageAccount(...account.all).snapshots;
          account.parameters.set(PARAMETER, copyId(5));
          account.parameters.set(channel, copyId(3));
        },
        { rollbackDepth },
      ).map(({ code }) => code),
    );

  it('stays, and says which channel it is', () => {
    const reasons = reasonsOf(undefined, (account) => account.parameters.set(PROD, copyId(1)));
    expect(reasons).toEqual(use('Parameter', `The parameter ${PROD} points to it.`));
  });

  it('stays with the copies to go back to from there', () => {
    expect(reasonOfEach(PROD, 1)).toEqual([[], ['Rollback'], ['Parameter'], ['Rollback'], ['Newest', 'Parameter']]);
    expect(reasonOfEach(PROD, 0)).toEqual([[], [], ['Parameter'], [], ['Newest', 'Parameter']]);
  });

  it.each([
    ['a channel of another recipe', '/image-copier/centos/channels/prod'],
    ['a parameter of another kind', '/image-copier/ubuntu/others/prod'],
  ])('has no copies to go back to for %s', (_what, name) => {
    expect(reasonOfEach(name, 1)).toEqual([[], [], ['Parameter'], ['Rollback'], ['Newest', 'Parameter']]);
  });

  it('keeps nothing before an image that cannot be launched', () => {
    expect(reasonsOf(undefined, (account) => account.parameters.set(PROD, 'ami-gone'), { rollbackDepth: 1 })).toEqual(
      [],
    );
  });
});

describe('an image that this copier did not make', () => {
  const theirs = (tags: AccountImage['tags'] = []) =>
    announcedCopy({ number: 1, changes: { tags: [{ key: 'CopiedFromAMI', value: sourceId(1) }, ...tags] } });
  const amigo = [{ key: 'BuiltBy', value: 'amigo' }];

  it.each([
    [
      'belongs to another account',
      announcedCopy({ number: 1, changes: { ownerId: '999999999999' } }),
      {},
      'It belongs to account 999999999999.',
    ],
    [
      'is a copy of somebody else',
      theirs(amigo),
      {},
      'It is no copy of this copier, and the input retire_tagged allows no others.',
    ],
    [
      'lacks a tag',
      theirs(),
      { retireTagged: amigo },
      'It is no copy of this copier, and it does not have the tags of the input retire_tagged.',
    ],
    [
      'lacks one of the tags',
      theirs(amigo),
      { retireTagged: [...amigo, { key: 'Stage', value: 'PROD' }] },
      'It is no copy of this copier, and it does not have the tags of the input retire_tagged.',
    ],
  ])('stays if it %s', (_what, image, rules, message) => {
    expect(reasonsOf(image, undefined, rules)).toEqual(never(message));
  });

  it('may go if it has the tags', () => {
    expect(reasonsOf(theirs(amigo), undefined, { retireTagged: amigo })).toEqual([]);
  });

  it('stays as the newest of its kind', () => {
    const recipe = [...amigo, { key: 'Recipe', value: 'ubuntu' }];
    expect(reasonsOf(theirs(recipe), undefined, { retireTagged: amigo })).toEqual(
      use('Newest', 'It is the newest image of ubuntu.'),
    );
  });

  it('stays though its marker says that it is ours, if its key says otherwise', () => {
    const reasons = reasonsOf(undefined, (account) => {
      account.snapshots = account.snapshots.map((snapshot) => ({ ...snapshot, kmsKeyArn: 'arn:aws:kms:other' }));
    });
    expect(reasons).toEqual(
      never(
        `It is no copy of this copier: snap-1 is encrypted under arn:aws:kms:other, not under ${target.kmsKeyArn}.`,
      ),
    );
  });
});
