variable "age_alarm_seconds" {
  description = "Age in seconds of the oldest request that raises an alarm. SQS leaves out messages received three times or more, so requests that are tried again for hours do not raise it."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.age_alarm_seconds >= 300 && floor(var.age_alarm_seconds) == var.age_alarm_seconds
    error_message = "age_alarm_seconds: a whole number of at least 300. The first tries of a request take about 200 seconds."
  }
}

variable "alarm_actions" {
  description = "ARNs to notify when an alarm starts and when it ends, for example an SNS topic."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_actions : can(regex("^arn:aws[a-z-]*:[a-z0-9-]+:", arn))])
    error_message = "alarm_actions: each action must be an ARN, for example arn:aws:sns:eu-west-1:222222222222:on-call."
  }
}

variable "architecture" {
  description = "Processor architecture of the functions: arm64 or x86_64."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture: arm64 or x86_64."
  }
}

variable "deletion_protection" {
  description = "Whether the policies of the key and of the queues refuse their deletion. To destroy them on purpose, set it to false, apply, and destroy."
  type        = bool
  default     = true
  nullable    = false
}

variable "failed_copy_delay_seconds" {
  description = "Seconds from a copy that failed to the next try."
  type        = number
  default     = 300
  nullable    = false

  # SQS API Reference, SendMessage, DelaySeconds.
  validation {
    condition     = var.failed_copy_delay_seconds >= 0 && var.failed_copy_delay_seconds <= 900 && floor(var.failed_copy_delay_seconds) == var.failed_copy_delay_seconds
    error_message = "failed_copy_delay_seconds: a whole number from 0 to 900."
  }
}

variable "filter_enabled" {
  description = "Whether SNS delivers only the requests that list this account. SNS allows 200 filter policies a topic by default: beyond that, have the quota raised or switch the filter off. The function ignores requests for other accounts in any case."
  type        = bool
  default     = true
  nullable    = false
}

variable "function_zip" {
  description = "Path of the zip with the functions. The default is where `make build` puts it: lambda/dist/image-copier.zip of this repository."
  type        = string
  default     = null
}

variable "key_deletion_window_days" {
  description = "Days that KMS waits before it deletes the key. Images and volumes under a deleted key are lost."
  type        = number
  default     = 30
  nullable    = false

  # KMS API Reference, ScheduleKeyDeletion.
  validation {
    condition     = var.key_deletion_window_days >= 7 && var.key_deletion_window_days <= 30 && floor(var.key_deletion_window_days) == var.key_deletion_window_days
    error_message = "key_deletion_window_days: a whole number from 7 to 30."
  }
}

variable "key_rotation_period_days" {
  description = "Days between two rotations of the key's material. Images and snapshots stay readable."
  type        = number
  default     = 365
  nullable    = false

  # KMS API Reference, EnableKeyRotation.
  validation {
    condition     = var.key_rotation_period_days >= 90 && var.key_rotation_period_days <= 2560 && floor(var.key_rotation_period_days) == var.key_rotation_period_days
    error_message = "key_rotation_period_days: a whole number from 90 to 2560."
  }
}

variable "log_retention_days" {
  description = "Days that the functions' logs are kept."
  type        = number
  default     = 30
  nullable    = false

  # CloudWatch Logs API Reference, PutRetentionPolicy.
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days: one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "memory_size" {
  description = "Memory of each function in MB. Its share of a processor grows with it."
  type        = number
  default     = 256
  nullable    = false

  # Lambda API Reference, CreateFunction.
  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size: a whole number from 128 to 10240."
  }
}

variable "name" {
  description = "Start of the names of everything in this module, and name of the key's alias: `alias/<name>`."
  type        = string
  default     = "image-copier"
  nullable    = false

  # A role name has at most 64 characters (IAM User Guide, Quotas): <name>-settle-copy-<Region of up to 14 characters>.
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,37}$", var.name))
    error_message = "name: 1 to 37 letters, digits, hyphens and underscores."
  }
}

