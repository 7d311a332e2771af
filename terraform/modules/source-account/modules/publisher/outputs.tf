output "alarm_names" {
  description = "Names of the alarms."
  value       = concat([for alarm in aws_cloudwatch_metric_alarm.count : alarm.alarm_name], [aws_cloudwatch_metric_alarm.no_sweep.alarm_name])
}

output "function" {
  description = "The function, with all its attributes."
  value       = module.publish_image.function
}

output "role_policy" {
  description = "The policy of the role, with all its attributes."
  value       = module.publish_image.role_policy
}
