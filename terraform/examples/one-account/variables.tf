variable "account_id" {
  description = "ID of the account that the images are copied into."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id: a string of 12 digits, in quotes."
  }
}

variable "function_zip" {
  description = "Path of the zip with the functions. The default is where `make build` puts it."
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

variable "role_arn" {
  description = "ARN of the role to assume in the account. Without it the credentials of the environment are used as they are."
  type        = string
  default     = null
}
