import { paginateDescribeSnapshots, type Image, type Snapshot } from '@aws-sdk/client-ec2';
import { ReceiveMessageCommand, type Message } from '@aws-sdk/client-sqs';
import { GetParameterHistoryCommand, GetParametersByPathCommand } from '@aws-sdk/client-ssm';
import { FOREIGN_MARK } from '../../lambda/src/core/account-images.ts';
import { isAnnounced, MARKER, parseMarker, type CopyMarker } from '../../lambda/src/core/copy-marker.ts';
import { ownImages } from '../../scripts/tool/common/copies.ts';
import type { TargetAccount } from '../tests/support/target-account.ts';

/** A copy that the copier did not make, as it was when it was made. */
export interface ForeignCopy {
  readonly imageId: string;
  /** The place of its source in the pool. */
  readonly sourceImage: number;
  /**
   * Whether it makes a copy of ours needless, once it is available: for each request, for those that come later, since
   * one before it may have led to a copy of ours, or for none.
   */
  readonly counts: 'always' | 'later' | 'never';
  /** As {@link AccountView.tagsOf} gives them. */
  readonly tags: string;
}

/** A parameter with every value that it has had, the newest last. */
export interface ParameterHistory {
  readonly name: string;
  readonly values: readonly string[];
}

/** What stands in an account. */
export class AccountView {
  readonly #target: TargetAccount;

  constructor(target: TargetAccount) {
    this.#target = target;
  }

  /** All images that were copied, whoever did it, also those that are disabled. */
  async images(): Promise<Image[]> {
    return await ownImages(this.#target.account, [], { disabledToo: true });
  }

  async snapshots(): Promise<Snapshot[]> {
    const snapshots: Snapshot[] = [];
    const own = { OwnerIds: ['self'] };
    for await (const page of paginateDescribeSnapshots({ client: this.#target.account.ec2 }, own)) {
      snapshots.push(...(page.Snapshots ?? []));
    }
    return snapshots;
  }

  /** As {@link tagsIn} gives them. */
  async tagsOf(imageId: string): Promise<string> {
    return tagsIn(imageId, await this.images(), await this.snapshots());
  }

  async parameters(): Promise<ParameterHistory[]> {
    const { ssm } = this.#target.account;
    const { Parameters = [] } = await ssm.send(new GetParametersByPathCommand({ Path: '/image-copier' }));
    return await Promise.all(
      Parameters.map(async ({ Name: name = '' }) => {
        const { Parameters: versions = [] } = await ssm.send(new GetParameterHistoryCommand({ Name: name }));
        return { name, values: versions.map(({ Value = '' }) => Value) };
      }),
    );
  }

  async deadLetters(): Promise<Message[]> {
    const letters: Message[] = [];
    for (;;) {
      const { Messages = [] } = await this.#target.account.sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: this.#target.deadLetterQueueUrl,
          MaxNumberOfMessages: 10,
          MessageAttributeNames: ['All'],
          VisibilityTimeout: 600,
        }),
      );
      if (Messages.length === 0) return letters;
      letters.push(...Messages);
    }
  }
}

/** The tags of an image and its snapshots, as JSON; empty lists if they are gone. That the image is revoked is left out. */
export function tagsIn(imageId: string, images: readonly Image[], snapshots: readonly Snapshot[]): string {
  const { Tags = [] } = images.find(({ ImageId }) => ImageId === imageId) ?? {};
  return JSON.stringify([
    Tags.filter(({ Key }) => Key !== FOREIGN_MARK),
    ...snapshots
      .filter(({ Description = '' }) => Description.includes(imageId))
      .map((snapshot) => [snapshot.SnapshotId, snapshot.Tags ?? []]),
  ]);
}

export function markerOf({ Tags = [] }: Pick<Image | Snapshot, 'Tags'>): string {
  return Tags.find(({ Key }) => Key === MARKER)?.Value ?? '';
}

/** Whether the tags say that the copier made it. */
export function isOurs(resource: Pick<Image | Snapshot, 'Tags'>): boolean {
  return markerOf(resource).startsWith('image-copier ');
}

export function parsedMarker(resource: Pick<Image | Snapshot, 'Tags'>): CopyMarker | undefined {
  return parseMarker(markerOf(resource), 'image-copier');
}

/** Whether it is announced, and not taken away. */
export function isAnnouncedCopy(resource: Pick<Image | Snapshot, 'Tags'>): boolean {
  return isAnnounced(parsedMarker(resource));
}
