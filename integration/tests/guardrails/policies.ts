/**
 * The guardrails that organizations commonly have, in the form in which AWS shows them: "Service control policy examples" and
 * "Resource control policy examples" in the Organizations User Guide, and aws-samples/data-perimeter-policy-examples.
 */

/** A statement of a policy. */
export interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly [element: string]: unknown;
}

/** The guardrails of one account. */
export interface Guardrails {
  /** Statements of a service control policy that is attached beside FullAWSAccess. */
  readonly denied?: readonly Statement[];
  /** The services that a service control policy in the place of FullAWSAccess lets pass. */
  readonly services?: readonly string[];
  /** Statements of a resource control policy. */
  readonly ofResources?: readonly Statement[];
}

export const ORGANIZATION = 'o-a1b2c3d4e5';
const IMAGES_AND_SNAPSHOTS = ['arn:aws:ec2:*::image/*', 'arn:aws:ec2:*::snapshot/*'];

const TAG_MISSING = { Null: { 'aws:RequestTag/CostCenter': 'true' } };

export function policy(...statements: readonly Statement[]) {
  return { Version: '2012-10-17', Statement: statements };
}

function deny(Action: string | readonly string[], Condition?: object, Resource: string | readonly string[] = '*') {
  return { Effect: 'Deny', Action, Resource, ...(Condition && { Condition }) } as const;
}

/** "Deny access to AWS based on the requested AWS Region". */
export function onlyIn(...regions: readonly string[]): Guardrails {
  const NotAction = ['cloudfront:*', 'iam:*', 'organizations:*', 'route53:*', 'sts:*', 'support:*'];
  const Condition = { StringNotEquals: { 'aws:RequestedRegion': regions } };
  return { denied: [{ Effect: 'Deny', NotAction, Resource: '*', Condition }] };
}

/** An allow list. The functions need these services, and those who deploy need all of them. */
export const FUNCTIONS_SERVICES = ['autoscaling', 'ec2', 'events', 'imagebuilder', 'kms', 'logs', 'sns', 'sqs', 'ssm'];
export const SERVICES = [...FUNCTIONS_SERVICES, 'cloudwatch', 'iam', 'lambda'];

export const UNENCRYPTED_VOLUMES_DENIED = deny(['ec2:AttachVolume', 'ec2:CreateVolume', 'ec2:RunInstances'], {
  Bool: { 'ec2:Encrypted': 'false' },
});

/** The same the wrong way round: it also denies what has no such key. */
export const ALL_BUT_ENCRYPTED_DENIED = deny(['ec2:CopyImage', 'ec2:CreateSnapshot', 'ec2:CreateVolume'], {
  StringNotEquals: { 'ec2:Encrypted': 'true' },
});

export const DEFAULT_ENCRYPTION_STAYS = deny([
  'ec2:DisableEbsEncryptionByDefault',
  'ec2:ModifyEbsDefaultKmsKeyId',
  'ec2:ResetEbsDefaultKmsKeyId',
]);

export const IMDSV2_REQUIRED = [
  deny('ec2:RunInstances', { StringNotEquals: { 'ec2:MetadataHttpTokens': 'required' } }, 'arn:aws:ec2:*:*:instance/*'),
  deny('ec2:ModifyInstanceMetadataOptions'),
  deny('*', { NumericLessThan: { 'ec2:RoleDelivery': '2.0' } }),
];

export const NOBODY_LEAVES = deny('organizations:LeaveOrganization');

