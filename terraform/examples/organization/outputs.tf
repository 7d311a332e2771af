output "request_topic_arns" {
  description = "By Region, ARN of the topic for copy requests."
  value = {
    eu-west-1 = module.topics_ireland.request_topic_arn
    us-east-1 = module.topics_virginia.request_topic_arn
  }
}

output "stack_set_id" {
  description = "ID of the stack set."
  value       = module.organization.stack_set_id
}
