import type { CopyRequest } from '../src/core/copy-request.ts';
import type { CopyTarget } from '../src/core/copy-image.ts';
import type { CopyPlan, ImageCatalogue, ImageCopy, SourceImage } from '../src/core/image-catalogue.ts';
import type { Delivery, Reason, RequestQueue } from '../src/core/request-queue.ts';

export const SOURCE_ACCOUNT = '111111111111';
export const ACCOUNT = '222222222222';
export const SOURCE_IMAGE = 'ami-0123456789abcdef0';
export const REGION = 'eu-west-1';
export const NOW_MS = Date.UTC(2026, 10, 24);

export const target: CopyTarget = {
  account: ACCOUNT,
  kmsKeyArn: `arn:aws:kms:${REGION}:${ACCOUNT}:key/11111111-2222-3333-4444-555555555555`,
  trustedOwners: [SOURCE_ACCOUNT],
};

export const environment = {
  AWS_REGION: REGION,
  KMS_KEY_ARN: target.kmsKeyArn,
  TRUSTED_OWNERS: `${SOURCE_ACCOUNT},444444444444`,
  QUEUE_URL: 'https://sqs.test/requests',
  DEAD_LETTER_QUEUE_URL: 'https://sqs.test/dead-letters',
  RETRY_SECONDS: '21600',
};

/** A request as guardian/amigo publishes it. */
export const requestJson = {
  sourceAmi: SOURCE_IMAGE,
  sourceRegion: REGION,
  targetAccounts: [ACCOUNT, '333333333333'],
  name: 'amigo_ubuntu_12_2026/11/23_22-10-00',
  description: 'AMI for ubuntu built by Amigo: #12',
  tags: { BuiltBy: 'amigo', AmigoStage: 'PROD', Name: 'amigo_ubuntu_12', Recipe: 'ubuntu', BuildNumber: '12' },
};

export function copyRequest(changes: Partial<CopyRequest> = {}): CopyRequest {
  const tags = Object.entries(requestJson.tags).map(([key, value]) => ({ key, value }));
  return { ...requestJson, tags, ...changes };
}

export function imageCopy(changes: Partial<ImageCopy> = {}): ImageCopy {
  return {
    imageId: 'ami-0aaaaaaaaaaaaaaaa',
    state: 'available',
    tags: [{ key: 'CopiedFromAMI', value: SOURCE_IMAGE }],
    encrypted: true,
    ...changes,
  };
}

export function delivery(changes: Partial<Delivery> = {}): Delivery {
  return {
    messageId: 'message-1',
    receiptHandle: 'receipt-1',
    body: JSON.stringify(requestJson),
    receiveCount: 1,
    sentAtMs: NOW_MS,
    ...changes,
  };
}

/** A catalogue in memory, in which the source is shared and not copied yet. */
export class FakeCatalogue implements ImageCatalogue {
  source: SourceImage | undefined = { ownerId: SOURCE_ACCOUNT, state: 'available' };
  copies: ImageCopy[] = [];
  startError: Error | undefined;
  readonly started: CopyPlan[] = [];

  findSource(): Promise<SourceImage | undefined> {
    return Promise.resolve(this.source);
  }

  findCopies(): Promise<ImageCopy[]> {
    return Promise.resolve(this.copies);
  }

  startCopy(plan: CopyPlan): Promise<string> {
    if (this.startError) return Promise.reject(this.startError);
    this.started.push(plan);
    return Promise.resolve('ami-0bbbbbbbbbbbbbbbb');
  }
}

export class FakeQueue implements RequestQueue {
  readonly postponed: { delivery: Delivery; seconds: number }[] = [];
  readonly refused: { delivery: Delivery; reason: Reason }[] = [];
  error: Error | undefined;

  postpone(postponed: Delivery, seconds: number): Promise<void> {
    if (this.error) return Promise.reject(this.error);
    this.postponed.push({ delivery: postponed, seconds });
    return Promise.resolve();
  }

  refuse(refused: Delivery, reason: Reason): Promise<void> {
    if (this.error) return Promise.reject(this.error);
    this.refused.push({ delivery: refused, reason });
    return Promise.resolve();
  }
}
