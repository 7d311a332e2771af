# What Terraform asks for, with the AWS provider 5.100, to apply, plan, change and destroy the modules.

# What Terraform does in either account with what the modules share.
locals {
  actions = {
    dashboard = ["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"]

    roles = [
      "iam:CreateRole",
      "iam:DeleteRole",
      "iam:DeleteRolePolicy",
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies",
      "iam:ListInstanceProfilesForRole",
      "iam:ListRolePolicies",
      "iam:PutRolePolicy",
      "iam:TagRole",
    ]

    functions = [
      "lambda:CreateFunction",
      "lambda:DeleteFunction",
      "lambda:GetFunction",
      "lambda:GetFunctionCodeSigningConfig",
      "lambda:ListVersionsByFunction",
      "lambda:UpdateFunctionCode",
      "lambda:UpdateFunctionConfiguration",
    ]

    log_groups = [
      "logs:CreateLogGroup",
      "logs:DeleteLogGroup",
      "logs:ListTagsForResource",
      "logs:PutRetentionPolicy",
      "logs:TagResource",
    ]

    rules = [
      "events:DeleteRule",
      "events:DescribeRule",
      "events:ListTagsForResource",
      "events:ListTargetsByRule",
      "events:PutRule",
      "events:PutTargets",
      "events:RemoveTargets",
      "events:TagResource",
    ]
  }
}

data "aws_iam_policy_document" "deploy_source" {
  # checkov:skip=CKV_AWS_356:The actions on * take no resource, or list log groups

  statement {
    sid       = "Topics"
    resources = var.existing_topics ? [local.arns.results_topic] : [local.arns.topic, local.arns.housekeeping_topic, local.arns.results_topic]

    actions = [
      "sns:CreateTopic",
      "sns:DeleteTopic",
      "sns:GetTopicAttributes",
      "sns:ListTagsForResource",
      "sns:SetTopicAttributes",
      "sns:TagResource",
    ]
  }

  statement {
    sid       = "Alarms"
    resources = concat(local.arns.topics_alarms, var.housekeeping_topic_name == null ? [] : [local.arns.housekeeping_alarm])

    actions = [
      "cloudwatch:DeleteAlarms",
      "cloudwatch:DescribeAlarms",
      "cloudwatch:ListTagsForResource",
      "cloudwatch:PutMetricAlarm",
      "cloudwatch:TagResource",
    ]
  }

  statement {
    sid       = "Dashboard"
    actions   = local.actions.dashboard
    resources = [local.arns.accounts_dashboard]
  }

  statement {
    sid       = "Queues"
    resources = local.source_arns.queues

    actions = [
      "sqs:CreateQueue",
      "sqs:DeleteQueue",
      "sqs:GetQueueAttributes",
      "sqs:ListQueueTags",
      "sqs:SetQueueAttributes",
      "sqs:TagQueue",
    ]
  }

  statement {
    sid       = "Subscribe"
    actions   = ["sns:Subscribe"]
    resources = [local.arns.topic, local.arns.results_topic]

    condition {
      test     = "StringLike"
      variable = "sns:Endpoint"
      values   = local.source_arns.subscribers
    }
  }

  # These take no resource (Service Authorization Reference).
  statement {
    sid       = "Subscription"
    actions   = ["sns:GetSubscriptionAttributes", "sns:Unsubscribe"]
    resources = ["*"]
  }

  # Whoever may write a role's policy may give the function any right.
  statement {
    sid       = "Roles"
    actions   = local.actions.roles
    resources = local.source_arns.roles
  }

  statement {
    sid       = "PassRoleToLambda"
    actions   = ["iam:PassRole"]
    resources = local.source_arns.roles

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["lambda.amazonaws.com"]
    }
  }

  statement {
    sid       = "Function"
    actions   = local.actions.functions
    resources = local.source_arns.functions
  }

  statement {
    sid       = "Mappings"
    actions   = ["lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping"]
    resources = ["*"]

    condition {
      test     = "ArnLike"
      variable = "lambda:FunctionArn"
      values   = local.source_arns.functions
    }
  }

  # Also asked for when the mapping is gone, and with it the function that a condition could ask for.
  statement {
    sid       = "ReadMappings"
    actions   = ["lambda:GetEventSourceMapping"]
    resources = [local.arns.mappings]
  }

  statement {
    sid       = "LambdaTags"
    actions   = ["lambda:ListTags", "lambda:TagResource"]
    resources = concat(local.source_arns.functions, [local.arns.mappings])
  }

  # Tags are asked for on the group's own ARN, all else on one that ends in `:*` (CloudWatch Logs User Guide, Overview of managing access).
  statement {
    sid       = "LogGroups"
    actions   = local.actions.log_groups
    resources = concat(local.source_arns.log_groups, formatlist("%s:*", local.source_arns.log_groups))
  }

  statement {
    sid       = "FindLogGroups"
    actions   = ["logs:DescribeLogGroups"]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = var.publisher ? [local.source_arns.rules] : []

    content {
      sid       = "Rules"
      actions   = local.actions.rules
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.publisher ? [local.arns.targets] : []

    content {
      sid       = "Targets"
      resources = [statement.value]

      actions = [
        "ssm:AddTagsToResource",
        "ssm:DeleteParameter",
        "ssm:GetParameter",
        "ssm:ListTagsForResource",
        "ssm:PutParameter",
      ]
    }
  }

  dynamic "statement" {
    for_each = var.publisher ? ["*"] : []

    content {
      sid       = "FindTargets"
      actions   = ["ssm:DescribeParameters"]
      resources = [statement.value]
    }
  }
}

