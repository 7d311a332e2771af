import { GetTopicAttributesCommand } from '@aws-sdk/client-sns';
import { partitionOf } from '../../../terraform/stacks/regions.ts';
import type { ModuleCall, Stack } from '../../../terraform/stacks/stacks.ts';
import { ifThere } from '../common/aws-answers.ts';
import type { AwsClients } from '../common/aws-clients.ts';
import { reasonOf } from '../common/aws-errors.ts';
import { topicArn } from '../common/environments.ts';
import { print } from '../common/terminal.ts';
import type { Tool } from '../common/tool.ts';
import { decide, parsePolicy } from '../doctor/policy.ts';
import { sameDeployment, type DeploymentOptions } from './options.ts';

interface Chosen extends DeploymentOptions {
  readonly only?: readonly string[];
}

/**
 * Says which accounts could not subscribe to the topics of the source account as they stand, where the source account is not
 * deployed with them.
 */
export async function warnOfTopics(
  chosen: readonly Stack[],
  source: Stack,
  options: Chosen,
  { program, terminal, loadConnect }: Tool,
): Promise<void> {
  if (chosen.includes(source)) return;
  const only = [source.name, ...(options.only ?? chosen.map(({ name }) => name))].join(',');
  const command = sameDeployment(program, ['deploy', '--only', only], options);
  await Promise.all(
    source.modules.map(async (module) => {
      const { region, inputs } = module;
      const accounts = chosen.filter(({ regions }) => regions.includes(region));
      // The members of an organization are not listed.
      if (accounts.length === 0 || 'organization_id' in inputs) return;
      const connect = await loadConnect();
      const aws = connect({ ...source.access, region });
      const problem = await problemOf(module, source, accounts, aws).finally(() => {
        aws.close();
      });
      if (problem === undefined) return;
      const fix =
        inputs['existing_topics'] === true
          ? 'its own policy must, which AMIgo writes at its start for the accounts that Prism knows.'
          : `deploy ${source.name} as well, with ${command}`;
      print(terminal.err, `${problem}: ${fix}`);
    }),
  );
}

async function problemOf(
  { region, inputs }: ModuleCall,
  { accountId }: Stack,
  accounts: readonly Stack[],
  { sns }: AwsClients,
): Promise<string | undefined> {
  const topic = typeof inputs['name'] === 'string' ? inputs['name'] : '';
  const named = (some: readonly Stack[]) => some.map(({ name }) => name).join(', ');
  const TopicArn = topicArn(accountId, region, topic);
  try {
    const answer = await ifThere(
      sns.send(new GetTopicAttributesCommand({ TopicArn })),
      'NotFoundException',
      'NotFound',
    );
    if (!answer) return `There is no topic ${topic} in ${region} yet`;
    const policy = answer.Attributes?.['Policy'] ?? '';
    const refused = accounts.filter((account) => !letsSubscribe(policy, account.accountId, region));
    return refused.length === 0
      ? undefined
      : `The topic ${topic} in ${region} does not let ${named(refused)} subscribe`;
  } catch (error) {
    return `It is not known whether the topic ${topic} in ${region} lets ${named(accounts)} subscribe. ${reasonOf(error)} If it does not`;
  }
}

/** Whether a topic's policy lets a copier of an account subscribe. One that names organizations may: nothing tells their members. */
function letsSubscribe(policy: string, accountId: string, region: string): boolean {
  if (/aws:PrincipalOrg/i.test(policy)) return true;
  const partition = partitionOf(region);
  const decision = decide(parsePolicy(policy.replaceAll('${aws:PrincipalAccount}', accountId)), {
    principal: `arn:${partition}:iam::${accountId}:role/anybody`,
    action: 'sns:Subscribe',
    context: {
      'aws:PrincipalAccount': accountId,
      'aws:SecureTransport': 'true',
      'sns:Protocol': 'sqs',
      'sns:Endpoint': `arn:${partition}:sqs:${region}:${accountId}:image-copier-requests`,
    },
  });
  return decision === 'allowed' || decision === 'delegated';
}
