mock_provider "aws" {}

mock_provider "aws" {
  alias = "artifacts"

  mock_data "aws_service" {
    defaults = { region = "eu-west-1" }
  }

  mock_data "aws_partition" {
    defaults = { dns_suffix = "amazonaws.com" }
  }
}

variables {
  function_bucket_prefix  = "acme-image-copier"
  function_key            = "image-copier/0a1b.zip"
  organizational_unit_ids = ["ou-ab12-cd34ef56"]
  regions                 = ["eu-west-1", "us-east-1"]
  request_topic_arn       = "arn:aws:sns:eu-west-1:111111111111:amigo-PROD-notify"
}

run "serves_new_accounts_and_keeps_what_stands" {
  command = plan

  assert {
    condition = (
      aws_cloudformation_stack_set.copier.permission_model == "SERVICE_MANAGED" &&
      aws_cloudformation_stack_set.copier.auto_deployment[0].enabled &&
      aws_cloudformation_stack_set.copier.auto_deployment[0].retain_stacks_on_account_removal &&
      aws_cloudformation_stack_set.copier.managed_execution[0].active &&
      aws_cloudformation_stack_set.copier.call_as == "DELEGATED_ADMIN" &&
      aws_cloudformation_stack_set.copier.capabilities == toset(["CAPABILITY_NAMED_IAM"])
    )
    error_message = "A service-managed stack set deploys to new accounts by itself, and never deletes an account's key."
  }

  assert {
    condition = (
      aws_cloudformation_stack_instances.copier.deployment_targets[0].organizational_unit_ids == toset(["ou-ab12-cd34ef56"]) &&
      aws_cloudformation_stack_instances.copier.regions == toset(["eu-west-1", "us-east-1"]) &&
      aws_cloudformation_stack_instances.copier.retain_stacks &&
      aws_cloudformation_stack_instances.copier.call_as == "DELEGATED_ADMIN"
    )
    error_message = "All accounts of the units get a stack in each Region, and keep it."
  }

  assert {
    condition = alltrue([
      for preferences in [aws_cloudformation_stack_set.copier.operation_preferences[0], aws_cloudformation_stack_instances.copier.operation_preferences[0]] :
      preferences.failure_tolerance_percentage == 100 && preferences.region_concurrency_type == "PARALLEL"
    ])
    error_message = "An account that fails holds up no other."
  }
}

run "template_in_the_bucket" {
  command = plan

  assert {
    condition = (
      aws_s3_object.template.bucket == "acme-image-copier-eu-west-1" &&
      aws_s3_object.template.content == file("../../template/dist/image-copier.template.json") &&
      aws_s3_object.template.key == "image-copier/${filesha256("../../template/dist/image-copier.template.json")}.template.json" &&
      aws_cloudformation_stack_set.copier.template_url == "https://acme-image-copier-eu-west-1.s3.eu-west-1.amazonaws.com/${aws_s3_object.template.key}"
    )
    error_message = "CloudFormation reads the template from the bucket of the zip, and another template has another URL."
  }
}

run "sets_each_parameter" {
  command = plan

  variables {
    housekeeping_topic_arn = "arn:aws:sns:eu-west-1:111111111111:amigo-PROD-housekeeping-notify"

    parameters = { RetryHours = "24", AlarmTopicName = "on-call" }
  }

  assert {
    condition     = toset(keys(aws_cloudformation_stack_set.copier.parameters)) == toset(keys(jsondecode(aws_s3_object.template.content).Parameters))
    error_message = "What is left to CloudFormation's defaults would be a change in each plan."
  }

  assert {
    condition = {
      for name in ["AlarmTopicName", "DeletionProtection", "FunctionBucketPrefix", "FunctionKey", "HousekeepingTopicArn", "RequestTopicArn", "ResultsTopicArn", "RetryHours"] :
      name => aws_cloudformation_stack_set.copier.parameters[name]
      } == {
      AlarmTopicName       = "on-call"
      DeletionProtection   = "true"
      FunctionBucketPrefix = "acme-image-copier"
      FunctionKey          = "image-copier/0a1b.zip"
      HousekeepingTopicArn = "arn:aws:sns:eu-west-1:111111111111:amigo-PROD-housekeeping-notify"
      RequestTopicArn      = "arn:aws:sns:eu-west-1:111111111111:amigo-PROD-notify"
      ResultsTopicArn      = "arn:aws:sns:eu-west-1:111111111111:amigo-PROD-notify-results"
      RetryHours           = "24"
    }
    error_message = "The inputs come to the parameters, and the rest has the module's defaults."
  }
}

