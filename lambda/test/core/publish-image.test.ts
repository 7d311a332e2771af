import { describe, expect, it } from '@jest/globals';
import { RejectedError, RetryableError } from '../../src/core/errors.ts';
import type { Target } from '../../src/core/image-targets.ts';
import { publishNamed, publishSweep, type PublishContext } from '../../src/core/publish-image.ts';
import { readSharedTags } from '../../src/core/shared-tags.ts';
import { PUBLISHED_TAG, TARGETS_TAG } from '../../src/core/source-image.ts';
import { NOW_MS, SOURCE_ACCOUNT } from '../factories.ts';
import { bakedImage, FakeSourceAccount } from '../publisher.ts';

const CANARY = '222222222222';
const WEB = '333333333333';
const NEW = '444444444444';
const canary: Target = { account: CANARY, regions: ['eu-west-1'], labels: { wave: 'canary' } };
const web: Target = { account: WEB, regions: ['us-east-1', 'eu-west-1'], labels: {} };
const newcomer: Target = { account: NEW, regions: ['eu-west-1'], labels: {} };

const image = bakedImage();
const older = bakedImage({ imageId: 'ami-0bbb', createdAt: '2026-11-20T00:00:00.000Z', snapshotIds: ['snap-3'] });

const sweep = (account: FakeSourceAccount, changes: Partial<PublishContext> = {}) =>
  publishSweep(account.context(changes), Infinity);

/** A source account in which all is published, and that forgets by which calls. */
async function published(images = [image], targets = [canary, web], changes: Partial<PublishContext> = {}) {
  const account = new FakeSourceAccount(images, targets);
  await sweep(account, changes);
  account.calls.length = 0;
  account.requests.length = 0;
  account.reads = 0;
  return account;
}

describe('an image that is tagged', () => {
  it('is shared, tagged and asked for in each Region, and launch permission comes after all that it needs', async () => {
    const account = new FakeSourceAccount([image], [canary, web]);

    const { images } = await publishNamed([image.imageId], account.context(), Infinity);

    expect(images).toEqual([{ image: image.imageId, outcome: 'published', asked: 3, problems: [] }]);
    expect(account.calls).toEqual([
      'allow snap-1',
      'allow snap-2',
      'tag ec2:SharedTag/Recipe',
      'tag ec2:SharedTag/ImageCopier',
      'allow launch',
      'publish eu-west-1',
      'publish us-east-1',
      `tag ${PUBLISHED_TAG}`,
    ]);
    expect(account.asked()).toEqual([
      ['eu-west-1', [CANARY, WEB]],
      ['us-east-1', [WEB]],
    ]);
    expect(account.requests[0]?.request).toMatchObject({
      sourceAmi: image.imageId,
      sourceRegion: 'eu-west-1',
      name: 'ubuntu_1',
      description: '',
      tags: { Recipe: 'ubuntu' },
    });
    expect(readSharedTags(account.images[0]?.tags ?? [])).toEqual({
      regions: ['eu-west-1', 'us-east-1'],
      tags: [{ key: 'Recipe', value: 'ubuntu' }],
    });
    expect(account.tagOf(image.imageId, PUBLISHED_TAG)).toMatch(new RegExp(`^${new Date(NOW_MS).toISOString()} `));
  });

  it('is given only what it lacks, and the owner nothing', async () => {
    const own: Target = { ...canary, account: SOURCE_ACCOUNT };
    const account = new FakeSourceAccount([image], [canary, own]);
    account.launchers.set(image.imageId, new Set([CANARY]));
    account.snapshotUsers.set('snap-1', new Set([CANARY]));

    await sweep(account);

    expect(account.calls.filter((call) => call.startsWith('allow'))).toEqual(['allow snap-2']);
    expect(account.asked()).toEqual([['eu-west-1', [CANARY, SOURCE_ACCOUNT]]]);
  });

  it('costs nothing once it is published', async () => {
    const account = await published();

    const { images } = await sweep(account);

    expect(images).toEqual([{ image: image.imageId, outcome: 'known', problems: [] }]);
    expect([account.calls, account.reads]).toEqual([[], 0]);
    expect(await publishNamed([image.imageId], account.context(), Infinity)).toEqual({ images: [], remaining: 0 });
  });

  it('is completed by the next sweep wherever the publisher was killed', async () => {
    const whole = new FakeSourceAccount([image], [canary, web]);
    await sweep(whole);
    for (const at of whole.calls.keys()) {
      const account = new FakeSourceAccount([image], [canary, web]);
      account.before = () => {
        if (account.calls.length === at) throw new Error('killed');
      };
      expect((await sweep(account)).images).toMatchObject([{ outcome: 'putOff', error: new Error('killed') }]);
      account.before = () => undefined;

      await sweep(account);

      expect([account.launchers, account.snapshotUsers]).toEqual([whole.launchers, whole.snapshotUsers]);
      expect(new Set(account.asked().map(String))).toEqual(new Set(whole.asked().map(String)));
      expect(account.images).toEqual(whole.images);
      account.calls.length = 0;
      await sweep(account);
      expect(account.calls).toEqual([]);
    }
  });

  it('is published where it got the tags of another image that was', async () => {
    const account = await published();
    const copy = { ...older, createdAt: '2026-11-25T00:00:00.000Z', tags: account.images[0]?.tags ?? [] };
    account.images.push(copy);

    await publishNamed([copy.imageId], account.context(), Infinity);

    expect(account.requests.map(({ request }) => request.sourceAmi)).toEqual([copy.imageId, copy.imageId]);
  });

  it('is left for the next sweep where the time is over', async () => {
    const account = new FakeSourceAccount([image, older], [canary]);
    let now = NOW_MS;

    const report = await publishSweep(account.context({ nowMs: () => (now += 1) }), NOW_MS + 2);

    expect(report).toMatchObject({ images: [{ image: image.imageId, outcome: 'published' }], remaining: 1 });
  });

  it('holds up no other one', async () => {
    const account = new FakeSourceAccount([image, older], [canary]);
    account.before = (call) => {
      if (call === 'allow snap-1') throw new RetryableError('InternalError', 'EC2 is away.');
    };

    expect((await sweep(account)).images).toMatchObject([
      { image: image.imageId, outcome: 'putOff' },
      { image: older.imageId, outcome: 'published' },
    ]);
  });

  it('is never published once it is revoked', async () => {
    const account = new FakeSourceAccount([bakedImage({}, { ImageCopierRevoked: 'It is bad.' })], [canary]);

    expect((await sweep(account)).images).toMatchObject([{ outcome: 'revoked', problems: [] }]);
    expect([account.calls, account.reads]).toEqual([[], 0]);
  });
});

