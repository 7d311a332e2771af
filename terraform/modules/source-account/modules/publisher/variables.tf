variable "account_id" {
  description = "ID of the account."
  type        = string
}

variable "alarm_actions" {
  description = "ARNs to notify when an alarm starts and when it ends."
  type        = list(string)
}

variable "architecture" {
  description = "Processor architecture: arm64 or x86_64."
  type        = string
}

variable "code_signing_config_arn" {
  description = "ARN of the code signing configuration, or null."
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

variable "name" {
  description = "Name of the function. The queue, the rules and the alarms are named after it."
  type        = string
}

variable "organization" {
  description = "Units whose accounts are targets too, the Regions where these have copiers, and the role that lists them; or null."
  type        = object({ regions = list(string), role_arn = string, unit_ids = list(string) })
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds the role's permissions, or null."
  type        = string
}

variable "recipe_tag" {
  description = "Tag that tells which images are of one recipe."
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

variable "targets_parameters" {
  description = "The target accounts, as the values of parameters by their names."
  type        = map(string)
}

variable "targets_path" {
  description = "Start of the names of these parameters."
  type        = string
}

variable "topic_name" {
  description = "Name of the topic for copy requests, in each Region of any target."
  type        = string
}

variable "unshare" {
  description = "Whether accounts that an image is not meant for lose their permissions on it."
  type        = bool
}

variable "vpc" {
  description = "Subnets and security groups of the function, or null."
  type        = object({ security_group_ids = list(string), subnet_ids = list(string) })
}

variable "zip" {
  description = "Path of the zip with the code. Whoever calls the module makes sure that it is there."
  type        = string
}
