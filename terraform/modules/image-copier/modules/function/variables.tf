variable "account_id" {
  description = "ID of the account."
  type        = string
}

variable "architecture" {
  description = "Processor architecture: arm64 or x86_64."
  type        = string
}

variable "code_signing_config_arn" {
  description = "ARN of the code signing configuration, or null."
  type        = string
}

variable "description" {
  description = "What the function does, in one line."
  type        = string
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
}

variable "handler" {
  description = "Handler in the zip, `<file>.handler`. The policy of the role has the name of the file."
  type        = string
}

variable "log_kms_key_arn" {
  description = "ARN of the KMS key that encrypts the log, or null."
  type        = string
}

variable "log_retention_days" {
  description = "Days that the log is kept."
  type        = number
}

variable "memory_size" {
  description = "Memory in MB."
  type        = number
}

variable "name" {
  description = "Name of the function. The role and the log group are named after it."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds the role's permissions, or null."
  type        = string
}

variable "policy" {
  description = "What the role may do beside writing the log, as JSON."
  type        = string
}

variable "role_path" {
  description = "Path of the role."
  type        = string
}

variable "runtime" {
  description = "Lambda runtime: nodejs22.x or nodejs24.x."
  type        = string
}

variable "tags" {
  description = "Tags of everything here that can have tags."
  type        = map(string)
}

variable "timeout_seconds" {
  description = "Seconds after which Lambda ends an invocation."
  type        = number
}

variable "vpc" {
  description = "Subnets and security groups of the function, or null."
  type        = object({ security_group_ids = list(string), subnet_ids = list(string) })
}

variable "zip" {
  description = "Path of the zip with the code. Whoever calls the module makes sure that it is there."
  type        = string
}
