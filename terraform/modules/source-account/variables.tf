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

variable "code_signing_config_arn" {
  description = "ARN of the code signing configuration of the functions, where the organization asks for one. The zip must be signed as it says: `make build` signs nothing."
  type        = string
  default     = null

  # Lambda API Reference, CodeSigningConfig.
  validation {
    condition     = var.code_signing_config_arn == null || can(regex("^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:code-signing-config:csc-[a-z0-9]{17}$", var.code_signing_config_arn))
    error_message = "code_signing_config_arn: the ARN of a code signing configuration, for example arn:aws:lambda:eu-west-1:222222222222:code-signing-config:csc-0123456789abcdef0; or null."
  }
}

variable "existing_topics" {
  description = "Whether the topics for copy requests and for housekeeping are there already, made by another system such as AMIgo. They are used as they are: neither they nor their policies are managed, and `<name>-results` is made alone."
  type        = bool
  default     = false
  nullable    = false
}

variable "function_zip" {
  description = "Path of the zip with the functions. The default is the one that came with the modules of a release; in a checkout, what `make build` made: lambda/dist/image-copier.zip."
  type        = string
  default     = null
}

variable "housekeeping_topic_name" {
  description = "Name of the topic for retirement requests. The default is `<name>-housekeeping`; AMIgo's is amigo-PROD-housekeeping-notify."
  type        = string
  default     = null

  # Alarm names (255 characters) are the tightest limit: <housekeeping_topic_name>-failed-deliveries.
  validation {
    condition     = var.housekeeping_topic_name == null || can(regex("^[A-Za-z0-9_-]{1,237}$", var.housekeeping_topic_name))
    error_message = "housekeeping_topic_name: 1 to 237 letters, digits, hyphens and underscores."
  }

  validation {
    condition     = !contains([var.name, "${var.name}-results"], coalesce(var.housekeeping_topic_name, "${var.name}-housekeeping"))
    error_message = "housekeeping_topic_name: this is the name of the topic for copy requests or for results. Retirements need one of their own."
  }
}

variable "log_kms_key_arn" {
  description = "ARN of the KMS key that encrypts the logs of the functions, where the organization asks for one. Its policy must let CloudWatch Logs in this Region use it."
  type        = string
  default     = null

  # CloudWatch Logs User Guide, Encrypt log data: the ARN of a key, not of an alias.
  validation {
    condition     = var.log_kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.log_kms_key_arn))
    error_message = "log_kms_key_arn: the ARN of a key, not of an alias, for example arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab; or null."
  }
}

variable "log_retention_days" {
  description = "Days that the logs of the functions are kept."
  type        = number
  default     = 30
  nullable    = false

  # CloudWatch Logs API Reference, PutRetentionPolicy.
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days: one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "name" {
  description = "Name of the topic for copy requests. The others are named after it: `<name>-results` and, unless `housekeeping_topic_name` is given, `<name>-housekeeping`."
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

variable "overdue_hours" {
  description = "Hours after its request in which each listed account has to give its result. One that gave none raises an alarm."
  type        = number
  default     = 24
  nullable    = false

  # A request waits in a queue, which keeps messages for 14 days at most (SQS API Reference, CreateQueue).
  validation {
    condition     = var.overdue_hours >= 1 && var.overdue_hours <= 312 && floor(var.overdue_hours) == var.overdue_hours
    error_message = "overdue_hours: a whole number from 1 to 312."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds the permissions of the functions' roles, where the organization asks for one. It must allow what the roles are given."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[!-~]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn: the ARN of an IAM policy, for example arn:aws:iam::222222222222:policy/boundary; or null."
  }
}

variable "publisher" {
  description = "Publishes each image that carries the tag `ImageCopierTargets`: shares it with the accounts that the tag means, and asks for their copies. `unshare` takes the permissions from accounts that it does not mean, or no longer. `organization` adds accounts to `publisher_targets`: those of units of an organization and of all units below them, which the role may list, with their tags as labels; `regions` are those where they have copiers. `recipe_tag` is as in the module image-copier. The default is null: nothing is published by itself."
  type        = object({ organization = optional(object({ regions = list(string), role_arn = string, unit_ids = list(string) })), recipe_tag = optional(string, "Recipe"), unshare = optional(bool, false) })
  default     = null

  # EC2 API Reference, Tag.
  validation {
    condition     = var.publisher == null ? true : length(var.publisher.recipe_tag) >= 1 && length(var.publisher.recipe_tag) <= 127
    error_message = "publisher: recipe_tag has 1 to 127 characters."
  }

  validation {
    condition     = !can(var.publisher.organization.role_arn) || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]+$", var.publisher.organization.role_arn))
    error_message = "publisher: role_arn of organization is the ARN of a role, for example arn:aws:iam::999999999999:role/read-units."
  }

  # Organizations API Reference, ListAccountsForParent: ParentId. They stand in the function's environment, which has 4 KB.
  validation {
    condition     = try(length(var.publisher.organization.unit_ids) >= 1 && length(var.publisher.organization.unit_ids) <= 20 && alltrue([for id in var.publisher.organization.unit_ids : can(regex("^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$", id))]), true)
    error_message = "publisher: organization has 1 to 20 unit_ids, of units such as ou-ab12-1a2b3c4d, or of the root, r-ab12."
  }

  validation {
    condition     = try(length(var.publisher.organization.regions) >= 1 && length(var.publisher.organization.regions) <= 40 && alltrue([for region in var.publisher.organization.regions : can(regex("^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$", region))]), true)
    error_message = "publisher: organization has 1 to 40 regions, such as eu-west-1."
  }
}

variable "publisher_targets" {
  description = "The accounts that the publisher knows, with the Regions where they have copiers, and labels that the tag of an image can mean them by, such as wave=canary."
  type        = list(object({ id = string, labels = optional(map(string), {}), regions = list(string) }))
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for target in var.publisher_targets : can(regex("^[0-9]{12}$", target.id))]) && length(distinct(var.publisher_targets[*].id)) == length(var.publisher_targets)
    error_message = "publisher_targets: each account ID must be a string of 12 digits, and each account stands there once."
  }

  validation {
    condition     = alltrue([for target in var.publisher_targets : length(target.regions) > 0 && alltrue([for region in target.regions : can(regex("^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$", region))])])
    error_message = "publisher_targets: each account has at least one Region, for example eu-west-1."
  }

  # In a tag, entries are separated by commas or blanks, and a label from its value by an equals sign.
  validation {
    condition     = alltrue(flatten([for target in var.publisher_targets : [for label, value in target.labels : can(regex("^[A-Za-z][\\w.-]{0,62}$", label)) && can(regex("^[\\w./:-]{1,63}$", value))]]))
    error_message = "publisher_targets: labels are up to 63 letters, digits, dots, hyphens and underscores, the first a letter; their values 1 to 63 letters, digits and . / : _ -"
  }
}

