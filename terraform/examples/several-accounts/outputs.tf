output "copiers" {
  description = "For each target account, by its ID, everything that its copier has as outputs."
  value       = { for copier in [module.first, module.second, module.third] : copier.account_id => copier }
}

output "housekeeping_topic_arn" {
  description = "ARN of the topic for retirement requests."
  value       = module.source_account.housekeeping_topic_arn
}

output "request_topic_arn" {
  description = "ARN of the topic for copy requests."
  value       = module.source_account.request_topic_arn
}

output "results_topic_arn" {
  description = "ARN of the topic for results."
  value       = module.source_account.results_topic_arn
}
