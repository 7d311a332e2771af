mock_provider "aws" {
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
    defaults = { arn = "arn:aws:iam::111111111111:role/image-copier-watch-eu-west-1" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-west-1:111111111111:function:image-copier-watch" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:111111111111:image-copier-watch" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { minified_json = "{}" }
  }
}

variables {
  target_account_ids = ["222222222222"]
}

run "names_of_topics" {
  command = apply

  assert {
    condition     = [aws_sns_topic.requests[0].name, aws_sns_topic.housekeeping[0].name, aws_sns_topic.results.name] == ["image-copier", "image-copier-housekeeping", "image-copier-results"]
    error_message = "The topics are named after the input name."
  }
}

run "alarms" {
  command = apply

  variables {
    alarm_actions = ["arn:aws:sns:eu-west-1:111111111111:on-call"]
  }

  assert {
    condition = toset(output.alarm_names) == toset([
      "image-copier-unreadable-requests",
      "image-copier-failed-deliveries",
      "image-copier-housekeeping-failed-deliveries",
      "image-copier-results-failed-deliveries",
      "image-copier-unheard",
      "image-copier-unheard-requests",
      "image-copier-watch-age",
      "image-copier-watch-dead-letters",
    ])
    error_message = "One alarm on unreadable requests, one on failed deliveries a topic, and those of the watch."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.unreadable_requests.metric_name == "NumberOfNotificationsFilteredOut-InvalidMessageBody" &&
      aws_cloudwatch_metric_alarm.unreadable_requests.dimensions == tomap({ TopicName = "image-copier" }) &&
      aws_cloudwatch_metric_alarm.unreadable_requests.threshold == 0 &&
      aws_cloudwatch_metric_alarm.unreadable_requests.comparison_operator == "GreaterThanThreshold"
    )
    error_message = "The first message that is no JSON raises the alarm."
  }

  assert {
    condition = { for key, alarm in aws_cloudwatch_metric_alarm.failed_deliveries : alarm.dimensions.TopicName => alarm.metric_name } == {
      image-copier              = "NumberOfNotificationsFailed"
      image-copier-housekeeping = "NumberOfNotificationsFailed"
      image-copier-results      = "NumberOfNotificationsFailed"
    }
    error_message = "Failed deliveries are watched on each topic."
  }

  assert {
    condition = alltrue([
      for alarm in concat([aws_cloudwatch_metric_alarm.unreadable_requests], values(aws_cloudwatch_metric_alarm.failed_deliveries)) :
      alarm.alarm_actions == toset(["arn:aws:sns:eu-west-1:111111111111:on-call"]) && alarm.ok_actions == alarm.alarm_actions
    ])
    error_message = "Each alarm tells when it starts and when it ends."
  }
}

run "watch" {
  command = apply

  variables {
    name          = "amigo-DEMO-notify"
    overdue_hours = 48
  }

  assert {
    condition = alltrue([
      for subscription in [aws_sns_topic_subscription.watch["requests"], aws_sns_topic_subscription.watch["results"]] :
      subscription.protocol == "sqs" && subscription.raw_message_delivery && subscription.filter_policy == null
    ])
    error_message = "The watch hears all requests and results, by no filter."
  }

  assert {
    condition = { for key, queue in aws_sqs_queue.watched : queue.name => queue.visibility_timeout_seconds } == {
      amigo-DEMO-notify-watch-awaited  = 360
      amigo-DEMO-notify-watch-requests = 360
      amigo-DEMO-notify-watch-results  = 360
    }
    error_message = "Each queue leaves the function its time six times."
  }

  assert {
    condition     = alltrue([for queue in concat(values(aws_sqs_queue.watched), [aws_sqs_queue.unheard, aws_sqs_queue.watch_dead_letters]) : queue.sqs_managed_sse_enabled && queue.message_retention_seconds == 1209600])
    error_message = "Each queue is encrypted and keeps its messages for as long as SQS lets it."
  }

  assert {
    condition = (
      module.watch.function.function_name == "amigo-DEMO-notify-watch" &&
      module.watch.function.handler == "watch-requests.handler" &&
      module.watch.function.environment[0].variables.OVERDUE_SECONDS == "172800" &&
      module.watch.function.environment[0].variables.RESULTS_LOG_GROUP == "/image-copier/amigo-DEMO-notify/results"
    )
    error_message = "The function knows after how long an account is overdue, and where the results are."
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.watch : mapping.function_response_types == toset(["ReportBatchItemFailures"])])
    error_message = "What waits stays in its queue, without the others of its batch."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.unheard_requests.period == 60 &&
      aws_cloudwatch_metric_alarm.unheard_requests.dimensions == tomap({ service = "amigo-DEMO-notify-watch" }) &&
      aws_cloudwatch_metric_alarm.watch_queues["unheard"].period == 60 &&
      aws_cloudwatch_metric_alarm.watch_queues["unheard"].dimensions == tomap({ QueueName = "amigo-DEMO-notify-unheard" })
    )
    error_message = "A request that reaches nobody raises an alarm within a minute, which lasts until it is looked at."
  }
}

