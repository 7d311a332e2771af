import {
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { ifThere } from '../common/aws-answers.ts';
import { awsCommand } from './commands.ts';
import {
  accountIn,
  applyAfter,
  found,
  inWords,
  listed,
  type CheckedCopier,
  type Finding,
  type Remedy,
} from './finding.ts';
import { allowedPrincipals, decide, parsePolicy, type Policy } from './policy.ts';

/** A KMS key as KMS describes it. */
export interface KeyFacts {
  readonly arn: string;
  /** Such as `Enabled`, `Disabled` and `PendingDeletion`. */
  readonly state: string;
  readonly deletionDate?: string;
  /** Missing for a key in a state in which KMS does not tell. */
  readonly isRotated?: boolean;
  /** Whether the module made it, and not the organization (kms_key_arn). */
  readonly isModules: boolean;
  readonly policy: Policy;
}

/** What EC2 does with the key for whoever launches an instance (Auto Scaling User Guide, "Required KMS key policy"). */
const LAUNCH_ACTIONS = [
  'kms:CreateGrant',
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
];
const EVERYBODY = 'everybody';
const NO_KEY = 'NotFoundException';
/** As terraform/modules/image-copier/key.tf begins to describe the key that it makes. */
const MODULES_DESCRIPTION = 'Machine images copied by ';
/** An account that is nobody's. */
const STRANGER = '000000000000';

/** Reads the key that an id, ARN or alias names, or undefined if there is none. */
export async function readKey(kms: KMSClient, keyId: string): Promise<KeyFacts | undefined> {
  const described = await ifThere(kms.send(new DescribeKeyCommand({ KeyId: keyId })), NO_KEY);
  const metadata = described?.KeyMetadata;
  if (!metadata) return undefined;
  const { KeyId, Arn = '', Description = '', KeyState = '', DeletionDate } = metadata;
  const [policy, rotation] = await Promise.all([
    kms.send(new GetKeyPolicyCommand({ KeyId, PolicyName: 'default' })),
    // KMS refuses it for a key that waits for its deletion (KMS API Reference, GetKeyRotationStatus).
    KeyState === 'Enabled' ? kms.send(new GetKeyRotationStatusCommand({ KeyId })) : undefined,
  ]);
  return {
    arn: Arn,
    state: KeyState,
    ...(DeletionDate && { deletionDate: DeletionDate.toISOString().slice(0, 10) }),
    ...(rotation && { isRotated: rotation.KeyRotationEnabled ?? false }),
    isModules: Description.startsWith(MODULES_DESCRIPTION),
    policy: parsePolicy(policy.Policy),
  };
}

/**
 * Checks the key that copies are encrypted with.
 * @param usedArn the key that copy-image encrypts with, if the function exists
 */
export function checkKey(key: KeyFacts | undefined, usedArn: string | undefined, copier: CheckedCopier): Finding[] {
  const alias = `alias/${copier.name}`;
  if (!key) {
    return [
      {
        code: 'NoKey',
        severity: 'problem',
        subject: usedArn ?? alias,
        what: 'The key does not exist.',
        why: 'Every copy fails, and no copy under this key can be launched.',
        ...copier.apply,
      },
    ];
  }
  const { arn, state, deletionDate, isRotated } = key;
  const why = 'Copies fail, and those that exist cannot be launched.';
  const onKey = (command: string) => awsCommand(copier, 'kms', command, '--key-id', arn);
  return found(
    state === 'Disabled' && {
      code: 'KeyDisabled',
      severity: 'problem',
      subject: arn,
      what: 'The key is disabled.',
      why,
      fix: 'Enable it.',
      commands: [onKey('enable-key')],
    },
    state === 'PendingDeletion' && {
      code: 'KeyPendingDeletion',
      severity: 'problem',
      subject: arn,
      what: `KMS deletes the key${deletionDate === undefined ? '' : ` on ${deletionDate}`}.`,
      why: `${why} After that date they are lost for good.`,
      fix: 'Keep the key, and enable it.',
      commands: [onKey('cancel-key-deletion'), onKey('enable-key')],
    },
    !['Enabled', 'Disabled', 'PendingDeletion'].includes(state) && {
      code: 'KeyUnavailable',
      severity: 'problem',
      subject: arn,
      what: `The state of the key is ${state}.`,
      why,
      fix: 'See what KMS says of it.',
      commands: [onKey('describe-key')],
    },
    isRotated === false && {
      code: 'KeyNotRotated',
      severity: 'warning',
      subject: arn,
      what: 'The rotation of the key is off.',
      why: 'The same key material encrypts for years.',
      fix: 'Turn it on.',
      commands: [onKey('enable-key-rotation')],
    },
    ...checkPolicy(key, copier),
  );
}

function checkPolicy({ arn: subject, isModules, policy }: KeyFacts, copier: CheckedCopier): Finding[] {
  // Terraform does not write the policy of a key that the organization made.
  const change = (own: Remedy, organizations: string) =>
    isModules ? own : inWords(`In the key's policy, by whoever made the key that kms_key_arn names: ${organizations}`);
  const excluded = launchers(copier).filter((launcher) => !canLaunch(policy, launcher, copier));
  const strangers = strangersIn(policy, copier);
  const root = `arn:${copier.partition}:iam::${copier.accountId}:root`;
  const isOwn = ['kms:PutKeyPolicy', 'kms:DescribeKey'].every((action) =>
    ['allowed', 'delegated'].includes(decide(policy, { principal: root, action, context: callerOf(copier.accountId) })),
  );
  return found(
    excluded.length > 0 && {
      code: 'KeyRefusesLaunches',
      severity: 'problem',
      subject,
      what: `The key's policy does not let ${listed(excluded.map(({ who }) => who))} use it through EC2.`,
      why: 'Instances that they launch from a copy end at once, with Client.InternalError.',
      ...change(copier.apply, `add ${JSON.stringify(useStatement(copier))}`),
    },
    strangers.length > 0 && {
      code: 'KeyOpenToOthers',
      // Statements for others that have a name may be meant.
      severity: strangers.includes(EVERYBODY) ? 'problem' : 'warning',
      subject,
      what: `The key's policy lets ${listed(strangers)} use it.`,
      why: 'Whoever can use the key and gets at a snapshot can read it.',
      ...change(
        applyAfter('Leave it if they are meant. Else take them out of the input key_policy_statements.', copier),
        'take them out, unless they are meant.',
      ),
    },
    !isOwn && {
      code: 'KeyNotAdministered',
      severity: 'warning',
      subject,
      what: "The key's policy does not let this account's IAM policies administer it.",
      why: 'If the principals that it names are gone, only AWS Support can change it.',
      ...change(copier.apply, `allow kms:* for ${root}`),
    },
    decide(policy, { principal: root, action: 'kms:ScheduleKeyDeletion', context: callerOf(copier.accountId) }) !==
      'denied' && {
      code: 'KeyUnprotected',
      severity: 'note',
      subject,
      what: "The key's policy does not refuse its deletion.",
      why: 'Without the key all copies and volumes under it are lost.',
      ...change(applyAfter('Set the input deletion_protection to true.', copier), 'deny kms:ScheduleKeyDeletion.'),
    },
  );
}

/** As the policy of a key that the module makes has it. */
function useStatement({ accountId, region }: CheckedCopier) {
  return {
    Sid: 'AccountUsesKeyThroughEc2',
    Effect: 'Allow',
    Principal: { AWS: '*' },
    Action: LAUNCH_ACTIONS,
    Resource: '*',
    Condition: { StringEquals: { 'kms:CallerAccount': accountId, 'kms:ViaService': `ec2.${region}.amazonaws.com` } },
  };
}

interface Launcher {
  readonly who: string;
  readonly principal: string;
  /** Whether its IAM policies can allow the key. Those of a service-linked role are fixed, and name no key. */
  readonly hasIamPolicies: boolean;
}

function launchers({ partition, accountId }: CheckedCopier): readonly Launcher[] {
  const role = `arn:${partition}:iam::${accountId}:role/`;
  const linked = `${role}aws-service-role/`;
  return [
    {
      who: 'Auto Scaling',
      principal: `${linked}autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling`,
      hasIamPolicies: false,
    },
    { who: 'EC2 Spot', principal: `${linked}spot.amazonaws.com/AWSServiceRoleForEC2Spot`, hasIamPolicies: false },
    { who: 'users of this account', principal: `${role}anybody`, hasIamPolicies: true },
  ];
}

function canLaunch(policy: Policy, { principal, hasIamPolicies }: Launcher, copier: CheckedCopier): boolean {
  const context = { ...callerOf(copier.accountId), ...throughEc2(copier.region) };
  return LAUNCH_ACTIONS.every((action) => {
    const decision = decide(policy, { principal, action, context });
    return decision === 'allowed' || (hasIamPolicies && decision === 'delegated');
  });
}

/** Other accounts' principals that may use the key, also through EC2. */
function strangersIn(policy: Policy, { partition, accountId, region }: CheckedCopier): readonly string[] {
  const named = allowedPrincipals(policy)
    .filter((principal) => principal !== '*')
    .map((principal) => (/^\d{12}$/.test(principal) ? `arn:${partition}:iam::${principal}:root` : principal))
    // A principal without an account is one that was deleted: KMS shows its id.
    .filter((principal) => !['', accountId].includes(accountIn(principal)));
  const everybody = `arn:${partition}:iam::${STRANGER}:role/anybody`;
  return Array.from(new Set([everybody, ...named]))
    .filter((principal) => {
      const context = { ...callerOf(accountIn(principal)), ...throughEc2(region) };
      return LAUNCH_ACTIONS.some((action) =>
        ['allowed', 'delegated'].includes(decide(policy, { principal, action, context })),
      );
    })
    .map((principal) => (principal === everybody ? EVERYBODY : principal));
}

/** The condition keys of an account's call. */
export function callerOf(accountId: string) {
  return { 'kms:CallerAccount': accountId, 'aws:PrincipalAccount': accountId };
}

/** Those of a call that EC2 makes for somebody. */
export function throughEc2(region: string) {
  return { 'kms:ViaService': `ec2.${region}.amazonaws.com`, 'kms:GrantIsForAWSResource': 'true' };
}