describe('a problem that only a person can mend', () => {
  const many = (count: number, prefix = 'Tag') =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, 'x']));

  it.each([
    ['a tag that names nobody', bakedImage({}, { [TARGETS_TAG]: 'wave=canry' }), /has the label "wave=canry"/],
    ['a product code', bakedImage({ productCodes: ['abc'] }), /product codes \(abc\)/],
    ['no snapshot', bakedImage({ snapshotIds: [] }), /no snapshot/],
    ['tags that no copy has room for', bakedImage({}, many(47)), /the copy would have 51 tags/],
    ['a name that no copy can have', bakedImage({ name: 'x' }), /^Bad copy request: name/],
    ['no room for its own note', bakedImage({}, many(48, 'ec2:SharedTag/')), /none can say what was published/],
  ])('is told at each sweep, and nothing is shared: %s', async (_, bad, problem) => {
    const account = new FakeSourceAccount([bad], [canary]);

    for (const again of [await sweep(account), await sweep(account)]) {
      expect(again.images).toEqual([
        { image: bad.imageId, outcome: 'refused', problems: [expect.stringMatching(problem)] },
      ]);
    }
    expect(account.calls).toEqual([]);
  });

  it('is what EC2 refuses, and stays one at the next sweep', async () => {
    const account = new FakeSourceAccount([image], [canary]);
    account.before = () => {
      throw new RejectedError('OperationNotPermitted', 'Snapshots under that key cannot be shared');
    };

    await sweep(account);

    expect((await sweep(account)).images).toMatchObject([
      { outcome: 'refused', problems: ['Snapshots under that key cannot be shared'] },
    ]);
    expect(account.requests).toEqual([]);
  });

  it('in part of a tag holds up no account that the rest names', async () => {
    const account = new FakeSourceAccount([bakedImage({}, { [TARGETS_TAG]: 'wave=canary,team=x' })], [canary, web]);

    expect((await sweep(account)).images).toMatchObject([
      { outcome: 'published', problems: ['No target account has the label "team=x".'] },
    ]);
    expect((await sweep(account)).images).toMatchObject([
      { outcome: 'known', problems: ['No target account has the label "team=x".'] },
    ]);
    expect(account.asked()).toEqual([['eu-west-1', [CANARY]]]);
  });

  it('is none of an image that was published, once a newer one has followed', async () => {
    const both = [image, older].map((each) => ({ ...each, tags: bakedImage({}, { [TARGETS_TAG]: WEB }).tags }));
    const account = await published(both);
    account.targets = [canary];

    expect((await sweep(account)).images).toEqual([
      { image: image.imageId, outcome: 'refused', problems: [`${WEB} is no target account.`] },
      { image: older.imageId, outcome: 'refused', problems: [`${WEB} is no target account.`] },
    ]);
    account.images.push(bakedImage({ imageId: 'ami-0ddd', createdAt: '2026-11-24T00:00:00.000Z' }));
    expect((await sweep(account)).images.map(({ outcome, problems }) => [outcome, problems])).toEqual([
      ['published', []],
      ['known', []],
      ['known', []],
    ]);
  });

  it('is that shared tags do not fit: then there are none, and the message goes out alone, once', async () => {
    const account = new FakeSourceAccount([bakedImage({}, many(26))], [canary]);
    const told = [expect.stringMatching(/more than EC2's 50\. It has none/)];

    expect((await sweep(account)).images).toMatchObject([{ outcome: 'published', problems: told }]);
    expect((await sweep(account)).images).toMatchObject([{ outcome: 'known', problems: told }]);
    expect(account.requests).toHaveLength(1);
    expect(readSharedTags(account.images[0]?.tags ?? [])).toBeUndefined();
  });
});

