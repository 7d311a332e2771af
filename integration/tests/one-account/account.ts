import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { DeleteTopicCommand } from '@aws-sdk/client-sns';
import { emulatedAccount, emulatedEnvironment, withoutAws } from '../../../scripts/dev/emulated-account.ts';
import { CACHE, ROOT } from '../../../scripts/tool/common/paths.ts';
import { TerraformRoot } from '../../../scripts/tool/deploy/terraform-root.ts';
import { endpoint, newAccountId, REGION } from '../support/emulator.ts';
import { leaveAccount } from '../support/leave-account.ts';
import { createSourceTopic } from '../../../scripts/dev/source-topics.ts';

export const APPLY_TIMEOUT_MS = 900_000;
export const TOPIC = 'amigo-notify';
export const source = emulatedAccount(endpoint(), newAccountId(), REGION);
export const target = emulatedAccount(endpoint(), newAccountId(), REGION);
export const work = join(CACHE, 'test', 'one-account', target.id);
export const topicArn = arnOf(TOPIC);
const resultsTopicArn = arnOf(`${TOPIC}-results`);

/** The credentials of the target account and of no other. */
export const environment = { ...withoutAws(), ...emulatedEnvironment(endpoint(), target.id, REGION) };

const root = new TerraformRoot({
  directory: join(ROOT, 'terraform', 'examples', 'one-account'),
  workDirectory: work,
  variables: {
    account_id: target.id,
    request_topic_arn: topicArn,
    results_topic_arn: resultsTopicArn,
    region: REGION,
  },
  env: environment,
});

/** Outputs of the Terraform module that the tests work with. */
export interface Copier {
  readonly alarm_names: readonly string[];
  readonly dead_letter_queue_url: string;
  readonly key_arn: string;
  readonly log_group_name: string;
  readonly queue_arn: string;
  readonly queue_url: string;
  readonly role_arn: string;
  readonly settle_queue_url: string;
  readonly subscription_arn: string;
}

export async function copierOf(): Promise<Copier> {
  const { copier } = (await root.outputs()) as { copier: Copier };
  return copier;
}

beforeAll(async () => {
  await createSourceTopic(source, TOPIC, 'sns:Subscribe', [target.id]);
  await createSourceTopic(source, `${TOPIC}-results`, 'sns:Publish', [target.id]);
  await root.init();
  await root.apply();
}, APPLY_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([source, target].map(leaveAccount));
  for (const TopicArn of [topicArn, resultsTopicArn]) await source.sns.send(new DeleteTopicCommand({ TopicArn }));
  rmSync(work, { recursive: true });
});

function arnOf(topic: string): string {
  return `arn:aws:sns:${REGION}:${source.id}:${topic}`;
}
