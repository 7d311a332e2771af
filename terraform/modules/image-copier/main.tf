data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

# Its Region is the provider's. aws_region says the same only by attributes that 5.100 lacks or 6.47 deprecates.
data "aws_service" "sqs" {
  service_id = "sqs"
}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_service.sqs.region

  # arn:<partition>:sns:<region>:<account>:<name>
  topic_region     = split(":", var.request_topic_arn)[3]
  topic_account_id = split(":", var.request_topic_arn)[4]

  # What the functions read of their environment. Nobody sets these beside the module.
  own_variables = [
    "APPROVAL",
    "COPIER_NAME",
    "COPY_DEPRECATION",
    "COPY_TAGS",
    "COPY_WITHIN_MINUTES",
    "DEAD_LETTER_QUEUE_URL",
    "FAILED_COPY_DELAY_SECONDS",
    "KMS_KEY_ARN",
    "OVERDUE_SECONDS",
    "PARAMETER_PATH",
    "QUEUE_URL",
    "RECIPE_TAG",
    "RECONCILE_NEWEST",
    "RECONCILE_REGIONS",
    "RESULTS_TOPIC_ARN",
    "RETENTION",
    "RETIRE_TAGGED",
    "RETRY_SECONDS",
    "ROLLBACK_DEPTH",
    "TRUSTED_OWNERS",
  ]

  function_name        = "${var.name}-copy-image"
  retire_function_name = "${var.name}-retire-image"
  settle_function_name = "${var.name}-settle-copy"

  # ARNs of images and snapshots hold no account.
  images_arn    = "arn:${local.partition}:ec2:${local.region}::image/*"
  snapshots_arn = "arn:${local.partition}:ec2:${local.region}::snapshot/*"

  # The value of the tag ImageCopier on everything that this copier made begins so; see lambda/src/core/copy-marker.ts.
  own_marker = "${var.name} *"
}
