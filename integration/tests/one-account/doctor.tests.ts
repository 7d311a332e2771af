import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmsCommand,
  DisableAlarmActionsCommand,
  EnableAlarmActionsCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
  type MetricAlarm,
} from '@aws-sdk/client-cloudwatch';
import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DeregisterImageCommand,
  DisableAllowedImagesSettingsCommand,
  EnableAllowedImagesSettingsCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  ReplaceImageCriteriaInAllowedImagesSettingsCommand,
  type AllowedImagesSettingsEnabledState,
} from '@aws-sdk/client-ec2';
import {
  DisableRuleCommand,
  EnableRuleCommand,
  EventBridgeClient,
  ListTargetsByRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  GetKeyPolicyCommand,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import {
  DeleteFunctionConcurrencyCommand,
  GetEventSourceMappingCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import {
  GetSubscriptionAttributesCommand,
  SetSubscriptionAttributesCommand,
  SubscribeCommand,
  UnsubscribeCommand,
} from '@aws-sdk/client-sns';
import {
  GetQueueAttributesCommand,
  PurgeQueueCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  type QueueAttributeName,
} from '@aws-sdk/client-sqs';
import { DeleteParameterCommand, GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { strToU8, unzipSync, zipSync } from 'fflate';
import { stringify } from 'yaml';
import { bakeImage, share, shareImage, type BakedImage } from '../../../scripts/tool/common/bake.ts';
import { ALARMS } from '../../../scripts/tool/doctor/alarms.ts';
import { makeAdministratorRoles, OPERATORS_ACCOUNT } from '../../../scripts/dev/administrator-role.ts';
import { emulatedEnvironment, emulatedSettings, withoutAws } from '../../../scripts/dev/emulated-account.ts';
import { ROOT } from '../../../scripts/tool/common/paths.ts';
import { waitFor } from '../../../scripts/dev/wait-for.ts';
import { startCommand, type Ended } from '../support/command.ts';
import { renderPolicies } from '../../../scripts/dev/permissions.ts';
import { Shell } from '../support/shell.ts';
import { FunctionRole } from '../support/role-policy.ts';
import { endpoint, injectFault, newAccountId, REGION } from '../support/emulator.ts';
import { runHere } from '../support/run-here.ts';
import { untilAlarm } from '../support/until-alarm.ts';
import {
  APPLY_TIMEOUT_MS,
  copierOf,
  environment,
  source,
  target,
  TOPIC,
  topicArn,
  work,
  type Copier,
} from './account.ts';

const OTHER_ACCOUNT = '999999999999';
const ZIP = join(ROOT, 'lambda', 'dist', 'image-copier.zip');
const settings = emulatedSettings(endpoint(), target.id, REGION);
const [cloudwatch, events, lambda] = [
  new CloudWatchClient(settings),
  new EventBridgeClient(settings),
  new LambdaClient(settings),
];
const copyImageRole = new FunctionRole(target, 'copy-image');
const accountsFile = join(work, 'accounts.yaml');
let image: BakedImage;
let copier: Copier;
/** What is found before anything is broken. */
let baseline: string[];

/** A finding as JSON has it. */
interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly commands: readonly string[];
}

interface Row {
  readonly accountId: string;
  readonly region: string;
  readonly problem: string | null;
  readonly findings: readonly Finding[] | null;
}

/** What is there again once the commands have run. Other findings have a deployment, or somebody who looks first. */
const MENDED_AT_ONCE = [
  ...['AlarmActionsDisabled', 'FilterLacksAccount', 'FilterLacksEveryone', 'FilterScope', 'FunctionThrottled'],
  ...['ImageNotShared', 'KeyDisabled', 'KeyNotRotated', 'KeyPendingDeletion', 'MappingDisabled', 'NoBatchFailures'],
  ...['RuleDisabled', 'SnapshotNotShared', 'SubscriptionNotRaw', 'SubscriptionWithoutDeadLetters'],
];

/** Puts back what was broken. */
type Restore = () => Promise<unknown>;

const codesOf = (findings: readonly Finding[] | null = []) => (findings ?? []).map(({ code }) => code).sort();

/** As an operator who reaches both accounts by roles. */
const asOperator = { ...withoutAws(), ...emulatedEnvironment(endpoint(), OPERATORS_ACCOUNT, REGION) };
/** Reads and operates by the published policies, and nothing else. */
const MENDER = 'mender';
const WITH_FILE = ['--accounts-file', accountsFile, '--role-name', MENDER];
const SHELLS = ['bash', 'zsh'] as const;
let shell: Shell;
let pastes = 0;

/** Runs the command in the account alone, as users do. */
async function run(...args: string[]): Promise<Ended> {
  return await startCommand(['doctor', ...args], environment).ended;
}

/** Runs it with the accounts file, as users do. */
async function runWithFile(...args: string[]): Promise<Ended> {
  return await startCommand(['doctor', ...WITH_FILE, ...args], asOperator).ended;
}

const look = (...args: string[]) => runHere(['doctor', '--json', ...args], environment);
const lookAsFileSays = (...args: string[]) =>
  runHere(['doctor', '--json', '--accounts-file', accountsFile, ...args], asOperator);
const lookWithFile = (...args: string[]) => runHere(['doctor', '--json', ...WITH_FILE, ...args], asOperator);

/** The one row of an answer, and how the command ended. */
function rowOf({ code, stdout, stderr }: Ended): { code: number | null; findings: readonly Finding[] } {
  expect(stderr).toBe('');
  const [row] = JSON.parse(stdout) as Row[];
  expect(row).toMatchObject({ accountId: target.id, region: REGION, problem: null });
  return { code, findings: row?.findings ?? [] };
}

/** Expects that what is broken adds findings with these codes, and no others, to those that were there before. */
async function expectFound(codes: readonly string[], answer: Promise<Ended>): Promise<readonly Finding[]> {
  const { code, findings } = rowOf(await answer);
  const added = codesOf(findings);
  for (const known of baseline) if (added.includes(known)) added.splice(added.indexOf(known), 1);
  expect(added).toEqual([...codes].sort());
  expect(code).toBe(findings.some(({ severity }) => severity === 'problem') ? 1 : 0);
  return findings.filter((finding) => codes.includes(finding.code));
}

/** Runs all commands of findings, half of them in each shell. */
async function paste(findings: readonly Finding[], others: NodeJS.ProcessEnv = {}): Promise<Ended[]> {
  const ended: Ended[] = [];
  for (const line of findings.flatMap(({ commands }) => commands)) {
    pastes += 1;
    ended.push(await shell.paste(SHELLS[pastes % 2] ?? 'bash', line, others));
  }
  return ended;
}

/** Pastes what doctor says, and expects that nothing is left of what it found. */
async function mend(findings: readonly Finding[], again: () => Promise<Ended>, others?: NodeJS.ProcessEnv) {
  const ended = await paste(findings, others);
  expect(ended).toEqual(ended.map((each) => ({ ...each, code: 0 })));
  await expectFound([], again());
}

function writeAccounts(...others: object[]): void {
  mkdirSync(work, { recursive: true });
  const file = {
    source: { id: source.id },
    topic: TOPIC,
    defaults: { regions: [REGION], roleName: 'operator' },
    accounts: [{ id: target.id, name: 'payments' }, ...others],
  };
  writeFileSync(accountsFile, stringify(file));
}

beforeAll(async () => {
  copier = await copierOf();
  await makeAdministratorRoles(endpoint(), 'operator', [source.id, target.id]);
  await makeMender();
  shell = new Shell(join(work, 'shell'), asOperator);
  writeAccounts();
  image = await bakeImage(source.ec2, {
    name: 'amigo_ubuntu_1',
    description: '',
    tags: { Recipe: 'ubuntu' },
    volumeSizes: [8, 20],
  });
  await share(source.ec2, image, [target.id]);
  // It is on until the first sweep, which comes after 15 minutes.
  await untilAlarm(target, 'image-copier-no-sweep');
  baseline = codesOf(rowOf(await runWithFile('--json', '--image', image.imageId)).findings);
}, APPLY_TIMEOUT_MS);

async function makeMender(): Promise<void> {
  const policies = await renderPolicies(work, { topic_name: TOPIC });
  const Trust = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: OPERATORS_ACCOUNT } };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [Trust] });
  for (const [account, names] of [
    [source.id, ['read', 'request']],
    [target.id, ['read', 'operate']],
  ] as const) {
    const iam = new IAMClient(emulatedSettings(endpoint(), account, REGION));
    await iam.send(new CreateRoleCommand({ RoleName: MENDER, AssumeRolePolicyDocument }));
    for (const PolicyName of names) {
      const PolicyDocument = policies[PolicyName];
      await iam.send(new PutRolePolicyCommand({ RoleName: MENDER, PolicyName, PolicyDocument }));
    }
  }
}

