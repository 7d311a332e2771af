variable "deletion_protection" {
  description = "Whether the keys and the queues refuse to be deleted. To destroy them on purpose, set it to false, apply, and destroy."
  type        = bool
  default     = true
}

variable "function_zip" {
  description = "Path of the zip with the functions. The default is where `make build` puts it."
  type        = string
  default     = null
}

variable "region" {
  description = "Region of the topics and of the copies."
  type        = string
  default     = "eu-west-1"
}

variable "retention" {
  description = "Which copies go by themselves, once nothing uses them; with null none does."
  type        = object({ keep_newest = number, min_age_days = number, quarantine_days = number })
  default     = null
}

variable "role_name" {
  description = "Name of the role to assume in each account."
  type        = string
  default     = "OrganizationAccountAccessRole"
}

variable "source_account_id" {
  description = "ID of the account where images are baked."
  type        = string
  default     = "111111111111"

  validation {
    condition     = can(regex("^[0-9]{12}$", var.source_account_id))
    error_message = "source_account_id: a string of 12 digits, in quotes."
  }
}

variable "target_account_ids" {
  description = "IDs of the three accounts that the images are copied into."
  type        = list(string)
  default     = ["222222222222", "333333333333", "444444444444"]

  validation {
    condition     = length(var.target_account_ids) == 3 && alltrue([for id in var.target_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "target_account_ids: three strings of 12 digits, in quotes. For more accounts, add a provider block and a module block each."
  }
}

variable "topic_name" {
  description = "Name of the topic for copy requests."
  type        = string
  default     = "amigo-DEMO-notify"
}