run "no_publisher_by_default" {
  command = apply

  assert {
    condition     = length(module.publisher) == 0 && output.publisher_function_name == null
    error_message = "Nothing is published by itself unless that is wanted."
  }
}

run "publisher" {
  command = apply

  variables {
    name          = "amigo-DEMO-notify"
    alarm_actions = ["arn:aws:sns:eu-west-1:111111111111:on-call"]
    publisher     = { unshare = true }
    publisher_targets = [
      { id = "222222222222", labels = { wave = "canary" }, regions = ["us-east-1", "eu-west-1"] },
      { id = "333333333322", labels = { wave = "canary" }, regions = ["eu-west-1", "us-east-1"] },
      { id = "333333333333", regions = ["eu-west-1"] },
    ]
  }

  assert {
    condition     = output.publisher_function_name == "amigo-DEMO-notify-publish"
    error_message = "The function is named after the topic."
  }

  assert {
    condition = local.targets_parameters == {
      "/image-copier-targets/amigo-DEMO-notify/22" = jsonencode([{ ids = ["222222222222", "333333333322"], labels = { wave = "canary" }, regions = ["eu-west-1", "us-east-1"] }])
      "/image-copier-targets/amigo-DEMO-notify/33" = jsonencode([{ ids = ["333333333333"], labels = {}, regions = ["eu-west-1"] }])
    }
    error_message = "Accounts with the same labels and Regions stand together, by the last two digits of their ids."
  }

  assert {
    condition = length(setsubtract([
      "amigo-DEMO-notify-publish-errors",
      "amigo-DEMO-notify-publish-no-sweep",
      "amigo-DEMO-notify-publish-problems",
      "amigo-DEMO-notify-publish-put-off",
    ], output.alarm_names)) == 0
    error_message = "An alarm tells of what only a person can mend, and of what is not done."
  }

  assert {
    condition = toset(jsondecode(aws_cloudwatch_dashboard.accounts.dashboard_body).widgets[0].properties.alarms) == toset([
      for name in output.alarm_names : "arn:aws:cloudwatch:eu-west-1:111111111111:alarm:${name}"
    ])
    error_message = "The dashboard begins with all alarms, those of the publisher too."
  }
}

# 50 accounts in each parameter, in 3 Regions, by 2 labels of usual length in 20 ways; and twice as many in one of them.
run "targets_of_5000_accounts" {
  command = plan

  variables {
    publisher = {}
    publisher_targets = [for number in concat(flatten([for hundred in range(50) : range(hundred * 100, hundred * 100 + 100)]), [for hundred in range(50, 100) : hundred * 100 + 42]) : {
      id      = format("2%011d", number)
      labels  = { environment = "production-${number % 4}", wave = "wave-${floor(number / 100) % 5}" }
      regions = ["ap-southeast-1", "eu-central-1", "us-east-1"]
    }]
  }

  assert {
    condition     = length(local.targets_parameters) == 100 && sum([for value in values(local.targets_parameters) : length(flatten(jsondecode(value)[*].ids))]) == 5050
    error_message = "Every account stands in one of 100 parameters."
  }

  assert {
    condition     = max([for value in values(local.targets_parameters) : length(value)]...) <= 4096
    error_message = "5,000 accounts fit into standard parameters."
  }
}

run "targets_that_do_not_fit" {
  command = plan

  variables {
    publisher         = {}
    publisher_targets = [for number in range(60) : { id = format("2%09d42", number), labels = { name = "an-account-with-a-name-of-its-own-${number}" }, regions = ["eu-west-1"] }]
  }

  expect_failures = [output.publisher_function_name]
}

run "bad_publisher" {
  command = plan

  variables {
    publisher = { recipe_tag = "" }
  }

  expect_failures = [var.publisher]
}

run "bad_organization_of_a_publisher" {
  command = plan

  variables {
    publisher = { organization = { regions = ["eu-west-1"], role_arn = "arn:aws:iam::999999999999:role/read-units", unit_ids = ["222222222222"] } }
  }

  expect_failures = [var.publisher]
}

run "name_too_long_for_a_publisher" {
  command = plan

  variables {
    name      = "a-name-of-42-characters-is-one-too-long-xx"
    publisher = {}
  }

  expect_failures = [output.publisher_function_name]
}

