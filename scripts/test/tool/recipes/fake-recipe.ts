import { DescribeImagesCommand, DescribeSnapshotsCommand, type Filter, type Image } from '@aws-sdk/client-ec2';
import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { GetParameterCommand, GetParameterHistoryCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { formatMarker, type CopyEnd } from '../../../../lambda/src/core/copy-marker.ts';
import type { FakeServices } from '../support/fake-aws.ts';

const SET_AT = ['2026-11-21', '2026-11-22', '2026-11-23', '2026-11-24', '2026-11-25', '2026-11-26'];

/** An account with the parameter /image-copier/ubuntu and its channels, as SSM, EC2 and KMS answer for it. */
export class FakeRecipe {
  /** What the parameter pointed to, the current one last. Without any there is no parameter. */
  readonly values: string[] = [];
  /** The same of the channels, by their names; one without any is not there. */
  readonly channels = { prod: [] as string[], canary: [] as string[] };
  readonly #images: Image[] = [];
  /** Snapshots that are under another key. */
  readonly foreignSnapshots = new Set<string>();

  /** How often SSM is asked in vain for what it was told: it checks the image first. */
  checks = 0;

  readonly #account: string;

  constructor({ ec2, kms, ssm }: FakeServices, account: string) {
    this.#account = account;
    const key = (id: string) => `arn:aws:kms:eu-west-1:${account}:key/${id}`;
    this.#answerFor(ssm, '/image-copier/ubuntu', this.values);
    for (const [channel, values] of Object.entries(this.channels)) {
      this.#answerFor(ssm, `/image-copier/ubuntu/channels/${channel}`, values);
    }
    ec2.on(DescribeImagesCommand).callsFake(({ Filters: [filter] = [] }: { Filters?: Filter[] }) => ({
      Images: this.#images.filter(({ ImageId = '', SourceImageId = '', Tags = [] }) => {
        const recipe = Tags.find(({ Key }) => Key === 'Recipe')?.Value ?? '';
        const values = { 'source-image-id': SourceImageId, 'tag:Recipe': recipe, 'image-id': ImageId };
        return filter?.Values?.includes(values[filter.Name as keyof typeof values]);
      }),
    }));
    ec2.on(DescribeSnapshotsCommand).callsFake(({ Filters: [filter] = [] }: { Filters?: Filter[] }) => ({
      Snapshots: filter?.Values?.map((SnapshotId) => ({
        SnapshotId,
        Encrypted: true,
        KmsKeyId: key(this.foreignSnapshots.has(SnapshotId) ? '12' : '1'),
      })),
    }));
    kms
      .on(DescribeKeyCommand, { KeyId: 'alias/image-copier' })
      .resolves({ KeyMetadata: { KeyId: '1', Arn: key('1') } });
  }

  /** SSM, for a parameter that had these values. */
  #answerFor(ssm: FakeServices['ssm'], Name: string, values: string[]): void {
    let waiting = 0;
    ssm.on(GetParameterHistoryCommand, { Name }).callsFake(({ NextToken }: { NextToken?: string }) => {
      const page = Number(NextToken ?? 0);
      const [value] = values.slice(page);
      if (value === undefined) throw notFound();
      return {
        // SSM has the oldest first. One a page shows that all pages are read.
        Parameters: [
          {
            Version: page + 1,
            Value: value,
            LastModifiedDate: new Date(SET_AT[page] ?? NaN),
            LastModifiedUser: 'arn:aws:iam::222222222222:role/settle-copy',
          },
        ],
        ...(page + 1 < values.length && { NextToken: String(page + 1) }),
      };
    });
    ssm.on(GetParameterCommand, { Name }).callsFake(() => {
      const stored = waiting > 0 ? values.slice(0, -1) : values;
      waiting = Math.max(waiting - 1, 0);
      const Value = stored.at(-1);
      if (Value === undefined) throw notFound();
      return { Parameter: { Value } };
    });
    ssm.on(PutParameterCommand, { Name }).callsFake(({ Value }: { Value: string }) => {
      values.push(Value);
      waiting = this.checks;
      return {};
    });
  }

  /** Adds ami-c1, a verified copy of ami-a1, for 1. */
  addCopy(number: number, changes: Partial<Image> = {}): void {
    this.#images.push({
      ImageId: copyId(number),
      OwnerId: this.#account,
      SourceImageId: sourceId(number),
      SourceImageRegion: 'eu-west-1',
      State: 'available',
      Tags: tags('announced', 'ubuntu', undefined, undefined, bakedAt(number)),
      BlockDeviceMappings: [{ Ebs: { SnapshotId: `snap-${number}` } }, { VirtualName: 'ephemeral0' }],
      ...changes,
    });
  }
}

export function copyId(number: number): string {
  return `ami-c${number}`;
}

export function sourceId(number: number): string {
  return `ami-a${number}`;
}

/** When ami-a1 was baked, for 1. */
export function bakedAt(number: number): string {
  return `2026-11-${10 + number}T00:00:00.000Z`;
}

function notFound(): Error {
  return Object.assign(new Error('no parameter'), { name: 'ParameterNotFound' });
}

/** The tags of a copy that this copier announced, or has yet to announce. */
export function tags(
  state: 'announced' | 'announcing',
  recipe = 'ubuntu',
  keyId?: string,
  end?: CopyEnd,
  baked = '2026-11-21T00:00:00.000Z',
) {
  const settledAt = '2026-11-21T00:00:00.000Z';
  const Value = formatMarker({
    copier: 'image-copier',
    attempt: 1,
    bakedAt: baked,
    ...(keyId !== undefined && { keyId }),
    announcement: { state, settledAt },
    ...(end && { end }),
  });
  return [
    { Key: 'Recipe', Value: recipe },
    { Key: 'ImageCopier', Value },
  ];
}

/** The tags of a copy that is announced, and whose source image is not approved. */
export const unapprovedTags = tags('announced').map(({ Key, Value }) =>
  Key === 'ImageCopier' ? { Key, Value: `${Value} unapproved` } : { Key, Value },
);
