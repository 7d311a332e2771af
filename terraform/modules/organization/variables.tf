variable "call_as" {
  description = "SELF from the management account, DELEGATED_ADMIN from an account that is a delegated administrator of CloudFormation."
  type        = string
  default     = "DELEGATED_ADMIN"
  nullable    = false

  validation {
    condition     = contains(["DELEGATED_ADMIN", "SELF"], var.call_as)
    error_message = "call_as: DELEGATED_ADMIN or SELF."
  }
}

variable "failure_tolerance_percentage" {
  description = "Percentage of accounts in a Region that may fail before an operation stops. With 100, no account holds up another."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.failure_tolerance_percentage >= 0 && var.failure_tolerance_percentage <= 100 && floor(var.failure_tolerance_percentage) == var.failure_tolerance_percentage
    error_message = "failure_tolerance_percentage: a whole number from 0 to 100."
  }
}

variable "function_bucket_prefix" {
  description = "Start of the names of the buckets with the zip of the functions (input prefix of the module artifact-bucket). There is one in each Region."
  type        = string
  nullable    = false
}

variable "function_key" {
  description = "Key of the zip in these buckets (output function_key of the module artifact-bucket). A new zip has a new key, and so updates all stacks."
  type        = string
  nullable    = false
}

variable "housekeeping_topic_arn" {
  description = "ARN of the topic for retirement requests and revocations (output housekeeping_topic_arn of the module source-account) in any Region. Each stack subscribes to the topic of this name in its own Region. With null neither reaches the accounts."
  type        = string
  default     = null

  validation {
    condition     = var.housekeeping_topic_arn == null || can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$", var.housekeeping_topic_arn))
    error_message = "housekeeping_topic_arn: the ARN of an SNS topic, for example arn:aws:sns:eu-west-1:111111111111:amigo-PROD-housekeeping-notify; or null."
  }
}

variable "key_policy_statements" {
  description = "Statements that the policies of the keys have beside their own, as in the module image-copier. {account} and {region} in principals and conditions are those of the stack."
  type        = list(object({ sid = string, actions = list(string), principals = map(list(string)), effect = optional(string, "Allow"), conditions = optional(map(map(list(string))), {}) }))
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for statement in var.key_policy_statements : contains(["Allow", "Deny"], statement.effect) && length(statement.actions) > 0 && length(statement.principals) > 0 && alltrue([for kind in keys(statement.principals) : contains(["AWS", "Federated", "Service"], kind)])])
    error_message = "key_policy_statements: each needs at least one action and one principal; the effect is Allow or Deny, a kind of principals is AWS, Federated or Service."
  }
}

variable "max_concurrent_percentage" {
  description = "Percentage of accounts in a Region that are worked on at the same time; at least one."
  type        = number
  default     = 25
  nullable    = false

  validation {
    condition     = var.max_concurrent_percentage >= 1 && var.max_concurrent_percentage <= 100 && floor(var.max_concurrent_percentage) == var.max_concurrent_percentage
    error_message = "max_concurrent_percentage: a whole number from 1 to 100."
  }
}

variable "name" {
  description = "Name of the stack set."
  type        = string
  default     = "image-copier"
  nullable    = false

  # CreateStackSet, StackSetName (CloudFormation API Reference).
  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,127}$", var.name))
    error_message = "name: a letter, then at most 127 letters, digits and hyphens."
  }
}

variable "organizational_unit_ids" {
  description = "IDs of the organizational units, or of the root, whose accounts get a copier. Units below them count too."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.organizational_unit_ids) > 0 && alltrue([for id in var.organizational_unit_ids : can(regex("^(ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32})$", id))])
    error_message = "organizational_unit_ids: at least one ID such as ou-ab12-cd34ef56, or the root's, such as r-ab12."
  }
}

variable "parameters" {
  description = "Other parameters of the template, by their names there: the inputs of the module image-copier, such as RetryHours for retry_hours. All are text; a list has commas."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "regions" {
  description = "Regions in which each account gets a copier. Each needs the topics of the source account, and a bucket with the zip."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.regions) > 0
    error_message = "regions: at least one Region."
  }
}

variable "request_topic_arn" {
  description = "ARN of the topic for copy requests (output request_topic_arn of the module source-account) in any Region. Each stack subscribes to the topic of this name in its own Region."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$", var.request_topic_arn))
    error_message = "request_topic_arn: the ARN of an SNS topic, for example arn:aws:sns:eu-west-1:111111111111:amigo-PROD-notify."
  }
}

variable "results_topic_arn" {
  description = "ARN of the topic that results are published to, in any Region. The default is `<request_topic_arn>-results`."
  type        = string
  default     = null
}

variable "retain_stacks" {
  description = "Whether stacks stay in their accounts when their unit or Region leaves the list, or all of this is destroyed."
  type        = bool
  default     = true
  nullable    = false
}

variable "retire_tagged" {
  description = "Tags that an image which this copier did not make must have, all of them, so that it may be retired: for example those of AMIgo's copies, or of the source account's own images. With none, only this copier's copies may."
  type        = map(string)
  default     = {}
  nullable    = false

  # The role's policy asks for them. EC2 takes more characters in a tag, some of which mean something else in a policy.
  validation {
    condition     = length(var.retire_tagged) <= 10 && alltrue([for key, value in var.retire_tagged : can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]+$", key)) && can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]*$", value)) && length(key) <= 127 && length(value) <= 256 && !startswith(lower(key), "aws:") && !contains(["imagecopier", "imagecopierend"], lower(key))])
    error_message = "retire_tagged: at most 10, of letters, digits, spaces and _ . : / = + - @, keys of 1 to 127 and values of up to 256 characters; no key begins with aws: or is ImageCopier or ImageCopierEnd."
  }
}

variable "tags" {
  description = "Tags of the stack set, of its stacks, and of everything in them that can have tags."
  type        = map(string)
  default     = {}
  nullable    = false

  # CloudFormation API Reference, Tag; the characters as for the module image-copier.
  validation {
    condition     = length(var.tags) <= 50 && alltrue([for key, value in var.tags : can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]+$", key)) && can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]*$", value)) && length(key) <= 128 && length(value) <= 256 && !startswith(lower(key), "aws:")])
    error_message = "tags: at most 50, of letters, digits, spaces and _ . : / = + - @, keys of 1 to 128 and values of up to 256 characters; no key begins with aws:."
  }
}

variable "template_file" {
  description = "Path of the CloudFormation template. The default is the one that came with the modules of a release; in a checkout, what `make build` made in terraform/template/dist."
  type        = string
  default     = null
}