variable "role_path" {
  description = "Path of the functions' roles, where the organization's policies go by it. To change it later replaces the roles."
  type        = string
  default     = "/"
  nullable    = false

  # IAM API Reference, CreateRole.
  validation {
    condition     = can(regex("^/([!-~]+/)?$", var.role_path)) && length(var.role_path) <= 512
    error_message = "role_path: / alone, or a path that begins and ends with it, for example /organization/; at most 512 characters, none of them a space."
  }
}

variable "runtime" {
  description = "Lambda runtime of the functions: nodejs22.x, which AWS deprecates on 2027-04-30, or nodejs24.x. AWS provider 5.100 refuses nodejs24.x: it takes 6.20 or newer."
  type        = string
  default     = "nodejs22.x"
  nullable    = false

  # Lambda Developer Guide, Building Lambda functions with Node.js. On others the functions were not run.
  validation {
    condition     = contains(["nodejs22.x", "nodejs24.x"], var.runtime)
    error_message = "runtime: nodejs22.x or nodejs24.x."
  }
}

variable "tags" {
  description = "Tags of everything in this module that can have tags, beside the provider's default_tags."
  type        = map(string)
  default     = {}
  nullable    = false

  # SNS API Reference, Tag; the characters as for the module image-copier.
  validation {
    condition     = length(var.tags) <= 50 && alltrue([for key, value in var.tags : can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]+$", key)) && can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]*$", value)) && length(key) <= 128 && length(value) <= 256 && !startswith(lower(key), "aws:")])
    error_message = "tags: at most 50, of letters, digits, spaces and _ . : / = + - @, keys of 1 to 128 and values of up to 256 characters; no key begins with aws:."
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

variable "vpc" {
  description = "Subnets and security groups that the functions run in, where the organization asks for it. From there they must reach CloudWatch Logs, SNS and SQS, and with `publisher` EC2 and SSM, with its `organization` STS and Organizations, by endpoints or a NAT gateway."
  type        = object({ security_group_ids = list(string), subnet_ids = list(string) })
  default     = null

  # Lambda API Reference, VpcConfig.
  validation {
    condition     = var.vpc == null ? true : length(var.vpc.security_group_ids) >= 1 && length(var.vpc.security_group_ids) <= 5 && alltrue([for id in var.vpc.security_group_ids : can(regex("^sg-[0-9a-zA-Z]+$", id))])
    error_message = "vpc: 1 to 5 security_group_ids such as sg-0123456789abcdef0."
  }

  validation {
    condition     = var.vpc == null ? true : length(var.vpc.subnet_ids) >= 1 && length(var.vpc.subnet_ids) <= 16 && alltrue([for id in var.vpc.subnet_ids : can(regex("^subnet-[0-9a-z]+$", id))])
    error_message = "vpc: 1 to 16 subnet_ids such as subnet-0123456789abcdef0."
  }
}
