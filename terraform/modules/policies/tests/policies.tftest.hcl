# The aws provider itself renders the policies: a mocked one would hide their content. It plans without any call to AWS.
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  name           = "copier"
  parameter_path = "/images/copied"
  topic_name     = "amigo-PROD-notify"
}

run "existing_topics" {
  command = plan

  variables {
    existing_topics         = true
    housekeeping_topic_name = "amigo-PROD-housekeeping-notify"
  }

  assert {
    condition = { for statement in jsondecode(output.policies["deploy-source"]).Statement : statement.Sid => statement.Resource if contains(["Topics", "Alarms"], statement.Sid) } == {
      Topics = "arn:aws:sns:*:*:amigo-PROD-notify-results"
      Alarms = [
        "arn:aws:cloudwatch:*:*:alarm:amigo-PROD-notify-*",
        "arn:aws:cloudwatch:*:*:alarm:amigo-PROD-housekeeping-notify-failed-deliveries",
      ]
    }
    error_message = "Topics of another system are out of reach; they are watched all the same."
  }
}

run "housekeeping_topic_of_another_name" {
  command = plan

  variables {
    housekeeping_topic_name = "retirements"
  }

  assert {
    condition     = contains(jsondecode(output.policies["deploy-source"]).Statement[0].Resource, "arn:aws:sns:*:*:retirements")
    error_message = "The topic that is made under another name is within reach."
  }
}

run "publisher" {
  command = plan

  variables {
    publisher = true
  }

  assert {
    condition = { for statement in jsondecode(output.policies["deploy-source"]).Statement : statement.Sid => statement.Resource if contains(["FindTargets", "Function", "Queues", "Roles", "Rules", "Targets"], statement.Sid) } == {
      FindTargets = "*"
      Function    = ["arn:aws:lambda:*:*:function:amigo-PROD-notify-watch", "arn:aws:lambda:*:*:function:amigo-PROD-notify-publish"]
      Queues = [
        "arn:aws:sqs:*:*:amigo-PROD-notify-watch-*",
        "arn:aws:sqs:*:*:amigo-PROD-notify-unheard",
        "arn:aws:sqs:*:*:amigo-PROD-notify-publish.fifo",
      ]
      Roles   = ["arn:aws:iam::*:role/amigo-PROD-notify-watch-*", "arn:aws:iam::*:role/amigo-PROD-notify-publish-*"]
      Rules   = "arn:aws:events:*:*:rule/amigo-PROD-notify-publish-*"
      Targets = "arn:aws:ssm:*:*:parameter/image-copier-targets/amigo-PROD-notify/*"
    }
    error_message = "With a publisher, what it is made of is within reach too."
  }
}

# What Terraform and the tool ask for is for the integration tests to say; here is what the actions are limited to.
run "long_name_of_the_topic" {
  command = plan

  variables {
    publisher  = true
    topic_name = "image-copies-for-all-accounts-of-the-whole-organization-PROD"
  }

  # The names that the test long_name of the module source-account has.
  assert {
    condition = { for statement in jsondecode(output.policies["deploy-source"]).Statement : statement.Sid => statement.Resource if contains(["Alarms", "Function", "Rules"], statement.Sid) } == {
      Alarms   = ["arn:aws:cloudwatch:*:*:alarm:image-copies-for-all-accounts-of-the-whole-organization-PROD-*", "arn:aws:cloudwatch:*:*:alarm:image-copies-for-all-accounts-of-3530fbe6-*"]
      Function = ["arn:aws:lambda:*:*:function:image-copies-for-all-accounts-of-3530fbe6-watch", "arn:aws:lambda:*:*:function:image-copies-for-all-accounts-of-3530fbe6-publish"]
      Rules    = "arn:aws:events:*:*:rule/image-copies-for-all-accounts-of-3530fbe6-publish-*"
    }
    error_message = "What has no room for the topic's name is within reach under its shorter one."
  }
}

