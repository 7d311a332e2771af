mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { minified_json = "{}" }
  }
}

variables {
  target_account_ids = ["222222222222"]
}

run "names_of_topics" {
  command = plan

  assert {
    condition     = [aws_sns_topic.requests.name, aws_sns_topic.housekeeping.name, aws_sns_topic.results.name] == ["image-copier", "image-copier-housekeeping", "image-copier-results"]
    error_message = "The topics are named after the input name."
  }
}

run "alarms" {
  command = plan

  variables {
    alarm_actions = ["arn:aws:sns:eu-west-1:111111111111:on-call"]
  }

  assert {
    condition = toset(output.alarm_names) == toset([
      "image-copier-unreadable-requests",
      "image-copier-failed-deliveries",
      "image-copier-housekeeping-failed-deliveries",
      "image-copier-results-failed-deliveries",
    ])
    error_message = "One alarm on unreadable requests, and one on failed deliveries a topic."
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

run "tags" {
  command = plan

  variables {
    tags = { team = "platform" }
  }

  assert {
    condition = alltrue([
      for resource in concat(
        [aws_sns_topic.requests, aws_sns_topic.housekeeping, aws_sns_topic.results, aws_cloudwatch_metric_alarm.unreadable_requests],
        values(aws_cloudwatch_metric_alarm.failed_deliveries),
      ) : resource.tags == tomap({ team = "platform" })
    ])
    error_message = "Everything that can have tags has them."
  }
}

run "bad_values" {
  command = plan

  variables {
    alarm_actions   = ["on-call"]
    name            = "copier.fifo"
    organization_id = "ou-a1b2-c3d4e5f6"
    tags            = { "aws:team" = "platform" }
  }

  expect_failures = [var.alarm_actions, var.name, var.organization_id, var.tags]
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