data "aws_iam_policy_document" "deploy_target" {
  # checkov:skip=CKV_AWS_356:A key that is made, and tagged with that, has no ARN yet. The other actions on * take no resource, or list log groups

  # What `image-copier destroy` counts before it asks, and what Terraform does without. The actions of EC2 take no resource.
  statement {
    sid       = "CountCopies"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots", "ec2:DescribeVolumes"]
    resources = ["*"]
  }

  statement {
    sid       = "CountParameters"
    actions   = ["ssm:GetParametersByPath"]
    resources = [local.arns.parameter_path, local.arns.parameters]
  }

  # A key has no name that a policy could ask for, and at first no alias either.
  statement {
    sid       = "MakeKey"
    actions   = ["kms:CreateKey", "kms:ListAliases", "kms:TagResource"]
    resources = ["*"]
  }

  statement {
    sid       = "Key"
    resources = [local.arns.keys]

    actions = [
      "kms:DescribeKey",
      "kms:EnableKeyRotation",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:ListResourceTags",
      "kms:PutKeyPolicy",
      "kms:ScheduleKeyDeletion",
    ]
  }

  statement {
    sid       = "KeyAlias"
    actions   = ["kms:CreateAlias", "kms:DeleteAlias"]
    resources = [local.arns.key_alias, local.arns.keys]
  }

  statement {
    sid       = "Queues"
    resources = [local.arns.queues]

    actions = [
      "sqs:CreateQueue",
      "sqs:DeleteQueue",
      "sqs:GetQueueAttributes",
      "sqs:ListQueueTags",
      "sqs:SetQueueAttributes",
      "sqs:TagQueue",
    ]
  }

  statement {
    sid       = "Subscribe"
    actions   = ["sns:Subscribe"]
    resources = [local.arns.topic, local.arns.housekeeping_topic]

    condition {
      test     = "StringLike"
      variable = "sns:Endpoint"
      values   = [local.arns.requests, local.arns.retirements]
    }
  }

  # These take no resource (Service Authorization Reference).
  statement {
    sid       = "Subscription"
    actions   = ["sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes", "sns:Unsubscribe"]
    resources = ["*"]
  }

  # Whoever may write a role's policy may give the functions any right.
  statement {
    sid       = "Roles"
    actions   = local.actions.roles
    resources = [local.arns.roles]
  }

  statement {
    sid       = "PassRolesToLambda"
    actions   = ["iam:PassRole"]
    resources = [local.arns.roles]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["lambda.amazonaws.com"]
    }
  }

  statement {
    sid       = "Functions"
    actions   = local.actions.functions
    resources = [local.arns.functions]
  }

  statement {
    sid       = "Mappings"
    actions   = ["lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping"]
    resources = ["*"]

    condition {
      test     = "ArnLike"
      variable = "lambda:FunctionArn"
      values   = [local.arns.functions]
    }
  }

  # Also asked for when the mapping is gone, and with it the function that a condition could ask for.
  statement {
    sid       = "ReadMappings"
    actions   = ["lambda:GetEventSourceMapping"]
    resources = [local.arns.mappings]
  }

  statement {
    sid       = "LambdaTags"
    actions   = ["lambda:ListTags", "lambda:TagResource"]
    resources = [local.arns.functions, local.arns.mappings]
  }

  statement {
    sid       = "LogGroups"
    actions   = local.actions.log_groups
    resources = [local.arns.log_groups]
  }

  statement {
    sid       = "FindLogGroups"
    actions   = ["logs:DescribeLogGroups"]
    resources = ["*"]
  }

  statement {
    sid       = "Rules"
    actions   = local.actions.rules
    resources = [local.arns.rules]
  }

  statement {
    sid       = "Alarms"
    resources = [local.arns.copiers_alarms]

    actions = [
      "cloudwatch:DeleteAlarms",
      "cloudwatch:DescribeAlarms",
      "cloudwatch:ListTagsForResource",
      "cloudwatch:PutMetricAlarm",
      "cloudwatch:TagResource",
    ]
  }

  statement {
    sid       = "Dashboard"
    actions   = local.actions.dashboard
    resources = [local.arns.dashboards]
  }
}
