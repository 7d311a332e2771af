# The aws provider itself renders the policies: a mocked one would hide their content. It plans without any call to AWS.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

provider "aws" {
  alias                       = "frankfurt"
  region                      = "eu-central-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "222222222222" }
}

# The role's policy names the key, so it is known only after "apply". Overridden, nothing is created.
override_resource {
  target = aws_kms_key.image
  values = { arn = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
}
override_resource {
  target = aws_kms_alias.image
}
override_resource {
  target = aws_sqs_queue.dead_letters
  values = { arn = "arn:aws:sqs:eu-west-1:222222222222:image-copier-dead-letters" }
}
override_resource {
  target = aws_sqs_queue.requests
  values = { arn = "arn:aws:sqs:eu-west-1:222222222222:image-copier-requests" }
}
override_resource {
  target = aws_sns_topic_subscription.requests
}
override_resource {
  target = module.copy_image.aws_iam_role.function
  values = { arn = "arn:aws:iam::222222222222:role/image-copier-copy-image-eu-west-1" }
}
override_resource {
  target = module.copy_image.aws_iam_role_policy.function
}
override_resource {
  target = module.copy_image.aws_cloudwatch_log_group.function
}
override_resource {
  target = module.copy_image.aws_lambda_function.function
  values = { arn = "arn:aws:lambda:eu-west-1:222222222222:function:image-copier-copy-image" }
}
override_resource {
  target = aws_lambda_event_source_mapping.requests
}
override_resource {
  target = aws_cloudwatch_metric_alarm.dead_letters
}
override_resource {
  target = aws_cloudwatch_metric_alarm.request_age
}
override_resource {
  target = aws_cloudwatch_metric_alarm.count
}
override_resource {
  target = aws_cloudwatch_metric_alarm.no_sweep
}
override_resource {
  target = aws_cloudwatch_dashboard.copier
}
override_resource {
  target = aws_cloudwatch_event_rule.image_state
}
override_resource {
  target = aws_cloudwatch_event_rule.sweep
}
override_resource {
  target = aws_cloudwatch_event_target.image_state
}
override_resource {
  target = aws_cloudwatch_event_target.sweep
}
override_resource {
  target = module.settle_copy.aws_cloudwatch_log_group.function
}
override_resource {
  target = module.settle_copy.aws_iam_role.function
  values = { arn = "arn:aws:iam::222222222222:role/image-copier-settle-copy-eu-west-1" }
}
override_resource {
  target = module.settle_copy.aws_iam_role_policy.function
}
override_resource {
  target = aws_lambda_event_source_mapping.settle
}
override_resource {
  target = module.settle_copy.aws_lambda_function.function
  values = { arn = "arn:aws:lambda:eu-west-1:222222222222:function:image-copier-settle-copy" }
}
override_resource {
  target = aws_cloudwatch_event_rule.retention
}
override_resource {
  target = aws_cloudwatch_event_target.retention
}
override_resource {
  target = aws_sns_topic_subscription.housekeeping
}
override_resource {
  target = module.retire_image.aws_cloudwatch_log_group.function
}
override_resource {
  target = module.retire_image.aws_iam_role.function
  values = { arn = "arn:aws:iam::222222222222:role/image-copier-retire-image-eu-west-1" }
}
override_resource {
  target = module.retire_image.aws_iam_role_policy.function
}
override_resource {
  target = aws_lambda_event_source_mapping.retirements
}
override_resource {
  target = module.retire_image.aws_lambda_function.function
  values = { arn = "arn:aws:lambda:eu-west-1:222222222222:function:image-copier-retire-image" }
}
override_resource {
  target = aws_sqs_queue.retirements
  values = { arn = "arn:aws:sqs:eu-west-1:222222222222:image-copier-retirements" }
}
override_resource {
  target = aws_sqs_queue.settle
  values = { arn = "arn:aws:sqs:eu-west-1:222222222222:image-copier-settle.fifo" }
}

variables {
  request_topic_arn = "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify"
  function_zip      = "./function.tf" # any file: nothing is uploaded
}

run "role" {
  command = apply

  assert {
    condition     = [for s in jsondecode(module.copy_image.role_policy.policy).Statement : s.Sid if s.Effect != "Allow"] == ["CopyNoStrangersImages"]
    error_message = "All statements of the role allow, but for the one about the images of strangers."
  }

  assert {
    condition = { for s in jsondecode(module.copy_image.role_policy.policy).Statement : s.Sid => sort(flatten([s.Action])) } == {
      ReadImages            = tolist(["ec2:DescribeImages", "ec2:DescribeSnapshots"])
      CopyImages            = tolist(["ec2:CopyImage"])
      CopyNoStrangersImages = tolist(["ec2:CopyImage"])
      TagCopies             = tolist(["ec2:CreateTags"])
      EncryptThroughEc2 = tolist([
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
      ])
      GrantKeysToAwsThroughEc2 = tolist(["kms:CreateGrant"])
      ReadEndedSources         = tolist(["ssm:GetParameter"])
      RememberRefusedRequests  = tolist(["ssm:PutParameter"])
      TakeRequests = tolist([
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
      ])
      DeadLetterRequests = tolist(["sqs:SendMessage"])
      WriteLog           = tolist(["logs:CreateLogStream", "logs:PutLogEvents"])
    }
    error_message = "The role may do what the function calls, no more and no less."
  }

  assert {
    condition = { for s in jsondecode(module.copy_image.role_policy.policy).Statement : s.Sid => sort(flatten([s.Resource])) } == {
      ReadImages               = tolist(["*"])
      CopyImages               = tolist(["arn:aws:ec2:*::image/*", "arn:aws:ec2:*::snapshot/*"])
      CopyNoStrangersImages    = tolist(["arn:aws:ec2:*::image/*"])
      TagCopies                = tolist(["arn:aws:ec2:eu-west-1::image/*", "arn:aws:ec2:eu-west-1::snapshot/*"])
      EncryptThroughEc2        = tolist(["arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"])
      GrantKeysToAwsThroughEc2 = tolist(["arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"])
      ReadEndedSources         = tolist(["arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier-ended/image-copier/*"])
      RememberRefusedRequests  = tolist(["arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier-requests/image-copier/refused/*"])
      TakeRequests             = tolist(["arn:aws:sqs:eu-west-1:222222222222:image-copier-requests"])
      DeadLetterRequests       = tolist(["arn:aws:sqs:eu-west-1:222222222222:image-copier-dead-letters"])
      WriteLog                 = tolist(["arn:aws:logs:eu-west-1:222222222222:log-group:/aws/lambda/image-copier-copy-image:*"])
    }
    error_message = "Each permission holds for this copier's own resources alone. ARNs of images and snapshots hold no account."
  }

  assert {
    condition = { for s in jsondecode(module.copy_image.role_policy.policy).Statement : s.Sid => jsonencode(s.Condition) if can(s.Condition) } == {
      CopyImages = jsonencode({ StringEquals = { "aws:RequestedRegion" = "eu-west-1" } })
      CopyNoStrangersImages = jsonencode({
        Null            = { "ec2:Owner" = "false" }
        StringNotEquals = { "ec2:Owner" = ["111111111111", "222222222222"] }
      })
      TagCopies         = jsonencode({ StringEquals = { "ec2:CreateAction" = "CopyImage" } })
      EncryptThroughEc2 = jsonencode({ StringLike = { "kms:ViaService" = "ec2.*.amazonaws.com" } })
      GrantKeysToAwsThroughEc2 = jsonencode({
        Bool       = { "kms:GrantIsForAWSResource" = "true" }
        StringLike = { "kms:ViaService" = "ec2.*.amazonaws.com" }
      })
    }
    error_message = "Copies are made in this Region, tags are set by CopyImage alone, keys are used through EC2 alone."
  }

  assert {
    condition = jsondecode(module.copy_image.role.assume_role_policy) == {
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
    }
    error_message = "Lambda alone may assume the role."
  }
}

run "role_of_settle_copy" {
  command = apply

  variables {
    results_topic_arn = "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify-results"
  }

  assert {
    condition     = alltrue([for s in jsondecode(module.settle_copy.role_policy.policy).Statement : s.Effect == "Allow"])
    error_message = "All statements of the role allow."
  }

  assert {
    condition = { for s in jsondecode(module.settle_copy.role_policy.policy).Statement : s.Sid => sort(flatten([s.Action])) } == {
      ReadCopies               = tolist(["ec2:DescribeImages", "ec2:DescribeSnapshots", "ec2:GetEbsEncryptionByDefault"])
      MarkCopies               = tolist(["ec2:CreateTags"])
      MarkAnnouncedCopiesAgain = tolist(["ec2:CreateTags"])
      DeprecateCopies          = tolist(["ec2:EnableImageDeprecation"])
      MarkRevokedCopies        = tolist(["ec2:CreateTags"])
      DisableRevokedCopies     = tolist(["ec2:DisableImage"])
      RepairSnapshotTags       = tolist(["ec2:CreateTags"])
      RemoveFailedCopies       = tolist(["ec2:DeleteSnapshot", "ec2:DeregisterImage"])
      PointParametersToCopies  = tolist(["ssm:GetParameters", "ssm:PutParameter"])
      ReadEndedSources         = tolist(["ssm:GetParameter", "ssm:GetParameters"])
      ListParameters           = tolist(["ssm:GetParametersByPath"])
      RememberAskedImages      = tolist(["ssm:PutParameter"])
      TellThisAccount          = tolist(["events:PutEvents"])
      TellSourceAccount        = tolist(["sns:Publish"])
      EnqueueAgainOrDeadLetter = tolist(["sqs:SendMessage"])
      TakeWakeUps              = tolist(["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"])
      WriteLog                 = tolist(["logs:CreateLogStream", "logs:PutLogEvents"])
    }
    error_message = "The role may do what settle-copy calls, no more and no less."
  }

  assert {
    condition = { for s in jsondecode(module.settle_copy.role_policy.policy).Statement : s.Sid => sort(flatten([s.Resource])) } == {
      ReadCopies               = tolist(["*"])
      MarkCopies               = tolist(["arn:aws:ec2:eu-west-1::image/*"])
      MarkAnnouncedCopiesAgain = tolist(["arn:aws:ec2:eu-west-1::image/*"])
      DeprecateCopies          = tolist(["arn:aws:ec2:eu-west-1::image/*"])
      MarkRevokedCopies        = tolist(["arn:aws:ec2:eu-west-1::image/*"])
      DisableRevokedCopies     = tolist(["arn:aws:ec2:eu-west-1::image/*"])
      RepairSnapshotTags       = tolist(["arn:aws:ec2:eu-west-1::snapshot/*"])
      RemoveFailedCopies       = tolist(["arn:aws:ec2:eu-west-1::image/*", "arn:aws:ec2:eu-west-1::snapshot/*"])
      PointParametersToCopies = tolist([
        "arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier/*",
      ])
      ReadEndedSources = tolist([
        "arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier-ended/image-copier/*",
        "arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier-requests/image-copier/refused/*",
      ])
      RememberAskedImages = tolist(["arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier-requests/image-copier/asked/*"])
      ListParameters = tolist([
        "arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier",
        "arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier-requests/image-copier/asked",
        "arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier-requests/image-copier/asked/*",
        "arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier/*",
      ])
      TellThisAccount   = tolist(["arn:aws:events:eu-west-1:222222222222:event-bus/default"])
      TellSourceAccount = tolist(["arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify-results"])
      EnqueueAgainOrDeadLetter = tolist([
        "arn:aws:sqs:eu-west-1:222222222222:image-copier-dead-letters",
        "arn:aws:sqs:eu-west-1:222222222222:image-copier-requests",
      ])
      TakeWakeUps = tolist(["arn:aws:sqs:eu-west-1:222222222222:image-copier-settle.fifo"])
      WriteLog    = tolist(["arn:aws:logs:eu-west-1:222222222222:log-group:/aws/lambda/image-copier-settle-copy:*"])
    }
    error_message = "Each permission holds for this copier's own resources, and for the one topic of the source account."
  }

  assert {
    condition = { for s in jsondecode(module.settle_copy.role_policy.policy).Statement : s.Sid => jsonencode(s.Condition) if can(s.Condition) } == {
      MarkCopies = jsonencode({
        "ForAllValues:StringEquals" = { "aws:TagKeys" = "ImageCopier" }
        StringLike = {
          "aws:RequestTag/ImageCopier"  = ["image-copier announcing=*", "image-copier announced=*"]
          "aws:ResourceTag/ImageCopier" = ["image-copier attempt=*", "image-copier announcing=*"]
        }
      })
      MarkAnnouncedCopiesAgain = jsonencode({
        "ForAllValues:StringEquals" = { "aws:TagKeys" = "ImageCopier" }
        StringLike = {
          "aws:RequestTag/ImageCopier"  = "image-copier announced=*"
          "aws:ResourceTag/ImageCopier" = "image-copier announced=*"
        }
      })
      MarkRevokedCopies = jsonencode({
        "ForAllValues:StringEquals" = { "aws:TagKeys" = "ImageCopier" }
        StringLike = {
          "aws:RequestTag/ImageCopier"  = "image-copier revoked=*"
          "aws:ResourceTag/ImageCopier" = ["image-copier attempt=*", "image-copier announcing=*", "image-copier revoked=*"]
        }
      })
      DeprecateCopies      = jsonencode({ StringLike = { "aws:ResourceTag/ImageCopier" = ["image-copier attempt=*", "image-copier announcing=*"] } })
      DisableRevokedCopies = jsonencode({ StringLike = { "aws:ResourceTag/ImageCopier" = "image-copier revoked=*" } })
      RepairSnapshotTags = jsonencode({
        StringLike         = { "aws:RequestTag/ImageCopier" = "image-copier announced=*" }
        StringLikeIfExists = { "aws:ResourceTag/ImageCopier" = "image-copier *" }
      })
      RemoveFailedCopies = jsonencode({ StringLike = { "aws:ResourceTag/ImageCopier" = ["image-copier attempt=*", "image-copier announcing=*"] } })
      TellThisAccount = jsonencode({
        "ForAllValues:StringEquals" = {
          "events:detail-type" = ["Image Approved", "Image Copied", "Image Copy Failed"]
          "events:source"      = "image-copier"
        }
        Null = {
          "events:detail-type" = "false"
          "events:source"      = "false"
        }
      })
    }
    error_message = "Only what carries this copier's tag is marked, towards its announcement or as revoked; no snapshot is marked as one to be removed; only what is not announced is removed; only what is revoked is disabled; only its own two events are put."
  }

  assert {
    condition     = module.settle_copy.role.assume_role_policy == module.copy_image.role.assume_role_policy
    error_message = "Lambda alone may assume the role."
  }
}

run "role_of_settle_copy_without_results_topic" {
  command = apply

  assert {
    condition     = !strcontains(module.settle_copy.role_policy.policy, "sns:")
    error_message = "Without a topic for results the function may publish nothing."
  }
}

run "role_of_retire_image" {
  command = apply

  variables {
    results_topic_arn = "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify-results"
  }

  assert {
    condition     = alltrue([for s in jsondecode(module.retire_image.role_policy.policy).Statement : s.Effect == "Allow"])
    error_message = "All statements of the role allow."
  }

  assert {
    condition = { for s in jsondecode(module.retire_image.role_policy.policy).Statement : s.Sid => sort(flatten([s.Action])) } == {
      ReadImagesAndTheirUse = tolist([
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeLaunchConfigurations",
        "ec2:DescribeFleets",
        "ec2:DescribeImageReferences",
        "ec2:DescribeImages",
        "ec2:DescribeInstances",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:DescribeLaunchTemplates",
        "ec2:DescribeSnapshots",
        "ec2:DescribeSpotFleetRequests",
        "ec2:DescribeSpotInstanceRequests",
        "ssm:DescribeParameters",
      ])
      ReadImageParameters = tolist(["ssm:GetParameters"])
      LetEc2ReadReferences = tolist([
        "imagebuilder:GetContainerRecipe",
        "imagebuilder:ListContainerRecipes",
        "imagebuilder:ListImageRecipes",
      ])
      MarkCopies               = tolist(["ec2:CreateTags"])
      MarkUnsettledCopies      = tolist(["ec2:CreateTags"])
      MarkSnapshots            = tolist(["ec2:CreateTags"])
      MarkOtherImages          = tolist(["ec2:CreateTags"])
      UnmarkOtherImages        = tolist(["ec2:DeleteTags"])
      DisableImages            = tolist(["ec2:DisableImage"])
      EnableCopies             = tolist(["ec2:EnableImage"])
      EnableOtherImages        = tolist(["ec2:EnableImage"])
      RemoveCopies             = tolist(["ec2:DeregisterImage"])
      RemoveSnapshots          = tolist(["ec2:DeleteSnapshot"])
      PointParametersToCopies  = tolist(["ssm:PutParameter"])
      ListParameters           = tolist(["ssm:GetParametersByPath"])
      RememberEndedSources     = tolist(["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"])
      ListEndedSources         = tolist(["ssm:GetParametersByPath"])
      TellThisAccount          = tolist(["events:PutEvents"])
      TellSourceAccount        = tolist(["sns:Publish"])
      TakeRetirements          = tolist(["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"])
      EnqueueAgainOrDeadLetter = tolist(["sqs:SendMessage"])
      WriteLog                 = tolist(["logs:CreateLogStream", "logs:PutLogEvents"])
    }
    error_message = "The role may do what retire-image calls, no more and no less."
  }

  assert {
    condition = { for s in jsondecode(module.retire_image.role_policy.policy).Statement : s.Sid => sort(flatten([s.Resource])) } == {
      ReadImagesAndTheirUse   = tolist(["*"])
      ReadImageParameters     = tolist(["arn:aws:ssm:eu-west-1:222222222222:parameter/*"])
      LetEc2ReadReferences    = tolist(["*"])
      MarkCopies              = tolist(["arn:aws:ec2:eu-west-1::image/*"])
      MarkUnsettledCopies     = tolist(["arn:aws:ec2:eu-west-1::image/*"])
      MarkSnapshots           = tolist(["arn:aws:ec2:eu-west-1::snapshot/*"])
      MarkOtherImages         = tolist(["arn:aws:ec2:eu-west-1::image/*"])
      UnmarkOtherImages       = tolist(["arn:aws:ec2:eu-west-1::image/*"])
      DisableImages           = tolist(["arn:aws:ec2:eu-west-1::image/*"])
      EnableCopies            = tolist(["arn:aws:ec2:eu-west-1::image/*"])
      EnableOtherImages       = tolist(["arn:aws:ec2:eu-west-1::image/*"])
      RemoveCopies            = tolist(["arn:aws:ec2:eu-west-1::image/*"])
      RemoveSnapshots         = tolist(["arn:aws:ec2:eu-west-1::snapshot/*"])
      PointParametersToCopies = tolist(["arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier/*"])
      ListParameters          = tolist(["arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier", "arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier/*"])
      RememberEndedSources    = tolist(["arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier-ended/image-copier/*"])
      ListEndedSources = tolist([
        "arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier-ended/image-copier",
        "arn:aws:ssm:eu-west-1:222222222222:parameter/image-copier-ended/image-copier/*",
      ])
      TellThisAccount   = tolist(["arn:aws:events:eu-west-1:222222222222:event-bus/default"])
      TellSourceAccount = tolist(["arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify-results"])
      TakeRetirements   = tolist(["arn:aws:sqs:eu-west-1:222222222222:image-copier-retirements"])
      EnqueueAgainOrDeadLetter = tolist([
        "arn:aws:sqs:eu-west-1:222222222222:image-copier-dead-letters",
        "arn:aws:sqs:eu-west-1:222222222222:image-copier-retirements",
      ])
      WriteLog = tolist(["arn:aws:logs:eu-west-1:222222222222:log-group:/aws/lambda/image-copier-retire-image:*"])
    }
    error_message = "Each permission holds for this copier's own resources, and for the one topic of the source account."
  }

  assert {
    condition = { for s in jsondecode(module.retire_image.role_policy.policy).Statement : s.Sid => jsonencode(s.Condition) if can(s.Condition) } == {
      LetEc2ReadReferences = jsonencode({ "ForAnyValue:StringEquals" = { "aws:CalledVia" = "ec2-images.amazonaws.com" } })
      MarkCopies = jsonencode({
        "ForAllValues:StringEquals" = { "aws:TagKeys" = "ImageCopier" }
        StringLike = {
          "aws:RequestTag/ImageCopier"  = ["image-copier announced=*", "image-copier retired=*", "image-copier revoked=*"]
          "aws:ResourceTag/ImageCopier" = "image-copier *"
        }
      })
      MarkUnsettledCopies = jsonencode({
        "ForAllValues:StringEquals" = { "aws:TagKeys" = "ImageCopier" }
        StringLike = {
          "aws:RequestTag/ImageCopier"  = ["image-copier attempt=*", "image-copier announcing=*"]
          "aws:ResourceTag/ImageCopier" = ["image-copier attempt=*", "image-copier announcing=*", "image-copier revoked=*"]
        }
      })
      MarkSnapshots = jsonencode({
        "ForAllValues:StringEquals" = { "aws:TagKeys" = "ImageCopier" }
        StringLike = {
          "aws:RequestTag/ImageCopier"  = ["image-copier announced=*", "image-copier retired=*", "image-copier revoked=*"]
          "aws:ResourceTag/ImageCopier" = "image-copier *"
        }
      })
      MarkOtherImages = jsonencode({
        "ForAllValues:StringEquals" = { "aws:TagKeys" = "ImageCopierEnd" }
        StringLike                  = { "aws:RequestTag/ImageCopierEnd" = ["image-copier retired=*", "image-copier revoked=*"] }
        StringLikeIfExists          = { "aws:ResourceTag/ImageCopierEnd" = "image-copier *" }
      })
      UnmarkOtherImages = jsonencode({
        "ForAllValues:StringEquals" = { "aws:TagKeys" = "ImageCopierEnd" }
        Null                        = { "aws:TagKeys" = "false" }
        StringLike                  = { "aws:ResourceTag/ImageCopierEnd" = "image-copier *" }
      })
      EnableCopies      = jsonencode({ StringLike = { "aws:ResourceTag/ImageCopier" = "image-copier *" } })
      EnableOtherImages = jsonencode({ StringLike = { "aws:ResourceTag/ImageCopierEnd" = "image-copier *" } })
      RemoveCopies      = jsonencode({ StringLike = { "aws:ResourceTag/ImageCopier" = "image-copier retired=*" } })
      RemoveSnapshots   = jsonencode({ StringLike = { "aws:ResourceTag/ImageCopier" = "image-copier *" } })
      TellThisAccount = jsonencode({
        "ForAllValues:StringEquals" = {
          "events:detail-type" = ["Image Kept", "Image Quarantined", "Image Restored", "Image Retired", "Image Revoked", "Revocation Undone"]
          "events:source"      = "image-copier"
        }
        Null = {
          "events:detail-type" = "false"
          "events:source"      = "false"
        }
      })
    }
    error_message = "Only what carries this copier's tags is marked, enabled and removed; images leave by quarantine alone; only its own events are put."
  }

  # IAM and STS quotas: the inline policies of a role have at most 10,240 characters.
  assert {
    condition     = alltrue([for part in [module.copy_image, module.retire_image, module.settle_copy] : length(part.role_policy.policy) <= 10240])
    error_message = "The policies are short enough for IAM."
  }

  assert {
    condition     = module.retire_image.role.assume_role_policy == module.copy_image.role.assume_role_policy
    error_message = "Lambda alone may assume the role."
  }
}

run "role_of_retire_image_without_results_topic" {
  command = apply

  assert {
    condition     = !strcontains(module.retire_image.role_policy.policy, "sns:")
    error_message = "Without a topic for results the function may publish nothing."
  }
}

run "role_of_retire_image_with_images_of_others" {
  command = apply

  variables {
    retire_tagged = { BuiltBy = "amigo", Stage = "PROD" }
  }

  assert {
    condition = {
      for s in jsondecode(module.retire_image.role_policy.policy).Statement : s.Sid => jsonencode([s.Action, s.Resource, s.Condition]) if startswith(s.Sid, "RemoveTagged")
      } == {
      RemoveTaggedImages = jsonencode(["ec2:DeregisterImage", "arn:aws:ec2:eu-west-1::image/*", {
        StringEquals = { "aws:ResourceTag/BuiltBy" = "amigo", "aws:ResourceTag/Stage" = "PROD" }
        StringLike   = { "aws:ResourceTag/ImageCopierEnd" = "image-copier retired=*" }
      }])
      RemoveTaggedSnapshots = jsonencode(["ec2:DeleteSnapshot", "arn:aws:ec2:eu-west-1::snapshot/*", {
        StringEquals = { "aws:ResourceTag/BuiltBy" = "amigo", "aws:ResourceTag/Stage" = "PROD" }
      }])
    }
    error_message = "The role may remove images with all of the tags, out of quarantine alone, and their snapshots."
  }
}

run "role_with_encrypted_sources" {
  command = apply

  variables {
    source_key_arns = ["arn:aws:kms:us-east-1:111111111111:key/mrk-1234abcd12ab34cd56ef1234567890ab"]
  }

  assert {
    condition = alltrue([
      for s in jsondecode(module.copy_image.role_policy.policy).Statement :
      sort(flatten([s.Resource])) == tolist([
        "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:us-east-1:111111111111:key/mrk-1234abcd12ab34cd56ef1234567890ab",
      ]) if contains(["EncryptThroughEc2", "GrantKeysToAwsThroughEc2"], s.Sid)
    ])
    error_message = "The role may use the keys of encrypted sources beside its own."
  }
}

run "roles_of_functions_in_a_vpc" {
  command = apply

  variables {
    vpc = { security_group_ids = ["sg-0123456789abcdef0"], subnet_ids = ["subnet-0123456789abcdef0"] }
  }

  assert {
    condition = {
      for name, part in { copy-image = module.copy_image, retire-image = module.retire_image, settle-copy = module.settle_copy } :
      name => jsonencode([for s in jsondecode(part.role_policy.policy).Statement : [s.Sid, s.Effect, sort(s.Action), s.Resource, try(s.Condition, null)] if strcontains(s.Sid, "Attaches")])
      } == {
      for name in ["copy-image", "retire-image", "settle-copy"] :
      name => jsonencode([
        for statement in [
          ["LambdaAttachesToVpc", "Allow", null],
          ["CodeAttachesNothing", "Deny", { ArnEquals = { "lambda:SourceFunctionArn" = "arn:aws:lambda:eu-west-1:222222222222:function:image-copier-${name}" } }],
          ] : [statement[0], statement[1], [
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ], "*", statement[2]]
      ])
    }
    error_message = "Lambda may attach each function to the VPC with its role, and the function's code may not."
  }
}

run "key" {
  command = plan

  assert {
    condition = jsondecode(aws_kms_key.image[0].policy) == {
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "AccountAdministersKey"
          Effect    = "Allow"
          Action    = "kms:*"
          Resource  = "*"
          Principal = { AWS = "arn:aws:iam::222222222222:root" }
        },
        {
          Sid       = "AccountUsesKeyThroughEc2"
          Effect    = "Allow"
          Action    = ["kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Encrypt", "kms:DescribeKey", "kms:Decrypt", "kms:CreateGrant"]
          Resource  = "*"
          Principal = { AWS = "*" }
          Condition = {
            StringEquals = {
              "kms:CallerAccount" = "222222222222"
              "kms:ViaService"    = "ec2.eu-west-1.amazonaws.com"
            }
          }
        },
        {
          Sid       = "NobodyDeletesKey"
          Effect    = "Deny"
          Action    = "kms:ScheduleKeyDeletion"
          Resource  = "*"
          Principal = { AWS = "*" }
        },
      ]
    }
    error_message = "The account administers the key, all of the account may use it, through EC2 alone, and nobody may delete it."
  }
}