describe('doctor', () => {
  it('finds no problem in an account as the module makes it, and only notes', async () => {
    const alone = rowOf(await run('--json', '--image', image.imageId));
    const withFile = rowOf(await runWithFile('--json', '--image', image.imageId));

    // The example names nobody whom an alarm could tell, and the copier is younger than its first sweep.
    expect([alone, withFile].map(({ code, findings }) => [code, codesOf(findings)])).toEqual([
      [0, ['AlarmsTellNobody', 'NoSweepYet']],
      [0, ['AlarmsTellNobody', 'NoSweepYet']],
    ]);
  });

  it('knows the alarms of the module', () => {
    expect(ALARMS.map((suffix) => `image-copier-${suffix}`)).toEqual(copier.alarm_names);
  });

  it('tells people what is wrong, why it matters and how it is fixed', async () => {
    const { code, stdout, stderr } = await runWithFile();

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      `note AlarmsTellNobody in payments (${target.id}), ${REGION}`,
      '  image-copier-*',
      '  No alarm has an action.',
      '  Why it matters: Alarms are seen only by those who look at CloudWatch.',
      '  To fix it: Name a topic that tells somebody in the input alarm_actions. Then apply Terraform again.',
      expect.stringMatching(/^ {4}\S+ deploy --accounts-file \S+ --only payments$/),
      '',
      `note NoSweepYet in payments (${target.id}), ${REGION}`,
      '  image-copier-no-sweep',
      ...Array.from({ length: 3 }, () => expect.stringMatching(/^ {2}\S/)),
      '',
      '1 account and Region: 0 problems, 0 warnings, 2 notes.',
      '',
    ]);
  });
});

