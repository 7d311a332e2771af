import { reasonOf } from '../common/aws-errors.ts';
import type { Source } from '../common/environments.ts';
import type { SourceAnswers } from './examine.ts';
import { readImageAtOwner } from './image.ts';
import { listByTopic } from './subscription.ts';

/** Asks the source account, each question once for all target accounts. That it cannot be read stops none of them. */
export function askSource({ topicArnIn, clientsIn }: Source): SourceAnswers {
  const asked = new Map<string, Promise<unknown>>();
  const once = <T>(question: string, ask: () => Promise<T>): Promise<T> => {
    const answer = (asked.get(question) ?? ask()) as Promise<T>;
    asked.set(question, answer);
    return answer;
  };
  return {
    topicArnIn,
    subscriptions: (region) => (topicArn) =>
      once(`subscriptions ${topicArn}`, () => listByTopic(clientsIn(region).sns, topicArn).catch(() => undefined)),
    ownersView: (imageId, region) =>
      once(`image ${imageId} ${region}`, async () => {
        const { ec2, kms } = clientsIn(region);
        return await readImageAtOwner(ec2, kms, imageId).catch((error: unknown) => ({ unread: reasonOf(error) }));
      }),
  };
}