run "key_with_other_statements" {
  command = plan

  variables {
    key_policy_statements = [
      {
        sid        = "BackupReads"
        actions    = ["kms:Decrypt"]
        principals = { AWS = ["arn:aws:iam::333333333333:root"] }
        conditions = { StringEquals = { "kms:ViaService" = ["backup.eu-west-1.amazonaws.com"] } }
      },
      { sid = "NobodyDisables", effect = "Deny", actions = ["kms:DisableKey"], principals = { AWS = ["*"] } },
    ]
  }

  assert {
    condition = [for s in jsondecode(aws_kms_key.image[0].policy).Statement : s if !contains(["AccountAdministersKey", "AccountUsesKeyThroughEc2", "NobodyDeletesKey"], s.Sid)] == [
      {
        Sid       = "BackupReads"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = "*"
        Principal = { AWS = "arn:aws:iam::333333333333:root" }
        Condition = { StringEquals = { "kms:ViaService" = "backup.eu-west-1.amazonaws.com" } }
      },
      {
        Sid       = "NobodyDisables"
        Effect    = "Deny"
        Action    = "kms:DisableKey"
        Resource  = "*"
        Principal = { AWS = "*" }
      },
    ] && length(jsondecode(aws_kms_key.image[0].policy).Statement) == 5
    error_message = "The key's policy has the given statements beside its own."
  }
}