run "key_policy_statements" {
  command = plan

  variables {
    key_policy_statements = [{
      sid        = "RoleOfEachAccountReads"
      actions    = ["kms:Decrypt"]
      principals = { AWS = ["arn:aws:iam::{account}:role/backup"] }
      conditions = { StringLike = { "kms:ViaService" = ["*.{region}.amazonaws.com"], "aws:userid" = ["$${aws:userid}"] } }
    }]
  }

  assert {
    condition = [for s in jsondecode(aws_s3_object.template.content).Resources.ImageKey.Properties.KeyPolicy.Statement : s if try(s.Sid, "") == "RoleOfEachAccountReads"] == [{
      Sid       = "RoleOfEachAccountReads"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = "*"
      Principal = { AWS = [{ "Fn::Sub" = "arn:aws:iam::$${AWS::AccountId}:role/backup" }] }
      Condition = { StringLike = { "kms:ViaService" = [{ "Fn::Sub" = "*.$${AWS::Region}.amazonaws.com" }], "aws:userid" = [{ "Fn::Sub" = "$${!aws:userid}" }] } }
    }]
    error_message = "The template has the statement, with the account and Region of each stack."
  }

  assert {
    condition = (
      length(jsondecode(aws_s3_object.template.content).Resources.ImageKey.Properties.KeyPolicy.Statement) == 1 + length(jsondecode(file("../../template/dist/image-copier.template.json")).Resources.ImageKey.Properties.KeyPolicy.Statement) &&
      { for name, resource in jsondecode(aws_s3_object.template.content).Resources : name => resource if name != "ImageKey" } == { for name, resource in jsondecode(file("../../template/dist/image-copier.template.json")).Resources : name => resource if name != "ImageKey" }
    )
    error_message = "Nothing else of the template changes."
  }
}

run "retire_tagged" {
  command = plan

  variables {
    retire_tagged = { BuiltBy = "amigo" }
  }

  assert {
    condition = [for s in jsondecode(aws_s3_object.template.content).Resources.RetireImageRole.Properties.Policies[0].PolicyDocument.Statement : s if startswith(try(s.Sid, ""), "RemoveTagged")] == [
      {
        Sid      = "RemoveTaggedImages"
        Effect   = "Allow"
        Action   = "ec2:DeregisterImage"
        Resource = { "Fn::Sub" = "arn:$${AWS::Partition}:ec2:$${AWS::Region}::image/*" }
        Condition = {
          StringEquals = { "aws:ResourceTag/BuiltBy" = "amigo" }
          StringLike   = { "aws:ResourceTag/ImageCopierEnd" = { "Fn::Sub" = "$${Name} retired=*" } }
        }
      },
      {
        Sid       = "RemoveTaggedSnapshots"
        Effect    = "Allow"
        Action    = "ec2:DeleteSnapshot"
        Resource  = { "Fn::Sub" = "arn:$${AWS::Partition}:ec2:$${AWS::Region}::snapshot/*" }
        Condition = { StringEquals = { "aws:ResourceTag/BuiltBy" = "amigo" } }
      },
    ]
    error_message = "The role may remove images with the tags, out of quarantine alone, and their snapshots."
  }

  assert {
    condition = (
      length(jsondecode(aws_s3_object.template.content).Resources.RetireImageRole.Properties.Policies[0].PolicyDocument.Statement) == 2 + length(jsondecode(file("../../template/dist/image-copier.template.json")).Resources.RetireImageRole.Properties.Policies[0].PolicyDocument.Statement) &&
      jsondecode(aws_s3_object.template.content).Resources.RetireImage.Properties.Environment.Variables == merge(jsondecode(file("../../template/dist/image-copier.template.json")).Resources.RetireImage.Properties.Environment.Variables, { RETIRE_TAGGED = "{\"BuiltBy\":\"amigo\"}" }) &&
      { for name, resource in jsondecode(aws_s3_object.template.content).Resources : name => resource if !contains(["RetireImage", "RetireImageRole"], name) } == { for name, resource in jsondecode(file("../../template/dist/image-copier.template.json")).Resources : name => resource if !contains(["RetireImage", "RetireImageRole"], name) }
    )
    error_message = "The function knows the tags too, and nothing else of the template changes."
  }
}

run "tags" {
  command = plan

  variables {
    tags = { team = "platform" }
  }

  assert {
    condition     = aws_cloudformation_stack_set.copier.tags == tomap({ team = "platform" })
    error_message = "The stack set has the tags, which CloudFormation gives to its stacks and what they make."
  }
}

run "rejects_a_parameter_that_the_template_has_not" {
  command = plan

  variables {
    parameters = { RetryHour = "24" }
  }

  expect_failures = [aws_cloudformation_stack_set.copier]
}

run "rejects_a_template_that_is_not_there" {
  command = plan

  variables {
    template_file = "no-such-file.json"
  }

  expect_failures = [aws_s3_object.template]
}

run "rejects_bad_inputs" {
  command = plan

  variables {
    call_as                      = "ROOT"
    failure_tolerance_percentage = 101
    housekeeping_topic_arn       = "amigo-PROD-housekeeping-notify"
    max_concurrent_percentage    = 0
    name                         = "1-copier"
    organizational_unit_ids      = ["cd34ef56"]
    regions                      = []
    request_topic_arn            = "amigo-PROD-notify"
    retire_tagged                = { BuiltBy = "$${aws:userid}" }
    tags                         = { "aws:team" = "platform" }
  }

  expect_failures = [
    var.call_as,
    var.failure_tolerance_percentage,
    var.housekeeping_topic_arn,
    var.max_concurrent_percentage,
    var.name,
    var.organizational_unit_ids,
    var.regions,
    var.request_topic_arn,
    var.retire_tagged,
    var.tags,
  ]
}
