output "stack_set_arn" {
  description = "ARN of the stack set."
  value       = aws_cloudformation_stack_set.copier.arn
}

output "stack_set_id" {
  description = "ID of the stack set, as it is in the names of its stacks."
  value       = aws_cloudformation_stack_set.copier.stack_set_id
}
