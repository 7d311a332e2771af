locals {
  settle_timeout_seconds = 120

  settle_queue     = "${var.name}-settle.fifo"
  settle_queue_arn = "arn:${local.partition}:sqs:${local.region}:${local.account_id}:${local.settle_queue}"

  settle_rules     = { image_state = "${var.name}-image-state", sweep = "${var.name}-sweep" }
  settle_rule_arns = { for key, name in local.settle_rules : key => "arn:${local.partition}:events:${local.region}:${local.account_id}:rule/${name}" }

  approval = var.approval == null ? null : jsonencode(var.approval.watermark == null ? { sharedTag = var.approval.shared_tag } : { watermark = var.approval.watermark })

  # What the sweep asked for by itself, and what copy-image rejected; see lambda/src/core/asked-requests.ts.
  asked_images_arn     = "arn:${local.partition}:ssm:${local.region}:${local.account_id}:parameter/image-copier-requests/${var.name}/asked"
  refused_requests_arn = "arn:${local.partition}:ssm:${local.region}:${local.account_id}:parameter/image-copier-requests/${var.name}/refused"

  parameters_arn = "arn:${local.partition}:ssm:${local.region}:${local.account_id}:parameter${var.parameter_path}"
}

# EC2 User Guide, Monitor AMI events using Amazon EventBridge. The events name no tags: the function looks whether it is ours.
resource "aws_cloudwatch_event_rule" "image_state" {
  name        = local.settle_rules.image_state
  description = "The end of each copy, and images that are taken away"

  event_pattern = jsonencode({
    source        = ["aws.ec2"]
    "detail-type" = ["EC2 AMI State Change"]
    detail        = { State = ["available", "failed", "deregistered", "disabled"] }
  })
  tags = var.tags
}