describe('what is broken is found, and nothing else', () => {
  it.each<[string, () => Promise<Restore>, string[]]>([
    ['a subscription that is gone', unsubscribe, ['NoSubscription']],
    [
      'a filter for another account',
      () => subscriptionAttribute('FilterPolicy', JSON.stringify({ targetAccounts: [OTHER_ACCOUNT, '*'] })),
      ['FilterLacksAccount'],
    ],
    [
      'a filter without "*"',
      () => subscriptionAttribute('FilterPolicy', JSON.stringify({ targetAccounts: [target.id] })),
      ['FilterLacksEveryone'],
    ],
    ['a subscription without a filter', () => subscriptionAttribute('FilterPolicy', '{}'), ['FilterOff']],
    ['a filter on attributes', () => subscriptionAttribute('FilterPolicyScope', 'MessageAttributes'), ['FilterScope']],
    ['raw delivery that is off', () => subscriptionAttribute('RawMessageDelivery', 'false'), ['SubscriptionNotRaw']],
    [
      'a subscription with another dead-letter queue',
      () => subscriptionAttribute('RedrivePolicy', JSON.stringify({ deadLetterTargetArn: copier.queue_arn })),
      ['SubscriptionWithoutDeadLetters'],
    ],
    [
      'a requests queue without a policy',
      () => queueAttribute(copier.queue_url, 'Policy', ''),
      ['QueueUnprotected', 'QueueWithoutTls', 'TopicMayNotSend'],
    ],
    [
      'a requests queue for another topic',
      async () => {
        const { Policy = '' } = await queueAttributes(copier.queue_url);
        return await queueAttribute(copier.queue_url, 'Policy', Policy.replaceAll(`:${TOPIC}"`, ':other"'));
      },
      ['TopicMayNotSend'],
    ],
    [
      'a dead-letter queue without a policy',
      () => queueAttribute(copier.dead_letter_queue_url, 'Policy', ''),
      ['QueueUnprotected', 'QueueWithoutTls', 'TopicMayNotDeadLetter'],
    ],
    [
      'a settle queue without a policy',
      () => queueAttribute(copier.settle_queue_url, 'Policy', ''),
      ['QueueWithoutTls', 'RulesMayNotSend'],
    ],
    ['a requests queue without redrive', () => queueAttribute(copier.queue_url, 'RedrivePolicy', ''), ['NoRedrive']],
    [
      'a redrive that comes too early',
      async () => {
        const { RedrivePolicy = '{}' } = await queueAttributes(copier.queue_url);
        const early = { ...(JSON.parse(RedrivePolicy) as object), maxReceiveCount: 3 };
        return await queueAttribute(copier.queue_url, 'RedrivePolicy', JSON.stringify(early));
      },
      ['RedriveTooEarly'],
    ],
    [
      'a visibility timeout that is too short',
      () => queueAttribute(copier.queue_url, 'VisibilityTimeout', '60'),
      ['VisibilityTooShort'],
    ],
    ['a mapping of copy-image that is disabled', () => disableMapping('copy-image'), ['MappingDisabled']],
    ['a mapping of settle-copy that is disabled', () => disableMapping('settle-copy'), ['MappingDisabled']],
    [
      'a mapping that does not report failures',
      async () => {
        const UUID = await mappingOf('copy-image');
        const answerIn = async (FunctionResponseTypes: 'ReportBatchItemFailures'[]) => {
          await lambda.send(new UpdateEventSourceMappingCommand({ UUID, FunctionResponseTypes }));
          await mappingToBe('Enabled', UUID);
        };
        await answerIn([]);
        return () => answerIn(['ReportBatchItemFailures']);
      },
      ['NoBatchFailures'],
    ],
    ['other code in one function', changeCode, ['CodeDiffers', 'CodeNotBuilt']],
    [
      'a function without concurrency',
      async () => {
        const FunctionName = 'image-copier-copy-image';
        await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
        return () => lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
      },
      ['FunctionThrottled'],
    ],
    [
      'a role of copy-image that lacks an action of the function',
      () => copyImageRole.takeOut('sqs:ChangeMessageVisibility'),
      ['RoleLacksActions'],
    ],
    [
      'a role of copy-image that lacks an action which AWS takes with it',
      () => copyImageRole.takeOut('kms:ReEncryptTo'),
      ['RoleLacksActions'],
    ],
    [
      'a role of settle-copy that lacks an action',
      () => new FunctionRole(target, 'settle-copy').takeOut('ssm:PutParameter'),
      ['RoleLacksActions'],
    ],
    [
      'a key that is disabled',
      async () => {
        const KeyId = copier.key_arn;
        await target.kms.send(new DisableKeyCommand({ KeyId }));
        return () => target.kms.send(new EnableKeyCommand({ KeyId }));
      },
      ['KeyDisabled'],
    ],
    ['a key that waits for its deletion', deleteKey, ['KeyPendingDeletion']],
    [
      'a key that is not rotated',
      async () => {
        const KeyId = copier.key_arn;
        await target.kms.send(new DisableKeyRotationCommand({ KeyId }));
        return () => target.kms.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 365 }));
      },
      ['KeyNotRotated'],
    ],
    [
      "a key with KMS's default policy",
      () => keyPolicy((statements) => statements.filter(({ Sid }) => Sid === 'AccountAdministersKey')),
      ['KeyRefusesLaunches', 'KeyUnprotected'],
    ],
    [
      'a key that another account may use',
      () =>
        keyPolicy((statements) => [
          ...statements,
          {
            Sid: 'Other',
            Effect: 'Allow',
            Action: 'kms:Decrypt',
            Resource: '*',
            Principal: { AWS: `arn:aws:iam::${OTHER_ACCOUNT}:root` },
          },
        ]),
      ['KeyOpenToOthers'],
    ],
    [
      'a key that everybody may use',
      () =>
        keyPolicy((statements) =>
          statements.map((statement) =>
            statement.Sid === 'AccountUsesKeyThroughEc2' ? { ...statement, Condition: {} } : statement,
          ),
        ),
      ['KeyOpenToOthers'],
    ],
    ['an alarm that is gone', deleteAlarm, ['AlarmMissing']],
    [
      'alarms whose actions are disabled',
      async () => {
        const AlarmNames = ['image-copier-settling'];
        await cloudwatch.send(new DisableAlarmActionsCommand({ AlarmNames }));
        return () => cloudwatch.send(new EnableAlarmActionsCommand({ AlarmNames }));
      },
      ['AlarmActionsDisabled'],
    ],
    ['a sweep that is disabled', () => disableRule('image-copier-sweep'), ['RuleDisabled']],
    ['a rule for events that is disabled', () => disableRule('image-copier-image-state'), ['RuleDisabled']],
    ['a rule without a target', removeTarget, ['RuleWithoutTarget']],
    ['a parameter that names an image which is gone', danglingParameter, ['ParameterDangles']],
    [
      'an image that is not shared',
      async () => {
        const LaunchPermission = { Remove: [{ UserId: target.id }] };
        await source.ec2.send(new ModifyImageAttributeCommand({ ImageId: image.imageId, LaunchPermission }));
        return () => shareImage(source.ec2, image, [target.id]);
      },
      ['ImageNotShared'],
    ],
    [
      'a snapshot that is not shared',
      async () => {
        const [, SnapshotId] = image.snapshotIds;
        const CreateVolumePermission = { Remove: [{ UserId: target.id }] };
        await source.ec2.send(new ModifySnapshotAttributeCommand({ SnapshotId, CreateVolumePermission }));
        return () => share(source.ec2, image, [target.id]);
      },
      ['SnapshotNotShared'],
    ],
    [
      'an image with more tags than fit',
      async () => {
        const Tags = Array.from({ length: 47 }, (_, index) => ({ Key: `tag-${index}`, Value: '' }));
        const Resources = [image.imageId];
        await source.ec2.send(new CreateTagsCommand({ Resources, Tags }));
        return () => source.ec2.send(new DeleteTagsCommand({ Resources, Tags }));
      },
      ['ImageTagsDoNotFit'],
    ],
    [
      'an owner who is not trusted',
      () => functionEnvironment('image-copier-copy-image', { TRUSTED_OWNERS: OTHER_ACCOUNT }),
      ['ImageOwnerNotTrusted'],
    ],
    ['Allowed AMIs that would leave the owner out', () => allowImages('audit-mode'), ['AllowedImagesLeaveOut']],
  ])('%s', async (_, breakIt, codes) => {
    const restore = await breakIt();
    const again = () => lookWithFile('--image', image.imageId);
    let isMended = false;
    try {
      const findings = await expectFound(codes, again());
      if (findings.every(({ code }) => MENDED_AT_ONCE.includes(code))) {
        await mend(findings, again);
        isMended = true;
      }
    } finally {
      if (!isMended) await restore();
    }
  });

  it('an alarm whose topic does not exist, and one whose topic another account has', async () => {
    const restore = await alarmAction(`arn:aws:sns:${REGION}:${target.id}:nobody`);
    try {
      await expectFound(['AlarmTopicMissing'], lookWithFile());
    } finally {
      await restore();
    }
    const restoreOther = await alarmAction(topicArn);
    try {
      await expectFound(['AlarmTopicUnread'], lookWithFile());
    } finally {
      await restoreOther();
    }
  });

  it('Allowed AMIs, which an administrator changes', async () => {
    const restore = await allowImages('enabled');
    try {
      const codes = ['AllowedImagesLeaveOut', 'ImageHidden'];
      const findings = await expectFound(codes, lookWithFile('--image', image.imageId));
      const [denied] = await paste(findings);
      expect(denied?.code).not.toBe(0);
      expect(denied?.stderr).toContain('UnauthorizedOperation');

      const asAdministrator = () => lookAsFileSays('--image', image.imageId);
      await mend(await expectFound(codes, asAdministrator()), asAdministrator);
    } finally {
      await restore();
    }
  });

  it('an alarm that is on: the command shows its history', async () => {
    const AlarmName = 'image-copier-settling';
    const turn = (StateValue: 'ALARM' | 'OK') =>
      cloudwatch.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason: 'A test says so.' }));
    await turn('ALARM');
    try {
      const ended = await paste(await expectFound(['AlarmOn'], lookWithFile()));
      expect(ended).toEqual([{ code: 0, stderr: '', stdout: expect.stringContaining('A test says so.') }]);
    } finally {
      await turn('OK');
    }
  });

  it('a requests queue without a policy, seen from the account alone: the subscription tells the topic', async () => {
    const restore = await queueAttribute(copier.queue_url, 'Policy', '');
    try {
      await expectFound(['QueueUnprotected', 'QueueWithoutTls', 'TopicMayNotSend'], look());
    } finally {
      await restore();
    }
  });

  it.each<[string, () => Promise<Restore>, string[]]>([
    [
      'an image that is not shared, seen from the account alone',
      async () => {
        const LaunchPermission = { Remove: [{ UserId: target.id }] };
        await source.ec2.send(new ModifyImageAttributeCommand({ ImageId: image.imageId, LaunchPermission }));
        return () => shareImage(source.ec2, image, [target.id]);
      },
      ['ImageNotVisible'],
    ],
    [
      'a snapshot that is not shared, seen from the account alone',
      async () => {
        const [SnapshotId] = image.snapshotIds;
        const CreateVolumePermission = { Remove: [{ UserId: target.id }] };
        await source.ec2.send(new ModifySnapshotAttributeCommand({ SnapshotId, CreateVolumePermission }));
        return () => share(source.ec2, image, [target.id]);
      },
      ['SnapshotNotShared'],
    ],
  ])('%s', async (_, breakIt, codes) => {
    const restore = await breakIt();
    const again = () => look('--image', image.imageId);
    let isMended = false;
    try {
      // With credentials of the source account, as it says.
      await mend(await expectFound(codes, again()), again, emulatedEnvironment(endpoint(), source.id, REGION));
      isMended = true;
    } finally {
      if (!isMended) await restore();
    }
  });

  it('an encrypted image, until its key and the role of copy-image allow the copy', async () => {
    const { KeyMetadata } = await source.kms.send(new CreateKeyCommand({}));
    const KeyId = KeyMetadata?.Arn ?? '';
    const encrypted = await bakeEncrypted(KeyId);
    const lookAtIt = () => lookWithFile('--image', encrypted.imageId);

    await expectFound(['SourceKeyNotInRole', 'SourceKeyRefusesAccount'], lookAtIt());

    const { Policy = '{}' } = await source.kms.send(new GetKeyPolicyCommand({ KeyId, PolicyName: 'default' }));
    const { Statement, ...rest } = JSON.parse(Policy) as { Statement: object[] };
    const Principal = { AWS: `arn:aws:iam::${target.id}:root` };
    const sharing = { Effect: 'Allow', Action: ['kms:*'], Resource: '*', Principal };
    const shared = JSON.stringify({ ...rest, Statement: [...Statement, sharing] });
    await source.kms.send(new PutKeyPolicyCommand({ KeyId, PolicyName: 'default', Policy: shared }));
    await expectFound(['SourceKeyNotInRole'], lookAtIt());

    // As source_key_arns does.
    const restore = await copyImageRole.change((text) =>
      text.replaceAll(`"${copier.key_arn}"`, `["${copier.key_arn}","${KeyId}"]`),
    );
    try {
      await expectFound([], lookAtIt());
    } finally {
      await restore();
    }
  });

  it('an account without a copier, and one that cannot be read: neither stops the others', async () => {
    const empty = newAccountId();
    await makeAdministratorRoles(endpoint(), 'operator', [empty]);
    writeAccounts({ id: empty, name: 'empty' }, { id: newAccountId(), name: 'closed', profile: 'nobody' });
    try {
      const { code, stdout, stderr } = await lookAsFileSays();

      const rows = JSON.parse(stdout) as Row[];
      expect(code).toBe(1);
      expect(rows.map(({ findings }) => findings && codesOf(findings))).toEqual([baseline, ['NoCopier'], null]);
      expect(rows[2]?.problem).toMatch(/^No AWS credentials: .* Log in .*$/);
      expect(stderr).toMatch(/^closed, eu-west-1: No AWS credentials: .*\n$/);
    } finally {
      writeAccounts();
    }
  });

  it('a source account that cannot be read: what the account itself sees is checked', async () => {
    writeAccounts();
    const file = readFileSync(accountsFile, 'utf8');
    writeFileSync(accountsFile, file.replace(`id: "${source.id}"`, `id: "${source.id}"\n  profile: nobody`));
    try {
      await expectFound(['ImageOwnerUnread'], lookAsFileSays('--image', image.imageId));
    } finally {
      writeAccounts();
    }
  });

  it.each([
    ['DescribeImages', ['Unread', 'Unread']],
    ['GetAllowedImagesSettings', ['AllowedImagesUnread']],
  ])('an operator who may not call %s', async (operation, codes) => {
    const error = { code: 'UnauthorizedOperation', message: 'You are not authorized.', status: 403 };
    const restore = await injectFault({ kind: 'error', account: target.id, operation, ...error });
    try {
      await expectFound(codes, look('--image', image.imageId));
    } finally {
      await restore();
    }
  });

  // Last, for the alarm that counts dead letters lags behind by minutes.
  it('a dead letter', async () => {
    const QueueUrl = copier.dead_letter_queue_url;
    await target.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'no request' }));
    try {
      await expectFound(['DeadLetters'], lookWithFile());
    } finally {
      await target.sqs.send(new PurgeQueueCommand({ QueueUrl }));
    }
  });
});

