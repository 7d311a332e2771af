import type { IAMClient } from '@aws-sdk/client-iam';
import { isDenied } from '../common/aws-answers.ts';
import type { AwsClients } from '../common/aws-clients.ts';
import { checkAlarmTopics, readAlarmTopics } from './alarm-topics.ts';
import { checkAlarms, readAlarms } from './alarms.ts';
import { checkAllowedImages, readAllowedImages } from './allowed-images.ts';
import { examineImage, type AskedImage } from './examine-image.ts';
import { accountIn, arnOf, inWords, type CheckedCopier, type Finding } from './finding.ts';
import { checkFunctions, readFunctions, type FunctionFacts, type FunctionsFacts } from './functions.ts';
import { checkKey, readKey } from './key.ts';
import { checkOwnImages, readOwnImages } from './own-images.ts';
import { allowedValues } from './policy.ts';
import { checkQueues, queueNames, readQueues, type QueuesFacts, type QueueUsers } from './queues.ts';
import { copyImageCalls, retireImageCalls, settleCopyCalls, type RoleCalls, type RoleWork } from './role-calls.ts';
import { checkRole, readRole } from './roles.ts';
import { checkRules, readRules } from './rules.ts';
import type { SourceAnswers } from './source-account.ts';
import { checkSubscription, readSubscriptions } from './subscription.ts';

/** What is asked about every account. */
export interface Question {
  /** SHA-256 of the zip that `make build` made, in base64. */
  readonly builtSha256: string | undefined;
  readonly image?: AskedImage;
}

/** What was found in one account and Region. */
export interface Examination {
  readonly findings: readonly Finding[];
  /** To be compared with those of the other copiers. */
  readonly functions: FunctionsFacts;
}

/** What an area holds, or the finding that it could not be read. */
type Area<T> = { readonly facts: T } | { readonly finding: Finding };

/** Looks at the copier of one account and Region. Nothing is changed. */
export async function examine(
  copier: CheckedCopier,
  aws: AwsClients,
  { builtSha256, image }: Question,
  source: SourceAnswers | undefined,
): Promise<Examination> {
  // First of all: a role that cannot be assumed is nothing that one area alone could not read.
  await aws.credentials();
  const { name, region } = copier;
  const [queues, functions, rules, alarms, allowed] = await Promise.all([
    readArea('queues', 'sqs:GetQueueUrl, sqs:GetQueueAttributes', () => readQueues(aws.sqs, name)),
    readArea('functions', 'lambda:GetFunction, lambda:ListEventSourceMappings', () => readFunctions(aws.lambda, name)),
    readArea('rules', 'events:DescribeRule, events:ListTargetsByRule', () => readRules(aws.events, name)),
    readArea('alarms', 'cloudwatch:DescribeAlarms', async () => {
      const all = await readAlarms(aws.cloudwatch, name);
      return { all, topics: await readAlarmTopics(aws.sns, all) };
    }),
    readAllowedImages(aws.ec2),
  ]);
  if (isNothingThere(queues, functions)) return { findings: [noCopier(copier)], functions: {} };
  const known = factsOf(functions) ?? {};
  const work = workOf(known, copier);
  const trustedOwners = trustedOwnersOf(known, source?.topicArnIn(region));
  const { requests, deadLetters } = factsOf(queues) ?? {};
  const queueArn = requests?.arn ?? arnOf('sqs', queueNames(name).requests, copier);
  const namedTopicArn =
    source?.topicArnIn(region) ?? allowedValues(requests?.policy ?? {}, 'sns.amazonaws.com', 'aws:SourceArn')[0];
  const [subscriptions, key, ownImages, roles, copying] = await Promise.all([
    readArea('subscription', 'sns:ListSubscriptions', () =>
      readSubscriptions(aws.sns, queueArn, namedTopicArn, source && (() => source.subscriptions(region))),
    ),
    readArea('key', 'kms:DescribeKey, kms:GetKeyPolicy, kms:GetKeyRotationStatus', () =>
      readKey(aws.kms, work.keyArn ?? `alias/${name}`),
    ),
    readArea(
      'images and parameters',
      'ec2:DescribeImages, ec2:GetEbsEncryptionByDefault, ssm:GetParametersByPath',
      () => readOwnImages(aws.ec2, aws.ssm, work.parameterPath, copier),
    ),
    examineRoles(known, work, aws.iam, copier),
    image
      ? readArea(image.id, 'ec2:DescribeImages, ec2:DescribeSnapshots', () =>
          examineImage(
            copier,
            image,
            { copyImage: known.copyImage, allowed, trustedOwners, topicArn: namedTopicArn },
            aws,
            source,
          ),
        )
      : { facts: [] },
  ]);
  const topicArn = namedTopicArn ?? factsOf(subscriptions)?.topicArn;
  const explainedAlarms = (deadLetters?.messages ?? 0) > 0 ? (['dead-letters'] as const) : [];
  return {
    functions: known,
    findings: [
      ...checkArea(subscriptions, (facts) => checkSubscription(facts, copier, source?.hasExistingTopicIn(region))),
      ...checkArea(queues, (facts) => checkQueues(facts, queueUsers(known, topicArn), copier)),
      ...checkArea(functions, (facts) => checkFunctions(facts, builtSha256, copier)),
      ...roles,
      ...checkArea(key, (facts) => checkKey(facts, work.keyArn, copier)),
      ...checkArea(rules, (facts) => checkRules(facts, copier)),
      ...checkArea(alarms, ({ all, topics }) => [
        ...checkAlarms(all, explainedAlarms, Date.now(), copier),
        ...checkAlarmTopics(topics, copier),
      ]),
      ...checkAllowedImages(allowed, trustedOwners, copier),
      ...checkArea(ownImages, (facts) => checkOwnImages(facts, copier)),
      ...checkArea(copying, (findings) => findings),
    ],
  };
}

