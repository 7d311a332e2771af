# LocalStack has a part of stack sets alone, so this example is planned with mocks. The template itself is deployed on
# LocalStack and compared with the module image-copier: integration/tests/organization.test.ts.
mock_provider "aws" {
  alias = "source_ireland"

  mock_data "aws_iam_policy_document" {
    defaults = { minified_json = "{}" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "111111111111" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_service" {
    defaults = { region = "eu-west-1" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111111111111:role/watch" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-west-1:111111111111:function:watch" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:111111111111:watch" }
  }
}

mock_provider "aws" {
  alias = "source_virginia"

  mock_data "aws_iam_policy_document" {
    defaults = { minified_json = "{}" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "111111111111" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_service" {
    defaults = { region = "us-east-1" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111111111111:role/watch" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:us-east-1:111111111111:function:watch" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:us-east-1:111111111111:watch" }
  }
}

mock_provider "aws" {
  alias = "administrator"
}

variables {
  bucket_prefix           = "acme-image-copier"
  organization_id         = "o-a1b2c3d4e5"
  organizational_unit_ids = ["ou-ab12-cd34ef56"]
  source_account_id       = "111111111111"
}

override_resource {
  target = module.topics_ireland.aws_sns_topic.requests
  values = { arn = "arn:aws:sns:eu-west-1:111111111111:amigo-PROD-notify" }
}

run "has_topics_and_a_bucket_in_each_region" {
  command = apply

  assert {
    condition = (
      module.artifacts_ireland.function_key == module.artifacts_virginia.function_key &&
      startswith(module.artifacts_ireland.function_key, "image-copier/")
    )
    error_message = "The same zip has the same key in each Region."
  }

  assert {
    condition     = output.request_topic_arns["eu-west-1"] == "arn:aws:sns:eu-west-1:111111111111:amigo-PROD-notify"
    error_message = "The topic is that of the source account."
  }
}
