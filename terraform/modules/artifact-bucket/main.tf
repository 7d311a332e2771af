data "aws_partition" "current" {}

# Its Region is the provider's. aws_region says the same only by attributes that 5.100 lacks or 6.47 deprecates.
data "aws_service" "sqs" {
  service_id = "sqs"
}

locals {
  bucket     = "${var.prefix}-${data.aws_service.sqs.region}"
  bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${local.bucket}"

  # Beside the modules in the zip of a release; in a checkout, where `make build` puts it.
  released_zip  = "${path.module}/../../image-copier.zip"
  function_zips = coalesce(var.function_zips, [fileexists(local.released_zip) ? local.released_zip : "${path.module}/../../../lambda/dist/image-copier.zip"])

  # Terraform copies a module that is in none of the configuration's own folders, for example by an absolute path or from Git.
  is_copy    = strcontains(path.module, ".terraform/modules/")
  zip_remedy = var.function_zips == null && local.is_copy ? "Terraform copied this module to ${path.module}, without what `make build` makes: take the module from the file image-copier-modules-<version>.zip of a release, or set function_zips to the path of the functions' zip, of a release or of `make build`." : "Run `make build`, or set function_zips to the file image-copier-functions-<version>.zip of a release."

  # Another zip has another key, so a stack changes when its code does, and only then.
  function_keys = [for zip in local.function_zips : fileexists(zip) ? "image-copier/${filesha256(zip)}.zip" : zip]
}

data "aws_iam_policy_document" "bucket" {
  # CloudFormation and Lambda read the zip with the credentials of the stack's creator, in each account. S3 does not take a
  # policy with a fixed organization for a public one (S3 User Guide, The meaning of "public").
  statement {
    sid       = "OrganizationReads"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/image-copier/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalOrgID"
      values   = [var.organization_id]
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.bucket_arn, "${local.bucket_arn}/*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket" "artifacts" {
  # checkov:skip=CKV_AWS_18:It holds what anybody can build from this repository. CloudTrail's data events tell who reads it, if that is wanted
  # checkov:skip=CKV_AWS_144:Each Region has a bucket of this module with the same zip
  # checkov:skip=CKV_AWS_145:Under a KMS key each account that reads would need rights on it. Nothing in it is secret
  # checkov:skip=CKV2_AWS_61:A zip stays as long as stacks go back to it, which no age tells. One has half a megabyte
  # checkov:skip=CKV2_AWS_62:Nothing has to know of a new zip but the stacks, and these get its key

  bucket = local.bucket
  tags   = var.tags
}

resource "aws_s3_bucket_versioning" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id

  versioning_configuration {
    status = "Enabled"
  }
}

# Not with a KMS key: each account that reads would need rights on it.
resource "aws_s3_bucket_server_side_encryption_configuration" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "artifacts" {
  bucket = aws_s3_bucket.artifacts.id
  policy = data.aws_iam_policy_document.bucket.minified_json

  # S3 refuses two changes of a bucket's access at the same time.
  depends_on = [aws_s3_bucket_public_access_block.artifacts]
}

resource "aws_s3_object" "function" {
  for_each = zipmap(local.function_keys, local.function_zips)

  bucket       = aws_s3_bucket.artifacts.id
  key          = each.key
  source       = each.value
  content_type = "application/zip"
  tags         = var.tags

  lifecycle {
    # A zip that leaves the list goes last, when what depends on this module has the new key.
    create_before_destroy = true

    precondition {
      condition     = fileexists(each.value)
      error_message = "function_zips: there is no file ${each.value}. ${local.zip_remedy}"
    }
  }

  # Whoever learns the key from the output can read it.
  depends_on = [aws_s3_bucket_policy.artifacts, aws_s3_bucket_versioning.artifacts]
}
