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

  # Not kms:PutKeyPolicy: whoever takes this statement away on purpose may delete the key (docs/adr/0004).
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
  description             = "Machine images copied by ${var.name}"
  policy                  = data.aws_iam_policy_document.key.minified_json
  enable_key_rotation     = true
  rotation_period_in_days = var.key_rotation_period_days
  deletion_window_in_days = var.key_deletion_window_days
}

resource "aws_kms_alias" "image" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.image.key_id
}
