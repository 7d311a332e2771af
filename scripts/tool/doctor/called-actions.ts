/** The IAM actions of all calls that copy-image makes. A test compares them with the calls, another with the role. */
export const COPY_IMAGE_ACTIONS = [
  'ec2:CopyImage',
  'ec2:DescribeImages',
  'ec2:DescribeSnapshots',
  'sqs:ChangeMessageVisibility',
  'sqs:SendMessage',
] as const;

/** Likewise of settle-copy. */
export const SETTLE_COPY_ACTIONS = [
  'ec2:CreateTags',
  'ec2:DeleteSnapshot',
  'ec2:DeregisterImage',
  'ec2:DescribeImages',
  'ec2:DescribeSnapshots',
  'ec2:GetEbsEncryptionByDefault',
  'events:PutEvents',
  'sns:Publish',
  'sqs:SendMessage',
  'ssm:GetParameter',
  'ssm:GetParametersByPath',
  'ssm:PutParameter',
] as const;