run "long_name" {
  command = plan

  variables {
    name      = "image-copies-for-all-accounts-of-the-whole-organization-PROD"
    publisher = {}
  }

  # Of 64 characters, as names of roles: image-copies-for-all-accounts-of-3530fbe6-publish-ap-southeast-1 has 64.
  assert {
    condition     = [aws_sns_topic.requests[0].name, output.watch_function_name, output.publisher_function_name, aws_sqs_queue.unheard.name] == ["image-copies-for-all-accounts-of-the-whole-organization-PROD", "image-copies-for-all-accounts-of-3530fbe6-watch", "image-copies-for-all-accounts-of-3530fbe6-publish", "image-copies-for-all-accounts-of-3530fbe6-unheard"]
    error_message = "The topic has the name as it is; what has room for less has a shorter one, which no other topic has."
  }
}

run "bad_targets" {
  command = plan

  variables {
    publisher = {}
    publisher_targets = [
      { id = "22222222222", regions = ["eu-west-1"] },
      { id = "333333333333", regions = [] },
      { id = "444444444444", labels = { wave = "two waves" }, regions = ["eu-west-1"] },
    ]
  }

  expect_failures = [var.publisher_targets]
}

run "dashboard" {
  command = apply

  variables {
    name                    = "amigo-DEMO-notify"
    housekeeping_topic_name = "amigo-DEMO-housekeeping-notify"
  }

  assert {
    condition     = output.dashboard_name == "amigo-DEMO-notify-accounts-eu-west-1"
    error_message = "Dashboards are global in an account: their names differ by Region, and from that of a copier of the same name."
  }

  assert {
    condition = toset(jsondecode(aws_cloudwatch_dashboard.accounts.dashboard_body).widgets[0].properties.alarms) == toset([
      for name in output.alarm_names : "arn:aws:cloudwatch:eu-west-1:111111111111:alarm:${name}"
    ])
    error_message = "The dashboard begins with all alarms."
  }

  assert {
    condition = [
      for widget in jsondecode(aws_cloudwatch_dashboard.accounts.dashboard_body).widgets : widget.properties.query if widget.type == "log"
      ] == [
      "SOURCE '/image-copier/amigo-DEMO-notify/results' | fields strcontains(@message, '\"reason\":null') as copied | fields 1 - copied as failed | stats sum(copied) as copies, sum(failed) as failures by bin(1h)",
      "SOURCE '/image-copier/amigo-DEMO-notify/results' | fields strcontains(@message, '\"reason\":null') as copied | fields 1 - copied as failed | stats sum(copied) as copies, sum(failed) as failures, latest(settledAt) as newest by account | sort failures desc, account",
      "SOURCE '/image-copier/amigo-DEMO-notify/results' | fields strcontains(@message, '\"reason\":null') as copied | fields 1 - copied as failed | filter failed = 1 | display @timestamp, account, sourceAmi, reason | sort @timestamp desc | limit 100",
      "SOURCE '/aws/lambda/amigo-DEMO-notify-watch' | filter outcome in ['unheard', 'overdue'] | display @timestamp, sourceImage, reason.message | sort @timestamp desc | limit 100",
    ]
    error_message = "The dashboard reads the results of all accounts, and what the watch reported."
  }

  assert {
    condition = toset(flatten([
      for widget in jsondecode(aws_cloudwatch_dashboard.accounts.dashboard_body).widgets : [for m in lookup(widget.properties, "metrics", []) : "${m[0]}/${m[1]}/${m[3]}"]
      ])) == toset([
      "AWS/Lambda/Errors/amigo-DEMO-notify-watch",
      "AWS/SNS/NumberOfMessagesPublished/amigo-DEMO-housekeeping-notify",
      "AWS/SNS/NumberOfMessagesPublished/amigo-DEMO-notify",
      "AWS/SNS/NumberOfMessagesPublished/amigo-DEMO-notify-results",
      "AWS/SQS/ApproximateAgeOfOldestMessage/amigo-DEMO-notify-watch-requests",
      "AWS/SQS/ApproximateAgeOfOldestMessage/amigo-DEMO-notify-watch-results",
      "AWS/SQS/ApproximateNumberOfMessagesVisible/amigo-DEMO-notify-unheard",
      "AWS/SQS/ApproximateNumberOfMessagesVisible/amigo-DEMO-notify-watch-dead-letters",
      "ImageCopier/MessagesRetried/amigo-DEMO-notify-watch",
      "ImageCopier/ResultsUnknown/amigo-DEMO-notify-watch",
    ])
    error_message = "The dashboard shows what is published, and what the watch could not handle."
  }
}

run "without_a_zip" {
  command = plan

  variables {
    function_zip = "nowhere.zip"
  }

  expect_failures = [output.watch_function_name]
}

