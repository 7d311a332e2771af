# What sees every request, also one that no account gets (docs/adr/0008-what-sees-every-request.md).

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_service.sqs.region

  # Beside the modules in the zip of a release; in a checkout, where `make build` puts it.
  released_zip = "${path.module}/../../image-copier.zip"
  function_zip = coalesce(var.function_zip, fileexists(local.released_zip) ? local.released_zip : "${path.module}/../../../lambda/dist/image-copier.zip")

  # Terraform copies a module that is in none of the configuration's own folders, for example by an absolute path or from Git.
  is_copy    = strcontains(path.module, ".terraform/modules/")
  zip_remedy = var.function_zip == null && local.is_copy ? "Terraform copied this module to ${path.module}, without what `make build` makes: take the module from the file image-copier-modules-<version>.zip of a release, or set function_zip to the path of the functions' zip, of a release or of `make build`." : "Run `make build`, or set function_zip to the file image-copier-functions-<version>.zip of a release."

  # Names of roles (64 characters) are the tightest limit: <prefix>-watch-ap-southeast-1. Topics may have longer names, as those of earlier
  # versions and of other systems have. Beyond that the name is cut, and part of its hash tells it from others that begin alike.
  prefix = length(var.name) <= 43 ? var.name : "${substr(var.name, 0, 32)}-${substr(sha256(var.name), 0, 8)}"

  watch_function = "${local.prefix}-watch"

  watch_timeout_seconds = 60
  # Six times the function's timeout (Lambda Developer Guide, Using Lambda with Amazon SQS).
  watch_visibility_seconds = 6 * local.watch_timeout_seconds
  # For deliveries that fail. A request that waits is delivered every 11 hours beside them, lambda/src/core/watch-requests.ts.
  watch_failures = 10

  watch_queues = {
    awaited      = { name = "${local.prefix}-watch-awaited", topics = [], receives = local.watch_failures + ceil(var.overdue_hours / 11) }
    dead_letters = { name = "${local.prefix}-watch-dead-letters", topics = [local.topic_arns["requests"], local.topic_arns["results"]], receives = null }
    requests     = { name = "${local.prefix}-watch-requests", topics = [local.topic_arns["requests"]], receives = local.watch_failures }
    results      = { name = "${local.prefix}-watch-results", topics = [local.topic_arns["results"]], receives = local.watch_failures }
    unheard      = { name = "${local.prefix}-unheard", topics = [], receives = null }
  }

  # Built, not read from the queues, so that each policy can be part of its queue.
  watch_queue_arns = { for key, queue in local.watch_queues : key => "arn:${local.partition}:sqs:${local.region}:${local.account_id}:${queue.name}" }
  # The queues that the function takes messages from.
  watched_queues = { for key, queue in local.watch_queues : key => queue if queue.receives != null }

  # The URLs differ in the queue's name alone. So the function is made while the provider waits for the queues.
  watch_queue_url = trimsuffix(aws_sqs_queue.unheard.url, local.watch_queues.unheard.name)

  results_log_group = "/image-copier/${var.name}/results"

  watch_queue_alarms = {
    unheard            = { queue = aws_sqs_queue.unheard.name, description = "Copy requests that reached nobody, or that an account gave no result of, are in the queue ${local.watch_queues.unheard.name}. Each has its reason." }
    watch-dead-letters = { queue = aws_sqs_queue.watch_dead_letters.name, description = "${local.watch_function} could not handle a request or a result, so nobody watches over it. Its log group is ${module.watch.log_group.name}; the message is in the queue ${local.watch_queues.dead_letters.name}." }
  }
}

