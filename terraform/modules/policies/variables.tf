variable "existing_topics" {
  description = "Input `existing_topics` of the module source-account. With it, whoever deploys the source account manages no topic but that of the results."
  type        = bool
  default     = false
  nullable    = false
}

variable "housekeeping_topic_name" {
  description = "Input `housekeeping_topic_name` of the module source-account."
  type        = string
  default     = null

  validation {
    condition     = var.housekeeping_topic_name == null || can(regex("^[A-Za-z0-9_-]{1,237}$", var.housekeeping_topic_name))
    error_message = "housekeeping_topic_name: 1 to 237 letters, digits, hyphens and underscores, as of the topic."
  }
}

variable "name" {
  description = "Input `name` of the module image-copier: start of the names of all that belongs to a copier."
  type        = string
  default     = "image-copier"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,36}$", var.name))
    error_message = "name: 1 to 36 letters, digits, hyphens and underscores, as of the copier."
  }
}

variable "parameter_path" {
  description = "Input `parameter_path` of the module image-copier."
  type        = string
  default     = "/image-copier"
  nullable    = false

  validation {
    condition     = can(regex("^(/[A-Za-z0-9_.-]+){1,14}$", var.parameter_path))
    error_message = "parameter_path: 1 to 14 levels such as /image-copier, without a slash at the end, as of the copier."
  }
}

variable "publisher" {
  description = "Whether the input `publisher` of the module source-account is set. Whoever deploys the source account then makes that function too."
  type        = bool
  default     = false
  nullable    = false
}

variable "role_path" {
  description = "Input `role_path` of the module image-copier."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/([!-~]+/)?$", var.role_path))
    error_message = "role_path: / alone, or a path that begins and ends with it, as of the copier."
  }
}

variable "topic_name" {
  description = "Input `name` of the module source-account: name of the topic for copy requests."
  type        = string
  default     = "image-copier"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,200}$", var.topic_name))
    error_message = "topic_name: 1 to 200 letters, digits, hyphens and underscores, as of the topic."
  }
}