describe('a mistake of the user', () => {
  it.each([
    [['--image', 'ubuntu'], /It must be an image id, such as ami-/],
    [['--image-region', REGION], /^Error: --image-region is the Region of an --image\.\n$/],
    [
      ['--accounts-file', 'none.yaml'],
      /^Error: There is no none\.yaml\. Name your accounts file with --accounts-file; .*\n$/,
    ],
  ])('ends with exit code 2: %j', async (args, stderr) => {
    expect(await run(...args)).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(stderr) });
  });
});

async function subscription(): Promise<Record<string, string>> {
  const { Attributes = {} } = await target.sns.send(
    new GetSubscriptionAttributesCommand({ SubscriptionArn: copier.subscription_arn }),
  );
  return Attributes;
}

async function subscriptionAttribute(name: string, value: string): Promise<Restore> {
  const before = await subscription();
  const set = (AttributeName: string, AttributeValue: string | undefined) =>
    target.sns.send(
      new SetSubscriptionAttributesCommand({ SubscriptionArn: copier.subscription_arn, AttributeName, AttributeValue }),
    );
  await set(name, value);
  return async () => {
    // A filter that was taken away took its scope along.
    if (name === 'FilterPolicy') await set('FilterPolicyScope', before['FilterPolicyScope']);
    await set(name, before[name]);
  };
}

