output "alarm_names" {
  description = "Names of the alarms."
  value = concat(
    [aws_cloudwatch_metric_alarm.unreadable_requests.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.failed_deliveries : alarm.alarm_name],
    [aws_cloudwatch_metric_alarm.unheard_requests.alarm_name, aws_cloudwatch_metric_alarm.watch_age.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.watch_queues : alarm.alarm_name],
    flatten(module.publisher[*].alarm_names),
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

output "publisher_function_name" {
  description = "Name of the function that publishes images; null without `publisher`."
  value       = one(module.publisher[*].function.function_name)

  # Names of roles (64 characters) are the tightest limit: <prefix>-publish-ap-southeast-1. Without the publisher it may be longer.
  precondition {
    condition     = var.publisher == null || length(local.prefix) <= 41
    error_message = "publisher: with it, name has no 42 or 43 characters. A longer one is cut in the names of functions and queues, a shorter one fits."
  }

  # SSM API Reference, PutParameter. A validation of publisher_targets cannot ask what is made of it.
  precondition {
    condition     = alltrue([for value in values(local.targets_parameters) : length(value) <= 4096])
    error_message = "publisher_targets: the accounts whose ids end in the same two digits take more than the 4 KB of a parameter. Give them fewer different labels and Regions: accounts that have the same share them."
  }
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
