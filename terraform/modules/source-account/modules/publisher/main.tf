# What publishes images. Only the module source-account calls it: without a README it is private by convention (Terraform, Standard module
# structure).

data "aws_partition" "current" {}

# Its Region is the provider's. aws_region says the same only by attributes that 5.100 lacks or 6.47 deprecates.
data "aws_service" "sqs" {
  service_id = "sqs"
}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_service.sqs.region

  timeout_seconds = 300

  queue     = "${var.name}.fifo"
  queue_arn = "arn:${local.partition}:sqs:${local.region}:${var.account_id}:${local.queue}"

  rules     = { image_state = "${var.name}-image-state", sweep = "${var.name}-sweep" }
  rule_arns = { for key, name in local.rules : key => "arn:${local.partition}:events:${local.region}:${var.account_id}:rule/${name}" }

  images_arn    = "arn:${local.partition}:ec2:${local.region}::image/*"
  snapshots_arn = "arn:${local.partition}:ec2:${local.region}::snapshot/*"
  targets_arn   = "arn:${local.partition}:ssm:${local.region}:${var.account_id}:parameter${var.targets_path}"

  # A problem is counted by each sweep, every 15 minutes, until it is mended: a period of 30 minutes holds at least one sweep.
  alarms = {
    errors = {
      description = "The function ${var.name} crashed or timed out. Its log group is ${module.publish_image.log_group.name}."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = module.publish_image.function.function_name }
      period      = 1800 # a message that crashes the function comes back every 30 minutes
    }
    problems = {
      description = "An image cannot be published as its tag ImageCopierTargets says, until somebody mends what is wrong with it. ${var.name} logs the image and the reason."
      metric      = "PublishProblems"
      period      = 1800
    }
    put-off = {
      description = "Images could not be published for an hour. ${var.name} logs the errors."
      metric      = "PublishingsPutOff"
      period      = 900
      periods     = 4
    }
  }
}

resource "aws_ssm_parameter" "targets" {
  # checkov:skip=CKV2_AWS_34:Account ids, labels and Regions are no secrets, and a key would have to admit the function
  # checkov:skip=CKV_AWS_337:They are no secrets, and a key of its own would have to admit the function

  for_each = var.targets_parameters

  name        = each.key
  description = "Accounts that images are copied into, for the function ${var.name}"
  type        = "String"
  tier        = "Standard"
  value       = each.value
  tags        = var.tags
}

# EC2 User Guide, Monitor AMI events using Amazon EventBridge. The events name no tags: the function looks whether it is tagged.
resource "aws_cloudwatch_event_rule" "image_state" {
  name        = local.rules.image_state
  description = "Images that become available"

  event_pattern = jsonencode({
    source        = ["aws.ec2"]
    "detail-type" = ["EC2 AMI State Change"]
    detail        = { State = ["available"] }
  })
  tags = var.tags
}