async function unsubscribe(): Promise<Restore> {
  const { FilterPolicy, FilterPolicyScope, RawMessageDelivery, RedrivePolicy, TopicArn, Endpoint } =
    await subscription();
  await source.sns.send(new UnsubscribeCommand({ SubscriptionArn: copier.subscription_arn }));
  return async () => {
    const Attributes = { FilterPolicy, FilterPolicyScope, RawMessageDelivery, RedrivePolicy } as Record<string, string>;
    const { SubscriptionArn = '' } = await target.sns.send(
      new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint, Attributes, ReturnSubscriptionArn: true }),
    );
    copier = { ...copier, subscription_arn: SubscriptionArn };
  };
}

async function queueAttributes(QueueUrl: string): Promise<Partial<Record<QueueAttributeName, string>>> {
  const { Attributes = {} } = await target.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
  );
  return Attributes;
}

async function queueAttribute(QueueUrl: string, name: QueueAttributeName, value: string): Promise<Restore> {
  const before = (await queueAttributes(QueueUrl))[name] ?? '';
  const set = (to: string) => target.sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { [name]: to } }));
  await set(value);
  return () => set(before);
}

async function mappingOf(functionName: string): Promise<string> {
  const { EventSourceMappings: [mapping] = [] } = await lambda.send(
    new ListEventSourceMappingsCommand({ FunctionName: `image-copier-${functionName}` }),
  );
  return mapping?.UUID ?? '';
}

