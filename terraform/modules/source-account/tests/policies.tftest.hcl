# The aws provider itself renders the policies: a mocked one would hide their content. It plans without any call to AWS.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "111111111111" }
}

run "listed_accounts" {
  command = plan

  variables {
    name               = "amigo-DEMO-notify"
    target_account_ids = ["333333333333", "222222222222"]
  }

  assert {
    condition = jsondecode(aws_sns_topic.requests[0].policy) == {
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "TargetAccounts"
          Effect    = "Allow"
          Action    = "sns:Subscribe"
          Resource  = "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify"
          Principal = { AWS = "*" }
          Condition = {
            StringEquals = {
              "aws:PrincipalAccount" = ["222222222222", "333333333333"]
              "sns:Protocol"         = "sqs"
            }
            StringLike = { "sns:Endpoint" = "arn:aws:sqs:eu-west-1:$${aws:PrincipalAccount}:*" }
          }
        },
        {
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Action    = ["sns:Subscribe", "sns:Publish"]
          Resource  = "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify"
          Principal = { AWS = "*" }
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ]
    }
    error_message = "Only the listed accounts may subscribe to requests, only queues of their own, only over TLS."
  }

  assert {
    condition     = aws_sns_topic.housekeeping[0].policy == replace(aws_sns_topic.requests[0].policy, ":amigo-DEMO-notify\"", ":amigo-DEMO-notify-housekeeping\"")
    error_message = "The housekeeping topic has the policy of the requests topic, for itself."
  }

  assert {
    condition = jsondecode(aws_sns_topic.results.policy) == {
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "TargetAccounts"
          Effect    = "Allow"
          Action    = "sns:Publish"
          Resource  = "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify-results"
          Principal = { AWS = "*" }
          Condition = {
            ArnLike      = { "aws:PrincipalArn" = ["arn:aws:iam::*:role/*-retire-image-*", "arn:aws:iam::*:role/*-settle-copy-*"] }
            StringEquals = { "aws:PrincipalAccount" = ["222222222222", "333333333333"] }
          }
        },
        {
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Action    = ["sns:Subscribe", "sns:Publish"]
          Resource  = "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify-results"
          Principal = { AWS = "*" }
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ]
    }
    error_message = "Only the copiers of the listed accounts may publish results, only over TLS."
  }
}

run "watch" {
  command = plan

  variables {
    name               = "amigo-DEMO-notify"
    target_account_ids = ["222222222222"]
  }

  assert {
    condition = { for s in jsondecode(module.watch.role_policy.policy).Statement : s.Sid => [s.Action, s.Resource] } == {
      SeeWhoHears = ["sns:ListSubscriptionsByTopic", "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify"]
      TakeMessages = [
        ["sqs:ReceiveMessage", "sqs:GetQueueAttributes", "sqs:DeleteMessage"],
        [
          "arn:aws:sqs:eu-west-1:111111111111:amigo-DEMO-notify-watch-results",
          "arn:aws:sqs:eu-west-1:111111111111:amigo-DEMO-notify-watch-requests",
          "arn:aws:sqs:eu-west-1:111111111111:amigo-DEMO-notify-watch-awaited",
        ],
      ]
      HaveRequestsWait = ["sqs:ChangeMessageVisibility", "arn:aws:sqs:eu-west-1:111111111111:amigo-DEMO-notify-watch-awaited"]
      ReportRequests = [
        "sqs:SendMessage",
        [
          "arn:aws:sqs:eu-west-1:111111111111:amigo-DEMO-notify-watch-awaited",
          "arn:aws:sqs:eu-west-1:111111111111:amigo-DEMO-notify-unheard",
        ],
      ]
      KeepResults = [
        ["logs:PutLogEvents", "logs:GetLogEvents", "logs:CreateLogStream"],
        "arn:aws:logs:eu-west-1:111111111111:log-group:/image-copier/amigo-DEMO-notify/results:*",
      ]
      WriteLog = [
        ["logs:PutLogEvents", "logs:CreateLogStream"],
        "arn:aws:logs:eu-west-1:111111111111:log-group:/aws/lambda/amigo-DEMO-notify-watch:*",
      ]
    }
    error_message = "The watch may do what its code calls, on its own queues and log."
  }

  assert {
    condition = {
      for queue in concat(values(aws_sqs_queue.watched), [aws_sqs_queue.unheard, aws_sqs_queue.watch_dead_letters]) :
      queue.name => [for s in jsondecode(queue.policy).Statement : s.Condition.ArnEquals["aws:SourceArn"] if s.Effect == "Allow"]
      } == {
      amigo-DEMO-notify-unheard        = []
      amigo-DEMO-notify-watch-awaited  = []
      amigo-DEMO-notify-watch-requests = ["arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify"]
      amigo-DEMO-notify-watch-results  = ["arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify-results"]
      amigo-DEMO-notify-watch-dead-letters = [[
        "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify",
        "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify-results",
      ]]
    }
    error_message = "Each topic sends to its own queue, and nobody to what waits or is reported, beside this account's roles."
  }

  assert {
    condition     = alltrue([for queue in concat(values(aws_sqs_queue.watched), [aws_sqs_queue.unheard, aws_sqs_queue.watch_dead_letters]) : anytrue([for s in jsondecode(queue.policy).Statement : s.Effect == "Deny" && s.Action == "sqs:*"])])
    error_message = "Each queue is reached by TLS alone."
  }
}

