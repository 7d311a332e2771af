import type { AwsClients } from '../common/aws-clients.ts';
import { checkAlarms, readAlarms } from './alarms.ts';
import { checkAllowedImages, hidesImagesOf, readAllowedImages, type AllowedImagesFacts } from './allowed-images.ts';
import { isDenied } from '../common/aws-answers.ts';
import { accountIn, type CheckedCopier, type Finding } from './finding.ts';
import { checkFunctions, readFunctions, type FunctionFacts, type FunctionsFacts } from './functions.ts';
import { checkImage, foreignKeys, readImageInTarget, type OwnersView } from './image.ts';
import { checkKey, readKey } from './key.ts';
import { checkOwnImages, readOwnImages } from './own-images.ts';
import { allowedValues } from './policy.ts';
import { checkQueues, readQueues, type QueuesFacts } from './queues.ts';
import { copyImageCalls, keyCalls, settleCopyCalls, type RoleCalls, type RoleWork } from './role-calls.ts';
import { checkRole, readRole } from './roles.ts';
import { checkRules, readRules } from './rules.ts';
import { checkSubscription, readWay, type SourceSubscriptions, type WayFacts } from './subscription.ts';

/** What is asked about every account. */
export interface Question {
  /** SHA-256 of the zip that `make build` made, in base64. */
  readonly builtSha256: string | undefined;
  readonly image?: AskedImage;
}

/** An image of which the user asks whether it can be copied. */
interface AskedImage {
  readonly id: string;
  /** By default the Region of each copier. */
  readonly region: string | undefined;
}

/** What the source account tells, where an accounts file says how to reach it. */
export interface SourceAnswers {
  readonly topicArnIn: (region: string) => string;
  readonly subscriptions: (region: string) => SourceSubscriptions;
  readonly ownersView: (imageId: string, region: string) => Promise<OwnersView>;
}

/** What was found in one account and Region. */
export interface Examination {
  readonly findings: readonly Finding[];
  /** To be compared with those of the other copiers. */
  readonly functions: FunctionsFacts;
}

/** Looks at the copier of one account and Region. Nothing is changed. */
export async function examine(
  copier: CheckedCopier,
  aws: AwsClients,
  question: Question,
  source: SourceAnswers | undefined,
): Promise<Examination> {
  // First of all: a role that cannot be assumed is nothing that one area alone could not read.
  await aws.credentials();
  return await new Visit(copier, aws, source).examine(question);
}

/** What an area holds, or the finding that it could not be read. */
type Area<T> = { readonly facts: T } | { readonly finding: Finding };

class Visit {
  readonly #copier: CheckedCopier;
  readonly #clients: AwsClients;
  readonly #source: SourceAnswers | undefined;

  constructor(copier: CheckedCopier, aws: AwsClients, source: SourceAnswers | undefined) {
    this.#copier = copier;
    this.#clients = aws;
    this.#source = source;
  }

  async examine({ builtSha256, image }: Question): Promise<Examination> {
    const { cloudwatch, events, lambda, sqs } = this.#clients;
    const { name } = this.#copier;
    const [queues, functions, rules, alarms, allowed] = await Promise.all([
      this.#area('queues', 'sqs:GetQueueUrl, sqs:GetQueueAttributes', () => readQueues(sqs, name)),
      this.#area('functions', 'lambda:GetFunction, lambda:ListEventSourceMappings', () => readFunctions(lambda, name)),
      this.#area('rules', 'events:DescribeRule, events:ListTargetsByRule', () => readRules(events, name)),
      this.#area('alarms', 'cloudwatch:DescribeAlarms', () => readAlarms(cloudwatch, name)),
      readAllowedImages(this.#clients.ec2),
    ]);
    if (isNothingThere(queues, functions)) return { findings: [this.#noCopier()], functions: {} };
    const known = 'facts' in functions ? functions.facts : {};
    const work = this.#work(known);
    const owners = this.#trustedOwners(known);
    const [way, key, ownImages, roles, copying] = await Promise.all([
      this.#area('subscription', 'sns:ListSubscriptions', () => this.#readWay(queues)),
      this.#area('key', 'kms:DescribeKey, kms:GetKeyPolicy, kms:GetKeyRotationStatus', () =>
        readKey(this.#clients.kms, work.keyArn ?? `alias/${name}`),
      ),
      this.#area('images and parameters', 'ec2:DescribeImages, ssm:GetParametersByPath', () =>
        readOwnImages(this.#clients.ec2, this.#clients.ssm, work.parameterPath),
      ),
      this.#checkRoles(known, work),
      this.#area(image?.id ?? '', 'ec2:DescribeImages, ec2:DescribeSnapshots', async () =>
        image ? await this.#checkImage(image, known, allowed, owners) : [],
      ),
    ]);
    const topicArn = this.#topicArn(queues, way);
    const letters = 'facts' in queues ? (queues.facts.deadLetters?.messages ?? 0) : 0;
    return {
      functions: known,
      findings: [
        ...this.#check(way, (facts) => checkSubscription(facts, this.#copier)),
        ...this.#check(queues, (facts) => checkQueues(facts, queueUsers(known, topicArn), this.#copier)),
        ...this.#check(functions, (facts) => checkFunctions(facts, builtSha256, this.#copier)),
        ...roles,
        ...this.#check(key, (facts) => checkKey(facts, work.keyArn, this.#copier)),
        ...this.#check(rules, (facts) => checkRules(facts, this.#copier)),
        ...this.#check(alarms, (facts) =>
          checkAlarms(facts, letters > 0 ? ['dead-letters'] : [], Date.now(), this.#copier),
        ),
        ...checkAllowedImages(allowed, owners, this.#copier),
        ...this.#check(ownImages, (facts) => checkOwnImages(facts, this.#copier)),
        ...this.#check(copying, (findings) => findings),
      ],
    };
  }

  /** Reads one area. That it may not be read is a finding of its own, and does not stop the others. */
  async #area<T>(subject: string, actions: string, read: () => Promise<T>): Promise<Area<T>> {
    try {
      return { facts: await read() };
    } catch (error) {
      if (!isDenied(error)) throw error;
      const what = `Access denied, so nothing of it was checked. ${error instanceof Error ? error.message : ''}`.trim();
      const why = 'What is wrong there stays hidden.';
      const fix = `Allow ${actions} for whoever runs this command.`;
      return { finding: { code: 'Unread', severity: 'problem', subject, what, why, fix } };
    }
  }

  #check<T>(area: Area<T>, check: (facts: T) => Finding[]): Finding[] {
    return 'facts' in area ? check(area.facts) : [area.finding];
  }

  #noCopier(): Finding {
    const { name, region, apply } = this.#copier;
    return {
      code: 'NoCopier',
      severity: 'problem',
      subject: name,
      what: `There is no copier "${name}" in ${region} of this account.`,
      why: 'No image is copied into this account.',
      fix: `${apply}; or check the account (--profile, --role-arn), --region and --name`,
    };
  }