run "names" {
  command = plan

  assert {
    condition = { for statement in jsondecode(output.policies["deploy-source"]).Statement : statement.Sid => statement.Resource } == {
      Topics = [
        "arn:aws:sns:*:*:amigo-PROD-notify-results",
        "arn:aws:sns:*:*:amigo-PROD-notify-housekeeping",
        "arn:aws:sns:*:*:amigo-PROD-notify",
      ]
      Alarms           = "arn:aws:cloudwatch:*:*:alarm:amigo-PROD-notify-*"
      Dashboard        = "arn:aws:cloudwatch::*:dashboard/amigo-PROD-notify-accounts-*"
      Queues           = ["arn:aws:sqs:*:*:amigo-PROD-notify-watch-*", "arn:aws:sqs:*:*:amigo-PROD-notify-unheard"]
      Subscribe        = ["arn:aws:sns:*:*:amigo-PROD-notify-results", "arn:aws:sns:*:*:amigo-PROD-notify"]
      Subscription     = "*"
      Roles            = "arn:aws:iam::*:role/amigo-PROD-notify-watch-*"
      PassRoleToLambda = "arn:aws:iam::*:role/amigo-PROD-notify-watch-*"
      Function         = "arn:aws:lambda:*:*:function:amigo-PROD-notify-watch"
      Mappings         = "*"
      ReadMappings     = "arn:aws:lambda:*:*:event-source-mapping:*"
      LambdaTags       = ["arn:aws:lambda:*:*:function:amigo-PROD-notify-watch", "arn:aws:lambda:*:*:event-source-mapping:*"]
      LogGroups = [
        "arn:aws:logs:*:*:log-group:/image-copier/amigo-PROD-notify/results:*",
        "arn:aws:logs:*:*:log-group:/image-copier/amigo-PROD-notify/results",
        "arn:aws:logs:*:*:log-group:/aws/lambda/amigo-PROD-notify-watch:*",
        "arn:aws:logs:*:*:log-group:/aws/lambda/amigo-PROD-notify-watch",
      ]
      FindLogGroups = "*"
    }
    error_message = "Whoever deploys the source account reaches the three topics, their alarms, the dashboard, and what belongs to the watch."
  }

  assert {
    condition = { for statement in jsondecode(output.policies["deploy-source"]).Statement : statement.Sid => statement.Condition if can(statement.Condition) } == {
      Subscribe        = { StringLike = { "sns:Endpoint" = ["arn:aws:sqs:*:*:amigo-PROD-notify-watch-requests", "arn:aws:sqs:*:*:amigo-PROD-notify-watch-results"] } }
      PassRoleToLambda = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
      Mappings         = { ArnLike = { "lambda:FunctionArn" = "arn:aws:lambda:*:*:function:amigo-PROD-notify-watch" } }
    }
    error_message = "The role goes to Lambda alone, mappings to the watch, and only its queues are subscribed."
  }

  assert {
    condition = { for statement in jsondecode(output.policies["deploy-target"]).Statement : statement.Sid => statement.Resource } == {
      CountCopies       = "*"
      CountParameters   = ["arn:aws:ssm:*:*:parameter/images/copied/*", "arn:aws:ssm:*:*:parameter/images/copied"]
      MakeKey           = "*"
      Key               = "arn:aws:kms:*:*:key/*"
      KeyAlias          = ["arn:aws:kms:*:*:key/*", "arn:aws:kms:*:*:alias/copier"]
      Queues            = "arn:aws:sqs:*:*:copier-*"
      Subscribe         = ["arn:aws:sns:*:*:amigo-PROD-notify-housekeeping", "arn:aws:sns:*:*:amigo-PROD-notify"]
      Subscription      = "*"
      Roles             = "arn:aws:iam::*:role/copier-*"
      PassRolesToLambda = "arn:aws:iam::*:role/copier-*"
      Functions         = "arn:aws:lambda:*:*:function:copier-*"
      Mappings          = "*"
      ReadMappings      = "arn:aws:lambda:*:*:event-source-mapping:*"
      LambdaTags        = ["arn:aws:lambda:*:*:function:copier-*", "arn:aws:lambda:*:*:event-source-mapping:*"]
      LogGroups         = "arn:aws:logs:*:*:log-group:/aws/lambda/copier-*"
      FindLogGroups     = "*"
      Rules             = "arn:aws:events:*:*:rule/copier-*"
      Alarms            = "arn:aws:cloudwatch:*:*:alarm:copier-*"
      Dashboard         = "arn:aws:cloudwatch::*:dashboard/copier-*"
    }
    error_message = "Whoever deploys a target reaches what has the copier's name; keys have none."
  }

  assert {
    condition = { for statement in jsondecode(output.policies["deploy-target"]).Statement : statement.Sid => statement.Condition if can(statement.Condition) } == {
      Subscribe         = { StringLike = { "sns:Endpoint" = ["arn:aws:sqs:*:*:copier-requests", "arn:aws:sqs:*:*:copier-retirements"] } }
      PassRolesToLambda = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
      Mappings          = { ArnLike = { "lambda:FunctionArn" = "arn:aws:lambda:*:*:function:copier-*" } }
    }
    error_message = "Roles go to Lambda alone, mappings to the copier's functions, and only the queues for requests and retirements are subscribed."
  }

  assert {
    condition = { for statement in jsondecode(output.policies["read"]).Statement : statement.Sid => statement.Resource } == {
      List          = "*"
      SharedWith    = ["arn:aws:ec2:*::snapshot/*", "arn:aws:ec2:*::image/*"]
      Subscriptions = "arn:aws:sns:*:*:amigo-PROD-notify"
      AlarmTopics   = "arn:aws:sns:*:*:*"
      Queues        = "arn:aws:sqs:*:*:copier-*"
      DeadLetters   = "arn:aws:sqs:*:*:copier-dead-letters"
      Logs          = "arn:aws:logs:*:*:log-group:/aws/lambda/copier-*"
      Functions     = "arn:aws:lambda:*:*:function:copier-*"
      Roles         = "arn:aws:iam::*:role/copier-*"
      Keys          = "arn:aws:kms:*:*:key/*"
      Rules         = "arn:aws:events:*:*:rule/copier-*"
      Alarms        = "arn:aws:cloudwatch:*:*:alarm:*"
      Parameters    = ["arn:aws:ssm:*:*:parameter/images/copied/*", "arn:aws:ssm:*:*:parameter/images/copied"]
      Ends          = "arn:aws:ssm:*:*:parameter/image-copier-ended/copier/*"
    }
    error_message = "Messages are read from the dead-letter queue alone, parameters below the path and the notes of ends alone."
  }

  assert {
    condition = { for statement in jsondecode(output.policies["request"]).Statement : statement.Sid => statement.Resource } == {
      FindImages         = "*"
      Keys               = "arn:aws:kms:*:*:key/*"
      Share              = ["arn:aws:ec2:*::snapshot/*", "arn:aws:ec2:*::image/*"]
      ShareTags          = "arn:aws:ec2:*::image/*"
      Request            = "arn:aws:sns:*:*:amigo-PROD-notify"
      SubscribeToResults = "arn:aws:sns:*:*:amigo-PROD-notify-results"
      Unsubscribe        = "*"
      ResultsInbox       = "arn:aws:sqs:*:*:image-copier-request-*"
    }
    error_message = "Requests go to the topic alone, and results come from the results topic to a queue of the tool."
  }

  assert {
    condition = { for statement in jsondecode(output.policies["request"]).Statement : statement.Sid => statement.Condition if can(statement.Condition) } == {
      ShareTags = {
        "ForAllValues:StringLike" = { "aws:TagKeys" = "ec2:SharedTag/*" }
        Null                      = { "aws:TagKeys" = "false" }
      }
      SubscribeToResults = { StringLike = { "sns:Endpoint" = "arn:aws:sqs:*:*:image-copier-request-*" } }
    }
    error_message = "No tags but shared ones are set, and only a queue of the tool is subscribed."
  }

  assert {
    condition = { for statement in jsondecode(output.policies["operate"]).Statement : statement.Sid => statement.Resource } == {
      FindCopies   = "*"
      Key          = "arn:aws:kms:*:*:key/*"
      Parameters   = "arn:aws:ssm:*:*:parameter/images/copied/*"
      Ends         = "arn:aws:ssm:*:*:parameter/image-copier-ended/copier/*"
      DeadLetters  = "arn:aws:sqs:*:*:copier-dead-letters"
      Logs         = "arn:aws:logs:*:*:log-group:/aws/lambda/copier-*"
      FindQueues   = ["arn:aws:sqs:*:*:copier-retirements", "arn:aws:sqs:*:*:copier-requests", "arn:aws:sqs:*:*:copier-dead-letters"]
      PutBack      = "arn:aws:sqs:*:*:copier-requests"
      Retire       = "arn:aws:sqs:*:*:copier-retirements"
      Alarms       = "arn:aws:cloudwatch:*:*:alarm:copier-*"
      Functions    = "arn:aws:lambda:*:*:function:copier-*"
      Mappings     = "arn:aws:lambda:*:*:event-source-mapping:*"
      Rules        = "arn:aws:events:*:*:rule/copier-*"
      Subscription = "*"
    }
    error_message = "Dead letters go back to the requests queue alone, no other parameters are set, and what is put back is the copier's."
  }

  assert {
    condition = { for statement in jsondecode(output.policies["operate"]).Statement : statement.Sid => statement.Condition if can(statement.Condition) } == {
      Mappings = { ArnLike = { "lambda:FunctionArn" = "arn:aws:lambda:*:*:function:copier-*" } }
    }
    error_message = "Only mappings of the copier's functions are put back."
  }

  assert {
    condition = { for statement in jsondecode(output.policies["retire"]).Statement : statement.Sid => statement.Resource } == {
      ReadImagesAndTheirUse = "*"
      ReadImageParameters   = "arn:aws:ssm:*:*:parameter/*"
      LetEc2ReadReferences  = "*"
      Parameters            = "arn:aws:ssm:*:*:parameter/images/copied"
      Ends                  = "arn:aws:ssm:*:*:parameter/image-copier-ended/copier/*"
      Settings              = "arn:aws:lambda:*:*:function:copier-*"
      Ask                   = "arn:aws:sqs:*:*:copier-retirements"
    }
    error_message = "What uses images is read, and nothing is sent but to the queue for retirements."
  }

  assert {
    condition = { for statement in jsondecode(output.policies["revoke"]).Statement : statement.Sid => statement.Resource } == {
      FindImages          = "*"
      TakeAwayAndGiveBack = "arn:aws:ec2:*::image/*"
      TagRevoked          = "arn:aws:ec2:*::image/*"
      NoteSharing         = "arn:aws:ssm:*:*:parameter/image-copier-revoked/*"
      Tell                = "arn:aws:sns:*:*:amigo-PROD-notify-housekeeping"
      SubscribeToResults  = "arn:aws:sns:*:*:amigo-PROD-notify-results"
      Unsubscribe         = "*"
      ResultsInbox        = "arn:aws:sqs:*:*:image-copier-request-*"
    }
    error_message = "Revocations go to the topic for housekeeping alone, and no parameters are changed but the tool's own notes."
  }

  assert {
    condition = { for statement in jsondecode(output.policies["revoke"]).Statement : statement.Sid => statement.Condition if can(statement.Condition) } == {
      TagRevoked = {
        "ForAllValues:StringEquals" = { "aws:TagKeys" = "ImageCopierRevoked" }
        Null                        = { "aws:TagKeys" = "false" }
      }
      SubscribeToResults = { StringLike = { "sns:Endpoint" = "arn:aws:sqs:*:*:image-copier-request-*" } }
    }
    error_message = "No tag is set or taken away but the one of revoked images."
  }
}

run "role_path" {
  command = plan

  variables {
    role_path = "/organization/copier/"
  }

  assert {
    condition = toset(flatten([
      for policy in ["deploy-target", "read"] : [
        for statement in jsondecode(output.policies[policy]).Statement : statement.Resource if contains(["Roles", "PassRolesToLambda"], statement.Sid)
      ]
    ])) == toset(["arn:aws:iam::*:role/organization/copier/copier-*"])
    error_message = "The functions' roles are made and looked at under their path."
  }
}

run "names_that_are_none" {
  command = plan

  variables {
    name           = "copier*"
    parameter_path = "/images/*"
    topic_name     = "*"

    housekeeping_topic_name = "*"
  }

  expect_failures = [var.housekeeping_topic_name, var.name, var.parameter_path, var.topic_name]
}
