import type { Subscription } from '@aws-sdk/client-sns';
import { reasonOf } from '../common/aws-errors.ts';
import type { Source } from '../common/environments.ts';
import { findImageRegion } from '../common/find-image-region.ts';
import { readImageAtOwner, type OwnersView } from './image.ts';
import { listByTopic } from './subscription.ts';

/** What the source account answers, where an accounts file says how to reach it. */
export interface SourceAnswers {
  readonly topicArnIn: (region: string) => string;
  readonly hasExistingTopicIn: (region: string) => boolean;
  /** All subscriptions of the topic in a Region; undefined if they cannot be listed. */
  readonly subscriptions: (region: string) => Promise<readonly Subscription[] | undefined>;
  /** The Region where it has an image; undefined if it has none, or cannot be read. */
  readonly regionOf: (imageId: string) => Promise<string | undefined>;
  readonly ownersView: (imageId: string, region: string) => Promise<OwnersView>;
}

/** Asks the source account, each question once for all target accounts. That it cannot be read stops none of them. */
export function askSource(source: Source): SourceAnswers {
  const { topicArnIn, hasExistingTopicIn, clientsIn } = source;
  return {
    topicArnIn,
    hasExistingTopicIn,
    subscriptions: once((region) => listByTopic(clientsIn(region).sns, topicArnIn(region)).catch(() => undefined)),
    regionOf: once((imageId) => findImageRegion(source, imageId).catch(() => undefined)),
    ownersView: once(async (imageId, region) => {
      const { ec2, kms } = clientsIn(region);
      return await readImageAtOwner(ec2, kms, imageId).catch((error: unknown) => ({ unread: reasonOf(error) }));
    }),
  };
}

/** Asks once for the same arguments, and gives all who ask the same answer. */
function once<Args extends readonly string[], T>(ask: (...args: Args) => Promise<T>): (...args: Args) => Promise<T> {
  const answers = new Map<string, Promise<T>>();
  return (...args) => {
    const key = args.join(' ');
    const answer = answers.get(key) ?? ask(...args);
    answers.set(key, answer);
    return answer;
  };
}
