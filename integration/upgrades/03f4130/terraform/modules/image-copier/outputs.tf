output "account_id" {
  description = "ID of the account that the images are copied into."
  value       = local.account_id
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = local.alarm_names
}

output "dashboard_name" {
  description = "Name of the dashboard."
  value       = aws_cloudwatch_dashboard.copier.dashboard_name
}

output "dead_letter_queue_arn" {
  description = "ARN of the queue for requests that were refused or given up."
  value       = aws_sqs_queue.dead_letters.arn
}

output "dead_letter_queue_url" {
  description = "URL of the queue for requests that were refused or given up."
  value       = aws_sqs_queue.dead_letters.url
}

output "deletion_protection" {
  description = "Whether the policies of the key and of the queues refuse their deletion."
  value       = var.deletion_protection
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
  description = "Name of the log group of the function that copies."
  value       = aws_cloudwatch_log_group.copy_image.name
}

output "parameter_path" {
  description = "Start of the names of the parameters that hold the newest copy of each recipe."
  value       = var.parameter_path
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
  description = "ARN of the role of the function that copies. Allow it in the key policies of encrypted source snapshots."
  value       = aws_iam_role.copy_image.arn
}

output "settle_function_arn" {
  description = "ARN of the function that settles copies."
  value       = aws_lambda_function.settle_copy.arn
}

output "settle_function_name" {
  description = "Name of the function that settles copies."
  value       = aws_lambda_function.settle_copy.function_name
}

output "settle_log_group_name" {
  description = "Name of the log group of the function that settles copies."
  value       = aws_cloudwatch_log_group.settle_copy.name
}

output "settle_queue_arn" {
  description = "ARN of the queue of the function that settles copies."
  value       = aws_sqs_queue.settle.arn
}

output "settle_queue_url" {
  description = "URL of the queue of the function that settles copies."
  value       = aws_sqs_queue.settle.url
}

output "settle_role_arn" {
  description = "ARN of the role of the function that settles copies."
  value       = aws_iam_role.settle_copy.arn
}

output "subscription_arn" {
  description = "ARN of the subscription to the topic."
  value       = aws_sns_topic_subscription.requests.arn
}
