import { describe, expect, it } from '@jest/globals';
import { runCost } from './run.ts';

const PLAN = {
  accounts: '200',
  'bakes-per-day': '50',
  'image-gib': '8',
  'keep-days': '30',
};

function argsOf(options: Readonly<Record<string, string>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
}

describe('image-copier cost', () => {
  it('shows each part, its share, and what an account has of it', async () => {
    const { stdout } = await runCost(argsOf(PLAN));
    const [plan, , head, snapshots] = stdout.split('\n');

    expect(plan).toBe('200 accounts, 1 Region each: 1,500 copies in each, of 8 GiB, each full.');
    expect(head?.split(/ {2,}/)).toEqual(['PART', '$ A MONTH', 'SHARE', '$ AN ACCOUNT', 'COUNTED']);
    expect(snapshots?.split(/ {2,}/)).toEqual(['EBS snapshots', '120,000.00', '99.0%', '600.00', '2,400,000 GiB']);
  });

  it('prints JSON with all that went into it', async () => {
    const { stdout } = await runCost([...argsOf({ ...PLAN, 'snapshot-price': '0.06' }), '--json']);

    expect(JSON.parse(stdout)).toMatchObject({
      region: 'us-east-1',
      asOf: '2026-11-26',
      plan: { accounts: 200, regions: 1, bakesPerDay: 50, crossRegion: false, keyRotations: 2 },
      prices: { snapshot: { dollars: 0.06 }, transfer: { dollars: 0.02 } },
      assumptions: { keyRequests: { value: 10 } },
      quantities: { snapshotGib: 2_400_000 },
      parts: expect.arrayContaining([{ part: 'EBS snapshots', dollars: 144_000, counted: '2,400,000 GiB' }]) as unknown,
    });
  });

  it('counts transfer for images that are baked in one Region alone', async () => {
    const { stdout } = await runCost([...argsOf({ ...PLAN, regions: '2', 'transfer-price': '0.1' }), '--cross-region']);
    const { stdout: without } = await runCost(argsOf({ ...PLAN, regions: '2' }));

    expect(stdout).toMatch(/^Transfer between Regions +243,333\.33 /m);
    expect(without).not.toContain('Transfer');
  });

  it('counts copies in a hurry', async () => {
    const { stdout } = await runCost(argsOf({ ...PLAN, within: '45m' }));

    expect(stdout).toMatch(/^EBS time-based copies +43,800\.00 .* 2,433,333 GiB$/m);
  });

  it('takes incremental copies', async () => {
    const { stdout } = await runCost(argsOf({ ...PLAN, 'incremental-gib': '0.5', recipes: '10' }));

    expect(stdout).toContain('of 8 GiB, full once a recipe (10 recipes), else 0.5 GiB.');
    expect(stdout).toMatch(/^EBS snapshots +8,250\.00 /m);
  });

  it('compares with the newest copies of each recipe alone', async () => {
    const plan = { accounts: '300', 'bakes-per-day': '10', 'image-gib': '8', 'keep-days': '30' };
    const { stdout } = await runCost(argsOf({ ...plan, 'keep-newest': '3', recipes: '10' }));
    const lines = stdout.split('\n').map((line) => line.split(/ {2,}/));

    expect(stdout).toContain('\nWith the newest 3 of each of 10 recipes alone: 30 copies in each.\n');
    expect(lines).toContainEqual(['PART', '$ FOR 30 DAYS', '$ FOR THE NEWEST 3', '$ LESS']);
    expect(lines).toContainEqual(['EBS snapshots', '36,000.00', '3,600.00', '32,400.00']);
    expect(lines).toContainEqual(['KMS keys', '900.00', '900.00', '0.00']);
  });

  it('compares where copies are incremental, and in JSON', async () => {
    const options = { ...PLAN, 'incremental-gib': '1', recipes: '10', 'keep-newest': '2' };
    const { stdout } = await runCost([...argsOf(options), '--json']);

    expect(JSON.parse(stdout)).toMatchObject({
      quantities: { keptCopies: 1500, snapshotGib: 200 * (10 * 8 + 1490) },
      keepNewest: {
        plan: { newest: { copies: 2, recipes: 10 } },
        quantities: { keptCopies: 20, snapshotGib: 200 * 90 },
      },
    });
  });

  it('compares with sharing and with Image Builder, with what each of them risks', async () => {
    const { stdout } = await runCost([...argsOf(PLAN), '--compare']);
    const [plan, , head, ...lines] = stdout.split('\n').map((line) => line.split(/ {2,}/));

    expect(plan).toEqual(['200 accounts, 1 Region each: 1,500 images in each, of 8 GiB, each full.']);
    expect(head).toEqual(['ALTERNATIVE', '$ A MONTH', 'RISK']);
    expect(lines[0]).toEqual([
      'share unencrypted, encrypt at launch',
      '1,200.00',
      expect.stringMatching(/^The image is stored unencrypted\./),
    ]);
    expect(lines[3]).toEqual(['Image Copier', '121,861.64', expect.stringContaining('never on AWS by us')]);
  });

  it('compares what the newest copies of each recipe cost, if these are what is kept', async () => {
    const { stdout } = await runCost([...argsOf({ ...PLAN, 'keep-newest': '3', recipes: '10' }), '--compare']);

    expect(stdout).toContain('200 accounts, 1 Region each: 30 images in each, of 8 GiB, each full.');
    expect(stdout).toMatch(/^share unencrypted, encrypt at launch +612\.00 /m);
  });

  it('compares in JSON', async () => {
    const { stdout } = await runCost([...argsOf(PLAN), '--compare', '--json']);

    expect(JSON.parse(stdout)).toMatchObject({
      dollars: expect.closeTo(121_261.64, 2) as unknown,
      alternatives: [
        {
          name: 'share unencrypted, encrypt at launch',
          dollars: 1200,
          parts: [
            { part: 'Images in the source account', dollars: 600, counted: '12,000 GiB' },
            { part: 'KMS keys', dollars: 600, counted: '200 keys, 400 rotations' },
          ],
          risk: expect.any(String) as unknown,
          pages: expect.arrayContaining([expect.stringContaining('/AMIEncryption.html')]) as unknown,
        },
        { name: 'share under a customer managed key' },
        { name: 'copies by EC2 Image Builder' },
        { name: 'Image Copier' },
      ],
    });
  });

  it('says nothing of the alternatives unless it is asked', async () => {
    expect(JSON.parse((await runCost([...argsOf(PLAN), '--json'])).stdout)).not.toHaveProperty('alternatives');
  });

  it('takes a bake every other day', async () => {
    const { stdout } = await runCost(argsOf({ ...PLAN, 'bakes-per-day': '0.5' }));

    expect(stdout).toContain('15 copies in each');
  });

  it('says where the copies are more than EC2 allows', async () => {
    const { stdout } = await runCost(argsOf({ ...PLAN, 'bakes-per-day': '2000' }));

    expect(stdout).toContain('more than the 50,000 images that EC2 allows');
  });

  it('has an example in its help', async () => {
    const { stdout } = await runCost(['--help']);

    expect(stdout).toContain('\n  image-copier cost --accounts 200');
  });
});

