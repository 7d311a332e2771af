output "account_id" {
  description = "ID of the account that the images are copied into."
  value       = local.account_id
}

output "alarm_names" {
  description = "Names of the alarms."
  value = [
    aws_cloudwatch_metric_alarm.dead_letters.alarm_name,
    aws_cloudwatch_metric_alarm.errors.alarm_name,
    aws_cloudwatch_metric_alarm.request_age.alarm_name,
  ]
}

output "dead_letter_queue_arn" {
  description = "ARN of the queue for requests that were refused or given up."
  value       = aws_sqs_queue.dead_letters.arn
}

output "dead_letter_queue_url" {
  description = "URL of the queue for requests that were refused or given up."
  value       = aws_sqs_queue.dead_letters.url
}

output "function_arn" {
  description = "ARN of the function that copies."
  value       = aws_lambda_function.copy_image.arn
}

output "function_name" {
  description = "Name of the function that copies."
  value       = aws_lambda_function.copy_image.function_name
}

output "key_alias" {
  description = "Alias of the key, for example for the root volume of a launch template."
  value       = aws_kms_alias.image.name
}

output "key_arn" {
  description = "ARN of the key that copies are encrypted with."
  value       = aws_kms_key.image.arn
}

output "log_group_name" {
  description = "Name of the function's log group."
  value       = aws_cloudwatch_log_group.copy_image.name
}

output "queue_arn" {
  description = "ARN of the queue for requests."
  value       = aws_sqs_queue.requests.arn
}

output "queue_url" {
  description = "URL of the queue for requests."
  value       = aws_sqs_queue.requests.url
}

output "role_arn" {
  description = "ARN of the function's role. Allow it in the key policies of encrypted source snapshots."
  value       = aws_iam_role.copy_image.arn
}

output "subscription_arn" {
  description = "ARN of the subscription to the topic."
  value       = aws_sns_topic_subscription.requests.arn
}
