import { attribute, choose, NO_VALUE, ref, sub, type Resources } from './intrinsics.ts';

export const KEY_ARN = choose('MakesKey', attribute('ImageKey', 'Arn'), ref('KmsKeyArn'));

/** As key.tf. The module organization puts in what other statements the policy is to have. */
export const keyResources: Resources = {
  ImageKey: {
    Type: 'AWS::KMS::Key',
    Condition: 'MakesKey',
    // Also when the first creation fails: the policy refuses the deletion, and a rollback would stop there. And for
    // the copies under it once KmsKeyArn is given.
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      Description: sub('Machine images copied by ${Name}'),
      EnableKeyRotation: true,
      RotationPeriodInDays: ref('KeyRotationPeriodDays'),
      PendingWindowInDays: ref('KeyDeletionWindowDays'),
      KeyPolicy: {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'AccountAdministersKey',
            Effect: 'Allow',
            Principal: { AWS: sub('arn:${AWS::Partition}:iam::${AWS::AccountId}:root') },
            Action: 'kms:*',
            Resource: '*',
          },
          {
            Sid: 'AccountUsesKeyThroughEc2',
            Effect: 'Allow',
            Principal: { AWS: '*' },
            Action: [
              'kms:CreateGrant',
              'kms:Decrypt',
              'kms:DescribeKey',
              'kms:Encrypt',
              'kms:GenerateDataKey*',
              'kms:ReEncrypt*',
            ],
            Resource: '*',
            Condition: {
              StringEquals: {
                'kms:CallerAccount': ref('AWS::AccountId'),
                'kms:ViaService': sub('ec2.${AWS::Region}.amazonaws.com'),
              },
            },
          },
          choose(
            'IsDeletionProtected',
            {
              Sid: 'NobodyDeletesKey',
              Effect: 'Deny',
              Principal: { AWS: '*' },
              Action: 'kms:ScheduleKeyDeletion',
              Resource: '*',
            },
            NO_VALUE,
          ),
        ],
      },
    },
  },
  ImageKeyAlias: {
    Type: 'AWS::KMS::Alias',
    Condition: 'MakesKey',
    Properties: { AliasName: sub('alias/${Name}'), TargetKeyId: ref('ImageKey') },
  },
};