run "publisher" {
  command = plan

  variables {
    name               = "amigo-DEMO-notify"
    target_account_ids = ["222222222222"]
    publisher          = {}
  }

  assert {
    condition = { for s in jsondecode(one(module.publisher[*].role_policy.policy)).Statement : s.Sid => [s.Action, s.Resource] } == {
      FindImages             = ["ec2:DescribeImages", "*"]
      ShareImages            = [["ec2:ModifyImageAttribute", "ec2:DescribeImageAttribute"], "arn:aws:ec2:eu-west-1::image/*"]
      ReadSharingOfSnapshots = ["ec2:DescribeSnapshotAttribute", "arn:aws:ec2:eu-west-1::snapshot/*"]

      ShareSnapshotsWithAccounts = ["ec2:ModifySnapshotAttribute", "arn:aws:ec2:eu-west-1::snapshot/*"]

      TagImages = ["ec2:CreateTags", "arn:aws:ec2:eu-west-1::image/*"]
      ReadTargets = ["ssm:GetParametersByPath", [
        "arn:aws:ssm:eu-west-1:111111111111:parameter/image-copier-targets/amigo-DEMO-notify/*",
        "arn:aws:ssm:eu-west-1:111111111111:parameter/image-copier-targets/amigo-DEMO-notify",
      ]]
      AskForCopies = ["sns:Publish", "arn:aws:sns:*:111111111111:amigo-DEMO-notify"]
      TakeWakeUps = [
        ["sqs:ReceiveMessage", "sqs:GetQueueAttributes", "sqs:DeleteMessage"],
        "arn:aws:sqs:eu-west-1:111111111111:amigo-DEMO-notify-publish.fifo",
      ]
      WriteLog = [
        ["logs:PutLogEvents", "logs:CreateLogStream"],
        "arn:aws:logs:eu-west-1:111111111111:log-group:/aws/lambda/amigo-DEMO-notify-publish:*",
      ]
    }
    error_message = "The publisher may do what its code calls, and publish on the topics of that name alone."
  }

  assert {
    condition = { for s in jsondecode(one(module.publisher[*].role_policy.policy)).Statement : s.Sid => s.Condition if can(s.Condition) } == {
      ShareImages                = { Null = { "aws:ResourceTag/ImageCopierTargets" = "false" } }
      ShareSnapshotsWithAccounts = { Null = { "ec2:Add/group" = "true" } }
      TagImages = {
        "ForAllValues:StringLike" = { "aws:TagKeys" = ["ImageCopierPublished", "ec2:SharedTag/*"] }
        Null                      = { "aws:ResourceTag/ImageCopierTargets" = "false", "aws:TagKeys" = "false" }
      }
    }
    error_message = "It changes images that are tagged for it, shares nothing with everybody, and does not say whom an image is for."
  }

  assert {
    condition     = !contains(keys(one(module.publisher[*].function.environment)[0].variables), "ORGANIZATION")
    error_message = "Without an organization it reads none."
  }
}

