locals {
  makes_key = var.kms_key_arn == null || var.keep_own_key
  key_arn   = coalesce(one(data.aws_kms_key.given[*].arn), one(aws_kms_key.image[*].arn))

  key_policy_sids = ["AccountAdministersKey", "AccountUsesKeyThroughEc2", "NobodyDeletesKey"]
}

# Its policy cannot be read here: `image-copier doctor` looks whether it admits copies and launches.
data "aws_kms_key" "given" {
  count = var.kms_key_arn == null ? 0 : 1

  key_id = var.kms_key_arn

  lifecycle {
    precondition {
      condition     = startswith(var.kms_key_arn, "arn:${local.partition}:kms:${local.region}:${local.account_id}:")
      error_message = "kms_key_arn: ${var.kms_key_arn} is not in this account and Region. Launches must depend on no other account, and EC2 takes no key of another Region."
    }

    # EBS User Guide, Requirements for EBS encryption: symmetric keys alone.
    postcondition {
      condition     = self.enabled && self.key_usage == "ENCRYPT_DECRYPT" && self.customer_master_key_spec == "SYMMETRIC_DEFAULT"
      error_message = "kms_key_arn: EC2 encrypts with enabled symmetric keys for encryption. This one is ${self.key_state}, ${self.customer_master_key_spec}, for ${self.key_usage}."
    }
  }
}

data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109:In a key policy the resource * is this key alone, and this account has to be able to administer it
  # checkov:skip=CKV_AWS_111:In a key policy the resource * is this key alone. Its use is limited to this account through EC2
  # checkov:skip=CKV_AWS_356:In a key policy the resource * is this key alone

  # Gives nobody access by itself: it lets this account's IAM policies do so (KMS Developer Guide, Default key policy).
  statement {
    sid       = "AccountAdministersKey"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account_id}:root"]
    }
  }

  # As the policy of the AWS managed key aws/ebs (KMS Developer Guide, kms:CallerAccount): whatever launches instances here
  # may use the key, through EC2 only. No service-linked role is named, because KMS refuses roles that do not exist yet.
  statement {
    sid       = "AccountUsesKeyThroughEc2"
    resources = ["*"]

    actions = [
      "kms:CreateGrant",
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:Encrypt",
      "kms:GenerateDataKey*",
      "kms:ReEncrypt*",
    ]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:CallerAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["ec2.${local.region}.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = var.key_policy_statements

    content {
      sid       = statement.value.sid
      effect    = statement.value.effect
      actions   = statement.value.actions
      resources = ["*"]

      dynamic "principals" {
        for_each = statement.value.principals

        content {
          type        = principals.key
          identifiers = principals.value
        }
      }

      dynamic "condition" {
        for_each = flatten([for test, values in statement.value.conditions : [for key, wanted in values : { test = test, key = key, values = wanted }]])

        content {
          test     = condition.value.test
          variable = condition.value.key
          values   = condition.value.values
        }
      }
    }
  }

  # Not kms:PutKeyPolicy: whoever takes this statement away on purpose may delete the key (docs/adr/0006-deletion-by-policy.md).
  dynamic "statement" {
    for_each = var.deletion_protection ? ["kms:ScheduleKeyDeletion"] : []

    content {
      sid       = "NobodyDeletesKey"
      effect    = "Deny"
      actions   = [statement.value]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }
    }
  }
}

resource "aws_kms_key" "image" {
  count = local.makes_key ? 1 : 0

  description             = "Machine images copied by ${var.name}"
  policy                  = data.aws_iam_policy_document.key.minified_json
  enable_key_rotation     = true
  rotation_period_in_days = var.key_rotation_period_days
  deletion_window_in_days = var.key_deletion_window_days
  tags                    = var.tags
}

resource "aws_kms_alias" "image" {
  count = local.makes_key ? 1 : 0

  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.image[0].key_id
}
