output "function" {
  description = "The function, with all its attributes."
  value       = aws_lambda_function.function
}

output "log_group" {
  description = "The log group, with all its attributes."
  value       = aws_cloudwatch_log_group.function
}

output "role" {
  description = "The role, with all its attributes."
  value       = aws_iam_role.function
}

output "role_policy" {
  description = "The policy of the role, with all its attributes."
  value       = aws_iam_role_policy.function
}
