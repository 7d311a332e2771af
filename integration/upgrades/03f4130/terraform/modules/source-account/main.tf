data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  topics = {
    requests     = { name = var.name, allowed_action = "sns:Subscribe" }
    housekeeping = { name = "${var.name}-housekeeping", allowed_action = "sns:Subscribe" }
    results      = { name = "${var.name}-results", allowed_action = "sns:Publish" }
  }

  # Built, not read from the topics, so that each policy can be part of its topic.
  topic_arns = {
    for key, topic in local.topics :
    key => "arn:${data.aws_partition.current.partition}:sns:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:${topic.name}"
  }

  # Who may use the topics, as condition key and values. No account is named as a principal: see
  # terraform/docs/adr/0001-accounts-by-condition.md.
  callers = merge(
    length(var.target_account_ids) > 0 ? { TargetAccounts = { key = "aws:PrincipalAccount", values = sort(var.target_account_ids) } } : {},
    var.organization_id != null ? { Organization = { key = "aws:PrincipalOrgID", values = [var.organization_id] } } : {},
  )
}

data "aws_iam_policy_document" "topic" {
  for_each = local.topics

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

      # Copiers subscribe queues. Mail addresses, web servers and functions stay out.
      dynamic "condition" {
        for_each = each.value.allowed_action == "sns:Subscribe" ? ["sqs"] : []

        content {
          test     = "StringEquals"
          variable = "sns:Protocol"
          values   = [condition.value]
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

  name   = local.topics.requests.name
  policy = data.aws_iam_policy_document.topic["requests"].minified_json
}

resource "aws_sns_topic" "housekeeping" {
  # checkov:skip=CKV_AWS_26:It holds no secrets, and whoever publishes retirements would need rights on the key

  name   = local.topics.housekeeping.name
  policy = data.aws_iam_policy_document.topic["housekeeping"].minified_json
}

resource "aws_sns_topic" "results" {
  # checkov:skip=CKV_AWS_26:It holds no secrets, and the copier of each account would need rights on the key

  name   = local.topics.results.name
  policy = data.aws_iam_policy_document.topic["results"].minified_json
}

# A body that is no JSON matches no filter: it reaches nobody, and nobody but this alarm notices.
resource "aws_cloudwatch_metric_alarm" "unreadable_requests" {
  alarm_name          = "${local.topics.requests.name}-unreadable-requests"
  alarm_description   = "A message on ${local.topics.requests.name} is not valid JSON, so no account got it. Publish it again as a copy request."
  namespace           = "AWS/SNS"
  metric_name         = "NumberOfNotificationsFilteredOut-InvalidMessageBody"
  dimensions          = { TopicName = aws_sns_topic.requests.name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # SNS reports nothing while nothing is published
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
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
}
