# The aws provider itself renders the policy: a mocked one would hide its content. It plans without any call to AWS.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  prefix          = "acme-image-copier"
  organization_id = "o-a1b2c3d4e5"
  function_zips   = ["./outputs.tf", "./versions.tf"] # any files: nothing is uploaded
}

run "bucket" {
  command = plan

  assert {
    condition     = aws_s3_bucket.artifacts.bucket == "acme-image-copier-eu-west-1"
    error_message = "The bucket is named after the prefix and its Region, as the stacks of each Region look for it."
  }

  assert {
    condition = jsondecode(aws_s3_bucket_policy.artifacts.policy).Statement == [
      {
        Sid       = "OrganizationReads"
        Effect    = "Allow"
        Principal = { AWS = "*" }
        Action    = "s3:GetObject"
        Resource  = "arn:aws:s3:::acme-image-copier-eu-west-1/image-copier/*"
        Condition = { StringEquals = { "aws:PrincipalOrgID" = "o-a1b2c3d4e5" } }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "s3:*"
        Resource  = ["arn:aws:s3:::acme-image-copier-eu-west-1/*", "arn:aws:s3:::acme-image-copier-eu-west-1"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
    error_message = "The organization reads the zips and nothing else, over TLS only."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.artifacts.block_public_acls,
      aws_s3_bucket_public_access_block.artifacts.block_public_policy,
      aws_s3_bucket_public_access_block.artifacts.ignore_public_acls,
      aws_s3_bucket_public_access_block.artifacts.restrict_public_buckets,
      aws_s3_bucket_versioning.artifacts.versioning_configuration[0].status == "Enabled",
      one(aws_s3_bucket_server_side_encryption_configuration.artifacts.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256",
    ])
    error_message = "The bucket is private, versioned, and encrypted with a key that nobody needs rights on."
  }

  assert {
    condition = { for key, object in aws_s3_object.function : object.key => object.source } == {
      "image-copier/${filesha256("./outputs.tf")}.zip"  = "./outputs.tf"
      "image-copier/${filesha256("./versions.tf")}.zip" = "./versions.tf"
    }
    error_message = "Each zip is under a key made from its content."
  }

  assert {
    condition     = output.function_key == "image-copier/${filesha256("./outputs.tf")}.zip"
    error_message = "The first zip is the one to run."
  }
}

run "tags" {
  command = plan

  variables {
    tags = { team = "platform" }
  }

  assert {
    condition     = alltrue([for resource in concat([aws_s3_bucket.artifacts], values(aws_s3_object.function)) : resource.tags == tomap({ team = "platform" })])
    error_message = "Everything that can have tags has them."
  }
}

run "too_many_tags" {
  command = plan

  variables {
    tags = { for number in range(11) : "tag-${number}" => "" }
  }

  expect_failures = [var.tags]
}

run "missing_zip" {
  command = plan

  variables {
    function_zips = ["./nowhere.zip"]
  }

  expect_failures = [aws_s3_object.function]
}

run "no_zip" {
  command = plan

  variables {
    function_zips = []
  }

  expect_failures = [var.function_zips]
}

run "no_organization" {
  command = plan

  variables {
    organization_id = "111111111111"
  }

  expect_failures = [var.organization_id]
}

run "long_prefix" {
  command = plan

  variables {
    prefix = "a234567890123456789012345678901234567890123456789"
  }

  expect_failures = [var.prefix]
}
