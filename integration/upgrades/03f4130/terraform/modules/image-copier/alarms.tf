locals {
  # How each alarm that watches one metric differs. A metric of a sweep is there every 15 minutes while its reason lasts: a
  # period of 30 minutes holds at least one sweep, so that the alarm does not come and go between them.
  alarms = {
    copy-image-errors = {
      description = "The function ${local.function_name} crashed or timed out. Its log group is ${aws_cloudwatch_log_group.copy_image.name}."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = aws_lambda_function.copy_image.function_name }
    }
    settle-copy-errors = {
      description = "The function ${local.settle_function_name} crashed or timed out. Its log group is ${aws_cloudwatch_log_group.settle_copy.name}."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = aws_lambda_function.settle_copy.function_name }
      period      = 900 # a message that crashes the function comes back every 12 minutes
    }
    unverified-copies = {
      description = "A copy is available and not encrypted under this copier's key, so it is not announced. ${local.settle_function_name} logs it as unverified. Deregister it, and ask for it again."
      metric      = "CopiesUnverified"
      period      = 1800
    }
    overdue-copies = {
      description = "A copy is not announced after ${var.overdue_hours} hours. ${local.settle_function_name} logs it as overdue. If it is pending, deregister it to stop it, and ask for it again."
      metric      = "CopiesOverdue"
      period      = 1800
    }
    dangling-parameters = {
      description = "A parameter below ${var.parameter_path} points to an image that is gone or disabled: nothing can be launched by it. ${local.settle_function_name} logs its name. Point it to another copy."
      metric      = "ParametersDangling"
      period      = 1800
    }
    settling = {
      description = "Copies could not be settled for an hour. ${local.settle_function_name} logs the errors."
      metric      = "SettlesRetried"
      period      = 900
      periods     = 4
    }
  }

  # In the order of the alphabet, built from names so that the dashboard does not wait for the alarms.
  alarm_names = sort(concat(["${var.name}-dead-letters", "${var.name}-no-sweep", "${var.name}-request-age"], [for key in keys(local.alarms) : "${var.name}-${key}"]))
  alarm_arns  = [for name in local.alarm_names : "arn:${local.partition}:cloudwatch:${local.region}:${local.account_id}:alarm:${name}"]
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "A copy request was refused or given up. Its message in the queue ${local.queues.dead_letters.name} says why."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions

  # SQS stops reporting a queue that nobody touched for six hours, with messages or not: the alarm keeps its state until then.
  treat_missing_data = "ignore"
}

resource "aws_cloudwatch_metric_alarm" "request_age" {
  alarm_name          = "${var.name}-request-age"
  alarm_description   = "Copy requests wait in the queue ${local.queues.requests.name} and nothing takes them. Look at the function ${local.function_name} and its event source mapping."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.requests.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.age_alarm_seconds
  treat_missing_data  = "notBreaching" # SQS reports the age only while there are messages
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "count" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = lookup(each.value, "namespace", local.metrics_namespace)
  metric_name         = each.value.metric
  dimensions          = lookup(each.value, "dimensions", { service = local.settle_function_name })
  statistic           = "Sum"
  period              = lookup(each.value, "period", 60)
  evaluation_periods  = lookup(each.value, "periods", 1)
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # nothing is reported while nothing happens
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

# Without the sweep nothing is late or lost, as far as any alarm can tell. So its absence is an alarm itself.
resource "aws_cloudwatch_metric_alarm" "no_sweep" {
  alarm_name          = "${var.name}-no-sweep"
  alarm_description   = "${local.settle_function_name} has not swept for an hour. Look at the rule ${local.settle_rules.sweep}, the queue ${local.settle_queue} and the function's event source mapping."
  namespace           = local.metrics_namespace
  metric_name         = "Sweeps"
  dimensions          = { service = local.settle_function_name }
  statistic           = "Sum"
  period              = 900
  evaluation_periods  = 4
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}

# Until 0.1.0 it was an alarm of its own.
moved {
  from = aws_cloudwatch_metric_alarm.errors
  to   = aws_cloudwatch_metric_alarm.count["copy-image-errors"]
}