run "publisher_beside_an_organization" {
  command = plan

  variables {
    name               = "amigo-DEMO-notify"
    target_account_ids = ["222222222222"]
    publisher = {
      organization = {
        regions  = ["us-east-1", "eu-west-1"]
        role_arn = "arn:aws:iam::999999999999:role/read-units"
        unit_ids = ["ou-ab12-2b2b3c4d", "ou-ab12-1a2b3c4d"]
      }
    }
  }

  assert {
    condition = [for s in jsondecode(one(module.publisher[*].role_policy.policy)).Statement : [s.Sid, s.Action, s.Resource] if strcontains(jsonencode(s.Action), "sts:")] == [
      ["ReadOrganization", "sts:AssumeRole", "arn:aws:iam::999999999999:role/read-units"],
    ]
    error_message = "It may assume the role that reads the organization, and no other."
  }

  assert {
    condition     = !strcontains(one(module.publisher[*].role_policy.policy), "organizations:")
    error_message = "Of the organization it may read nothing by itself."
  }

  assert {
    condition = jsondecode(one(module.publisher[*].function.environment)[0].variables.ORGANIZATION) == {
      regions = ["eu-west-1", "us-east-1"]
      roleArn = "arn:aws:iam::999999999999:role/read-units"
      unitIds = ["ou-ab12-1a2b3c4d", "ou-ab12-2b2b3c4d"]
    }
    error_message = "The function is told the units, the Regions and the role."
  }
}

run "organization" {
  command = plan

  variables {
    organization_id = "o-a1b2c3d4e5"
  }

  assert {
    condition = {
      for s in jsondecode(aws_sns_topic.requests[0].policy).Statement : s.Sid => s.Condition if s.Effect == "Allow"
      } == {
      Organization = {
        StringEquals = { "aws:PrincipalOrgID" = "o-a1b2c3d4e5", "sns:Protocol" = "sqs" }
        StringLike   = { "sns:Endpoint" = "arn:aws:sqs:eu-west-1:$${aws:PrincipalAccount}:*" }
      }
    }
    error_message = "The organization alone may subscribe."
  }
}

run "accounts_and_organization" {
  command = plan

  variables {
    organization_id    = "o-a1b2c3d4e5"
    target_account_ids = ["222222222222"]
  }

  assert {
    condition = {
      for s in jsondecode(aws_sns_topic.results.policy).Statement : s.Sid => s.Condition if s.Effect == "Allow"
      } == {
      Organization = {
        ArnLike      = { "aws:PrincipalArn" = ["arn:aws:iam::*:role/*-retire-image-*", "arn:aws:iam::*:role/*-settle-copy-*"] }
        StringEquals = { "aws:PrincipalOrgID" = "o-a1b2c3d4e5" }
      }
      TargetAccounts = {
        ArnLike      = { "aws:PrincipalArn" = ["arn:aws:iam::*:role/*-retire-image-*", "arn:aws:iam::*:role/*-settle-copy-*"] }
        StringEquals = { "aws:PrincipalAccount" = "222222222222" }
      }
    }
    error_message = "An account outside the organization is listed beside it, each in a statement of its own."
  }
}

run "policy_of_the_longest_list" {
  command = plan

  variables {
    organization_id    = "o-a1b2c3d4e5"
    target_account_ids = formatlist("%012d", concat(range(1000), range(1000, 1500)))
  }

  assert {
    condition     = length(aws_sns_topic.requests[0].policy) <= 30 * 1024
    error_message = "1500 accounts must fit into the 30 KB of a topic policy."
  }
}
