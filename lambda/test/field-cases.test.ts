import { describe, expect, it } from '@jest/globals';
import { DescribeImagesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { mockClient } from 'aws-sdk-client-mock';
import { Ec2CopyInventory } from '../src/adapters/ec2-copy-inventory.ts';
import { copyImage } from '../src/core/copy-image.ts';
import { sweep } from '../src/core/settle-copies.ts';
import {
  ACCOUNT,
  COPIER,
  COPY,
  copyRequest,
  copySnapshot,
  FakeAccount,
  FakeCatalogue,
  FakeEnded,
  NOW_MS,
  ownCopy,
  REGION,
  settleContext,
  target,
} from './factories.ts';

// Public reports on what EC2 and SSM do and the emulator does not. docs/field-cases.md has them all.
const settle = (account: FakeAccount) => sweep(settleContext(account), NOW_MS + 20_000);

describe('EC2', () => {
  it('cloudcaptainsh/cloudcaptain#138: lists a copy late, when the next request is there already', async () => {
    const catalogue = new FakeCatalogue();

    await copyImage(copyRequest(), target, catalogue, new FakeEnded());
    await copyImage(copyRequest(), target, catalogue, new FakeEnded());

    const tokens = catalogue.started.map(({ clientToken }) => clientToken);
    expect(tokens).toHaveLength(2);
    expect(new Set(tokens).size).toBe(1);
  });

  it('hashicorp/packer#2319: does not know the copy that it has just started', async () => {
    const catalogue = new FakeCatalogue();
    catalogue.answers = [
      [COPY, undefined],
      [COPY, undefined],
    ];

    await expect(copyImage(copyRequest(), target, catalogue, new FakeEnded())).rejects.toMatchObject({
      name: 'RetryableError',
      code: 'CopyNotListed',
    });
    catalogue.answers = [
      ['', undefined],
      [COPY, 'pending'],
    ];
    expect(await copyImage(copyRequest(), target, catalogue, new FakeEnded())).toEqual({
      kind: 'started',
      imageId: COPY,
    });
    expect(new Set(catalogue.started.map(({ clientToken }) => clientToken)).size).toBe(1);
  });

  it('Answers4AWS/graffiti-monkey#48: takes no filter of more than 200 values', async () => {
    const client = new EC2Client({ region: REGION });
    const ec2 = mockClient(client);
    ec2.on(DescribeImagesCommand).resolves({ Images: [] });

    await new Ec2CopyInventory(client, { copier: COPIER, account: ACCOUNT }).findById(
      Array.from({ length: 500 }, (_, index) => `ami-${index}`),
    );

    const asked = ec2.commandCalls(DescribeImagesCommand).map(({ args: [{ input }] }) => input.Filters?.[0]?.Values);
    expect(asked.map((values) => values?.length)).toEqual([200, 200, 100]);
  });

  it('kubernetes-sigs/cluster-api-provider-aws#2203: encrypts under another key than the one that was named', async () => {
    const account = new FakeAccount(ownCopy());
    const kmsKeyArn = `${target.kmsKeyArn.slice(0, -1)}f`;
    account.snapshots = account.snapshots.map(({ snapshotId }) => copySnapshot({ snapshotId, kmsKeyArn }));

    const { copies } = await settle(account);

    expect(copies).toMatchObject([{ outcome: 'unverified', reason: expect.stringContaining(kmsKeyArn) as unknown }]);
    expect(account.announced).toEqual([]);
  });
});

describe('SSM', () => {
  it('boto/boto3#3588: takes an image for a parameter, and does not store it', async () => {
    const account = new FakeAccount(ownCopy());
    account.readsUntilStored = Infinity;

    const { copies } = await settle(account);

    expect(copies).toMatchObject([{ outcome: 'putOff', error: { code: 'ParameterNotStored' } }]);
    expect(account.announced).toEqual([]);
  });
});
