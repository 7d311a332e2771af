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

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${local.function_name}-errors"
  alarm_description   = "The function ${local.function_name} crashed or timed out. Its log group is ${aws_cloudwatch_log_group.copy_image.name}."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = aws_lambda_function.copy_image.function_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # Lambda reports nothing while nothing is invoked
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
}
