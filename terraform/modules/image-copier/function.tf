locals {
  # Beside the modules in the zip of a release; in a checkout, where `make build` puts it.
  released_zip = "${path.module}/../../image-copier.zip"
  function_zip = coalesce(var.function_zip, fileexists(local.released_zip) ? local.released_zip : "${path.module}/../../../lambda/dist/image-copier.zip")

  # Terraform copies a module that is in none of the configuration's own folders, for example by an absolute path or from Git.
  is_copy    = strcontains(path.module, ".terraform/modules/")
  zip_remedy = var.function_zip == null && local.is_copy ? "Terraform copied this module to ${path.module}, without what `make build` makes: take the module from the file image-copier-modules-<version>.zip of a release, or set function_zip to the path of the functions' zip, of a release or of `make build`." : "Run `make build`, or set function_zip to the file image-copier-functions-<version>.zip of a release."

  trusted_owner_ids = coalesce(var.trusted_owner_ids, [local.topic_account_id])
}

data "aws_iam_policy_document" "copy_image" {
  # These take no resource (Service Authorization Reference). DescribeImages asks the source's Region too.
  statement {
    sid       = "ReadImages"
    actions   = ["ec2:DescribeImages", "ec2:DescribeSnapshots"]
    resources = ["*"]
  }

  # The source image may be in any Region, the copy is made in this one. ARNs of images hold no account.
  statement {
    sid       = "CopyImages"
    actions   = ["ec2:CopyImage"]
    resources = ["arn:${local.partition}:ec2:*::image/*", "arn:${local.partition}:ec2:*::snapshot/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [local.region]
    }
  }

  # The code asks EC2 for the owner too. The new image and its snapshots may come without one: hence Null, not IfExists, which would
  # deny every copy then.
  statement {
    sid       = "CopyNoStrangersImages"
    effect    = "Deny"
    actions   = ["ec2:CopyImage"]
    resources = ["arn:${local.partition}:ec2:*::image/*"]

    condition {
      test     = "StringNotEquals"
      variable = "ec2:Owner"
      values   = distinct(concat(local.trusted_owner_ids, [local.account_id]))
    }

    condition {
      test     = "Null"
      variable = "ec2:Owner"
      values   = ["false"]
    }
  }

  statement {
    sid       = "TagCopies"
    actions   = ["ec2:CreateTags"]
    resources = [local.images_arn, local.snapshots_arn]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["CopyImage"]
    }
  }

  # EBS User Guide, Requirements for EBS encryption; GenerateDataKey when the source is encrypted (Copy a snapshot).
  statement {
    sid       = "EncryptThroughEc2"
    resources = concat([local.key_arn], var.source_key_arns)

    actions = [
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:GenerateDataKey",
      "kms:GenerateDataKeyWithoutPlaintext",
      "kms:ReEncryptFrom",
      "kms:ReEncryptTo",
    ]

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["ec2.*.amazonaws.com"]
    }
  }

  statement {
    sid       = "GrantKeysToAwsThroughEc2"
    actions   = ["kms:CreateGrant"]
    resources = concat([local.key_arn], var.source_key_arns)

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["ec2.*.amazonaws.com"]
    }
  }

  # Which images are never copied again.
  statement {
    sid       = "ReadEndedSources"
    actions   = ["ssm:GetParameter"]
    resources = ["${local.ended_sources_arn}/*"]
  }

  # So that no sweep asks for it again. These notes alone: it shall not be able to undo the end of an image.
  statement {
    sid       = "RememberRefusedRequests"
    actions   = ["ssm:PutParameter"]
    resources = ["${local.refused_requests_arn}/*"]
  }

  statement {
    sid       = "TakeRequests"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = [local.queue_arns.requests]
  }

  statement {
    sid       = "DeadLetterRequests"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arns.dead_letters]
  }
}

module "copy_image" {
  source = "./modules/function"

  name               = local.function_name
  account_id         = local.account_id
  description        = "Copies shared machine images into this account, encrypted"
  handler            = "copy-image.handler"
  zip                = local.function_zip
  architecture       = var.architecture
  memory_size        = var.memory_size
  timeout_seconds    = local.function_timeout_seconds
  log_retention_days = var.log_retention_days
  policy             = data.aws_iam_policy_document.copy_image.minified_json

  code_signing_config_arn  = var.code_signing_config_arn
  log_kms_key_arn          = var.log_kms_key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  role_path                = var.role_path
  runtime                  = var.runtime
  tags                     = var.tags
  vpc                      = var.vpc

  environment = merge(var.environment_variables, {
    COPIER_NAME           = var.name
    COPY_TAGS             = jsonencode(var.copy_tags)
    COPY_WITHIN_MINUTES   = var.copy_within_minutes
    DEAD_LETTER_QUEUE_URL = aws_sqs_queue.dead_letters.url
    KMS_KEY_ARN           = local.key_arn
    QUEUE_URL             = local.requests_queue_url
    RETRY_SECONDS         = local.retry_seconds
    TRUSTED_OWNERS        = join(",", local.trusted_owner_ids)
  })
}

# Two batches at once are enough: EC2 lets an account start one copy a second (EC2 Developer Guide, Request throttling).
resource "aws_lambda_event_source_mapping" "requests" {
  event_source_arn        = aws_sqs_queue.requests.arn
  function_name           = module.copy_image.function.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = 2
  }
}
