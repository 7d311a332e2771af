terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  # Without a role, the credentials of the environment are those of the account.
  dynamic "assume_role" {
    for_each = var.role_arn == null ? [] : [var.role_arn]

    content {
      role_arn = assume_role.value
    }
  }

  default_tags {
    tags = { Project = "image-copier" }
  }
}

module "image_copier" {
  source = "../../modules/image-copier"

  request_topic_arn      = var.request_topic_arn
  results_topic_arn      = var.results_topic_arn
  housekeeping_topic_arn = var.housekeeping_topic_arn
  deletion_protection    = var.deletion_protection
  function_zip           = var.function_zip
}
