output "alarm_names" {
  description = "Names of the alarms."
  value = concat(
    [aws_cloudwatch_metric_alarm.unreadable_requests.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.failed_deliveries : alarm.alarm_name],
    [aws_cloudwatch_metric_alarm.unheard_requests.alarm_name, aws_cloudwatch_metric_alarm.watch_age.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.watch_queues : alarm.alarm_name],
  )
}

output "dashboard_name" {
  description = "Name of the dashboard of all accounts."
  value       = aws_cloudwatch_dashboard.accounts.dashboard_name
}

output "housekeeping_topic_arn" {
  description = "ARN of the topic for retirement requests."
  value       = local.topic_arns["housekeeping"] # known before the topic is there: the module image-copier asks whether it is null

  depends_on = [aws_sns_topic.housekeeping]
}

output "request_topic_arn" {
  description = "ARN of the topic for copy requests. AMIgo publishes to it, copiers subscribe to it."
  value       = var.existing_topics ? local.topic_arns["requests"] : aws_sns_topic.requests[0].arn
}

output "results_topic_arn" {
  description = "ARN of the topic that copiers publish their results to."
  value       = aws_sns_topic.results.arn
}

output "unheard_queue_url" {
  description = "URL of the queue with the requests that reached nobody, or that an account gave no result of."
  value       = aws_sqs_queue.unheard.url
}

output "watch_function_name" {
  description = "Name of the function that sees every request."
  value       = module.watch.function.function_name

  precondition {
    condition     = fileexists(local.function_zip)
    error_message = "function_zip: there is no file ${local.function_zip}. ${local.zip_remedy}"
  }
}