# EC2 delivers its events at best effort. What they miss, the sweep finds.
resource "aws_cloudwatch_event_rule" "sweep" {
  name                = local.settle_rules.sweep
  description         = "Settles the copies whose events were lost, and asks for those that no request asked for"
  schedule_expression = "rate(15 minutes)"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "image_state" {
  rule = aws_cloudwatch_event_rule.image_state.name
  arn  = aws_sqs_queue.settle.arn

  sqs_target {
    message_group_id = "settle"
  }
}

resource "aws_cloudwatch_event_target" "sweep" {
  rule = aws_cloudwatch_event_rule.sweep.name
  arn  = aws_sqs_queue.settle.arn

  sqs_target {
    message_group_id = "settle"
  }
}

data "aws_iam_policy_document" "settle_queue" {
  statement {
    sid       = "RulesSend"
    actions   = ["sqs:SendMessage"]
    resources = [local.settle_queue_arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = values(local.settle_rule_arns)
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [local.settle_queue_arn]

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

# One message group: Lambda settles one batch after the other (docs/adr/0002-settle-from-what-ec2-shows.md). The messages are
# wake-ups, and the sweep finds what they would have told, so they need no dead-letter queue and are dropped after an hour.
resource "aws_sqs_queue" "settle" {
  name                        = local.settle_queue
  policy                      = data.aws_iam_policy_document.settle_queue.minified_json
  fifo_queue                  = true
  content_based_deduplication = true
  message_retention_seconds   = 3600
  visibility_timeout_seconds  = 6 * local.settle_timeout_seconds
  sqs_managed_sse_enabled     = true
  tags                        = var.tags
}

data "aws_iam_policy_document" "settle_copy" {
  # These take no resource (Service Authorization Reference).
  statement {
    sid       = "ReadCopies"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots", "ec2:GetEbsEncryptionByDefault"]
    resources = ["*"]
  }

  # Forward alone: what is announced keeps its marker, so that RemoveFailedCopies never fits it.
  statement {
    sid       = "MarkCopies"
    actions   = ["ec2:CreateTags"]
    resources = [local.images_arn]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/ImageCopier"
      values   = ["${var.name} attempt=*", "${var.name} announcing=*"]
    }

    condition {
      test     = "StringLike"
      variable = "aws:RequestTag/ImageCopier"
      values   = ["${var.name} announcing=*", "${var.name} announced=*"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["ImageCopier"]
    }
  }

  # The call is made again if its answer is lost. What is announced stays so, and so stays what RemoveFailedCopies leaves alone.
  statement {
    sid       = "MarkAnnouncedCopiesAgain"
    actions   = ["ec2:CreateTags"]
    resources = [local.images_arn]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/ImageCopier"
      values   = ["${var.name} announced=*"]
    }

    condition {
      test     = "StringLike"
      variable = "aws:RequestTag/ImageCopier"
      values   = ["${var.name} announced=*"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["ImageCopier"]
    }
  }

  dynamic "statement" {
    for_each = var.copy_deprecation ? [1] : []

    content {
      sid       = "DeprecateCopies"
      actions   = ["ec2:EnableImageDeprecation"]
      resources = [local.images_arn]

      # The marker is written a moment before: EC2 may still decide by the one before it.
      condition {
        test     = "StringLike"
        variable = "aws:ResourceTag/ImageCopier"
        values   = ["${var.name} attempt=*", "${var.name} announcing=*"]
      }
    }
  }

  # A copy of an image that was revoked meanwhile. It is not announced.
  statement {
    sid       = "MarkRevokedCopies"
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
      values   = ["${var.name} revoked=*"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "aws:TagKeys"
      values   = ["ImageCopier"]
    }
  }

  statement {
    sid       = "DisableRevokedCopies"
    actions   = ["ec2:DisableImage"]
    resources = [local.images_arn]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/ImageCopier"
      values   = ["${var.name} revoked=*"]
    }
  }

  # A snapshot may lack any tag, also the one that says whose it is: then the request alone is asked for it. It may say nothing but
  # "announced", so that no snapshot of others can be made one that RemoveFailedCopies fits.
  statement {
    sid       = "RepairSnapshotTags"
    actions   = ["ec2:CreateTags"]
    resources = [local.snapshots_arn]

    condition {
      test     = "StringLike"
      variable = "aws:RequestTag/ImageCopier"
      values   = ["${var.name} announced=*"]
    }

    condition {
      test     = "StringLikeIfExists"
      variable = "aws:ResourceTag/ImageCopier"
      values   = [local.own_marker]
    }
  }

  # Never one that is announced: the tag's value says so. Snapshots keep the value that they were made or repaired with.
  statement {
    sid       = "RemoveFailedCopies"
    actions   = ["ec2:DeleteSnapshot", "ec2:DeregisterImage"]
    resources = [local.images_arn, local.snapshots_arn]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/ImageCopier"
      values   = ["${var.name} attempt=*", "${var.name} announcing=*"]
    }
  }

  statement {
    sid       = "PointParametersToCopies"
    actions   = ["ssm:GetParameters", "ssm:PutParameter"]
    resources = ["${local.parameters_arn}/*"]
  }

  statement {
    sid       = "ReadEndedSources"
    actions   = ["ssm:GetParameter", "ssm:GetParameters"]
    resources = ["${local.ended_sources_arn}/*", "${local.refused_requests_arn}/*"]
  }

  statement {
    sid       = "ListParameters"
    actions   = ["ssm:GetParametersByPath"]
    resources = [local.asked_images_arn, "${local.asked_images_arn}/*", local.parameters_arn, "${local.parameters_arn}/*"]
  }

  statement {
    sid       = "RememberAskedImages"
    actions   = ["ssm:PutParameter"]
    resources = ["${local.asked_images_arn}/*"]
  }

  statement {
    sid       = "TellThisAccount"
    actions   = ["events:PutEvents"]
    resources = ["arn:${local.partition}:events:${local.region}:${local.account_id}:event-bus/default"]

    # Each call has a list of both (Service Authorization Reference), so each needs a set operator, and the list must be there (IAM
    # User Guide, "Set operators for multi-valued context keys").
    condition {
      test     = "ForAllValues:StringEquals"
      variable = "events:source"
      values   = ["image-copier"]
    }

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "events:detail-type"
      values   = ["Image Approved", "Image Copied", "Image Copy Failed"]
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
    sid       = "EnqueueAgainOrDeadLetter"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arns.dead_letters, local.queue_arns.requests]
  }

  statement {
    sid       = "TakeWakeUps"
    actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = [local.settle_queue_arn]
  }
}

module "settle_copy" {
  source = "./modules/function"

  name               = local.settle_function_name
  account_id         = local.account_id
  description        = "Verifies and announces the copies of machine images, and tries those again that failed"
  handler            = "settle-copy.handler"
  zip                = local.function_zip
  architecture       = var.architecture
  memory_size        = var.memory_size
  timeout_seconds    = local.settle_timeout_seconds
  log_retention_days = var.log_retention_days
  policy             = data.aws_iam_policy_document.settle_copy.minified_json

  code_signing_config_arn  = var.code_signing_config_arn
  log_kms_key_arn          = var.log_kms_key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  role_path                = var.role_path
  runtime                  = var.runtime
  tags                     = var.tags
  vpc                      = var.vpc

  environment = merge(var.environment_variables, {
    COPIER_NAME               = var.name
    COPY_DEPRECATION          = var.copy_deprecation
    DEAD_LETTER_QUEUE_URL     = aws_sqs_queue.dead_letters.url
    FAILED_COPY_DELAY_SECONDS = var.failed_copy_delay_seconds
    KMS_KEY_ARN               = local.key_arn
    OVERDUE_SECONDS           = var.overdue_hours * 3600
    PARAMETER_PATH            = var.parameter_path
    QUEUE_URL                 = local.requests_queue_url
    RECIPE_TAG                = var.recipe_tag
    RECONCILE_NEWEST          = var.reconcile_newest
    RECONCILE_REGIONS         = join(",", concat([local.region], var.reconcile_regions))
    RETRY_SECONDS             = local.retry_seconds
    TRUSTED_OWNERS            = join(",", local.trusted_owner_ids)
    },
    var.approval == null ? {} : { APPROVAL = local.approval },
    var.results_topic_arn == null ? {} : { RESULTS_TOPIC_ARN = var.results_topic_arn },
  )
}

resource "aws_lambda_event_source_mapping" "settle" {
  event_source_arn = aws_sqs_queue.settle.arn
  function_name    = module.settle_copy.function.arn
  batch_size       = 10
  tags             = var.tags
}