run "tags" {
  command = apply

  variables {
    tags = { team = "platform" }
  }

  assert {
    condition = alltrue([
      for resource in concat(
        [aws_sns_topic.requests[0], aws_sns_topic.housekeeping[0], aws_sns_topic.results, aws_cloudwatch_metric_alarm.unreadable_requests],
        values(aws_cloudwatch_metric_alarm.failed_deliveries),
        [aws_sqs_queue.unheard, aws_sqs_queue.watch_dead_letters, aws_cloudwatch_log_group.results, module.watch.function, module.watch.role, module.watch.log_group],
        [aws_cloudwatch_metric_alarm.unheard_requests, aws_cloudwatch_metric_alarm.watch_age],
        values(aws_cloudwatch_metric_alarm.watch_queues),
        values(aws_sqs_queue.watched),
        values(aws_lambda_event_source_mapping.watch),
      ) : resource.tags == tomap({ team = "platform" })
    ])
    error_message = "Everything that can have tags has them."
  }
}

run "existing_topics" {
  command = apply

  variables {
    name                    = "amigo-PROD-notify"
    housekeeping_topic_name = "amigo-PROD-housekeeping-notify"
    existing_topics         = true
  }

  assert {
    condition     = length(aws_sns_topic.requests) == 0 && length(aws_sns_topic.housekeeping) == 0
    error_message = "Topics of another system are left alone, and their policies with them."
  }

  assert {
    condition     = aws_sns_topic.results.name == "amigo-PROD-notify-results" && keys(data.aws_iam_policy_document.topic) == ["results"]
    error_message = "The topic for results stands alone, with its policy."
  }

  assert {
    condition = [output.request_topic_arn, output.housekeeping_topic_arn] == [
      for name in ["amigo-PROD-notify", "amigo-PROD-housekeeping-notify"] :
      "arn:${data.aws_partition.current.partition}:sns:${data.aws_service.sqs.region}:${data.aws_caller_identity.current.account_id}:${name}"
    ]
    error_message = "The outputs name the topics that are there."
  }

  assert {
    condition = length(setsubtract([
      "amigo-PROD-notify-unreadable-requests",
      "amigo-PROD-notify-failed-deliveries",
      "amigo-PROD-housekeeping-notify-failed-deliveries",
      "amigo-PROD-notify-results-failed-deliveries",
    ], output.alarm_names)) == 0
    error_message = "Topics of another system are watched like the module's own."
  }
}

run "housekeeping_topic_of_another_name" {
  command = apply

  variables {
    housekeeping_topic_name = "retirements"
  }

  assert {
    condition     = aws_sns_topic.housekeeping[0].name == "retirements" && aws_cloudwatch_metric_alarm.failed_deliveries["housekeeping"].dimensions.TopicName == "retirements"
    error_message = "The topic has the name that is given, and so has its alarm."
  }
}

run "housekeeping_topic_with_a_bad_name" {
  command = plan

  variables {
    housekeeping_topic_name = "housekeeping.fifo"
  }

  expect_failures = [var.housekeeping_topic_name]
}

run "housekeeping_topic_of_the_same_name" {
  command = plan

  variables {
    housekeeping_topic_name = "image-copier-results"
  }

  expect_failures = [var.housekeeping_topic_name]
}

run "bad_values" {
  command = plan

  variables {
    alarm_actions   = ["on-call"]
    architecture    = "arm"
    name            = "copier.fifo"
    organization_id = "ou-a1b2-c3d4e5f6"
    overdue_hours   = 313
    role_path       = "organization"
    runtime         = "nodejs20.x"
    tags            = { "aws:team" = "platform" }

    code_signing_config_arn  = "csc-0123456789abcdef0"
    log_kms_key_arn          = "alias/logs"
    log_retention_days       = 31
    permissions_boundary_arn = "boundary"
    vpc                      = { security_group_ids = [], subnet_ids = ["subnet-0123456789abcdef0"] }
  }

  expect_failures = [
    var.alarm_actions,
    var.architecture,
    var.code_signing_config_arn,
    var.log_kms_key_arn,
    var.log_retention_days,
    var.name,
    var.organization_id,
    var.overdue_hours,
    var.permissions_boundary_arn,
    var.role_path,
    var.runtime,
    var.tags,
    var.vpc,
  ]
}

run "account_id_of_11_digits" {
  command = plan

  variables {
    target_account_ids = ["22222222222"]
  }

  expect_failures = [var.target_account_ids]
}

run "nobody_listed" {
  command = plan

  variables {
    target_account_ids = []
  }

  expect_failures = [var.target_account_ids]
}

run "too_many_accounts" {
  command = plan

  variables {
    target_account_ids = formatlist("%012d", concat(range(1000), range(1000, 1501)))
  }

  expect_failures = [var.target_account_ids]
}
