# What the commands of the operators' tool ask for.

data "aws_iam_policy_document" "read" {
  # These take no resource (Service Authorization Reference).
  statement {
    sid       = "List"
    resources = ["*"]

    actions = [
      "ec2:DescribeImages",
      "ec2:DescribeInstanceImageMetadata",
      "ec2:DescribeSnapshots",
      "ec2:GetAllowedImagesSettings",
      "ec2:GetEbsEncryptionByDefault",
      "lambda:ListEventSourceMappings",
      "sns:GetSubscriptionAttributes",
      "sns:ListSubscriptions",
    ]
  }

  # In the source account, who an image is shared with.
  statement {
    sid       = "SharedWith"
    actions   = ["ec2:DescribeImageAttribute", "ec2:DescribeSnapshotAttribute"]
    resources = [local.arns.images, local.arns.snapshots]
  }

  statement {
    sid       = "Subscriptions"
    actions   = ["sns:ListSubscriptionsByTopic"]
    resources = [local.arns.topic]
  }

  # Whether the topics of the alarms exist, which may be any.
  statement {
    sid       = "AlarmTopics"
    actions   = ["sns:GetTopicAttributes"]
    resources = [local.arns.topics]
  }

  statement {
    sid       = "Queues"
    actions   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
    resources = [local.arns.queues]
  }

  # SQS shows messages only to who takes them. They are given back at once.
  statement {
    sid       = "DeadLetters"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:ReceiveMessage"]
    resources = [local.arns.dead_letters]
  }

  # Which tries of a copy have failed, and when the next one is due.
  statement {
    sid       = "Logs"
    actions   = ["logs:FilterLogEvents"]
    resources = [local.arns.log_groups]
  }

  # GetFunction also gives where the code is for ten minutes.
  statement {
    sid       = "Functions"
    actions   = ["lambda:GetFunction"]
    resources = [local.arns.functions]
  }

  statement {
    sid       = "Roles"
    actions   = ["iam:SimulatePrincipalPolicy"]
    resources = [local.arns.roles]
  }

  # The copier's key, and in the source account those of its images.
  statement {
    sid       = "Keys"
    actions   = ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus"]
    resources = [local.arns.keys]
  }

  statement {
    sid       = "Rules"
    actions   = ["events:DescribeRule", "events:ListTargetsByRule"]
    resources = [local.arns.rules]
  }

  # Asked for by the start of their names, which is asked about all.
  statement {
    sid       = "Alarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = ["${local.arns.alarms}:*"]
  }

  statement {
    sid       = "Parameters"
    actions   = ["ssm:GetParameterHistory", "ssm:GetParametersByPath"]
    resources = [local.arns.parameter_path, local.arns.parameters]
  }

  # Which images an account makes no copy of again.
  statement {
    sid       = "Ends"
    actions   = ["ssm:GetParameters"]
    resources = [local.arns.ended_sources]
  }
}

data "aws_iam_policy_document" "request" {
  statement {
    sid       = "FindImages"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots"]
    resources = ["*"]
  }

  # Whether AWS manages the key of a snapshot: then it cannot be shared. Else whether it admits the accounts.
  statement {
    sid       = "Keys"
    actions   = ["kms:DescribeKey", "kms:GetKeyPolicy"]
    resources = [local.arns.keys]
  }

  statement {
    sid       = "Share"
    resources = [local.arns.images, local.arns.snapshots]

    actions = [
      "ec2:DescribeImageAttribute",
      "ec2:DescribeSnapshotAttribute",
      "ec2:ModifyImageAttribute",
      "ec2:ModifySnapshotAttribute",
    ]
  }

  statement {
    sid       = "ShareTags"
    actions   = ["ec2:CreateTags"]
    resources = [local.arns.images]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "aws:TagKeys"
      values   = ["ec2:SharedTag/*"]
    }

    condition {
      test     = "Null"
      variable = "aws:TagKeys"
      values   = ["false"]
    }
  }

  statement {
    sid       = "Request"
    actions   = ["sns:Publish"]
    resources = [local.arns.topic]
  }

  # With --wait, results come to a queue that is there as long as somebody waits.
  statement {
    sid       = "SubscribeToResults"
    actions   = ["sns:Subscribe"]
    resources = [local.arns.results_topic]

    condition {
      test     = "StringLike"
      variable = "sns:Endpoint"
      values   = [local.arns.results_inboxes]
    }
  }

  # Takes no resource (Service Authorization Reference).
  statement {
    sid       = "Unsubscribe"
    actions   = ["sns:Unsubscribe"]
    resources = ["*"]
  }

  statement {
    sid       = "ResultsInbox"
    resources = [local.arns.results_inboxes]

    actions = [
      "sqs:CreateQueue",
      "sqs:DeleteMessage",
      "sqs:DeleteQueue",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
    ]
  }
}