# EC2 delivers its events at best effort, and some bakes set their tags after it. What the events miss, the sweep finds.
resource "aws_cloudwatch_event_rule" "sweep" {
  name                = local.rules.sweep
  description         = "Publishes what the events missed, and what accounts that are new need"
  schedule_expression = "rate(15 minutes)"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "image_state" {
  rule = aws_cloudwatch_event_rule.image_state.name
  arn  = aws_sqs_queue.publish.arn

  sqs_target {
    message_group_id = "publish"
  }
}

resource "aws_cloudwatch_event_target" "sweep" {
  rule = aws_cloudwatch_event_rule.sweep.name
  arn  = aws_sqs_queue.publish.arn

  sqs_target {
    message_group_id = "publish"
  }
}

data "aws_iam_policy_document" "queue" {
  statement {
    sid       = "RulesSend"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = values(local.rule_arns)
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [local.queue_arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

# One message group: Lambda publishes one batch after the other. The messages are wake-ups, and the sweep finds what they would have
# told, so they need no dead-letter queue and are dropped after an hour (docs/adr/0002-settle-from-what-ec2-shows.md).
resource "aws_sqs_queue" "publish" {
  name                        = local.queue
  policy                      = data.aws_iam_policy_document.queue.minified_json
  fifo_queue                  = true
  content_based_deduplication = true
  message_retention_seconds   = 3600
  # Six times the function's timeout (Lambda Developer Guide, Using Lambda with Amazon SQS).
  visibility_timeout_seconds = 6 * local.timeout_seconds
  sqs_managed_sse_enabled    = true
  tags                       = var.tags
}

data "aws_iam_policy_document" "publish_image" {
  # It takes no resource (Service Authorization Reference).
  statement {
    sid       = "FindImages"
    actions   = ["ec2:DescribeImages"]
    resources = ["*"]
  }

  statement {
    sid       = "ShareImages"
    actions   = ["ec2:DescribeImageAttribute", "ec2:ModifyImageAttribute"]
    resources = [local.images_arn]

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/ImageCopierTargets"
      values   = ["false"]
    }
  }

  statement {
    sid       = "ReadSharingOfSnapshots"
    actions   = ["ec2:DescribeSnapshotAttribute"]
    resources = [local.snapshots_arn]
  }

  # Snapshots need not have the tags of their image, so no tag bounds this. What does: they are this account's, they can be shared with
  # accounts alone, never with everybody, and an account can use one only where the key that it is under admits it.
  statement {
    sid       = "ShareSnapshotsWithAccounts"
    actions   = ["ec2:ModifySnapshotAttribute"]
    resources = [local.snapshots_arn]

    condition {
      test     = "Null"
      variable = "ec2:Add/group"
      values   = ["true"]
    }
  }

  # What was published, and what the accounts may read of it. Whom an image is for, the bake alone says.
  statement {
    sid       = "TagImages"
    actions   = ["ec2:CreateTags"]
    resources = [local.images_arn]

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/ImageCopierTargets"
      values   = ["false"]
    }

    condition {
      test     = "ForAllValues:StringLike"
      variable = "aws:TagKeys"
      values   = ["ImageCopierPublished", "ec2:SharedTag/*"]
    }

    condition {
      test     = "Null"
      variable = "aws:TagKeys"
      values   = ["false"]
    }
  }

  statement {
    sid       = "ReadTargets"
    actions   = ["ssm:GetParametersByPath"]
    resources = [local.targets_arn, "${local.targets_arn}/*"]
  }

  # What is known of other accounts, that role may read, and this one nothing.
  dynamic "statement" {
    for_each = var.organization[*].role_arn

    content {
      sid       = "ReadOrganization"
      actions   = ["sts:AssumeRole"]
      resources = [statement.value]
    }
  }

  # In each Region that has targets.
  statement {
    sid       = "AskForCopies"
    actions   = ["sns:Publish"]
    resources = ["arn:${local.partition}:sns:*:${var.account_id}:${var.topic_name}"]
  }

  statement {
    sid       = "TakeWakeUps"
    actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = [local.queue_arn]
  }
}

module "publish_image" {
  source = "../../../image-copier/modules/function"

  name               = var.name
  account_id         = var.account_id
  description        = "Shares tagged machine images with the accounts that they are for, and asks for their copies"
  handler            = "publish-image.handler"
  zip                = var.zip
  architecture       = var.architecture
  memory_size        = 256
  timeout_seconds    = local.timeout_seconds
  log_retention_days = var.log_retention_days
  policy             = data.aws_iam_policy_document.publish_image.minified_json

  code_signing_config_arn  = var.code_signing_config_arn
  log_kms_key_arn          = var.log_kms_key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  role_path                = var.role_path
  runtime                  = var.runtime
  tags                     = var.tags
  vpc                      = var.vpc

  environment = merge(
    {
      RECIPE_TAG   = var.recipe_tag
      TARGETS_PATH = var.targets_path
      TOPIC_ARN    = "arn:${local.partition}:sns:${local.region}:${var.account_id}:${var.topic_name}"
      UNSHARE      = var.unshare
    },
    # lambda/src/functions/common/publish-configuration.ts reads it.
    { for organization in var.organization[*] : "ORGANIZATION" => jsonencode({
      regions = sort(organization.regions)
      roleArn = organization.role_arn
      unitIds = sort(organization.unit_ids)
    }) },
  )
}

resource "aws_lambda_event_source_mapping" "publish" {
  event_source_arn = aws_sqs_queue.publish.arn
  function_name    = module.publish_image.function.arn
  batch_size       = 10
  tags             = var.tags
}

resource "aws_cloudwatch_metric_alarm" "count" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = lookup(each.value, "namespace", "ImageCopier")
  metric_name         = each.value.metric
  dimensions          = lookup(each.value, "dimensions", { service = var.name })
  statistic           = "Sum"
  period              = each.value.period
  evaluation_periods  = lookup(each.value, "periods", 1)
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # nothing is reported while nothing happens
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

# Without the sweep nothing is late or lost, as far as any alarm can tell. So its absence is an alarm itself. Lambda deletes what the
# function has handled: a metric of SQS, which costs nothing.
resource "aws_cloudwatch_metric_alarm" "no_sweep" {
  alarm_name          = "${var.name}-no-sweep"
  alarm_description   = "${var.name} has handled no message of the queue ${local.queue} for an hour, so it has not swept. Look at the rule ${local.rules.sweep}, and at the function's errors and its event source mapping."
  namespace           = "AWS/SQS"
  metric_name         = "NumberOfMessagesDeleted"
  dimensions          = { QueueName = aws_sqs_queue.publish.name }
  statistic           = "Sum"
  period              = 900
  evaluation_periods  = 4
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}