variable "overdue_hours" {
  description = "Hours after which a copy that is not announced raises an alarm."
  type        = number
  default     = 24
  nullable    = false

  validation {
    condition     = var.overdue_hours >= 1 && var.overdue_hours <= 720 && floor(var.overdue_hours) == var.overdue_hours
    error_message = "overdue_hours: a whole number from 1 to 720."
  }
}

variable "parameter_path" {
  description = "Start of the names of the SSM parameters that hold the newest copy of each recipe: `<parameter_path>/<value of the recipe tag>`."
  type        = string
  default     = "/image-copier"
  nullable    = false

  # SSM API Reference, PutParameter: at most 15 levels; no name begins with aws or ssm.
  validation {
    condition     = can(regex("^(/[A-Za-z0-9_.-]+){1,14}$", var.parameter_path)) && !can(regex("^/(?i:aws|ssm)", var.parameter_path)) && length(var.parameter_path) <= 500
    error_message = "parameter_path: 1 to 14 levels such as /image-copier, each of letters, digits, dots, hyphens and underscores, without a slash at the end; not beginning with /aws or /ssm."
  }
}

variable "recipe_tag" {
  description = "Name of the tag whose value says which images are versions of the same one."
  type        = string
  default     = "Recipe"
  nullable    = false

  # EC2 API Reference, Tag.
  validation {
    condition     = length(var.recipe_tag) >= 1 && length(var.recipe_tag) <= 127
    error_message = "recipe_tag: 1 to 127 characters."
  }
}

variable "request_topic_arn" {
  description = "ARN of the topic for copy requests, in the Region of this copier (output request_topic_arn of the module source-account)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$", var.request_topic_arn))
    error_message = "request_topic_arn: the ARN of a standard SNS topic, for example arn:aws:sns:eu-west-1:111111111111:image-copier."
  }
}

variable "results_topic_arn" {
  description = "ARN of the topic that results are published to (output results_topic_arn of the module source-account). With null they are on this account's event bus alone."
  type        = string
  default     = null

  validation {
    condition     = var.results_topic_arn == null || can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$", var.results_topic_arn))
    error_message = "results_topic_arn: the ARN of a standard SNS topic, for example arn:aws:sns:eu-west-1:111111111111:image-copier-results; or null."
  }
}

variable "retry_hours" {
  description = "Hours that a request is tried again (image not shared yet, limits, throttling) before it goes to the dead-letter queue."
  type        = number
  default     = 6
  nullable    = false

  # The upper end keeps max_receive_count (queue.tf) below 1000, the most that SQS allows.
  validation {
    condition     = var.retry_hours >= 6 && var.retry_hours <= 96 && floor(var.retry_hours) == var.retry_hours
    error_message = "retry_hours: a whole number from 6 to 96."
  }
}

variable "source_key_arns" {
  description = "ARNs of the KMS keys under which source snapshots are encrypted. Their key policies must allow this account to use them."
  type        = list(string)
  default     = []
  nullable    = false

  # IAM does not honour an alias in the resource of a KMS permission (KMS Developer Guide, IAM policies).
  validation {
    condition     = alltrue([for arn in var.source_key_arns : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))])
    error_message = "source_key_arns: each must be the ARN of a key, not of an alias, for example arn:aws:kms:eu-west-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab."
  }
}

variable "trusted_owner_ids" {
  description = "IDs of the accounts whose images are copied. The default is the account of the topic alone."
  type        = list(string)
  default     = null

  validation {
    condition     = var.trusted_owner_ids == null ? true : length(var.trusted_owner_ids) > 0 && alltrue([for id in var.trusted_owner_ids : can(regex("^[0-9]{12}$", id))])
    error_message = "trusted_owner_ids: at least one account ID, each a string of 12 digits, in quotes; or null for the account of the topic."
  }
}