run "without_deletion_protection" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition = (
      [for s in jsondecode(aws_kms_key.image[0].policy).Statement : s.Sid] == ["AccountAdministersKey", "AccountUsesKeyThroughEc2"] &&
      [for s in jsondecode(aws_sqs_queue.requests.policy).Statement : s.Sid] == ["TopicSends", "TlsOnly"] &&
      [for s in jsondecode(aws_sqs_queue.dead_letters.policy).Statement : s.Sid] == ["TopicSends", "TlsOnly"] &&
      [for s in jsondecode(aws_sqs_queue.retirements.policy).Statement : s.Sid] == ["RuleSends", "TlsOnly"]
    )
    error_message = "Without deletion_protection the key and the queues can be deleted."
  }
}

run "queues" {
  command = plan

  assert {
    condition = jsondecode(aws_sqs_queue.requests.policy) == {
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "TopicSends"
          Effect    = "Allow"
          Action    = "sqs:SendMessage"
          Resource  = "arn:aws:sqs:eu-west-1:222222222222:image-copier-requests"
          Principal = { Service = "sns.amazonaws.com" }
          Condition = { ArnEquals = { "aws:SourceArn" = "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify" } }
        },
        {
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Action    = "sqs:*"
          Resource  = "arn:aws:sqs:eu-west-1:222222222222:image-copier-requests"
          Principal = { AWS = "*" }
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
        {
          Sid       = "NobodyDeletesQueue"
          Effect    = "Deny"
          Action    = "sqs:DeleteQueue"
          Resource  = "arn:aws:sqs:eu-west-1:222222222222:image-copier-requests"
          Principal = { AWS = "*" }
        },
      ]
    }
    error_message = "The topic alone may send to the queue, over TLS, and nobody may delete it."
  }

  assert {
    condition = jsondecode(aws_sqs_queue.settle.policy) == {
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "RulesSend"
          Effect    = "Allow"
          Action    = "sqs:SendMessage"
          Resource  = "arn:aws:sqs:eu-west-1:222222222222:image-copier-settle.fifo"
          Principal = { Service = "events.amazonaws.com" }
          Condition = {
            ArnEquals = {
              "aws:SourceArn" = [
                "arn:aws:events:eu-west-1:222222222222:rule/image-copier-image-state",
                "arn:aws:events:eu-west-1:222222222222:rule/image-copier-sweep",
              ]
            }
          }
        },
        {
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Action    = "sqs:*"
          Resource  = "arn:aws:sqs:eu-west-1:222222222222:image-copier-settle.fifo"
          Principal = { AWS = "*" }
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ]
    }
    error_message = "The two rules alone may send to the queue of settle-copy, over TLS."
  }

  assert {
    condition     = aws_sqs_queue.dead_letters.policy == replace(aws_sqs_queue.requests.policy, "image-copier-requests", "image-copier-dead-letters")
    error_message = "The dead-letter queue takes from the topic what it cannot deliver: it has the policy of the queue, for itself."
  }
}

