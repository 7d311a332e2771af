data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

# Its Region is the provider's. aws_region says the same only by attributes that 5.100 lacks or 6.47 deprecates.
data "aws_service" "sqs" {
  service_id = "sqs"
}

locals {
  topics = {
    requests     = { name = var.name, allowed_action = "sns:Subscribe" }
    housekeeping = { name = coalesce(var.housekeeping_topic_name, "${var.name}-housekeeping"), allowed_action = "sns:Subscribe" }
    results      = { name = "${var.name}-results", allowed_action = "sns:Publish" }
  }

  managed = var.existing_topics ? { results = local.topics.results } : local.topics

  # Built, not read from the topics, so that each policy can be part of its topic.
  topic_arns = {
    for key, topic in local.topics :
    key => "arn:${data.aws_partition.current.partition}:sns:${data.aws_service.sqs.region}:${data.aws_caller_identity.current.account_id}:${topic.name}"
  }

  # What is asked of each call, beside who makes it.
  conditions = {
    # Copiers subscribe queues of their own account. Mail addresses, web servers, functions and the queues of others stay out.
    "sns:Subscribe" = [
      { test = "StringEquals", variable = "sns:Protocol", values = ["sqs"] },
      {
        test     = "StringLike"
        variable = "sns:Endpoint"
        values   = ["arn:${data.aws_partition.current.partition}:sqs:${data.aws_service.sqs.region}:&{aws:PrincipalAccount}:*"]
      },
    ]
    # The roles of settle-copy and retire-image, as the module image-copier names them: no other role of the account speaks for its copier.
    "sns:Publish" = [
      {
        test     = "ArnLike"
        variable = "aws:PrincipalArn"
        values   = [for name in ["retire-image", "settle-copy"] : "arn:${data.aws_partition.current.partition}:iam::*:role/*-${name}-*"]
      },
    ]
  }

  # Who may use the topics, as condition key and values. No account is named as a principal: see
  # docs/adr/0003-accounts-by-condition.md.
  callers = merge(
    length(var.target_account_ids) > 0 ? { TargetAccounts = { key = "aws:PrincipalAccount", values = sort(var.target_account_ids) } } : {},
    var.organization_id != null ? { Organization = { key = "aws:PrincipalOrgID", values = [var.organization_id] } } : {},
  )
}

data "aws_iam_policy_document" "topic" {
  for_each = local.managed

  dynamic "statement" {
    for_each = local.callers

    content {
      sid       = statement.key
      actions   = [each.value.allowed_action]
      resources = [local.topic_arns[each.key]]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }

      condition {
        test     = "StringEquals"
        variable = statement.value.key
        values   = statement.value.values
      }

      dynamic "condition" {
        for_each = local.conditions[each.value.allowed_action]

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }

  # SNS Developer Guide, Amazon SNS security best practices: enforce encryption of data in transit.
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sns:Publish", "sns:Subscribe"]
    resources = [local.topic_arns[each.key]]

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

# No KMS key for the topics: SNS Developer Guide, Key management, says who would need rights on it.

resource "aws_sns_topic" "requests" {
  # checkov:skip=CKV_AWS_26:It holds no secrets, and whoever publishes requests would need rights on the key

  count = var.existing_topics ? 0 : 1

  name   = local.topics.requests.name
  policy = data.aws_iam_policy_document.topic["requests"].minified_json
  tags   = var.tags
}

resource "aws_sns_topic" "housekeeping" {
  # checkov:skip=CKV_AWS_26:It holds no secrets, and whoever publishes retirements would need rights on the key

  count = var.existing_topics ? 0 : 1

  name   = local.topics.housekeeping.name
  policy = data.aws_iam_policy_document.topic["housekeeping"].minified_json
  tags   = var.tags
}

resource "aws_sns_topic" "results" {
  # checkov:skip=CKV_AWS_26:It holds no secrets, and the copier of each account would need rights on the key

  name   = local.topics.results.name
  policy = data.aws_iam_policy_document.topic["results"].minified_json
  tags   = var.tags
}

# A body that is no JSON matches no filter: it reaches nobody, and nobody but this alarm notices.
resource "aws_cloudwatch_metric_alarm" "unreadable_requests" {
  alarm_name          = "${local.topics.requests.name}-unreadable-requests"
  alarm_description   = "A message on ${local.topics.requests.name} is not valid JSON, so no account got it. Publish it again as a copy request."
  namespace           = "AWS/SNS"
  metric_name         = "NumberOfNotificationsFilteredOut-InvalidMessageBody"
  dimensions          = { TopicName = local.topics.requests.name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # SNS reports nothing while nothing is published
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "failed_deliveries" {
  for_each = local.topics

  alarm_name          = "${each.value.name}-failed-deliveries"
  alarm_description   = "SNS gave up delivering a message of ${each.value.name} to a subscription. It is lost unless that subscription has a dead-letter queue."
  namespace           = "AWS/SNS"
  metric_name         = "NumberOfNotificationsFailed"
  dimensions          = { TopicName = each.value.name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # SNS reports nothing while nothing is published
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}