data "aws_iam_policy_document" "operate" {
  # SSM looks an image up with the rights of whoever points a parameter to it.
  statement {
    sid       = "FindCopies"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots", "ec2:GetEbsEncryptionByDefault"]
    resources = ["*"]
  }

  # Beside the look at it, what doctor says to do with a key. It may be one that the organization made.
  statement {
    sid       = "Key"
    actions   = ["kms:CancelKeyDeletion", "kms:DescribeKey", "kms:EnableKey", "kms:EnableKeyRotation"]
    resources = [local.arns.keys]
  }

  statement {
    sid       = "Parameters"
    actions   = ["ssm:GetParameter", "ssm:GetParameterHistory", "ssm:PutParameter"]
    resources = [local.arns.parameters]
  }

  # As for reading: backfill leaves out what an account makes no copy of again.
  statement {
    sid       = "Ends"
    actions   = ["ssm:GetParameters"]
    resources = [local.arns.ended_sources]
  }

  statement {
    sid       = "DeadLetters"
    resources = [local.arns.dead_letters]

    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
    ]
  }

  # As for reading: backfill leaves out what is tried again.
  statement {
    sid       = "Logs"
    actions   = ["logs:FilterLogEvents"]
    resources = [local.arns.log_groups]
  }

  statement {
    sid       = "FindQueues"
    actions   = ["sqs:GetQueueUrl"]
    resources = [local.arns.dead_letters, local.arns.requests, local.arns.retirements]
  }

  statement {
    sid       = "PutBack"
    actions   = ["sqs:SendMessage"]
    resources = [local.arns.requests]
  }

  # What is to be retired, or restored.
  statement {
    sid       = "Retire"
    actions   = ["sqs:SendMessage"]
    resources = [local.arns.retirements]
  }

  # From here on what doctor says to do: it puts back what somebody has changed by hand.
  statement {
    sid       = "Alarms"
    actions   = ["cloudwatch:DescribeAlarmHistory", "cloudwatch:EnableAlarmActions"]
    resources = [local.arns.copiers_alarms]
  }

  statement {
    sid       = "Functions"
    actions   = ["lambda:DeleteFunctionConcurrency"]
    resources = [local.arns.functions]
  }

  statement {
    sid       = "Mappings"
    actions   = ["lambda:UpdateEventSourceMapping"]
    resources = [local.arns.mappings]

    condition {
      test     = "ArnLike"
      variable = "lambda:FunctionArn"
      values   = [local.arns.functions]
    }
  }

  statement {
    sid       = "Rules"
    actions   = ["events:EnableRule"]
    resources = [local.arns.rules]
  }

  # Takes no resource (Service Authorization Reference).
  statement {
    sid       = "Subscription"
    actions   = ["sns:SetSubscriptionAttributes"]
    resources = ["*"]
  }
}

