data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.id

  # arn:<partition>:sns:<region>:<account>:<name>
  topic_region     = split(":", var.request_topic_arn)[3]
  topic_account_id = split(":", var.request_topic_arn)[4]

  function_name        = "${var.name}-copy-image"
  settle_function_name = "${var.name}-settle-copy"

  # The value of the tag ImageCopier on everything that this copier made begins so; see lambda/src/core/copy-marker.ts.
  own_marker = "${var.name} *"
}