describe('an account that is new', () => {
  it('is shared and asked for the newest image of each recipe, and of older ones nothing', async () => {
    const other = bakedImage({ imageId: 'ami-0ccc', snapshotIds: ['snap-4'] }, { Recipe: 'windows' });
    const account = await published([image, older, other]);
    account.targets.push(newcomer);

    await sweep(account);

    expect(account.asked().every(([, accounts]) => accounts.includes(NEW))).toBe(true);
    expect(account.requests.map(({ request }) => request.sourceAmi)).toEqual([image.imageId, other.imageId]);
    expect(account.launchers.get(older.imageId)).toEqual(new Set([CANARY, WEB]));
    account.calls.length = 0;
    await sweep(account);
    expect(account.calls).toEqual([]);
  });

  it('is asked for an older image where the newest is not meant for it', async () => {
    const forCanary = bakedImage(
      { imageId: 'ami-0ddd', createdAt: '2026-11-24T00:00:00.000Z' },
      { [TARGETS_TAG]: 'wave=canary' },
    );
    const account = await published([image, forCanary]);
    account.targets.push(newcomer, { ...newcomer, account: '555555555555', labels: { wave: 'canary' } });

    await sweep(account);

    const askedFor = (accountId: string) =>
      account.requests
        .filter(({ request }) => request.targetAccounts.includes(accountId))
        .map(({ request }) => request.sourceAmi);
    expect([askedFor(NEW), askedFor('555555555555')]).toEqual([[image.imageId], [forCanary.imageId]]);
    account.calls.length = 0;
    await sweep(account);
    expect(account.calls).toEqual([]);
  });

  it('is asked for an older image where the newest cannot be published', async () => {
    const account = await published([older]);
    account.images.push(bakedImage({ productCodes: ['abc'] }));
    account.targets.push(newcomer);

    await sweep(account);

    expect(account.requests.map(({ request }) => request.sourceAmi)).toEqual([older.imageId]);
  });

  it('gets nothing of images without a recipe, of which nobody knows the newest', async () => {
    const nameless = { ...image, tags: [{ key: TARGETS_TAG, value: '*' }] };
    const account = await published([nameless]);
    account.targets.push(newcomer);

    await sweep(account);

    expect(account.calls).toEqual([]);
  });

  it('is asked in another Region when it gets one, and the shared tags name it', async () => {
    const account = await published([image], [canary]);
    account.targets = [{ ...canary, regions: ['eu-west-1', 'us-east-1'] }];

    await sweep(account);

    expect(account.asked()).toContainEqual(['us-east-1', [CANARY]]);
    expect(account.tagOf(image.imageId, 'ec2:SharedTag/ImageCopier')).toBe('eu-west-1,us-east-1');
  });
});

describe('an account that left', () => {
  it('keeps its permissions by default', async () => {
    const account = await published();
    account.targets = [canary];

    await sweep(account);

    expect(account.launchers.get(image.imageId)).toEqual(new Set([CANARY, WEB]));
  });

  it('loses them on every image with unshare, and each image is looked at once', async () => {
    const unshare = { unshare: true };
    const account = await published([image, older], [canary, web], unshare);
    account.targets = [canary];

    await sweep(account, unshare);

    for (const id of [image.imageId, older.imageId]) expect(account.launchers.get(id)).toEqual(new Set([CANARY]));
    expect(account.snapshotUsers.get('snap-3')).toEqual(new Set([CANARY]));
    account.reads = 0;
    await sweep(account, unshare);
    expect(account.reads).toBe(0);
  });

  it.each([
    ['where no account is known', [] as Target[], '*'],
    ['by a tag that is wrong', [canary, web], `${CANARY},wave=canry`],
  ])('loses nothing %s', async (_, targets, value) => {
    const unshare = { unshare: true };
    const account = await published([image], [canary, web], unshare);
    account.targets = targets;
    account.images = account.images.map((each) => ({
      ...each,
      tags: [...each.tags.filter(({ key }) => key !== TARGETS_TAG), { key: TARGETS_TAG, value }],
    }));

    await sweep(account, unshare);

    expect(account.launchers.get(image.imageId)).toEqual(new Set([CANARY, WEB]));
  });
});

