locals {
  settle_timeout_seconds = 120

  settle_queue     = "${var.name}-settle.fifo"
  settle_queue_arn = "arn:${local.partition}:sqs:${local.region}:${local.account_id}:${local.settle_queue}"

  settle_rules     = { image_state = "${var.name}-image-state", sweep = "${var.name}-sweep" }
  settle_rule_arns = { for key, name in local.settle_rules : key => "arn:${local.partition}:events:${local.region}:${local.account_id}:rule/${name}" }

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
}

# EC2 delivers its events at best effort. What they miss, the sweep finds.
resource "aws_cloudwatch_event_rule" "sweep" {
  name                = local.settle_rules.sweep
  description         = "Settles the copies whose events were lost"
  schedule_expression = "rate(15 minutes)"
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

# One message group: Lambda settles one batch after the other (docs/adr/0002 of this repository). The messages are hints, and
# the sweep finds what they would have told, so they need no dead-letter queue and are dropped after an hour.
resource "aws_sqs_queue" "settle" {
  name                        = local.settle_queue
  policy                      = data.aws_iam_policy_document.settle_queue.minified_json
  fifo_queue                  = true
  content_based_deduplication = true
  message_retention_seconds   = 3600
  visibility_timeout_seconds  = 6 * local.settle_timeout_seconds
  sqs_managed_sse_enabled     = true
}

data "aws_iam_policy_document" "settle_copy" {
  # These take no resource (Service Authorization Reference).
  statement {
    sid       = "ReadCopies"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots"]
    resources = ["*"]
  }

  statement {
    sid       = "MarkCopies"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:${local.region}::image/*"]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/ImageCopier"
      values   = [local.own_marker]
    }

    condition {
      test     = "StringLike"
      variable = "aws:RequestTag/ImageCopier"
      values   = [local.own_marker]
    }
  }

  # A snapshot may lack any tag, also the one that says whose it is: then the request alone is asked for it.
  statement {
    sid       = "RepairSnapshotTags"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:${local.region}::snapshot/*"]

    condition {
      test     = "StringLike"
      variable = "aws:RequestTag/ImageCopier"
      values   = [local.own_marker]
    }

    condition {
      test     = "StringLikeIfExists"
      variable = "aws:ResourceTag/ImageCopier"
      values   = [local.own_marker]
    }
  }

  # Never one that is announced: the tag's value says so. Snapshots keep the value that they were made with.
  statement {
    sid       = "RemoveFailedCopies"
    actions   = ["ec2:DeleteSnapshot", "ec2:DeregisterImage"]
    resources = ["arn:${local.partition}:ec2:${local.region}::image/*", "arn:${local.partition}:ec2:${local.region}::snapshot/*"]

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/ImageCopier"
      values   = ["${var.name} attempt=*", "${var.name} announcing=*"]
    }
  }

  statement {
    sid       = "PointParametersToCopies"
    actions   = ["ssm:GetParameter", "ssm:PutParameter"]
    resources = ["${local.parameters_arn}/*"]
  }

  statement {
    sid       = "ListParameters"
    actions   = ["ssm:GetParametersByPath"]
    resources = [local.parameters_arn, "${local.parameters_arn}/*"]
  }

  statement {
    sid       = "TellThisAccount"
    actions   = ["events:PutEvents"]
    resources = ["arn:${local.partition}:events:${local.region}:${local.account_id}:event-bus/default"]

    condition {
      test     = "StringEquals"
      variable = "events:source"
      values   = ["image-copier"]
    }

    condition {
      test     = "StringEquals"
      variable = "events:detail-type"
      values   = ["Image Copied", "Image Copy Failed"]
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
    sid       = "AskAgainOrGiveUp"
    actions   = ["sqs:SendMessage"]
    resources = values(local.queue_arns)
  }

  statement {
    sid       = "TakeHints"
    actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = [local.settle_queue_arn]
  }

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:/aws/lambda/${local.settle_function_name}:*"]
  }
}

resource "aws_iam_role" "settle_copy" {
  name               = "${local.settle_function_name}-${local.region}"
  description        = "Execution role of the Lambda function ${local.settle_function_name} in ${local.region}"
  assume_role_policy = data.aws_iam_policy_document.assume_function.minified_json
}

resource "aws_iam_role_policy" "settle_copy" {
  name   = "settle-copy"
  role   = aws_iam_role.settle_copy.id
  policy = data.aws_iam_policy_document.settle_copy.minified_json
}

resource "aws_cloudwatch_log_group" "settle_copy" {
  # checkov:skip=CKV_AWS_158:The log holds no secrets. CloudWatch Logs encrypts it at rest with a key of its own
  # checkov:skip=CKV_AWS_338:For debugging. What was copied, when and from what is in the tags of the copies, and CloudTrail keeps the calls. log_retention_days is an input

  name              = "/aws/lambda/${local.settle_function_name}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "settle_copy" {
  # checkov:skip=CKV_AWS_50:Each outcome is a line of JSON with its request's ID and a metric. Tracing would cost time at each cold start
  # checkov:skip=CKV_AWS_115:The queue has one message group, so one batch runs at a time. Reserved concurrency would be taken from the account's pool
  # checkov:skip=CKV_AWS_116:It is for asynchronous invocations, and there are none: a queue invokes this function. Its messages are hints, which the sweep gives again
  # checkov:skip=CKV_AWS_117:It calls public AWS APIs alone, and reaches nothing in a VPC
  # checkov:skip=CKV_AWS_173:The variables are names, ARNs and numbers. Lambda encrypts them at rest with a key of its own
  # checkov:skip=CKV_AWS_272:Who may update the function may also detach the signing configuration. The hash of the zip is in the plan

  function_name    = local.settle_function_name
  description      = "Verifies and announces the copies of machine images, and tries those again that failed"
  role             = aws_iam_role.settle_copy.arn
  runtime          = "nodejs22.x"
  architectures    = [var.architecture]
  handler          = "settle-copy.handler"
  filename         = local.function_zip
  source_code_hash = fileexists(local.function_zip) ? filebase64sha256(local.function_zip) : null
  memory_size      = var.memory_size
  timeout          = local.settle_timeout_seconds

  environment {
    variables = merge({
      COPIER_NAME               = var.name
      DEAD_LETTER_QUEUE_URL     = aws_sqs_queue.dead_letters.url
      FAILED_COPY_DELAY_SECONDS = var.failed_copy_delay_seconds
      KMS_KEY_ARN               = aws_kms_key.image.arn
      OVERDUE_SECONDS           = var.overdue_hours * 3600
      PARAMETER_PATH            = var.parameter_path
      QUEUE_URL                 = local.requests_queue_url
      RECIPE_TAG                = var.recipe_tag
    }, var.results_topic_arn == null ? {} : { RESULTS_TOPIC_ARN = var.results_topic_arn })
  }

  # The function writes JSON itself.
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.settle_copy.name
  }

  # Lambda checks these permissions when the mapping is made, and the first event may come right after.
  depends_on = [aws_iam_role_policy.settle_copy]
}

resource "aws_lambda_event_source_mapping" "settle" {
  event_source_arn = aws_sqs_queue.settle.arn
  function_name    = aws_lambda_function.settle_copy.arn
  batch_size       = 10
}
