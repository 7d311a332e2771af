locals {
  # A sweep looks at each image of the account and at all that may use it.
  retire_timeout_seconds = 300

  # Built, as that of the requests queue: the three URLs differ in the queue's name alone.
  retirements_queue_url = "${trimsuffix(aws_sqs_queue.dead_letters.url, local.queues.dead_letters.name)}${local.queues.retirements.name}"

  retention_rule     = "${var.name}-retention"
  retention_rule_arn = "arn:${local.partition}:events:${local.region}:${local.account_id}:rule/${local.retention_rule}"

  # What this copier never copies again; see lambda/src/core/ended-sources.ts.
  ended_sources_arn = "arn:${local.partition}:ssm:${local.region}:${local.account_id}:parameter/image-copier-ended/${var.name}"

  # As the function reads it: what a recipe leaves out it has from the rest.
  retention = var.retention == null ? null : jsonencode({
    keepNewest     = var.retention.keep_newest
    minAgeDays     = var.retention.min_age_days
    quarantineDays = var.retention.quarantine_days
    recipes = {
      for recipe, days in var.retention.recipes : recipe => {
        for key, value in { keepNewest = days.keep_newest, minAgeDays = days.min_age_days, quarantineDays = days.quarantine_days } : key => value if value != null
      }
    }
  })
}

# A retention policy counts in days.
resource "aws_cloudwatch_event_rule" "retention" {
  name                = local.retention_rule
  description         = "Looks once a day which images are to go, and finishes what was begun"
  schedule_expression = "rate(1 day)"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "retention" {
  rule = aws_cloudwatch_event_rule.retention.name
  arn  = aws_sqs_queue.retirements.arn
}

data "aws_iam_policy_document" "retirements_queue" {
  dynamic "statement" {
    for_each = var.housekeeping_topic_arn == null ? [] : [var.housekeeping_topic_arn]

    content {
      sid       = "TopicSends"
      actions   = ["sqs:SendMessage"]
      resources = [local.queue_arns.retirements]

      principals {
        type        = "Service"
        identifiers = ["sns.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [statement.value]
      }
    }
  }

  statement {
    sid       = "RuleSends"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arns.retirements]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.retention_rule_arn]
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [local.queue_arns.retirements]

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

  dynamic "statement" {
    for_each = var.deletion_protection ? ["sqs:DeleteQueue"] : []

    content {
      sid       = "NobodyDeletesQueue"
      effect    = "Deny"
      actions   = [statement.value]
      resources = [local.queue_arns.retirements]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }
    }
  }
}

# The function gives up after retry_hours, as with requests. A crash takes longer here, so max_receive_count is more than enough.
resource "aws_sqs_queue" "retirements" {
  name                       = local.queues.retirements.name
  policy                     = data.aws_iam_policy_document.retirements_queue.minified_json
  message_retention_seconds  = 14 * 24 * 3600
  visibility_timeout_seconds = 6 * local.retire_timeout_seconds
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = local.max_receive_count
  })
  tags = var.tags
}

# Without a filter: whether one looks into a list of objects, as the accounts of a retirement are, is not documented (SNS Developer
# Guide, Filter policy scope). These messages are rare, and the function leaves alone what is for others.
resource "aws_sns_topic_subscription" "housekeeping" {
  count = var.housekeeping_topic_arn == null ? 0 : 1

  topic_arn            = var.housekeeping_topic_arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.retirements.arn
  raw_message_delivery = true

  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters.arn })

  lifecycle {
    # As for the topic of requests.
    precondition {
      condition     = split(":", var.housekeeping_topic_arn)[3] == local.region
      error_message = "housekeeping_topic_arn: the topic is in ${split(":", var.housekeeping_topic_arn)[3]}, but this copier's provider is in ${local.region}. Both must be in the same Region."
    }
  }
}

