variable "account_id" {
  description = "ID of the account that the images are copied into."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id: a string of 12 digits, in quotes."
  }
}

variable "deletion_protection" {
  description = "Whether the key and the queues refuse to be deleted. Set it to false and apply before you destroy."
  type        = bool
  default     = true
}

variable "function_zip" {
  description = "Path of the zip with the functions. The default is where `make build` puts it."
  type        = string
  default     = null
}

variable "housekeeping_topic_arn" {
  description = "ARN of the topic for retirement requests and revocations, or null."
  type        = string
  default     = null
}

variable "region" {
  description = "Region of the topic and of the copies."
  type        = string
  default     = "eu-west-1"
}

variable "request_topic_arn" {
  description = "ARN of the topic for copy requests."
  type        = string
}

variable "results_topic_arn" {
  description = "ARN of the topic for results, or null."
  type        = string
  default     = null
}

variable "role_arn" {
  description = "ARN of the role to assume in the account. Without it the credentials of the environment are used as they are."
  type        = string
  default     = null
}
