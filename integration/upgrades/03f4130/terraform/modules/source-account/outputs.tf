output "alarm_names" {
  description = "Names of the alarms."
  value = concat(
    [aws_cloudwatch_metric_alarm.unreadable_requests.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.failed_deliveries : alarm.alarm_name],
  )
}

output "housekeeping_topic_arn" {
  description = "ARN of the topic for retirement requests."
  value       = aws_sns_topic.housekeeping.arn
}

output "request_topic_arn" {
  description = "ARN of the topic for copy requests. AMIgo publishes to it, copiers subscribe to it."
  value       = aws_sns_topic.requests.arn
}

output "results_topic_arn" {
  description = "ARN of the topic that copiers publish their results to."
  value       = aws_sns_topic.results.arn
}