data "aws_iam_policy_document" "retire_image" {
  # These take no resource (Service Authorization Reference).
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

  # Parameters for images may have any name. Those that are secret stay so: the role may use no key for them.
  statement {
    sid       = "ReadImageParameters"
    actions   = ["ssm:GetParameters"]
    resources = ["arn:${local.partition}:ssm:${local.region}:${local.account_id}:parameter/*"]
  }

  # What EC2 reads in the function's name beside these, as the managed policy AmazonEC2ImageReferencesAccessPolicy has it.
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

  # From each state of a copy to an end, and back to an announced copy.
  statement {
    sid       = "MarkCopies"
    actions   = ["ec2:CreateTags"]
    resources = [local.images_arn]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/ImageCopier"
      values   = [local.own_marker]
    }

    condition {
      test     = "StringLike"
      variable = "aws:RequestTag/ImageCopier"
      values   = ["${var.name} announced=*", "${var.name} retired=*", "${var.name} revoked=*"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["ImageCopier"]
    }
  }

  # A copy whose revocation is undone may be one that was never announced. What is announced never becomes one that settle-copy removes.
  statement {
    sid       = "MarkUnsettledCopies"
    actions   = ["ec2:CreateTags"]
    resources = [local.images_arn]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/ImageCopier"
      values   = ["${var.name} attempt=*", "${var.name} announcing=*", "${var.name} revoked=*"]
    }

    condition {
      test     = "StringLike"
      variable = "aws:RequestTag/ImageCopier"
      values   = ["${var.name} attempt=*", "${var.name} announcing=*"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["ImageCopier"]
    }
  }

  statement {
    sid       = "MarkSnapshots"
    actions   = ["ec2:CreateTags"]
    resources = [local.snapshots_arn]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/ImageCopier"
      values   = [local.own_marker]
    }

    condition {
      test     = "StringLike"
      variable = "aws:RequestTag/ImageCopier"
      values   = ["${var.name} announced=*", "${var.name} retired=*", "${var.name} revoked=*"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["ImageCopier"]
    }
  }

  # Images that other systems made have a tag of their own, which no other copier's takes the place of.
  statement {
    sid       = "MarkOtherImages"
    actions   = ["ec2:CreateTags"]
    resources = [local.images_arn]

    condition {
      test     = "StringLikeIfExists"
      variable = "aws:ResourceTag/ImageCopierEnd"
      values   = [local.own_marker]
    }

    condition {
      test     = "StringLike"
      variable = "aws:RequestTag/ImageCopierEnd"
      values   = ["${var.name} retired=*", "${var.name} revoked=*"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["ImageCopierEnd"]
    }
  }

  # Without a key, DeleteTags takes all tags away (EC2 API Reference).
  statement {
    sid       = "UnmarkOtherImages"
    actions   = ["ec2:DeleteTags"]
    resources = [local.images_arn]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/ImageCopierEnd"
      values   = [local.own_marker]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["ImageCopierEnd"]
    }

    condition {
      test     = "Null"
      variable = "aws:TagKeys"
      values   = ["false"]
    }
  }

  # A revocation reaches each image that comes from a bad one, whoever made it. EC2 lets only the owner disable an image.
  statement {
    sid       = "DisableImages"
    actions   = ["ec2:DisableImage"]
    resources = [local.images_arn]
  }

  dynamic "statement" {
    for_each = { EnableCopies = "ImageCopier", EnableOtherImages = "ImageCopierEnd" }

    content {
      sid       = statement.key
      actions   = ["ec2:EnableImage"]
      resources = [local.images_arn]

      condition {
        test     = "StringLike"
        variable = "aws:ResourceTag/${statement.value}"
        values   = [local.own_marker]
      }
    }
  }

  # Out of quarantine alone.
  statement {
    sid       = "RemoveCopies"
    actions   = ["ec2:DeregisterImage"]
    resources = [local.images_arn]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/ImageCopier"
      values   = ["${var.name} retired=*"]
    }
  }

  # EC2 refuses to delete a snapshot that an image uses.
  statement {
    sid       = "RemoveSnapshots"
    actions   = ["ec2:DeleteSnapshot"]
    resources = [local.snapshots_arn]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/ImageCopier"
      values   = [local.own_marker]
    }
  }

  dynamic "statement" {
    for_each = length(var.retire_tagged) == 0 ? [] : [var.retire_tagged]

    content {
      sid       = "RemoveTaggedImages"
      actions   = ["ec2:DeregisterImage"]
      resources = [local.images_arn]

      condition {
        test     = "StringLike"
        variable = "aws:ResourceTag/ImageCopierEnd"
        values   = ["${var.name} retired=*"]
      }

      dynamic "condition" {
        for_each = statement.value

        content {
          test     = "StringEquals"
          variable = "aws:ResourceTag/${condition.key}"
          values   = [condition.value]
        }
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.retire_tagged) == 0 ? [] : [var.retire_tagged]

    content {
      sid       = "RemoveTaggedSnapshots"
      actions   = ["ec2:DeleteSnapshot"]
      resources = [local.snapshots_arn]

      dynamic "condition" {
        for_each = statement.value

        content {
          test     = "StringEquals"
          variable = "aws:ResourceTag/${condition.key}"
          values   = [condition.value]
        }
      }
    }
  }

  statement {
    sid       = "PointParametersToCopies"
    actions   = ["ssm:PutParameter"]
    resources = ["${local.parameters_arn}/*"]
  }

  # It takes the path, and not the parameters below it.
  statement {
    sid       = "ListParameters"
    actions   = ["ssm:GetParametersByPath"]
    resources = [local.parameters_arn, "${local.parameters_arn}/*"]
  }

  statement {
    sid       = "RememberEndedSources"
    actions   = ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"]
    resources = ["${local.ended_sources_arn}/*"]
  }

  statement {
    sid       = "ListEndedSources"
    actions   = ["ssm:GetParametersByPath"]
    resources = [local.ended_sources_arn, "${local.ended_sources_arn}/*"]
  }

  statement {
    sid       = "TellThisAccount"
    actions   = ["events:PutEvents"]
    resources = ["arn:${local.partition}:events:${local.region}:${local.account_id}:event-bus/default"]

    # As for settle-copy.
    condition {
      test     = "ForAllValues:StringEquals"
      variable = "events:source"
      values   = ["image-copier"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "events:detail-type"
      values   = ["Image Kept", "Image Quarantined", "Image Restored", "Image Retired", "Image Revoked", "Revocation Undone"]
    }

    condition {
      test     = "Null"
      variable = "events:source"
      values   = ["false"]
    }

    condition {
      test     = "Null"
      variable = "events:detail-type"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = var.results_topic_arn == null ? [] : [var.results_topic_arn]

    content {
      sid       = "TellSourceAccount"
      actions   = ["sns:Publish"]
      resources = [statement.value]
    }
  }

  statement {
    sid       = "TakeRetirements"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = [local.queue_arns.retirements]
  }

  statement {
    sid       = "EnqueueAgainOrDeadLetter"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arns.dead_letters, local.queue_arns.retirements]
  }
}

module "retire_image" {
  source = "./modules/function"

  name               = local.retire_function_name
  account_id         = local.account_id
  description        = "Takes machine images away that nothing uses, and bad ones out of use"
  handler            = "retire-image.handler"
  zip                = local.function_zip
  architecture       = var.architecture
  memory_size        = var.memory_size
  timeout_seconds    = local.retire_timeout_seconds
  log_retention_days = var.log_retention_days
  policy             = data.aws_iam_policy_document.retire_image.minified_json

  code_signing_config_arn  = var.code_signing_config_arn
  log_kms_key_arn          = var.log_kms_key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  role_path                = var.role_path
  runtime                  = var.runtime
  tags                     = var.tags
  vpc                      = var.vpc

  environment = merge(var.environment_variables, {
    COPIER_NAME           = var.name
    DEAD_LETTER_QUEUE_URL = aws_sqs_queue.dead_letters.url
    KMS_KEY_ARN           = local.key_arn
    PARAMETER_PATH        = var.parameter_path
    QUEUE_URL             = local.retirements_queue_url
    RECIPE_TAG            = var.recipe_tag
    RETIRE_TAGGED         = jsonencode(var.retire_tagged)
    RETRY_SECONDS         = local.retry_seconds
    ROLLBACK_DEPTH        = var.rollback_depth
    TRUSTED_OWNERS        = join(",", local.trusted_owner_ids)
    },
    local.retention == null ? {} : { RETENTION = local.retention },
    var.results_topic_arn == null ? {} : { RESULTS_TOPIC_ARN = var.results_topic_arn },
  )
}

# One message at a time, since a sweep may take long, and others beside it, so that a revocation does not wait for it. No maximum
# concurrency: with one Lambda polls an idle queue with five pollers, without it with as few as two (Lambda Developer Guide, Configuring
# scaling behavior for SQS event source mappings).
resource "aws_lambda_event_source_mapping" "retirements" {
  event_source_arn        = aws_sqs_queue.retirements.arn
  function_name           = module.retire_image.function.arn
  batch_size              = 1
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags
}