async function mappingToBe(wanted: string, UUID: string): Promise<void> {
  await waitFor(`the mapping to be ${wanted}`, async () => {
    const { State } = await lambda.send(new GetEventSourceMappingCommand({ UUID }));
    return State === wanted ? true : undefined;
  });
}

async function disableMapping(functionName: string): Promise<Restore> {
  const UUID = await mappingOf(functionName);
  const enable = async (Enabled: boolean) => {
    await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));
    await mappingToBe(Enabled ? 'Enabled' : 'Disabled', UUID);
  };
  await enable(false);
  return () => enable(true);
}

async function changeCode(): Promise<Restore> {
  const FunctionName = 'image-copier-settle-copy';
  const built = readFileSync(ZIP);
  const deploy = async (ZipFile: Uint8Array) => {
    const { CodeSha256 } = await lambda.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile }));
    expect(CodeSha256).toBe(createHash('sha256').update(ZipFile).digest('base64'));
    await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 60, minDelay: 1 }, { FunctionName });
  };
  await deploy(zipSync({ ...unzipSync(built), 'README.md': strToU8('Another version.') }));
  return () => deploy(built);
}

async function functionEnvironment(FunctionName: string, changes: Readonly<Record<string, string>>): Promise<Restore> {
  const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  const before = Environment?.Variables ?? {};
  const set = async (Variables: Record<string, string>) => {
    await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
    await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 60, minDelay: 1 }, { FunctionName });
  };
  await set({ ...before, ...changes });
  return () => set(before);
}