# What the function for the end of images reads, and a message to it.
data "aws_iam_policy_document" "retire" {
  statement {
    sid       = "ReadImagesAndTheirUse"
    resources = ["*"]

    actions = [
      "autoscaling:DescribeAutoScalingGroups",
      "autoscaling:DescribeLaunchConfigurations",
      "ec2:DescribeFleets",
      "ec2:DescribeImageReferences",
      "ec2:DescribeImages",
      "ec2:DescribeInstances",
      "ec2:DescribeLaunchTemplates",
      "ec2:DescribeLaunchTemplateVersions",
      "ec2:DescribeSnapshots",
      "ec2:DescribeSpotFleetRequests",
      "ec2:DescribeSpotInstanceRequests",
      "ssm:DescribeParameters",
    ]
  }

  # Parameters for images may have any name.
  statement {
    sid       = "ReadImageParameters"
    actions   = ["ssm:GetParameters"]
    resources = ["arn:${local.partition}:ssm:*:*:parameter/*"]
  }

  # What EC2 reads for DescribeImageReferences beside these, as the managed policy AmazonEC2ImageReferencesAccessPolicy has it.
  statement {
    sid       = "LetEc2ReadReferences"
    resources = ["*"]

    actions = [
      "imagebuilder:GetContainerRecipe",
      "imagebuilder:ListContainerRecipes",
      "imagebuilder:ListImageRecipes",
    ]

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "aws:CalledVia"
      values   = ["ec2-images.amazonaws.com"]
    }
  }

  statement {
    sid       = "Parameters"
    actions   = ["ssm:GetParametersByPath"]
    resources = [local.arns.parameter_path]
  }

  # Whether a copy was removed, or its source image revoked.
  statement {
    sid       = "Ends"
    actions   = ["ssm:GetParameter"]
    resources = [local.arns.ended_sources]
  }

  # The retention policy, and what else the function is set to.
  statement {
    sid       = "Settings"
    actions   = ["lambda:GetFunction"]
    resources = [local.arns.functions]
  }

  statement {
    sid       = "Ask"
    actions   = ["sqs:GetQueueUrl", "sqs:SendMessage"]
    resources = [local.arns.retirements]
  }
}

data "aws_iam_policy_document" "revoke" {
  statement {
    sid       = "FindImages"
    actions   = ["ec2:DescribeImages"]
    resources = ["*"]
  }

  statement {
    sid       = "TakeAwayAndGiveBack"
    resources = [local.arns.images]

    actions = [
      "ec2:DescribeImageAttribute",
      "ec2:DisableImage",
      "ec2:EnableImage",
      "ec2:ModifyImageAttribute",
    ]
  }

  statement {
    sid       = "TagRevoked"
    actions   = ["ec2:CreateTags", "ec2:DeleteTags"]
    resources = [local.arns.images]

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["ImageCopierRevoked"]
    }

    condition {
      test     = "Null"
      variable = "aws:TagKeys"
      values   = ["false"]
    }
  }

  # Whom an image was shared with.
  statement {
    sid       = "NoteSharing"
    actions   = ["ssm:DeleteParameters", "ssm:GetParametersByPath", "ssm:PutParameter"]
    resources = [local.arns.revoked_images]
  }

  statement {
    sid       = "Tell"
    actions   = ["sns:Publish"]
    resources = [local.arns.housekeeping_topic]
  }

  # With --wait, results come to a queue that is there as long as somebody waits.
  statement {
    sid       = "SubscribeToResults"
    actions   = ["sns:Subscribe"]
    resources = [local.arns.results_topic]

    condition {
      test     = "StringLike"
      variable = "sns:Endpoint"
      values   = [local.arns.results_inboxes]
    }
  }

  # Takes no resource (Service Authorization Reference).
  statement {
    sid       = "Unsubscribe"
    actions   = ["sns:Unsubscribe"]
    resources = ["*"]
  }

  statement {
    sid       = "ResultsInbox"
    resources = [local.arns.results_inboxes]

    actions = [
      "sqs:CreateQueue",
      "sqs:DeleteMessage",
      "sqs:DeleteQueue",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
    ]
  }
}
