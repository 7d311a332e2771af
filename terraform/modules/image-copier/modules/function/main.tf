# What each function of the copier has. Only the module image-copier calls it: without a README it is private by convention
# (Terraform, Standard module structure).

data "aws_partition" "current" {}

# Its Region is the provider's. aws_region says the same only by attributes that 5.100 lacks or 6.47 deprecates.
data "aws_service" "sqs" {
  service_id = "sqs"
}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_service.sqs.region

  log_group = "/aws/lambda/${var.name}"

  # As the managed policy AWSLambdaVPCAccessExecutionRole.
  network_interface_actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ]
}

data "aws_iam_policy_document" "assume" {
  # No aws:SourceAccount: AWS documents no such key for execution roles, and only this account can pass the role to Lambda.
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "calls" {
  source_policy_documents = [var.policy]

  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${var.account_id}:log-group:${local.log_group}:*"]
  }

  # Lambda makes the network interfaces with this role, for the VPC's functions to share. The code may not use the permissions (Lambda
  # Developer Guide, Giving Lambda functions access to resources in an Amazon VPC).
  dynamic "statement" {
    for_each = var.vpc == null ? [] : [var.vpc]

    content {
      sid       = "LambdaAttachesToVpc"
      actions   = local.network_interface_actions
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.vpc == null ? [] : [var.vpc]

    content {
      sid       = "CodeAttachesNothing"
      effect    = "Deny"
      actions   = local.network_interface_actions
      resources = ["*"]

      condition {
        test     = "ArnEquals"
        variable = "lambda:SourceFunctionArn"
        values   = ["arn:${local.partition}:lambda:${local.region}:${var.account_id}:function:${var.name}"]
      }
    }
  }
}

# Roles are global: the Region in the name lets copiers of several Regions live in one account.
resource "aws_iam_role" "function" {
  name                 = "${var.name}-${local.region}"
  path                 = var.role_path
  description          = "Execution role of the Lambda function ${var.name} in ${local.region}"
  assume_role_policy   = data.aws_iam_policy_document.assume.minified_json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "function" {
  name   = split(".", var.handler)[0]
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.calls.minified_json
}

resource "aws_cloudwatch_log_group" "function" {
  # checkov:skip=CKV_AWS_158:log_kms_key_arn is an input. The log holds no secrets, and CloudWatch Logs encrypts it at rest with a key of its own
  # checkov:skip=CKV_AWS_338:For debugging. What was copied, when and from what is in the tags of the copies, and CloudTrail keeps the calls. log_retention_days is an input

  name              = local.log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "function" {
  # checkov:skip=CKV_AWS_50:Each outcome is a line of JSON with its request's ID and a metric. Tracing would cost time at each cold start
  # checkov:skip=CKV_AWS_115:The event source mapping, or the one message group of its queue, limits what runs at once. Reserved concurrency would be taken from the account's pool
  # checkov:skip=CKV_AWS_116:It is for asynchronous invocations, and there are none: a queue invokes each function. Rejected requests go to the dead-letter queue of that queue, and lost wake-ups are given again by the sweep
  # checkov:skip=CKV_AWS_117:vpc is an input. It calls public AWS APIs alone, and reaches nothing in a VPC
  # checkov:skip=CKV_AWS_173:The variables are names, ARNs and numbers. Lambda encrypts them at rest with a key of its own
  # checkov:skip=CKV_AWS_272:code_signing_config_arn is an input. Who may update the function may also detach the configuration, and the hash of the zip is in the plan

  function_name    = var.name
  description      = var.description
  role             = aws_iam_role.function.arn
  runtime          = var.runtime
  architectures    = [var.architecture]
  handler          = var.handler
  filename         = var.zip
  source_code_hash = fileexists(var.zip) ? filebase64sha256(var.zip) : null
  memory_size      = var.memory_size
  timeout          = var.timeout_seconds
  tags             = var.tags

  code_signing_config_arn = var.code_signing_config_arn

  environment {
    variables = var.environment
  }

  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]

    content {
      security_group_ids = vpc_config.value.security_group_ids
      subnet_ids         = vpc_config.value.subnet_ids
    }
  }

  # The function writes JSON itself.
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function.name
  }

  # Lambda checks these permissions when an event source mapping is made, and the first message may come right after.
  depends_on = [aws_iam_role_policy.function]
}
