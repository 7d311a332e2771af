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

variable "approval" {
  description = "What a source image needs before the parameter of its recipe points to a copy of it: watermark, the name of a watermark that its owner attached to it, or shared_tag, <key> or <key>=<value> of a tag ec2:SharedTag/<key> on it, without a value any but false. Copies are made and announced all the same. With null every verified copy is pointed to."
  type        = object({ shared_tag = optional(string), watermark = optional(string) })
  default     = null

  validation {
    condition     = var.approval == null || (try(var.approval.shared_tag, null) == null) != (try(var.approval.watermark, null) == null)
    error_message = "approval: give either shared_tag or watermark, not both; or null to point to every verified copy."
  }

  # EC2 API Reference, AttachImageWatermark.
  validation {
    condition     = try(var.approval.watermark, null) == null || can(regex("^[A-Za-z0-9()\\[\\] ./'@_-]{3,128}$", var.approval.watermark))
    error_message = "approval: watermark is the name alone, without the account: 3 to 128 letters, digits, spaces and ( ) [ ] . / - ' @ _."
  }

  # EC2 API Reference, Tag: with ec2:SharedTag/ a key has at most 127 characters. What is baked for ImageCopier is not approved by that.
  validation {
    condition     = try(var.approval.shared_tag, null) == null || can(regex("(?s)^[^=]{1,113}(=.{0,256})?$", var.approval.shared_tag)) && !can(regex("(?i)^(imagecopier(=|$)|ec2:SharedTag/)", var.approval.shared_tag))
    error_message = "approval: shared_tag is <key> or <key>=<value>, a key of 1 to 113 and a value of up to 256 characters, without ec2:SharedTag/ and not ImageCopier."
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

variable "copy_deprecation" {
  description = "Whether a copy is deprecated when its source image is, as far as EC2 shows that time to the account when the copy is announced."
  type        = bool
  default     = true
  nullable    = false
}

variable "copy_tags" {
  description = "Tags that every copy and its snapshots get, for example those that tag policies ask for. They win over tags of the same name in a request."
  type        = map(string)
  default     = {}
  nullable    = false

  # EC2 API Reference, Tag. Encrypted, CopiedFromAMI and ImageCopier are the copier's own: 47 are left.
  validation {
    condition     = length(var.copy_tags) <= 47 && alltrue([for key, value in var.copy_tags : length(key) >= 1 && length(key) <= 127 && length(value) <= 256 && !startswith(lower(key), "aws:") && !contains(["encrypted", "copiedfromami", "imagecopier"], lower(key))])
    error_message = "copy_tags: at most 47, keys of 1 to 127 and values of up to 256 characters; no key begins with aws: or is Encrypted, CopiedFromAMI or ImageCopier."
  }
}

variable "copy_within_minutes" {
  description = "Minutes within which EC2 is asked to copy each image whose request names no time itself. EC2 charges for it by the GiB, and copies at its own pace where its throughput is used up. 0 leaves the pace to EC2."
  type        = number
  default     = 0
  nullable    = false

  # EC2 takes each step of 15 minutes up to 48 hours (EBS User Guide, Time-based copies).
  validation {
    condition     = contains([0, 15, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 960, 1440, 2880], var.copy_within_minutes)
    error_message = "copy_within_minutes: 0, 15, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 960, 1440 or 2880."
  }
}

variable "dashboard" {
  description = "Whether the account has a dashboard of its own. CloudWatch charges for each; the module source-account makes one of all accounts."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the policies of the key and of the queues refuse their deletion. To destroy them on purpose, set it to false, apply, and destroy."
  type        = bool
  default     = true
  nullable    = false
}

variable "environment_variables" {
  description = "Environment variables of the functions beside their own, for example { AWS_USE_FIPS_ENDPOINT = \"true\" }."
  type        = map(string)
  default     = {}
  nullable    = false

  # Lambda API Reference, Environment.
  validation {
    condition     = alltrue([for name in keys(var.environment_variables) : can(regex("^[A-Za-z][A-Za-z0-9_]+$", name)) && !contains(local.own_variables, name)])
    error_message = "environment_variables: names of two letters, digits and underscores or more, the first a letter; none of the functions' own (own_variables in main.tf)."
  }
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
  description = "Path of the zip with the functions. The default is the one that came with the modules of a release; in a checkout, what `make build` made: lambda/dist/image-copier.zip."
  type        = string
  default     = null
}

variable "housekeeping_topic_arn" {
  description = "ARN of the topic for retirement requests and revocations, in the Region of this copier (output housekeeping_topic_arn of the module source-account). With null neither reaches this account. It must be known before anything is applied."
  type        = string
  default     = null

  validation {
    condition     = var.housekeeping_topic_arn == null || can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$", var.housekeeping_topic_arn))
    error_message = "housekeeping_topic_arn: the ARN of a standard SNS topic, for example arn:aws:sns:eu-west-1:111111111111:image-copier-housekeeping; or null."
  }
}

variable "keep_own_key" {
  description = "Whether the module's own key stays beside kms_key_arn, for the copies that were made under it."
  type        = bool
  default     = false
  nullable    = false
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

variable "key_policy_statements" {
  description = "Statements that the policy of the module's own key has beside its own, for example for a backup account. Kinds of principals are AWS, Service and Federated; conditions are { test = { key = values } }."
  type        = list(object({ sid = string, actions = list(string), principals = map(list(string)), effect = optional(string, "Allow"), conditions = optional(map(map(list(string))), {}) }))
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for statement in var.key_policy_statements : contains(["Allow", "Deny"], statement.effect) && length(statement.actions) > 0 && length(statement.principals) > 0 && alltrue([for kind in keys(statement.principals) : contains(["AWS", "Federated", "Service"], kind)])])
    error_message = "key_policy_statements: each needs at least one action and one principal; the effect is Allow or Deny, a kind of principals is AWS, Federated or Service."
  }

  # IAM JSON policy elements: Sid.
  validation {
    condition     = length(distinct(concat(var.key_policy_statements[*].sid, local.key_policy_sids))) == length(var.key_policy_statements) + length(local.key_policy_sids) && alltrue([for statement in var.key_policy_statements : can(regex("^[A-Za-z0-9]+$", statement.sid))])
    error_message = "key_policy_statements: each sid is of letters and digits, and no other statement has it, nor one of the module: ${join(", ", local.key_policy_sids)}."
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

variable "kms_key_arn" {
  description = "ARN of a key of this account and Region that copies are encrypted with, where the organization makes the keys. The module then makes none. Copies made before stay valid under their own keys: set keep_own_key too if the module made one."
  type        = string
  default     = null

  # Snapshots show the ARN of their key, never an alias (EC2 API Reference, Snapshot).
  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn: the ARN of a key, not of an alias, for example arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab; or null."
  }
}

variable "log_kms_key_arn" {
  description = "ARN of the KMS key that encrypts the functions' logs, where the organization asks for one. Its policy must let CloudWatch Logs in this Region use it."
  type        = string
  default     = null

  # CloudWatch Logs User Guide, Encrypt log data: the ARN of a key, not of an alias.
  validation {
    condition     = var.log_kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.log_kms_key_arn))
    error_message = "log_kms_key_arn: the ARN of a key, not of an alias, for example arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab; or null."
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

  # A role name has at most 64 characters (IAM User Guide, Quotas): <name>-retire-image-<Region of up to 14 characters>.
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,36}$", var.name))
    error_message = "name: 1 to 36 letters, digits, hyphens and underscores."
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

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds the permissions of the functions' roles, where the organization asks for one. It must allow what the roles are given."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[!-~]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn: the ARN of an IAM policy, for example arn:aws:iam::222222222222:policy/boundary; or null."
  }
}

