import { GetTopicAttributesCommand } from '@aws-sdk/client-sns';
import type { ModuleCall, Stack } from '../../../terraform/stacks/stacks.ts';
import { ifThere } from '../common/aws-answers.ts';
import type { AwsClients } from '../common/aws-clients.ts';
import { reasonOf } from '../common/aws-errors.ts';
import { topicArn } from '../common/environments.ts';
import { print } from '../common/terminal.ts';
import type { Tool } from '../common/tool.ts';
import { UserError } from '../common/user-error.ts';
import { parsePolicy, statementIds } from '../doctor/policy.ts';
import type { DeploymentOptions } from './options.ts';

/** The statement that AMIgo writes into the policies of its topics at each start (guardian/amigo, as of July 2026). */
const AMIGO_STATEMENT = 'amigo_lambda_subs';

/**
 * Looks whether Terraform would make a topic that is AMIgo's. SNS answers CreateTopic with a topic that is there already (SNS API
 * Reference, CreateTopic), so it would become Terraform's, and `destroy` would delete it.
 * @throws {UserError} if there is such a topic, and the accounts file does not say so
 */
export async function requireNoForeignTopics(
  source: Stack,
  { accountsFile }: DeploymentOptions,
  { terminal, loadConnect }: Tool,
): Promise<void> {
  const modules = source.modules.filter(({ inputs }) => inputs['existing_topics'] !== true);
  const found = await Promise.all(
    modules.map(async (module) => {
      const connect = await loadConnect();
      const aws = connect({ ...source.access, region: module.region });
      const topics = await foreignTopics(module, source, aws, (line) => {
        print(terminal.err, line);
      }).finally(() => {
        aws.close();
      });
      return topics.map((topic) => ({ topic, region: module.region }));
    }),
  );
  const [first] = found.flat();
  if (!first) return;
  throw new UserError(
    `AMIgo writes the policy of the topic ${first.topic} in ${first.region}. Terraform would take the topic over, and a destroy would ` +
      `delete it. List ${first.region} in existingTopics of source in ${accountsFile}: docs/from-amigo.md is the whole way.`,
    2,
  );
}

async function foreignTopics(
  { region, inputs }: ModuleCall,
  { accountId }: Stack,
  { sns }: AwsClients,
  warn: (line: string) => void,
): Promise<string[]> {
  const name = textOf(inputs['name']) ?? '';
  const foreign: string[] = [];
  for (const topic of [name, textOf(inputs['housekeeping_topic_name']) ?? `${name}-housekeeping`]) {
    try {
      const TopicArn = topicArn(accountId, region, topic);
      const answer = await ifThere(
        sns.send(new GetTopicAttributesCommand({ TopicArn })),
        'NotFoundException',
        'NotFound',
      );
      if (statementIds(parsePolicy(answer?.Attributes?.['Policy'])).includes(AMIGO_STATEMENT)) foreign.push(topic);
    } catch (error) {
      warn(`It is not known whose topic ${topic} in ${region} is. ${reasonOf(error)}`);
    }
  }
  return foreign;
}

function textOf(input: unknown): string | undefined {
  return typeof input === 'string' ? input : undefined;
}