  /** The settings that the functions run with count, for nothing else tells the doctor the module's inputs. */
  #work({ copyImage, settleCopy }: FunctionsFacts): RoleWork {
    const settle = settleCopy?.environment ?? {};
    return {
      keyArn: copyImage?.environment['KMS_KEY_ARN'],
      parameterPath: settle['PARAMETER_PATH'] ?? this.#copier.parameterPath,
      resultsTopicArn: settle['RESULTS_TOPIC_ARN'],
    };
  }

  #trustedOwners({ copyImage }: FunctionsFacts): readonly string[] {
    const trusted = copyImage?.environment['TRUSTED_OWNERS'];
    if (trusted !== undefined) return trusted.split(',');
    return this.#source ? [accountIn(this.#source.topicArnIn(this.#copier.region))] : [];
  }

  async #readWay(queues: Area<QueuesFacts>): Promise<WayFacts> {
    const requests = 'facts' in queues ? queues.facts.requests : undefined;
    const { region, partition, accountId, name } = this.#copier;
    const queueArn = requests?.arn ?? `arn:${partition}:sqs:${region}:${accountId}:${name}-requests`;
    return await readWay(this.#clients.sns, queueArn, this.#topicArn(queues), this.#source?.subscriptions(region));
  }

  /** From the accounts file, else from the queue's policy, else from the subscription. */
  #topicArn(queues: Area<QueuesFacts>, way?: Area<WayFacts>): string | undefined {
    const requests = 'facts' in queues ? queues.facts.requests : undefined;
    return (
      this.#source?.topicArnIn(this.#copier.region) ??
      allowedValues(requests?.policy ?? {}, 'sns.amazonaws.com', 'aws:SourceArn')[0] ??
      (way && 'facts' in way ? way.facts.topicArn : undefined)
    );
  }

  async #checkRoles({ copyImage, settleCopy }: FunctionsFacts, work: RoleWork): Promise<Finding[]> {
    const check = async (facts: FunctionFacts | undefined, calls: readonly RoleCalls[]) =>
      facts ? checkRole(facts.roleArn, await readRole(this.#clients.iam, facts.roleArn, calls), this.#copier) : [];
    const [copying, settling] = await Promise.all([
      check(copyImage, copyImageCalls(work, this.#copier)),
      check(settleCopy, settleCopyCalls(work, this.#copier)),
    ]);
    return [...copying, ...settling];
  }

  async #checkImage(
    { id, region = this.#copier.region }: AskedImage,
    { copyImage }: FunctionsFacts,
    allowed: AllowedImagesFacts,
    trustedOwners: readonly string[],
  ): Promise<Finding[]> {
    const { ec2, iam } = this.#clients;
    const seen = await (region === this.#copier.region ? readImageInTarget(ec2, id) : this.#readElsewhere(id, region));
    const owner: OwnersView = this.#source ? await this.#source.ownersView(id, region) : 'not asked';
    const roleOnKeys = new Map(
      copyImage
        ? await Promise.all(
            foreignKeys(seen, this.#copier).map(
              async (arn) => [arn, await readRole(iam, copyImage.roleArn, keyCalls(arn, this.#copier))] as const,
            ),
          )
        : [],
    );
    const users = {
      imageId: id,
      imageRegion: region,
      trustedOwners,
      roleArn: copyImage?.roleArn,
      isHidden: (ownerId: string) => hidesImagesOf(ownerId, allowed),
    };
    return checkImage({ ...seen, roleOnKeys }, owner, users, this.#copier);
  }

  async #readElsewhere(imageId: string, region: string) {
    const aws = this.#clients.inRegion(region);
    try {
      return await readImageInTarget(aws.ec2, imageId);
    } finally {
      aws.close();
    }
  }
}

function isNothingThere(queues: Area<QueuesFacts>, functions: Area<FunctionsFacts>): boolean {
  return [queues, functions].every((area) => 'facts' in area && Object.keys(area.facts).length === 0);
}

function queueUsers({ copyImage, settleCopy }: FunctionsFacts, topicArn: string | undefined) {
  const retrySeconds = copyImage?.environment['RETRY_SECONDS'];
  return {
    topicArn,
    copyTimeout: copyImage?.timeoutSeconds,
    settleTimeout: settleCopy?.timeoutSeconds,
    retrySeconds: retrySeconds === undefined ? undefined : Number(retrySeconds),
  };
}
