locals {
  function_timeout_seconds = 60

  # Six times the function's timeout (Lambda Developer Guide, Using Lambda with Amazon SQS).
  visibility_timeout_seconds = 6 * local.function_timeout_seconds

  # The function itself moves a request to the dead-letter queue, with its reason, once retry_hours are over. SQS must not do
  # so before: its own limit is for deliveries that end in a crash. Waits between deliveries are at least 30, 60, 120 and 240
  # seconds, then 450, or 360 (the visibility timeout) after a crash. So the four first waits, one delivery more for each 360
  # seconds, and the delivery that gives up are the most that can happen: 6 h make 5 + 21600 / 360 = 65.
  retry_seconds     = var.retry_hours * 3600
  max_receive_count = 5 + ceil(local.retry_seconds / local.visibility_timeout_seconds)

  queues = {
    requests     = { name = "${var.name}-requests" }
    dead_letters = { name = "${var.name}-dead-letters" }
  }

  # Built, not read from the queues, so that each policy can be part of its queue: a policy of its own takes 25 s to apply.
  queue_arns = { for key, queue in local.queues : key => "arn:${local.partition}:sqs:${local.region}:${local.account_id}:${queue.name}" }

  # Likewise, so that the functions are made while the provider waits for the requests queue, 25 s, and not after it. The two URLs
  # differ in the queue's name alone.
  requests_queue_url = "${trimsuffix(aws_sqs_queue.dead_letters.url, local.queues.dead_letters.name)}${local.queues.requests.name}"
}

data "aws_iam_policy_document" "queue" {
  for_each = local.queue_arns

  # To the dead-letter queue goes what SNS cannot deliver (SNS Developer Guide, Configuring a dead-letter queue).
  statement {
    sid       = "TopicSends"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [var.request_topic_arn]
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]

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
      resources = [each.value]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }
    }
  }
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = local.queues.dead_letters.name
  policy                    = data.aws_iam_policy_document.queue["dead_letters"].minified_json
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "requests" {
  name                       = local.queues.requests.name
  policy                     = data.aws_iam_policy_document.queue["requests"].minified_json
  message_retention_seconds  = 14 * 24 * 3600
  visibility_timeout_seconds = local.visibility_timeout_seconds
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = local.max_receive_count
  })
}

resource "aws_sns_topic_subscription" "requests" {
  topic_arn            = var.request_topic_arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.requests.arn
  raw_message_delivery = true

  # "*" is the literal by which a request addresses every account.
  filter_policy       = var.filter_enabled ? jsonencode({ targetAccounts = [local.account_id, "*"] }) : null
  filter_policy_scope = var.filter_enabled ? "MessageBody" : null

  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters.arn })

  lifecycle {
    # The subscription lives in the topic's Region, and its dead-letter queue must too (SNS Developer Guide, Dead-letter queues).
    precondition {
      condition     = local.topic_region == local.region
      error_message = "request_topic_arn: the topic is in ${local.topic_region}, but this copier's provider is in ${local.region}. Both must be in the same Region."
    }
  }
}