interface KeyStatement {
  readonly Sid: string;
  readonly [member: string]: unknown;
}

async function keyPolicy(change: (statements: readonly KeyStatement[]) => readonly KeyStatement[]): Promise<Restore> {
  const key = { KeyId: copier.key_arn, PolicyName: 'default' };
  const { Policy: before = '' } = await target.kms.send(new GetKeyPolicyCommand(key));
  const { Statement, ...rest } = JSON.parse(before) as { Statement: readonly KeyStatement[] };
  const Policy = JSON.stringify({ ...rest, Statement: change(Statement) });
  await target.kms.send(new PutKeyPolicyCommand({ ...key, Policy }));
  return () => target.kms.send(new PutKeyPolicyCommand({ ...key, Policy: before }));
}

async function deleteKey(): Promise<Restore> {
  const KeyId = copier.key_arn;
  // Its own policy refuses that, until somebody changes it.
  const protect = await keyPolicy((statements) => statements.filter(({ Sid }) => Sid !== 'NobodyDeletesKey'));
  await target.kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
  await protect();
  return async () => {
    await target.kms.send(new CancelKeyDeletionCommand({ KeyId }));
    await target.kms.send(new EnableKeyCommand({ KeyId }));
  };
}

async function alarmAction(topic: string): Promise<Restore> {
  const AlarmNames = ['image-copier-unverified-copies'];
  const { MetricAlarms: [alarm] = [] } = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames }));
  if (!alarm) throw new Error(`There is no alarm ${AlarmNames.join()}.`);
  const put = (AlarmActions: string[]) =>
    cloudwatch.send(new PutMetricAlarmCommand({ ...settingsOf(alarm), AlarmActions }));
  await put([topic]);
  return () => put([]);
}