export const ROOT_USER_DENIED = deny('*', { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:root' } });

export const PROTECTED_ROLES_STAY = deny(
  ['iam:AttachRolePolicy', 'iam:DeleteRole', 'iam:DetachRolePolicy', 'iam:PutRolePolicy', 'iam:UpdateAssumeRolePolicy'],
  { ArnNotLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/security/admin' } },
  'arn:aws:iam::*:role/security/*',
);

export const KEYS_MADE_CENTRALLY = deny('kms:CreateKey');
export const KEYS_STAY = deny(['kms:DisableKey', 'kms:ScheduleKeyDeletion']);
export const GRANTS_FOR_AWS_ALONE = deny('kms:CreateGrant', { Bool: { 'kms:GrantIsForAWSResource': 'false' } });
export const GRANTS_DENIED = deny('kms:CreateGrant');

export const SHARING_DENIED = deny(['ec2:ModifyImageAttribute', 'ec2:ModifySnapshotAttribute']);

/** Of those who deploy: each asks for something that the module has an input for. */
export const BOUNDARY_REQUIRED = deny(['iam:CreateRole', 'iam:CreateUser'], {
  Null: { 'iam:PermissionsBoundary': 'true' },
});
export const VPC_REQUIRED = deny(['lambda:CreateFunction', 'lambda:UpdateFunctionConfiguration'], {
  Null: { 'lambda:VpcIds': 'true' },
});
export const SIGNED_CODE_REQUIRED = deny('lambda:CreateFunction', { Null: { 'lambda:CodeSigningConfigArn': 'true' } });
export const ROLES_UNDER_A_PATH = {
  Effect: 'Deny',
  Action: 'iam:CreateRole',
  NotResource: 'arn:aws:iam::*:role/workloads/*',
} as const;
export const RESOURCES_TAGGED = deny(
  [
    ...['cloudwatch:PutMetricAlarm', 'events:PutRule', 'iam:CreateRole', 'kms:CreateKey', 'lambda:CreateFunction'],
    ...['logs:CreateLogGroup', 'sqs:CreateQueue'],
  ],
  TAG_MISSING,
);

/** Tags on images and snapshots, as far as they are set where these are made. */
export const COPIES_TAGGED = [
  deny('ec2:CreateTags', { StringEquals: { 'ec2:CreateAction': 'CopyImage' }, ...TAG_MISSING }, IMAGES_AND_SNAPSHOTS),
  deny(['ec2:CopyImage', 'ec2:CreateSnapshot'], TAG_MISSING, 'arn:aws:ec2:*::snapshot/*'),
];
/** It is asked about the source image too, which is given no tags. */
export const COPIED_IMAGES_TAGGED = deny('ec2:CopyImage', TAG_MISSING, 'arn:aws:ec2:*::image/*');
/** Whatever is tagged, and whenever. */
export const ALWAYS_TAGGED = deny('ec2:CreateTags', TAG_MISSING, IMAGES_AND_SNAPSHOTS);

/** "Prevent tags from being modified except by authorized principals". */
export function tagsStay(...exempt: readonly string[]): Statement {
  return deny(['ec2:CreateTags', 'ec2:DeleteTags'], {
    StringNotEquals: { 'ec2:ResourceTag/access-project': '${aws:PrincipalTag/access-project}' },
    ArnNotLike: { 'aws:PrincipalArn': ['arn:aws:iam::*:role/tag-admin', ...exempt] },
    Null: { 'ec2:ResourceTag/access-project': 'false' },
  });
}

/** The resource perimeter of the data perimeter examples. */
export function resourcesInOrganization(...exemptAccounts: readonly string[]): Statement {
  return {
    Effect: 'Deny',
    Action: '*',
    NotResource: ['arn:aws:iam::aws:policy/*', 'arn:aws:ssm:*::parameter/*'],
    Condition: {
      StringNotEqualsIfExists: {
        'aws:ResourceOrgID': ORGANIZATION,
        'ec2:Owner': 'amazon',
        'aws:PrincipalTag/dp:exclude:resource': 'true',
        ...(exemptAccounts.length > 0 && { 'aws:ResourceAccount': exemptAccounts }),
      },
    },
  };
}

/** The network perimeter, with the principals that are exempt. */
export function fromNetwork(...exempt: readonly string[]): Statement {
  return {
    Effect: 'Deny',
    Action: '*',
    Resource: '*',
    Condition: {
      NotIpAddressIfExists: { 'aws:SourceIp': ['203.0.113.0/24'] },
      StringNotEqualsIfExists: { 'aws:SourceVpc': 'vpc-0123456789abcdef0' },
      BoolIfExists: { 'aws:ViaAWSService': 'false' },
      ArnNotLikeIfExists: { 'aws:PrincipalArn': exempt },
    },
  };
}

/** The identity perimeter of the data perimeter examples: strangers, and services that act for strangers. */
export function identitiesInOrganization(exemptAccounts: readonly string[]): readonly Statement[] {
  const Principal = '*';
  return [
    {
      ...deny(['kms:*', 'sqs:*', 'sts:AssumeRole'], {
        StringNotEqualsIfExists: { 'aws:PrincipalOrgID': ORGANIZATION, 'aws:PrincipalAccount': exemptAccounts },
        BoolIfExists: { 'aws:PrincipalIsAWSService': 'false' },
      }),
      Principal,
    },
    {
      ...deny(['kms:*', 'sqs:*', 'sts:*'], {
        StringNotEqualsIfExists: { 'aws:SourceOrgID': ORGANIZATION, 'aws:SourceAccount': exemptAccounts },
        Null: { 'aws:SourceAccount': 'false' },
        Bool: { 'aws:PrincipalIsAWSService': 'true' },
      }),
      Principal,
    },
  ];
}
