import { EC2Client } from '@aws-sdk/client-ec2';
import { KMSClient } from '@aws-sdk/client-kms';
import { SNSClient } from '@aws-sdk/client-sns';
import { explained, shortReason } from '../common/aws-errors.ts';
import type { Source } from '../common/places.ts';
import { UserError } from '../common/user-error.ts';
import type { SourceAnswers } from './examine.ts';
import { readImageAtOwner } from './image.ts';
import { listByTopic } from './subscription.ts';

/** Asks the source account, each question once for all target accounts. That it cannot be read stops none of them. */
export function askSource(source: Source): SourceAnswers & { readonly close: () => void } {
  const clients = new Map<string, ReturnType<typeof clientsIn>>();
  const asked = new Map<string, Promise<unknown>>();
  const inRegion = (region: string) => {
    const own = clients.get(region) ?? clientsIn(source, region);
    clients.set(region, own);
    return own;
  };
  const once = <T>(question: string, ask: () => Promise<T>): Promise<T> => {
    const answer = (asked.get(question) ?? ask()) as Promise<T>;
    asked.set(question, answer);
    return answer;
  };
  return {
    topicArnIn: source.topicArnIn,
    subscriptions: (region) => (topicArn) =>
      once(`subscriptions ${topicArn}`, () => listByTopic(inRegion(region).sns, topicArn).catch(() => undefined)),
    ownersView: (imageId, region) =>
      once(`image ${imageId} ${region}`, async () => {
        const { ec2, kms } = inRegion(region);
        try {
          return await readImageAtOwner(ec2, kms, imageId);
        } catch (error) {
          const known = explained(error, { region, name: source.topic });
          return { unread: known instanceof UserError ? known.message : shortReason(error) };
        }
      }),
    close: () => {
      for (const each of clients.values()) for (const client of Object.values(each)) client.destroy();
    },
  };
}

function clientsIn(source: Source, region: string) {
  const settings = source.settingsIn(region);
  return { ec2: new EC2Client(settings), kms: new KMSClient(settings), sns: new SNSClient(settings) };
}
