import { AddPermissionCommand, CreateTopicCommand, PublishCommand, RemovePermissionCommand } from '@aws-sdk/client-sns';
import { bakeImage, copyRequestFor, share, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import type { EmulatedAccount } from '../../../scripts/dev/emulated-account.ts';

const LABEL = 'amigo_lambda_subs';

/** An image as AMIgo's housekeeping names it. */
export interface Unused {
  readonly account: string;
  readonly id: string;
}

/** What guardian/amigo (commit 9982049) does to its topics, and what it publishes on them. It knows one Region. */
export class Amigo {
  readonly requestTopic: string;
  readonly housekeepingTopic: string;
  readonly #source: EmulatedAccount;
  readonly #stage: string;

  /** @param stage part of the names of its topics */
  constructor(source: EmulatedAccount, stage: string) {
    this.#source = source;
    this.#stage = stage;
    const topic = (name: string) => `arn:aws:sns:${source.region}:${source.id}:amigo-${stage}-${name}`;
    this.requestTopic = topic('notify');
    this.housekeepingTopic = topic('housekeeping-notify');
  }

  /**
   * Starts it: it makes the topics that are missing, and writes its statement of both policies anew.
   * @param accounts those that Prism knows
   */
  async start(accounts: readonly string[]): Promise<void> {
    const { sns } = this.#source;
    for (const TopicArn of [this.requestTopic, this.housekeepingTopic]) {
      await sns.send(new CreateTopicCommand({ Name: TopicArn.split(':').at(-1) }));
      await sns.send(new RemovePermissionCommand({ TopicArn, Label: LABEL }));
      await sns.send(
        new AddPermissionCommand({
          TopicArn,
          Label: LABEL,
          AWSAccountId: [...accounts],
          ActionName: ['Subscribe', 'ListSubscriptionsByTopic', 'Receive'],
        }),
      );
    }
  }

  /** Bakes an image, shares it with the accounts and asks them for copies. */
  async bake(recipe: string, build: number, accounts: readonly string[]): Promise<BakedImage> {
    const name = `amigo_${recipe}_${build}_2026/11/23_22-10-00`;
    const image = await bakeImage(this.#source.ec2, {
      name,
      description: `AMI for ${recipe} built by Amigo: #${build}`,
      tags: {
        BuiltBy: 'amigo',
        AmigoStage: this.#stage,
        Name: name,
        Recipe: recipe,
        BuildNumber: String(build),
        SourceAMI: 'ami-00000000000000000',
      },
      volumeSizes: [8],
    });
    await share(this.#source.ec2, image, accounts);
    await this.#publish(this.requestTopic, copyRequestFor(image, this.#source.region, accounts));
    return image;
  }

  /** Has images removed that it believes unused. */
  async housekeep(amis: readonly Unused[]): Promise<void> {
    await this.#publish(this.housekeepingTopic, { amis });
  }

  async #publish(TopicArn: string, message: object): Promise<void> {
    await this.#source.sns.send(new PublishCommand({ TopicArn, Message: JSON.stringify(message) }));
  }
}
