variable "alarm_actions" {
  description = "ARNs to notify when an alarm starts and when it ends, for example an SNS topic."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_actions : can(regex("^arn:aws[a-z-]*:[a-z0-9-]+:", arn))])
    error_message = "alarm_actions: each action must be an ARN, for example arn:aws:sns:eu-west-1:111111111111:on-call."
  }
}

variable "name" {
  description = "Name of the topic for copy requests. The other topics are named after it: `<name>-housekeeping` and `<name>-results`."
  type        = string
  default     = "image-copier"
  nullable    = false

  # Alarm names (255 characters) are the tightest limit: <name>-housekeeping-failed-deliveries.
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,200}$", var.name))
    error_message = "name: 1 to 200 letters, digits, hyphens and underscores."
  }
}

variable "organization_id" {
  description = "ID of an organization (AWS Organizations) whose accounts may all subscribe and report results."
  type        = string
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id: \"o-\" and 10 to 32 lower-case letters and digits, for example o-a1b2c3d4e5."
  }
}

variable "target_account_ids" {
  description = "IDs of the accounts that may subscribe and report results. At least one account, or organization_id, is needed."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.target_account_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "target_account_ids: each account ID must be a string of 12 digits, in quotes."
  }

  validation {
    condition     = length(var.target_account_ids) > 0 || var.organization_id != null
    error_message = "target_account_ids: list at least one account, or set organization_id."
  }

  # A topic policy may have 30 KB (SNS Developer Guide, Amazon SNS API permissions); an account takes 15 bytes of it.
  validation {
    condition     = length(var.target_account_ids) <= 1500
    error_message = "target_account_ids: at most 1500 accounts fit into a topic policy. Set organization_id instead."
  }
}
