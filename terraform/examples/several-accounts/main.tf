terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

locals {
  tags = { Project = "image-copier" }
}

# Terraform has no for_each for providers: each account has a provider block and a module block of its own.

provider "aws" {
  alias               = "source"
  region              = var.region
  allowed_account_ids = [var.source_account_id]

  assume_role {
    role_arn = "arn:aws:iam::${var.source_account_id}:role/${var.role_name}"
  }

  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias               = "first"
  region              = var.region
  allowed_account_ids = [var.target_account_ids[0]]

  assume_role {
    role_arn = "arn:aws:iam::${var.target_account_ids[0]}:role/${var.role_name}"
  }

  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias               = "second"
  region              = var.region
  allowed_account_ids = [var.target_account_ids[1]]

  assume_role {
    role_arn = "arn:aws:iam::${var.target_account_ids[1]}:role/${var.role_name}"
  }

  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias               = "third"
  region              = var.region
  allowed_account_ids = [var.target_account_ids[2]]

  assume_role {
    role_arn = "arn:aws:iam::${var.target_account_ids[2]}:role/${var.role_name}"
  }

  default_tags {
    tags = local.tags
  }
}

module "source_account" {
  source    = "../../modules/source-account"
  providers = { aws = aws.source }

  name               = var.topic_name
  target_account_ids = var.target_account_ids
  function_zip       = var.function_zip
}

module "first" {
  source    = "../../modules/image-copier"
  providers = { aws = aws.first }

  request_topic_arn      = module.source_account.request_topic_arn
  results_topic_arn      = module.source_account.results_topic_arn
  housekeeping_topic_arn = module.source_account.housekeeping_topic_arn
  retention              = var.retention
  deletion_protection    = var.deletion_protection
  function_zip           = var.function_zip
}

module "second" {
  source    = "../../modules/image-copier"
  providers = { aws = aws.second }

  request_topic_arn      = module.source_account.request_topic_arn
  results_topic_arn      = module.source_account.results_topic_arn
  housekeeping_topic_arn = module.source_account.housekeeping_topic_arn
  retention              = var.retention
  deletion_protection    = var.deletion_protection
  function_zip           = var.function_zip
}

module "third" {
  source    = "../../modules/image-copier"
  providers = { aws = aws.third }

  request_topic_arn      = module.source_account.request_topic_arn
  results_topic_arn      = module.source_account.results_topic_arn
  housekeeping_topic_arn = module.source_account.housekeeping_topic_arn
  retention              = var.retention
  deletion_protection    = var.deletion_protection
  function_zip           = var.function_zip
}
