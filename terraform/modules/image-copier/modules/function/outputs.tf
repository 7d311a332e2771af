output "function" {
  description = "The function, with all its attributes."
  value       = aws_lambda_function.function
}

output "log_group" {
  description = "The log group, with all its attributes."
  value       = aws_cloudwatch_log_group.function
}

output "role" {
  description = "The role, with what is read of it."
  # Not the whole resource: it has attributes that are deprecated, and whoever has their values is warned.
  value = {
    arn                  = aws_iam_role.function.arn
    assume_role_policy   = aws_iam_role.function.assume_role_policy
    name                 = aws_iam_role.function.name
    path                 = aws_iam_role.function.path
    permissions_boundary = aws_iam_role.function.permissions_boundary
    tags                 = aws_iam_role.function.tags
  }
}

output "role_policy" {
  description = "The policy of the role, with all its attributes."
  value       = aws_iam_role_policy.function
}
