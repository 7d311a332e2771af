locals {
  function_zip = coalesce(var.function_zip, "${path.module}/../../../lambda/dist/image-copier.zip")
}

data "aws_iam_policy_document" "assume_function" {
  # No aws:SourceAccount: AWS documents no such key for execution roles, and only this account can pass the role to Lambda.
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "copy_image" {
  # DescribeImages takes no resource (Service Authorization Reference), and asks the source's Region too.
  statement {
    sid       = "ReadImages"
    actions   = ["ec2:DescribeImages"]
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

  statement {
    sid       = "TagCopies"
    actions   = ["ec2:CreateTags"]
    resources = ["arn:${local.partition}:ec2:${local.region}::image/*", "arn:${local.partition}:ec2:${local.region}::snapshot/*"]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["CopyImage"]
    }
  }

  # EBS User Guide, Requirements for EBS encryption; GenerateDataKey when the source is encrypted (Copy a snapshot).
  statement {
    sid       = "EncryptThroughEc2"
    resources = concat([aws_kms_key.image.arn], var.source_key_arns)

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
    resources = concat([aws_kms_key.image.arn], var.source_key_arns)

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

  statement {
    sid       = "TakeRequests"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = [local.queue_arns.requests]
  }

  statement {
    sid       = "RefuseRequests"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arns.dead_letters]
  }

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:/aws/lambda/${local.function_name}:*"]
  }
}

# Roles are global: the Region in the name lets copiers of several Regions live in one account.
resource "aws_iam_role" "copy_image" {
  name               = "${local.function_name}-${local.region}"
  description        = "Execution role of the Lambda function ${local.function_name} in ${local.region}"
  assume_role_policy = data.aws_iam_policy_document.assume_function.minified_json
}

resource "aws_iam_role_policy" "copy_image" {
  name   = "copy-image"
  role   = aws_iam_role.copy_image.id
  policy = data.aws_iam_policy_document.copy_image.minified_json
}

resource "aws_cloudwatch_log_group" "copy_image" {
  # checkov:skip=CKV_AWS_158:The log holds no secrets. CloudWatch Logs encrypts it at rest with a key of its own
  # checkov:skip=CKV_AWS_338:For debugging. What was copied, when and from what is in the tags of the copies, and CloudTrail keeps the calls. log_retention_days is an input

  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "copy_image" {
  # checkov:skip=CKV_AWS_50:Each outcome is a line of JSON with its request's ID and a metric. Tracing would cost time at each cold start
  # checkov:skip=CKV_AWS_115:The event source mapping limits what runs at once. Reserved concurrency would be taken from the account's pool
  # checkov:skip=CKV_AWS_116:It is for asynchronous invocations, and there are none: a queue invokes this function. Refused requests go to its dead-letter queue
  # checkov:skip=CKV_AWS_117:It calls public AWS APIs alone, and reaches nothing in a VPC
  # checkov:skip=CKV_AWS_173:The variables are names, ARNs and numbers. Lambda encrypts them at rest with a key of its own
  # checkov:skip=CKV_AWS_272:Who may update the function may also detach the signing configuration. The hash of the zip is in the plan

  function_name    = local.function_name
  description      = "Copies shared machine images into this account, encrypted"
  role             = aws_iam_role.copy_image.arn
  runtime          = "nodejs22.x"
  architectures    = [var.architecture]
  handler          = "copy-image.handler"
  filename         = local.function_zip
  source_code_hash = fileexists(local.function_zip) ? filebase64sha256(local.function_zip) : null
  memory_size      = var.memory_size
  timeout          = local.function_timeout_seconds

  environment {
    variables = {
      COPIER_NAME           = var.name
      DEAD_LETTER_QUEUE_URL = aws_sqs_queue.dead_letters.url
      KMS_KEY_ARN           = aws_kms_key.image.arn
      QUEUE_URL             = local.requests_queue_url
      RETRY_SECONDS         = local.retry_seconds
      TRUSTED_OWNERS        = join(",", coalesce(var.trusted_owner_ids, [local.topic_account_id]))
    }
  }

  # The function writes JSON itself.
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.copy_image.name
  }

  # Lambda checks these permissions when the mapping is made, and the first request may come right after.
  depends_on = [aws_iam_role_policy.copy_image]

  lifecycle {
    precondition {
      condition     = fileexists(local.function_zip)
      error_message = "function_zip: there is no file ${local.function_zip}. Run `make build`, or set function_zip to the zip of a release."
    }
  }
}

# Two batches at once are enough: EC2 lets an account start one copy a second (EC2 Developer Guide, Request throttling).
resource "aws_lambda_event_source_mapping" "requests" {
  event_source_arn        = aws_sqs_queue.requests.arn
  function_name           = aws_lambda_function.copy_image.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = 2
  }
}
