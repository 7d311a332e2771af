data "aws_partition" "current" {}

locals {
  # Of any account and Region: the documents are the same in all of them, and a policy gives nothing in an account of others.
  arns = {
    alarms             = "arn:${local.partition}:cloudwatch:*:*:alarm"
    copiers_alarms     = "arn:${local.partition}:cloudwatch:*:*:alarm:${var.name}-*"
    accounts_dashboard = "arn:${local.partition}:cloudwatch::*:dashboard/${var.topic_name}-accounts-*"
    dashboards         = "arn:${local.partition}:cloudwatch::*:dashboard/${var.name}-*"
    dead_letters       = "arn:${local.partition}:sqs:*:*:${var.name}-dead-letters"
    ended_sources      = "arn:${local.partition}:ssm:*:*:parameter/image-copier-ended/${var.name}/*" # lambda/src/adapters/ssm-ended-sources.ts
    functions          = "arn:${local.partition}:lambda:*:*:function:${var.name}-*"
    housekeeping_alarm = "arn:${local.partition}:cloudwatch:*:*:alarm:${local.housekeeping_topic_name}-failed-deliveries"
    housekeeping_topic = "arn:${local.partition}:sns:*:*:${local.housekeeping_topic_name}"
    images             = "arn:${local.partition}:ec2:*::image/*"
    key_alias          = "arn:${local.partition}:kms:*:*:alias/${var.name}"
    keys               = "arn:${local.partition}:kms:*:*:key/*"
    log_groups         = "arn:${local.partition}:logs:*:*:log-group:/aws/lambda/${var.name}-*"
    mappings           = "arn:${local.partition}:lambda:*:*:event-source-mapping:*"
    parameter_path     = "arn:${local.partition}:ssm:*:*:parameter${var.parameter_path}"
    parameters         = "arn:${local.partition}:ssm:*:*:parameter${var.parameter_path}/*"
    queues             = "arn:${local.partition}:sqs:*:*:${var.name}-*"
    requests           = "arn:${local.partition}:sqs:*:*:${var.name}-requests"
    results_inboxes    = "arn:${local.partition}:sqs:*:*:image-copier-request-*" # scripts/tool/common/results-inbox.ts
    results_topic      = "arn:${local.partition}:sns:*:*:${var.topic_name}-results"
    retirements        = "arn:${local.partition}:sqs:*:*:${var.name}-retirements"
    revoked_images     = "arn:${local.partition}:ssm:*:*:parameter/image-copier-revoked/*" # scripts/tool/revoke/sharing-notes.ts
    roles              = "arn:${local.partition}:iam::*:role${var.role_path}${var.name}-*"
    rules              = "arn:${local.partition}:events:*:*:rule/${var.name}-*"
    snapshots          = "arn:${local.partition}:ec2:*::snapshot/*"
    targets            = "arn:${local.partition}:ssm:*:*:parameter/image-copier-targets/${var.topic_name}/*"
    topic              = "arn:${local.partition}:sns:*:*:${var.topic_name}"
    topics             = "arn:${local.partition}:sns:*:*:*"
    topics_alarms      = distinct([for name in [var.topic_name, local.topic_prefix] : "arn:${local.partition}:cloudwatch:*:*:alarm:${name}-*"])
  }

  # The functions of the module source-account.
  source_functions = var.publisher ? ["watch", "publish"] : ["watch"]

  # What the module source-account makes beside its topics and alarms.
  source_arns = {
    functions   = [for name in local.source_functions : "arn:${local.partition}:lambda:*:*:function:${local.topic_prefix}-${name}"]
    log_groups  = concat([for name in local.source_functions : "${local.log_groups}/aws/lambda/${local.topic_prefix}-${name}"], ["${local.log_groups}/image-copier/${var.topic_name}/results"])
    queues      = concat(["arn:${local.partition}:sqs:*:*:${local.topic_prefix}-watch-*", "arn:${local.partition}:sqs:*:*:${local.topic_prefix}-unheard"], var.publisher ? ["arn:${local.partition}:sqs:*:*:${local.topic_prefix}-publish.fifo"] : [])
    roles       = [for name in local.source_functions : "arn:${local.partition}:iam::*:role${var.role_path}${local.topic_prefix}-${name}-*"]
    rules       = "arn:${local.partition}:events:*:*:rule/${local.topic_prefix}-publish-*"
    subscribers = ["arn:${local.partition}:sqs:*:*:${local.topic_prefix}-watch-requests", "arn:${local.partition}:sqs:*:*:${local.topic_prefix}-watch-results"]
  }

  log_groups = "arn:${local.partition}:logs:*:*:log-group:"
  partition  = data.aws_partition.current.partition

  # As the module source-account makes it, for names that have no room for the topic's.
  topic_prefix = length(var.topic_name) <= 43 ? var.topic_name : "${substr(var.topic_name, 0, 32)}-${substr(sha256(var.topic_name), 0, 8)}"

  housekeeping_topic_name = coalesce(var.housekeeping_topic_name, "${var.topic_name}-housekeeping")
}