it('asks 5,000 accounts in one request for each Region', async () => {
  const targets = Array.from({ length: 5000 }, (_, index) => ({
    account: String(100_000_000_000 + index),
    regions: ['eu-west-1'],
    labels: {},
  }));
  const account = new FakeSourceAccount([image], targets);

  await sweep(account);

  expect(account.requests).toHaveLength(1);
  // SNS Developer Guide, "Amazon SNS endpoints and quotas": 256 KB a message.
  expect(JSON.stringify(account.requests[0]?.request).length).toBeLessThan(256 * 1024);
});

describe('the accounts of an organization', () => {
  const organization = { list: () => Promise.resolve([newcomer]) };
  const missing = new Error('no answer');
  const away = { list: () => Promise.reject(missing) };

  it('have copies beside those that Terraform names', async () => {
    const account = new FakeSourceAccount([image], [canary]);

    await sweep(account, { organization });

    expect(account.asked()).toEqual([['eu-west-1', expect.arrayContaining([CANARY, NEW])]]);
  });

  it.each([
    ['*', false],
    ['wave=canary', true],
  ])('are read with labels only where some tag names one: %s', async (value, withLabels) => {
    const asked: boolean[] = [];
    const list = (labels: boolean) => {
      asked.push(labels);
      return organization.list();
    };
    const account = new FakeSourceAccount([image, bakedImage({ imageId: 'ami-0bbb' }, { [TARGETS_TAG]: value })], []);

    await sweep(account, { organization: { list } });

    expect(asked).toEqual([withLabels]);
  });

  describe('that cannot be read', () => {
    it('hold up nobody else: a new image is published once to those that Terraform names, and to them when they are back', async () => {
      const account = new FakeSourceAccount([image], [canary]);

      const { images, missing: told } = await sweep(account, { organization: away });

      expect([images, told]).toEqual([
        [{ image: image.imageId, outcome: 'published', asked: 1, problems: [] }],
        missing,
      ]);
      expect(account.asked()).toEqual([['eu-west-1', [CANARY]]]);
      expect(account.tagOf(image.imageId, PUBLISHED_TAG)).toBeUndefined();

      account.calls.length = 0;
      expect((await sweep(account, { organization: away })).images).toEqual([
        { image: image.imageId, outcome: 'known', problems: [] },
      ]);
      expect(account.calls).toEqual([]);

      await sweep(account, { organization });
      expect(account.asked().at(-1)).toEqual(['eu-west-1', expect.arrayContaining([CANARY, NEW])]);
      expect(account.tagOf(image.imageId, PUBLISHED_TAG)).toBeDefined();
    });

    it('get images without a recipe too, when they are back', async () => {
      const { tags, ...rest } = image;
      const plain = { ...rest, tags: tags.filter(({ key }) => key !== 'Recipe') };
      const account = new FakeSourceAccount([plain], [canary]);
      await sweep(account, { organization: away });

      await sweep(account, { organization });

      expect(account.launchers.get(image.imageId)).toEqual(new Set([CANARY, NEW]));
    });

    it('lose no permission, and what was published is not published anew', async () => {
      const account = new FakeSourceAccount([image], [canary]);
      await sweep(account, { organization, unshare: true });
      account.calls.length = 0;

      const { images } = await sweep(account, { organization: away, unshare: true });

      expect(images).toEqual([{ image: image.imageId, outcome: 'known', problems: [] }]);
      expect(account.calls).toEqual([]);
      expect(account.launchers.get(image.imageId)).toEqual(new Set([CANARY, NEW]));
    });

    it('lose no permission on a new image that was shared with them', async () => {
      const account = new FakeSourceAccount([image], [canary]);
      account.launchers.set(image.imageId, new Set([NEW]));

      await sweep(account, { organization: away, unshare: true });

      expect(account.launchers.get(image.imageId)).toEqual(new Set([NEW, CANARY]));
    });

    it.each(['*', NEW, 'wave=beta'])('put off an image that may be for them alone: %s', async (value) => {
      const account = new FakeSourceAccount([bakedImage({}, { [TARGETS_TAG]: value })], value === '*' ? [] : [canary]);

      const { images } = await sweep(account, { organization: away });

      expect(images).toEqual([{ image: image.imageId, outcome: 'putOff', problems: [], error: missing }]);
    });

    it('mend no tag that means nothing', async () => {
      const account = new FakeSourceAccount([bakedImage({}, { [TARGETS_TAG]: 'everybody' })], [canary]);

      const { images } = await sweep(account, { organization: away });

      expect(images).toMatchObject([{ outcome: 'refused', problems: [expect.stringContaining('"everybody"')] }]);
    });
  });
});
