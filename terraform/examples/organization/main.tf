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

# The account where images are baked, in each Region.

provider "aws" {
  alias               = "source_ireland"
  region              = "eu-west-1"
  profile             = var.source_profile
  allowed_account_ids = [var.source_account_id]

  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias               = "source_virginia"
  region              = "us-east-1"
  profile             = var.source_profile
  allowed_account_ids = [var.source_account_id]

  default_tags {
    tags = local.tags
  }
}

# The delegated administrator of CloudFormation's stack sets.

provider "aws" {
  alias   = "administrator"
  region  = "eu-west-1"
  profile = var.administrator_profile

  default_tags {
    tags = local.tags
  }
}

module "topics_ireland" {
  source    = "../../modules/source-account"
  providers = { aws = aws.source_ireland }

  name            = var.topic_name
  organization_id = var.organization_id
}

module "topics_virginia" {
  source    = "../../modules/source-account"
  providers = { aws = aws.source_virginia }

  name            = var.topic_name
  organization_id = var.organization_id
}

module "artifacts_ireland" {
  source    = "../../modules/artifact-bucket"
  providers = { aws = aws.source_ireland }

  prefix          = var.bucket_prefix
  organization_id = var.organization_id
}

module "artifacts_virginia" {
  source    = "../../modules/artifact-bucket"
  providers = { aws = aws.source_virginia }

  prefix          = var.bucket_prefix
  organization_id = var.organization_id
}

module "organization" {
  source    = "../../modules/organization"
  providers = { aws = aws.administrator, aws.artifacts = aws.source_ireland }

  function_bucket_prefix  = var.bucket_prefix
  function_key            = module.artifacts_ireland.function_key
  organizational_unit_ids = var.organizational_unit_ids
  regions                 = ["eu-west-1", "us-east-1"]
  request_topic_arn       = module.topics_ireland.request_topic_arn
  housekeeping_topic_arn  = module.topics_ireland.housekeeping_topic_arn

  # A stack looks for its zip and its topics as soon as it is made.
  depends_on = [module.artifacts_ireland, module.artifacts_virginia, module.topics_virginia]
}