data "aws_iam_policy_document" "watch_queue" {
  for_each = local.watch_queues

  # To the dead-letter queue goes what SNS cannot deliver (SNS Developer Guide, Configuring a dead-letter queue).
  dynamic "statement" {
    for_each = length(each.value.topics) > 0 ? [each.value.topics] : []

    content {
      sid       = "TopicSends"
      actions   = ["sqs:SendMessage"]
      resources = [local.watch_queue_arns[each.key]]

      principals {
        type        = "Service"
        identifiers = ["sns.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = statement.value
      }
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [local.watch_queue_arns[each.key]]

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

resource "aws_sqs_queue" "unheard" {
  name                      = local.watch_queues.unheard.name
  policy                    = data.aws_iam_policy_document.watch_queue["unheard"].minified_json
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue" "watch_dead_letters" {
  name                      = local.watch_queues.dead_letters.name
  policy                    = data.aws_iam_policy_document.watch_queue["dead_letters"].minified_json
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue" "watched" {
  for_each = local.watched_queues

  name                       = each.value.name
  policy                     = data.aws_iam_policy_document.watch_queue[each.key].minified_json
  message_retention_seconds  = 14 * 24 * 3600
  visibility_timeout_seconds = local.watch_visibility_seconds
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.watch_dead_letters.arn
    maxReceiveCount     = each.value.receives
  })
  tags = var.tags
}

# Without a filter: a filter is what a request gets lost by.
resource "aws_sns_topic_subscription" "watch" {
  for_each = toset(["requests", "results"])

  topic_arn            = local.topic_arns[each.key]
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.watched[each.key].arn
  raw_message_delivery = true
  redrive_policy       = jsonencode({ deadLetterTargetArn = aws_sqs_queue.watch_dead_letters.arn })

  depends_on = [aws_sns_topic.requests, aws_sns_topic.results]
}

# A stream for each source image. A copy of a year ago still answers a request that comes again: its copier makes no other.
resource "aws_cloudwatch_log_group" "results" {
  # checkov:skip=CKV_AWS_158:log_kms_key_arn is an input. The log holds no secrets, and CloudWatch Logs encrypts it at rest with a key of its own

  name              = local.results_log_group
  retention_in_days = 400
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

data "aws_iam_policy_document" "watch" {
  statement {
    sid       = "SeeWhoHears"
    actions   = ["sns:ListSubscriptionsByTopic"]
    resources = [local.topic_arns["requests"]]
  }

  statement {
    sid       = "TakeMessages"
    actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = [for key in keys(local.watched_queues) : local.watch_queue_arns[key]]
  }

  statement {
    sid       = "HaveRequestsWait"
    actions   = ["sqs:ChangeMessageVisibility"]
    resources = [local.watch_queue_arns.awaited]
  }

  statement {
    sid       = "ReportRequests"
    actions   = ["sqs:SendMessage"]
    resources = [local.watch_queue_arns.awaited, local.watch_queue_arns.unheard]
  }

  statement {
    sid       = "KeepResults"
    actions   = ["logs:CreateLogStream", "logs:GetLogEvents", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:${local.results_log_group}:*"]
  }
}

module "watch" {
  source = "../image-copier/modules/function"

  name               = local.watch_function
  account_id         = local.account_id
  description        = "Notices copy requests that reach nobody, and accounts that give no result"
  handler            = "watch-requests.handler"
  zip                = local.function_zip
  architecture       = var.architecture
  memory_size        = 256
  timeout_seconds    = local.watch_timeout_seconds
  log_retention_days = var.log_retention_days
  policy             = data.aws_iam_policy_document.watch.minified_json

  code_signing_config_arn  = var.code_signing_config_arn
  log_kms_key_arn          = var.log_kms_key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  role_path                = var.role_path
  runtime                  = var.runtime
  tags                     = var.tags
  vpc                      = var.vpc

  environment = {
    AWAITED_QUEUE_URL  = "${local.watch_queue_url}${local.watch_queues.awaited.name}"
    OVERDUE_SECONDS    = var.overdue_hours * 3600
    REQUESTS_QUEUE_ARN = local.watch_queue_arns.requests
    RESULTS_LOG_GROUP  = local.results_log_group
    RESULTS_QUEUE_ARN  = local.watch_queue_arns.results
    TOPIC_ARN          = local.topic_arns["requests"]
    UNHEARD_QUEUE_URL  = aws_sqs_queue.unheard.url
  }
}

resource "aws_lambda_event_source_mapping" "watch" {
  for_each = local.watched_queues

  event_source_arn        = aws_sqs_queue.watched[each.key].arn
  function_name           = module.watch.function.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = 2
  }
}

# By the function's own count: SQS starts to report a queue that was idle for six hours only after up to 15 minutes (SQS Developer
# Guide, Available CloudWatch metrics). It ends by itself, and tells nobody so: what was reported lies in the queue.
resource "aws_cloudwatch_metric_alarm" "unheard_requests" {
  alarm_name          = "${var.name}-unheard-requests"
  alarm_description   = "A copy request reached nobody, or an account gave no result within ${var.overdue_hours} hours. The queue ${local.watch_queues.unheard.name} holds the request with its reason."
  namespace           = "ImageCopier"
  metric_name         = "RequestsUnheard"
  dimensions          = { service = local.watch_function }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # nothing is counted while nothing is reported
  alarm_actions       = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "watch_queues" {
  for_each = local.watch_queue_alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value.queue }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions

  # SQS stops reporting a queue that nobody touched for six hours, with messages or not: the alarm keeps its state until then.
  treat_missing_data = "ignore"
  tags               = var.tags
}

# The watch is what notices that nobody else hears. This notices that the watch does not.
resource "aws_cloudwatch_metric_alarm" "watch_age" {
  alarm_name          = "${var.name}-watch-age"
  alarm_description   = "Requests wait in the queue ${local.watch_queues.requests.name} and nothing takes them. Look at the function ${local.watch_function} and its event source mapping."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.watched["requests"].name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 900
  treat_missing_data  = "notBreaching" # SQS reports the age only while there are messages
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}
