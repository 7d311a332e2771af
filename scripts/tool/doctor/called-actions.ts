/** The IAM actions of all calls that copy-image makes. A test compares them with the calls, another with the role. */
export const COPY_IMAGE_ACTIONS = [
  'ec2:CopyImage',
  'ec2:DescribeImages',
  'ec2:DescribeSnapshots',
  'sqs:ChangeMessageVisibility',
  'sqs:SendMessage',
  'ssm:GetParameter',
  'ssm:PutParameter',
] as const;

/** Likewise of settle-copy. */
export const SETTLE_COPY_ACTIONS = [
  'ec2:CreateTags',
  'ec2:DeleteSnapshot',
  'ec2:DeregisterImage',
  'ec2:DescribeImages',
  'ec2:DescribeSnapshots',
  'ec2:DisableImage',
  'ec2:EnableImageDeprecation',
  'ec2:GetEbsEncryptionByDefault',
  'events:PutEvents',
  'sns:Publish',
  'sqs:SendMessage',
  'ssm:GetParameter',
  'ssm:GetParameters',
  'ssm:GetParametersByPath',
  'ssm:PutParameter',
] as const;

/** Likewise of retire-image. */
export const RETIRE_IMAGE_ACTIONS = [
  'autoscaling:DescribeAutoScalingGroups',
  'autoscaling:DescribeLaunchConfigurations',
  'ec2:CreateTags',
  'ec2:DeleteSnapshot',
  'ec2:DeleteTags',
  'ec2:DeregisterImage',
  'ec2:DescribeFleets',
  'ec2:DescribeImageReferences',
  'ec2:DescribeImages',
  'ec2:DescribeInstances',
  'ec2:DescribeLaunchTemplateVersions',
  'ec2:DescribeSnapshots',
  'ec2:DescribeSpotFleetRequests',
  'ec2:DescribeSpotInstanceRequests',
  'ec2:DisableImage',
  'ec2:EnableImage',
  'events:PutEvents',
  'sns:Publish',
  'sqs:ChangeMessageVisibility',
  'sqs:SendMessage',
  'ssm:DeleteParameter',
  'ssm:DescribeParameters',
  'ssm:GetParameter',
  'ssm:GetParameters',
  'ssm:GetParametersByPath',
  'ssm:PutParameter',
] as const;