const WRONG = [
  '',
  '0',
  '-1',
  '-0',
  'NaN',
  'Infinity',
  '1e3',
  '0x10',
  ' 5',
  '5 ',
  '1,000',
  '٣',
  '99999999999',
  'many',
  '.5',
  '5.',
];

describe('a wrong command line', () => {
  it.each(Object.keys(PLAN))('names --%s where it is missing', async (name) => {
    const { error } = await runCost(argsOf(Object.fromEntries(Object.entries(PLAN).filter(([key]) => key !== name))));

    expect(error).toMatch(new RegExp(`required option '--${name} <.*>' not specified`));
  });

  describe.each(['accounts', 'regions', 'recipes', 'keep-newest', 'duration-ms', 'memory-mb'])('--%s', (name) => {
    it.each([...WRONG, '0.5', '200.5'])('rejects %j and says what it takes', async (value) => {
      const { stdout, error } = await runCost([
        ...argsOf({ ...PLAN, 'incremental-gib': '1', recipes: '3' }),
        `--${name}=${value}`,
      ]);

      expect(stdout).toBe('');
      expect(error).toMatch(new RegExp(`option '--${name} <.*It must be a whole number from [0-9]+ to [0-9]+\\.$`));
    });
  });

  describe.each(['bakes-per-day', 'image-gib', 'keep-days', 'incremental-gib', 'snapshot-price', 'transfer-price'])(
    '--%s',
    (name) => {
      it.each([...WRONG, '0.0'])('rejects %j and says what it takes', async (value) => {
        const { stdout, error } = await runCost([...argsOf(PLAN), `--${name}=${value}`]);

        expect(stdout).toBe('');
        expect(error).toMatch(new RegExp(`option '--${name} <.*It must be a number above 0, at most [0-9]+\\.$`));
      });
    },
  );

  it.each([
    { options: { recipes: '3' }, message: '--recipes counts with --incremental-gib or --keep-newest alone.' },
    { options: { 'keep-newest': '3' }, message: '--keep-newest needs --recipes' },
    { options: { 'incremental-gib': '1' }, message: '--incremental-gib needs --recipes' },
    { options: { 'incremental-gib': '9', recipes: '3' }, message: '--incremental-gib is more than --image-gib' },
    { options: { 'transfer-price': '0.1' }, message: 'Add --cross-region' },
  ])('rejects $options, and says what is missing', async ({ options, message }) => {
    const { stdout, error } = await runCost(argsOf({ ...PLAN, ...options }));

    expect(stdout).toBe('');
    expect(error).toContain(message);
  });

  it('rejects a copy from one Region into none', async () => {
    const { error } = await runCost([...argsOf(PLAN), '--cross-region']);

    expect(error).toContain('Say with --regions');
  });

  it('takes a key that was never rotated', async () => {
    const { stdout } = await runCost(argsOf({ ...PLAN, 'key-rotations': '0' }));

    expect(stdout).toContain('200 keys, 0 rotations');
  });
});