async function deleteAlarm(): Promise<Restore> {
  const AlarmNames = ['image-copier-unverified-copies'];
  const { MetricAlarms: [alarm] = [] } = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames }));
  await cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames }));
  if (!alarm) throw new Error(`There is no alarm ${AlarmNames.join()}.`);
  return () => cloudwatch.send(new PutMetricAlarmCommand(settingsOf(alarm)));
}

function settingsOf(alarm: MetricAlarm) {
  const { AlarmName, ComparisonOperator, EvaluationPeriods, MetricName, Namespace, Period, Statistic, Threshold } =
    alarm;
  return {
    ...{ AlarmName, ComparisonOperator, EvaluationPeriods, MetricName, Namespace, Period, Statistic, Threshold },
    TreatMissingData: alarm.TreatMissingData,
  };
}

async function disableRule(Name: string): Promise<Restore> {
  await events.send(new DisableRuleCommand({ Name }));
  return () => events.send(new EnableRuleCommand({ Name }));
}

async function removeTarget(): Promise<Restore> {
  const Rule = 'image-copier-sweep';
  const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule }));
  await events.send(new RemoveTargetsCommand({ Rule, Ids: Targets.map(({ Id = '' }) => Id) }));
  return () => events.send(new PutTargetsCommand({ Rule, Targets }));
}

async function danglingParameter(): Promise<Restore> {
  const own = await bakeImage(target.ec2, {
    name: 'own',
    description: '',
    tags: { Recipe: 'own' },
    volumeSizes: [1],
  });
  const Name = '/image-copier/own';
  const parameter = { Name, Value: own.imageId, Type: 'String', DataType: 'aws:ec2:image' } as const;
  await target.ssm.send(new PutParameterCommand(parameter));
  await waitFor('the parameter', async () => {
    const answer = target.ssm.send(new GetParameterCommand({ Name })).catch(() => undefined);
    return (await answer)?.Parameter;
  });
  await target.ec2.send(new DeregisterImageCommand({ ImageId: own.imageId, DeleteAssociatedSnapshots: true }));
  return () => target.ssm.send(new DeleteParameterCommand({ Name }));
}

async function allowImages(AllowedImagesSettingsState: AllowedImagesSettingsEnabledState): Promise<Restore> {
  const ImageCriteria = [{ ImageProviders: ['amazon', OTHER_ACCOUNT] }];
  await target.ec2.send(new ReplaceImageCriteriaInAllowedImagesSettingsCommand({ ImageCriteria }));
  await target.ec2.send(new EnableAllowedImagesSettingsCommand({ AllowedImagesSettingsState }));
  return () => target.ec2.send(new DisableAllowedImagesSettingsCommand({}));
}

async function bakeEncrypted(keyArn: string): Promise<BakedImage> {
  const encrypted = await bakeImage(source.ec2, {
    name: 'amigo_encrypted_1',
    description: '',
    tags: { Recipe: 'encrypted' },
    volumeSizes: [8],
    keyArn,
  });
  await share(source.ec2, encrypted, [target.id]);
  return encrypted;
}