variable "recipe_tag" {
  description = "Name of the tag whose value says which images are versions of the same one."
  type        = string
  default     = "Recipe"
  nullable    = false

  # EC2 API Reference, Tag.
  validation {
    condition     = length(var.recipe_tag) >= 1 && length(var.recipe_tag) <= 127 && !startswith(lower(var.recipe_tag), "aws:")
    error_message = "recipe_tag: 1 to 127 characters, not beginning with aws:."
  }
}

variable "reconcile_newest" {
  description = "How many images of each recipe, the newest ones, each sweep asks for by itself if their owner is trusted, shares them with this account and has tagged them as wanted here (`ec2:SharedTag/ImageCopier`). 0 leaves it to copy requests."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.reconcile_newest >= 0 && var.reconcile_newest <= 10 && floor(var.reconcile_newest) == var.reconcile_newest
    error_message = "reconcile_newest: a whole number from 0 to 10."
  }
}

variable "reconcile_regions" {
  description = "Regions in which each sweep looks for shared images, beside the copier's own. Each takes a call more."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for region in var.reconcile_regions : can(regex("^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$", region))])
    error_message = "reconcile_regions: each must be the name of a Region, for example eu-west-1."
  }
}

variable "request_delay_seconds" {
  description = "Seconds that a request waits before its first delivery. Beside a copier that does not look for copies, such as AMIgo's, 120 let that go first: its copy is found, and no second one is made."
  type        = number
  default     = 0
  nullable    = false

  # SQS API Reference, CreateQueue, DelaySeconds.
  validation {
    condition     = var.request_delay_seconds >= 0 && var.request_delay_seconds <= 900 && floor(var.request_delay_seconds) == var.request_delay_seconds
    error_message = "request_delay_seconds: a whole number from 0 to 900."
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

variable "retention" {
  description = "Which copies go by themselves, looked at once a day: of each recipe all but the newest keep_newest, once they are min_age_days old, and nothing uses them. Each is disabled for quarantine_days first. A recipe, a value of the recipe tag, may have numbers of its own. With null none goes."
  type        = object({ keep_newest = number, min_age_days = number, quarantine_days = number, recipes = optional(map(object({ keep_newest = optional(number), min_age_days = optional(number), quarantine_days = optional(number) })), {}) })
  default     = null

  validation {
    condition     = var.retention == null ? true : alltrue([for count in concat([var.retention.keep_newest], [for recipe in values(var.retention.recipes) : coalesce(recipe.keep_newest, 1)]) : count >= 1 && floor(count) == count])
    error_message = "retention: keep_newest is a whole number at least 1."
  }

  validation {
    condition     = var.retention == null ? true : alltrue([for days in concat([var.retention.min_age_days], [for recipe in values(var.retention.recipes) : coalesce(recipe.min_age_days, 0)]) : days >= 0 && floor(days) == days])
    error_message = "retention: min_age_days is a whole number at least 0."
  }

  validation {
    condition     = var.retention == null ? true : alltrue([for days in concat([var.retention.quarantine_days], [for recipe in values(var.retention.recipes) : coalesce(recipe.quarantine_days, 0)]) : days >= 0 && days <= 365 && floor(days) == days])
    error_message = "retention: quarantine_days is a whole number from 0 to 365."
  }
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

variable "role_path" {
  description = "Path of the functions' roles, where the organization's policies go by it. To change it later replaces the roles, and their ARNs in the key policies of encrypted sources."
  type        = string
  default     = "/"
  nullable    = false

  # IAM API Reference, CreateRole.
  validation {
    condition     = can(regex("^/([!-~]+/)?$", var.role_path)) && length(var.role_path) <= 512
    error_message = "role_path: / alone, or a path that begins and ends with it, for example /organization/; at most 512 characters, none of them a space."
  }
}

variable "rollback_depth" {
  description = "How many copies before the one that the recipe's parameter points to, and before each that a channel of the recipe points to, are never retired, so that these can go back to them."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.rollback_depth >= 0 && var.rollback_depth <= 100 && floor(var.rollback_depth) == var.rollback_depth
    error_message = "rollback_depth: a whole number from 0 to 100."
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

variable "tags" {
  description = "Tags of everything in this module that can have tags, beside the provider's default_tags. The copies have the tags of their requests."
  type        = map(string)
  default     = {}
  nullable    = false

  # IAM API Reference, Tag: the narrowest characters of the services here.
  validation {
    condition     = length(var.tags) <= 50 && alltrue([for key, value in var.tags : can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]+$", key)) && can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]*$", value)) && length(key) <= 128 && length(value) <= 256 && !startswith(lower(key), "aws:")])
    error_message = "tags: at most 50, of letters, digits, spaces and _ . : / = + - @, keys of 1 to 128 and values of up to 256 characters; no key begins with aws:."
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

variable "vpc" {
  description = "Subnets and security groups that the functions run in, where the organization asks for it. From there they must reach Auto Scaling, CloudWatch Logs, EC2, EventBridge, SNS, SQS and SSM, by endpoints or a NAT gateway; and EC2 in the Regions of the sources."
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