run "queues_with_housekeeping_topic" {
  command = plan

  variables {
    housekeeping_topic_arn = "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-housekeeping-notify"
  }

  assert {
    condition = jsondecode(aws_sqs_queue.retirements.policy) == {
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "TopicSends"
          Effect    = "Allow"
          Action    = "sqs:SendMessage"
          Resource  = "arn:aws:sqs:eu-west-1:222222222222:image-copier-retirements"
          Principal = { Service = "sns.amazonaws.com" }
          Condition = { ArnEquals = { "aws:SourceArn" = "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-housekeeping-notify" } }
        },
        {
          Sid       = "RuleSends"
          Effect    = "Allow"
          Action    = "sqs:SendMessage"
          Resource  = "arn:aws:sqs:eu-west-1:222222222222:image-copier-retirements"
          Principal = { Service = "events.amazonaws.com" }
          Condition = { ArnEquals = { "aws:SourceArn" = "arn:aws:events:eu-west-1:222222222222:rule/image-copier-retention" } }
        },
        {
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Action    = "sqs:*"
          Resource  = "arn:aws:sqs:eu-west-1:222222222222:image-copier-retirements"
          Principal = { AWS = "*" }
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
        {
          Sid       = "NobodyDeletesQueue"
          Effect    = "Deny"
          Action    = "sqs:DeleteQueue"
          Resource  = "arn:aws:sqs:eu-west-1:222222222222:image-copier-retirements"
          Principal = { AWS = "*" }
        },
      ]
    }
    error_message = "The topic and the rule alone may send to the queue of retire-image, over TLS, and nobody may delete it."
  }

  assert {
    condition = (
      jsondecode(aws_sqs_queue.dead_letters.policy).Statement[0].Condition.ArnEquals["aws:SourceArn"] == ["arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify", "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-housekeeping-notify"] &&
      jsondecode(aws_sqs_queue.requests.policy).Statement[0].Condition.ArnEquals["aws:SourceArn"] == "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify"
    )
    error_message = "The dead-letter queue takes what SNS cannot deliver of either topic."
  }
}

run "another_region_of_the_account" {
  command = plan

  providers = {
    aws = aws.frankfurt
  }

  variables {
    request_topic_arn = "arn:aws:sns:eu-central-1:111111111111:amigo-DEMO-notify"
  }

  assert {
    condition     = ["image-copier-copy-image-eu-west-1", module.copy_image.role.name] == ["image-copier-copy-image-eu-west-1", "image-copier-copy-image-eu-central-1"]
    error_message = "Roles are global: their names must differ by Region."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.requests.policy).Statement[0].Resource == "arn:aws:sqs:eu-central-1:222222222222:image-copier-requests"
    error_message = "Constructed ARNs follow the provider's Region."
  }
}