/** Reads one area. That it may not be read is a finding of its own, and does not stop the others. */
async function readArea<T>(subject: string, actions: string, read: () => Promise<T>): Promise<Area<T>> {
  try {
    return { facts: await read() };
  } catch (error) {
    if (!isDenied(error)) throw error;
    const what = `Access denied, so nothing of it was checked. ${error instanceof Error ? error.message : ''}`.trim();
    const why = 'What is wrong there stays hidden.';
    const remedy = inWords(`Allow ${actions} for whoever runs this command.`);
    return { finding: { code: 'Unread', severity: 'problem', subject, what, why, ...remedy } };
  }
}

function checkArea<T>(area: Area<T>, check: (facts: T) => Finding[]): Finding[] {
  return 'facts' in area ? check(area.facts) : [area.finding];
}

function factsOf<T>(area: Area<T>): T | undefined {
  return 'facts' in area ? area.facts : undefined;
}

function isNothingThere(queues: Area<QueuesFacts>, functions: Area<FunctionsFacts>): boolean {
  return [queues, functions].every((area) => 'facts' in area && Object.keys(area.facts).length === 0);
}

function noCopier({ name, region, applyWithSource }: CheckedCopier): Finding {
  return {
    code: 'NoCopier',
    severity: 'problem',
    subject: name,
    what: `There is no copier "${name}" in ${region} of this account.`,
    why: 'No image is copied into this account.',
    ...applyWithSource,
    fix: `${applyWithSource.fix} Or check the account (--profile, --role-arn), --region and --name.`,
  };
}

/** The settings that the functions run with count, for nothing else tells the doctor the module's inputs. */
function workOf({ copyImage, settleCopy }: FunctionsFacts, copier: CheckedCopier): RoleWork {
  const settle = settleCopy?.environment ?? {};
  return {
    keyArn: copyImage?.environment['KMS_KEY_ARN'],
    parameterPath: settle['PARAMETER_PATH'] ?? copier.parameterPath,
    resultsTopicArn: settle['RESULTS_TOPIC_ARN'],
    deprecates: settle['COPY_DEPRECATION'] === 'true',
  };
}

/** Without the function, the owner of the topic is the one that the accounts file trusts. */
function trustedOwnersOf({ copyImage }: FunctionsFacts, topicArn: string | undefined): readonly string[] {
  const trusted = copyImage?.environment['TRUSTED_OWNERS'];
  if (trusted !== undefined) return trusted.split(',');
  return topicArn === undefined ? [] : [accountIn(topicArn)];
}

function queueUsers({ copyImage, retireImage, settleCopy }: FunctionsFacts, topicArn: string | undefined): QueueUsers {
  const retrySeconds = copyImage?.environment['RETRY_SECONDS'];
  return {
    topicArn,
    copyTimeout: copyImage?.timeoutSeconds,
    retireTimeout: retireImage?.timeoutSeconds,
    settleTimeout: settleCopy?.timeoutSeconds,
    retrySeconds: retrySeconds === undefined ? undefined : Number(retrySeconds),
  };
}

async function examineRoles(
  { copyImage, retireImage, settleCopy }: FunctionsFacts,
  work: RoleWork,
  iam: IAMClient,
  copier: CheckedCopier,
): Promise<Finding[]> {
  const examineRole = async (facts: FunctionFacts | undefined, calls: readonly RoleCalls[]) =>
    facts ? checkRole(facts.roleArn, await readRole(iam, facts.roleArn, calls), copier) : [];
  const [copying, retiring, settling] = await Promise.all([
    examineRole(copyImage, copyImageCalls(work, copier)),
    examineRole(retireImage, retireImageCalls(work, copier)),
    examineRole(settleCopy, settleCopyCalls(work, copier)),
  ]);
  return [...copying, ...retiring, ...settling];
}
