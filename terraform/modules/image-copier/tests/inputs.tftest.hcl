mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "222222222222" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_service" {
    defaults = { region = "eu-west-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { minified_json = "{}" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::222222222222:role/image-copier-copy-image-eu-west-1" }
  }
  mock_data "aws_kms_key" {
    defaults = {
      arn                      = "arn:aws:kms:eu-west-1:222222222222:key/mrk-1234abcd12ab34cd56ef1234567890ab"
      customer_master_key_spec = "SYMMETRIC_DEFAULT"
      enabled                  = true
      key_usage                = "ENCRYPT_DECRYPT"
    }
  }
  mock_resource "aws_kms_key" {
    defaults = {
      arn    = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
      key_id = "1234abcd-12ab-34cd-56ef-1234567890ab"
    }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-west-1:222222222222:function:image-copier-copy-image" }
  }
}

override_resource {
  target = module.settle_copy.aws_lambda_function.function
  values = { arn = "arn:aws:lambda:eu-west-1:222222222222:function:image-copier-settle-copy" }
}

override_resource {
  target = module.retire_image.aws_lambda_function.function
  values = { arn = "arn:aws:lambda:eu-west-1:222222222222:function:image-copier-retire-image" }
}

override_resource {
  target = aws_sqs_queue.settle
  values = {
    arn = "arn:aws:sqs:eu-west-1:222222222222:image-copier-settle.fifo"
    url = "https://sqs.eu-west-1.amazonaws.com/222222222222/image-copier-settle.fifo"
  }
}

override_resource {
  target = aws_sqs_queue.dead_letters
  values = {
    arn = "arn:aws:sqs:eu-west-1:222222222222:image-copier-dead-letters"
    url = "https://sqs.eu-west-1.amazonaws.com/222222222222/image-copier-dead-letters"
  }
}

override_resource {
  target = aws_sqs_queue.requests
  # Without its URL: the functions must not wait for this queue to know it.
  values = { arn = "arn:aws:sqs:eu-west-1:222222222222:image-copier-requests" }
}

override_resource {
  target = aws_sqs_queue.retirements
  # Likewise.
  values = { arn = "arn:aws:sqs:eu-west-1:222222222222:image-copier-retirements" }
}

variables {
  request_topic_arn = "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify"
  function_zip      = "./function.tf" # any file: nothing is uploaded
}

run "defaults" {
  command = apply

  assert {
    condition = module.copy_image.function.environment[0].variables == tomap({
      COPIER_NAME           = "image-copier"
      COPY_TAGS             = "{}"
      COPY_WITHIN_MINUTES   = "0"
      DEAD_LETTER_QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/222222222222/image-copier-dead-letters"
      KMS_KEY_ARN           = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
      QUEUE_URL             = "https://sqs.eu-west-1.amazonaws.com/222222222222/image-copier-requests"
      RETRY_SECONDS         = "21600"
      TRUSTED_OWNERS        = "111111111111"
    })
    error_message = "The function's environment: key and queues of this copier, six hours, and the account of the topic as the one trusted owner."
  }

  assert {
    condition = module.settle_copy.function.environment[0].variables == tomap({
      COPIER_NAME               = "image-copier"
      COPY_DEPRECATION          = "true"
      DEAD_LETTER_QUEUE_URL     = "https://sqs.eu-west-1.amazonaws.com/222222222222/image-copier-dead-letters"
      FAILED_COPY_DELAY_SECONDS = "300"
      KMS_KEY_ARN               = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
      OVERDUE_SECONDS           = "86400"
      PARAMETER_PATH            = "/image-copier"
      QUEUE_URL                 = "https://sqs.eu-west-1.amazonaws.com/222222222222/image-copier-requests"
      RECIPE_TAG                = "Recipe"
      RECONCILE_NEWEST          = "1"
      RECONCILE_REGIONS         = "eu-west-1"
      RETRY_SECONDS             = "21600"
      TRUSTED_OWNERS            = "111111111111"
    })
    error_message = "The environment of settle-copy: the same key and queues, five minutes to the next try, overdue after a day, no results topic, no approval; the newest image of each recipe that the account of the topic shares in this Region."
  }

  assert {
    condition = module.retire_image.function.environment[0].variables == tomap({
      COPIER_NAME           = "image-copier"
      DEAD_LETTER_QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/222222222222/image-copier-dead-letters"
      KMS_KEY_ARN           = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
      PARAMETER_PATH        = "/image-copier"
      QUEUE_URL             = "https://sqs.eu-west-1.amazonaws.com/222222222222/image-copier-retirements"
      RECIPE_TAG            = "Recipe"
      RETIRE_TAGGED         = "{}"
      RETRY_SECONDS         = "21600"
      ROLLBACK_DEPTH        = "2"
      TRUSTED_OWNERS        = "111111111111"
    })
    error_message = "The environment of retire-image: its own queue, two copies to go back to, nothing that goes by itself, and no images of others."
  }

  assert {
    condition = (
      module.retire_image.function.runtime == "nodejs22.x" &&
      module.retire_image.function.handler == "retire-image.handler" &&
      module.retire_image.function.architectures == tolist(["arm64"]) &&
      module.retire_image.function.source_code_hash == filebase64sha256("./function.tf") &&
      module.retire_image.function.logging_config[0].log_group == "/aws/lambda/image-copier-retire-image" &&
      module.retire_image.log_group.retention_in_days == 30
    )
    error_message = "retire-image comes from the same zip, and logs to a group with a retention."
  }

  assert {
    condition = (
      aws_sqs_queue.retirements.name == "image-copier-retirements" &&
      aws_sqs_queue.retirements.sqs_managed_sse_enabled &&
      aws_sqs_queue.retirements.message_retention_seconds == 1209600 &&
      aws_sqs_queue.retirements.visibility_timeout_seconds == 6 * module.retire_image.function.timeout &&
      jsondecode(aws_sqs_queue.retirements.redrive_policy) == { deadLetterTargetArn = "arn:aws:sqs:eu-west-1:222222222222:image-copier-dead-letters", maxReceiveCount = 65 } &&
      aws_lambda_event_source_mapping.retirements.event_source_arn == "arn:aws:sqs:eu-west-1:222222222222:image-copier-retirements" &&
      aws_lambda_event_source_mapping.retirements.function_name == "arn:aws:lambda:eu-west-1:222222222222:function:image-copier-retire-image" &&
      aws_lambda_event_source_mapping.retirements.batch_size == 1 &&
      aws_lambda_event_source_mapping.retirements.function_response_types == toset(["ReportBatchItemFailures"]) &&
      length(aws_lambda_event_source_mapping.retirements.scaling_config) == 0
    )
    error_message = "retire-image reads an encrypted queue, one message at a time, with no more polls than it needs."
  }

  assert {
    condition = (
      aws_cloudwatch_event_rule.retention.name == "image-copier-retention" &&
      aws_cloudwatch_event_rule.retention.schedule_expression == "rate(1 day)" &&
      aws_cloudwatch_event_target.retention.rule == "image-copier-retention" &&
      aws_cloudwatch_event_target.retention.arn == "arn:aws:sqs:eu-west-1:222222222222:image-copier-retirements"
    )
    error_message = "A rule asks once a day which images are to go."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.housekeeping) == 0
    error_message = "Without a topic there is no subscription."
  }

  assert {
    condition = (
      module.settle_copy.function.runtime == "nodejs22.x" &&
      module.settle_copy.function.handler == "settle-copy.handler" &&
      module.settle_copy.function.architectures == tolist(["arm64"]) &&
      module.settle_copy.function.source_code_hash == filebase64sha256("./function.tf") &&
      module.settle_copy.function.logging_config[0].log_group == "/aws/lambda/image-copier-settle-copy" &&
      module.settle_copy.log_group.retention_in_days == 30
    )
    error_message = "settle-copy comes from the same zip, and logs to a group with a retention."
  }

  assert {
    condition = (
      aws_sqs_queue.settle.name == "image-copier-settle.fifo" &&
      aws_sqs_queue.settle.fifo_queue && aws_sqs_queue.settle.content_based_deduplication &&
      aws_sqs_queue.settle.sqs_managed_sse_enabled &&
      aws_sqs_queue.settle.message_retention_seconds == 3600 &&
      aws_sqs_queue.settle.visibility_timeout_seconds == 6 * module.settle_copy.function.timeout &&
      aws_lambda_event_source_mapping.settle.event_source_arn == "arn:aws:sqs:eu-west-1:222222222222:image-copier-settle.fifo" &&
      aws_lambda_event_source_mapping.settle.function_name == "arn:aws:lambda:eu-west-1:222222222222:function:image-copier-settle-copy" &&
      aws_lambda_event_source_mapping.settle.batch_size == 10
    )
    error_message = "settle-copy reads an encrypted FIFO queue, so that nothing is settled twice at the same time."
  }

  assert {
    condition = (
      jsondecode(aws_cloudwatch_event_rule.image_state.event_pattern) == {
        source        = ["aws.ec2"]
        "detail-type" = ["EC2 AMI State Change"]
        detail        = { State = ["available", "failed", "deregistered", "disabled"] }
      } &&
      aws_cloudwatch_event_rule.sweep.schedule_expression == "rate(15 minutes)" &&
      alltrue([
        for target in [aws_cloudwatch_event_target.image_state, aws_cloudwatch_event_target.sweep] :
        target.arn == "arn:aws:sqs:eu-west-1:222222222222:image-copier-settle.fifo" && target.sqs_target[0].message_group_id == "settle"
      ]) &&
      aws_cloudwatch_event_target.image_state.rule == "image-copier-image-state" &&
      aws_cloudwatch_event_target.sweep.rule == "image-copier-sweep"
    )
    error_message = "The ends of images and a schedule of 15 minutes go to one message group of that queue."
  }

  assert {
    condition = (
      module.copy_image.function.runtime == "nodejs22.x" &&
      module.copy_image.function.handler == "copy-image.handler" &&
      module.copy_image.function.architectures == tolist(["arm64"]) &&
      module.copy_image.function.source_code_hash == filebase64sha256("./function.tf") &&
      module.copy_image.function.logging_config[0].log_group == "/aws/lambda/image-copier-copy-image" &&
      module.copy_image.log_group.retention_in_days == 30
    )
    error_message = "The function runs copy-image on Node.js 22, and logs to a group with a retention."
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.requests.event_source_arn == "arn:aws:sqs:eu-west-1:222222222222:image-copier-requests" &&
      aws_lambda_event_source_mapping.requests.batch_size == 10 &&
      aws_lambda_event_source_mapping.requests.function_response_types == toset(["ReportBatchItemFailures"]) &&
      aws_lambda_event_source_mapping.requests.scaling_config[0].maximum_concurrency == 2
    )
    error_message = "Batches of ten report each failed message by itself, two batches at once."
  }

  assert {
    condition = (
      aws_sns_topic_subscription.requests.topic_arn == "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify" &&
      aws_sns_topic_subscription.requests.protocol == "sqs" &&
      aws_sns_topic_subscription.requests.endpoint == "arn:aws:sqs:eu-west-1:222222222222:image-copier-requests" &&
      aws_sns_topic_subscription.requests.raw_message_delivery &&
      aws_sns_topic_subscription.requests.filter_policy_scope == "MessageBody" &&
      jsondecode(aws_sns_topic_subscription.requests.filter_policy) == { targetAccounts = ["222222222222", "*"] } &&
      jsondecode(aws_sns_topic_subscription.requests.redrive_policy) == { deadLetterTargetArn = "arn:aws:sqs:eu-west-1:222222222222:image-copier-dead-letters" }
    )
    error_message = "The subscription delivers raw what lists this account or everybody, and keeps what it cannot deliver."
  }

  assert {
    condition = (
      aws_sqs_queue.requests.visibility_timeout_seconds == 6 * module.copy_image.function.timeout &&
      aws_sqs_queue.requests.message_retention_seconds == 1209600 &&
      aws_sqs_queue.dead_letters.message_retention_seconds == 1209600 &&
      aws_sqs_queue.requests.sqs_managed_sse_enabled && aws_sqs_queue.dead_letters.sqs_managed_sse_enabled
    )
    error_message = "The queues are encrypted, keep messages for 14 days, and hide a message for six times the function's timeout."
  }

  # Deliveries of one message in six hours at the shortest waits: 52 by the back-off (30, 60, 120, 240, 450, 450, ... seconds),
  # 61 by crashes (360 seconds each), 64 by the four first waits of the one and then the other.
  assert {
    condition = jsondecode(aws_sqs_queue.requests.redrive_policy) == {
      deadLetterTargetArn = "arn:aws:sqs:eu-west-1:222222222222:image-copier-dead-letters"
      maxReceiveCount     = 65
    }
    error_message = "SQS gives up on a message only after more deliveries than six hours of tries can take."
  }

  assert {
    condition = (
      aws_kms_key.image[0].enable_key_rotation &&
      aws_kms_key.image[0].rotation_period_in_days == 365 &&
      aws_kms_key.image[0].deletion_window_in_days == 30 &&
      aws_kms_alias.image[0].name == "alias/image-copier" &&
      aws_kms_alias.image[0].target_key_id == "1234abcd-12ab-34cd-56ef-1234567890ab"
    )
    error_message = "The key rotates every year, waits 30 days for its deletion, and has an alias."
  }
}

run "housekeeping_topic" {
  command = apply

  variables {
    housekeeping_topic_arn = "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-housekeeping-notify"
  }

  assert {
    condition = (
      aws_sns_topic_subscription.housekeeping[0].topic_arn == "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-housekeeping-notify" &&
      aws_sns_topic_subscription.housekeeping[0].protocol == "sqs" &&
      aws_sns_topic_subscription.housekeeping[0].endpoint == "arn:aws:sqs:eu-west-1:222222222222:image-copier-retirements" &&
      aws_sns_topic_subscription.housekeeping[0].raw_message_delivery &&
      aws_sns_topic_subscription.housekeeping[0].filter_policy == null &&
      jsondecode(aws_sns_topic_subscription.housekeeping[0].redrive_policy) == { deadLetterTargetArn = "arn:aws:sqs:eu-west-1:222222222222:image-copier-dead-letters" }
    )
    error_message = "The subscription delivers all messages raw, and keeps what it cannot deliver."
  }
}

run "housekeeping_topic_in_another_region" {
  command = plan

  variables {
    housekeeping_topic_arn = "arn:aws:sns:eu-central-1:111111111111:amigo-DEMO-housekeeping-notify"
  }

  expect_failures = [aws_sns_topic_subscription.housekeeping]
}

run "retention" {
  command = apply

  variables {
    retention = {
      keep_newest     = 3
      min_age_days    = 7
      quarantine_days = 0
      recipes         = { ubuntu = { keep_newest = 5 }, windows = { min_age_days = 0, quarantine_days = 365 } }
    }
    retire_tagged  = { BuiltBy = "amigo", Stage = "PROD" }
    rollback_depth = 0
  }

  assert {
    condition     = module.retire_image.function.environment[0].variables.RETENTION == "{\"keepNewest\":3,\"minAgeDays\":7,\"quarantineDays\":0,\"recipes\":{\"ubuntu\":{\"keepNewest\":5},\"windows\":{\"minAgeDays\":0,\"quarantineDays\":365}}}"
    error_message = "The function knows which copies go, and what a recipe has of its own."
  }

  assert {
    condition     = jsondecode(module.retire_image.function.environment[0].variables.RETIRE_TAGGED) == { BuiltBy = "amigo", Stage = "PROD" }
    error_message = "The function knows by which tags images of others may be retired."
  }

  assert {
    condition     = module.retire_image.function.environment[0].variables.ROLLBACK_DEPTH == "0"
    error_message = "The function knows how many copies a parameter can go back to."
  }
}

run "retention_of_all_recipes" {
  command = apply

  variables {
    retention = { keep_newest = 1, min_age_days = 0, quarantine_days = 7 }
  }

  assert {
    condition     = module.retire_image.function.environment[0].variables.RETENTION == "{\"keepNewest\":1,\"minAgeDays\":0,\"quarantineDays\":7,\"recipes\":{}}"
    error_message = "No recipe needs numbers of its own."
  }
}

run "retention_that_keeps_none_of_a_recipe" {
  command = plan

  variables {
    retention = { keep_newest = 3, min_age_days = 7, quarantine_days = 7, recipes = { ubuntu = { keep_newest = 0 } } }
  }

  expect_failures = [var.retention]
}

run "retention_with_too_long_a_quarantine" {
  command = plan

  variables {
    retention = { keep_newest = 3, min_age_days = 7, quarantine_days = 7, recipes = { ubuntu = { quarantine_days = 366 } } }
  }

  expect_failures = [var.retention]
}

run "retire_tagged_with_a_tag_of_the_copier" {
  command = plan

  variables {
    retire_tagged = { imagecopierend = "image-copier retired" }
  }

  expect_failures = [var.retire_tagged]
}

run "retire_tagged_with_a_variable_of_a_policy" {
  command = plan

  variables {
    retire_tagged = { BuiltBy = "*" }
  }

  expect_failures = [var.retire_tagged]
}

run "approval_by_watermark" {
  command = apply

  variables {
    approval          = { watermark = "approved (prod)" }
    trusted_owner_ids = ["111111111111", "444444444444"]
  }

  assert {
    condition = (
      module.settle_copy.function.environment[0].variables.APPROVAL == "{\"watermark\":\"approved (prod)\"}" &&
      module.settle_copy.function.environment[0].variables.TRUSTED_OWNERS == "111111111111,444444444444"
    )
    error_message = "The function knows what approves an image, and whose word counts."
  }
}

run "approval_by_shared_tag" {
  command = apply

  variables {
    approval = { shared_tag = "approved=prod" }
  }

  assert {
    condition     = module.settle_copy.function.environment[0].variables.APPROVAL == "{\"sharedTag\":\"approved=prod\"}"
    error_message = "The function knows the tag, and its value."
  }
}

run "approval_by_both" {
  command = plan

  variables {
    approval = { shared_tag = "approved", watermark = "approved" }
  }

  expect_failures = [var.approval]
}

run "approval_by_nothing" {
  command = plan

  variables {
    approval = {}
  }

  expect_failures = [var.approval]
}

run "approval_by_the_tag_of_every_shared_image" {
  command = plan

  variables {
    approval = { shared_tag = "ImageCopier" }
  }

  expect_failures = [var.approval]
}

run "approval_by_a_watermark_with_its_account" {
  command = plan

  variables {
    approval = { watermark = "111111111111:approved" }
  }

  expect_failures = [var.approval]
}

run "copies_with_their_deprecation" {
  command = apply

  assert {
    condition     = module.settle_copy.function.environment[0].variables.COPY_DEPRECATION == "true"
    error_message = "Copies are deprecated with their source images by default."
  }
}

run "copies_without_deprecation" {
  command = apply

  variables {
    copy_deprecation = false
  }

  assert {
    condition     = module.settle_copy.function.environment[0].variables.COPY_DEPRECATION == "false"
    error_message = "The function leaves it out."
  }

  assert {
    condition     = !strcontains(module.settle_copy.role_policy.policy, "ec2:EnableImageDeprecation")
    error_message = "What the function does not call, its role does not allow."
  }
}

run "copies_in_a_hurry" {
  command = apply

  variables {
    copy_within_minutes = 45
  }

  assert {
    condition     = module.copy_image.function.environment[0].variables.COPY_WITHIN_MINUTES == "45"
    error_message = "The function asks for copies within the time."
  }
}

run "a_hurry_that_there_is_not" {
  command = plan

  variables {
    copy_within_minutes = 20
  }

  expect_failures = [var.copy_within_minutes]
}

run "an_account_id_with_zeros_at_its_start" {
  command = apply

  override_data {
    target = data.aws_caller_identity.current
    values = { account_id = "000002222222" }
  }

  assert {
    condition     = jsondecode(aws_sns_topic_subscription.requests.filter_policy).targetAccounts == ["000002222222", "00002222222", "0002222222", "002222222", "02222222", "*"]
    error_message = "A request reaches the account also if its id has lost up to four zeros."
  }
}

run "alarms" {
  command = apply

  variables {
    age_alarm_seconds = 600
    alarm_actions     = ["arn:aws:sns:eu-west-1:222222222222:on-call"]
  }

  assert {
    condition = {
      for alarm in concat([aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.request_age, aws_cloudwatch_metric_alarm.no_sweep], values(aws_cloudwatch_metric_alarm.count)) :
      alarm.alarm_name => join(" ", [alarm.namespace, one(values(alarm.dimensions)), alarm.statistic, alarm.metric_name, alarm.comparison_operator, alarm.threshold, alarm.treat_missing_data, "${alarm.evaluation_periods} x ${alarm.period} s"])
      } == {
      image-copier-dead-letters        = "AWS/SQS image-copier-dead-letters Maximum ApproximateNumberOfMessagesVisible GreaterThanThreshold 0 ignore 1 x 60 s"
      image-copier-request-age         = "AWS/SQS image-copier-requests Maximum ApproximateAgeOfOldestMessage GreaterThanThreshold 600 notBreaching 1 x 60 s"
      image-copier-copy-image-errors   = "AWS/Lambda image-copier-copy-image Sum Errors GreaterThanThreshold 0 notBreaching 1 x 60 s"
      image-copier-settle-copy-errors  = "AWS/Lambda image-copier-settle-copy Sum Errors GreaterThanThreshold 0 notBreaching 1 x 900 s"
      image-copier-unverified-copies   = "ImageCopier image-copier-settle-copy Sum CopiesUnverified GreaterThanThreshold 0 notBreaching 1 x 1800 s"
      image-copier-overdue-copies      = "ImageCopier image-copier-settle-copy Sum CopiesOverdue GreaterThanThreshold 0 notBreaching 1 x 1800 s"
      image-copier-dangling-parameters = "ImageCopier image-copier-settle-copy Sum ParametersDangling GreaterThanThreshold 0 notBreaching 1 x 1800 s"
      image-copier-settling            = "ImageCopier image-copier-settle-copy Sum SettlesRetried GreaterThanThreshold 0 notBreaching 4 x 900 s"
      image-copier-retire-image-errors = "AWS/Lambda image-copier-retire-image Sum Errors GreaterThanThreshold 0 notBreaching 1 x 3600 s"
      image-copier-retirements         = "ImageCopier image-copier-retire-image Sum RetirementsRetried GreaterThanThreshold 0 notBreaching 4 x 1800 s"
      image-copier-snapshots-remaining = "ImageCopier image-copier-retire-image Sum SnapshotsRemaining GreaterThanThreshold 0 notBreaching 2 x 86400 s"
      image-copier-no-sweep            = "AWS/SQS image-copier-settle.fifo Sum NumberOfMessagesDeleted LessThanThreshold 1 breaching 4 x 900 s"
    }
    error_message = "Alarms watch the queues, the functions' errors, and what the sweep finds; and that it sweeps."
  }

  assert {
    condition = alltrue([
      for alarm in concat([aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.request_age, aws_cloudwatch_metric_alarm.no_sweep], values(aws_cloudwatch_metric_alarm.count)) :
      alarm.alarm_actions == toset(["arn:aws:sns:eu-west-1:222222222222:on-call"]) && alarm.ok_actions == alarm.alarm_actions
    ])
    error_message = "Each alarm tells when it starts and when it ends."
  }

  assert {
    condition = output.alarm_names == sort(concat(
      [aws_cloudwatch_metric_alarm.dead_letters.alarm_name, aws_cloudwatch_metric_alarm.request_age.alarm_name, aws_cloudwatch_metric_alarm.no_sweep.alarm_name],
      [for alarm in aws_cloudwatch_metric_alarm.count : alarm.alarm_name],
    ))
    error_message = "The output names each alarm."
  }
}

run "no_dashboard" {
  command = apply

  assert {
    condition     = length(aws_cloudwatch_dashboard.copier) == 0 && output.dashboard_name == null
    error_message = "Without being asked, the module makes no dashboard."
  }
}

run "dashboard" {
  command = apply

  variables {
    dashboard = true
  }

  assert {
    condition     = output.dashboard_name == "image-copier-eu-west-1"
    error_message = "The output names the dashboard."
  }

  assert {
    condition     = aws_cloudwatch_dashboard.copier[0].dashboard_name == "image-copier-eu-west-1"
    error_message = "Dashboards are global in an account: their names differ by Region."
  }

  assert {
    condition = alltrue([
      for metric in [
        "ImageCopier/CopiesStarted/image-copier-copy-image",
        "ImageCopier/CopiesSettled/image-copier-settle-copy",
        "ImageCopier/CopiesFailed/image-copier-settle-copy",
        "ImageCopier/CopiesGivenUp/image-copier-settle-copy",
        "ImageCopier/RequestsRefused/image-copier-copy-image",
        "ImageCopier/RequestWait/image-copier-copy-image",
        "ImageCopier/CopyTime/image-copier-settle-copy",
        "AWS/SQS/ApproximateAgeOfOldestMessage/image-copier-requests",
        "AWS/SQS/ApproximateNumberOfMessagesVisible/image-copier-dead-letters",
        "AWS/Lambda/Errors/image-copier-settle-copy",
        "ImageCopier/ImagesRetired/image-copier-retire-image",
        "AWS/SQS/ApproximateAgeOfOldestMessage/image-copier-retirements",
        "AWS/Lambda/Errors/image-copier-retire-image",
        ] : contains(flatten([
          for widget in jsondecode(aws_cloudwatch_dashboard.copier[0].dashboard_body).widgets :
          [for m in lookup(widget.properties, "metrics", []) : "${m[0]}/${m[1]}/${m[3]}"]
      ]), metric)
    ])
    error_message = "The dashboard shows copies, rejected requests, the age of the queue, and the time from request to available."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_dashboard.copier[0].dashboard_body).widgets[0].properties.alarms == [for name in output.alarm_names : "arn:aws:cloudwatch:eu-west-1:222222222222:alarm:${name}"]
    error_message = "The dashboard begins with all alarms."
  }
}

run "filter_off" {
  command = apply

  variables {
    filter_enabled = false
  }

  assert {
    condition     = aws_sns_topic_subscription.requests.filter_policy == null && aws_sns_topic_subscription.requests.raw_message_delivery
    error_message = "Without the filter every request is delivered, still raw."
  }
}

run "other_values" {
  command = apply

  variables {
    architecture             = "x86_64"
    key_deletion_window_days = 7
    key_rotation_period_days = 90
    log_retention_days       = 365
    memory_size              = 512
    name                     = "golden"
    retry_hours              = 96
    trusted_owner_ids        = ["555555555555", "666666666666"]

    failed_copy_delay_seconds = 0
    overdue_hours             = 6
    parameter_path            = "/golden/images"
    recipe_tag                = "Family"
    reconcile_newest          = 0
    reconcile_regions         = ["us-east-1", "eu-central-1"]
    request_delay_seconds     = 120
    results_topic_arn         = "arn:aws:sns:eu-west-1:111111111111:golden-results"
  }

  assert {
    condition = (
      module.settle_copy.function.environment[0].variables.FAILED_COPY_DELAY_SECONDS == "0" &&
      module.settle_copy.function.environment[0].variables.OVERDUE_SECONDS == "21600" &&
      module.settle_copy.function.environment[0].variables.PARAMETER_PATH == "/golden/images" &&
      module.settle_copy.function.environment[0].variables.RECIPE_TAG == "Family" &&
      module.settle_copy.function.environment[0].variables.RECONCILE_NEWEST == "0" &&
      module.settle_copy.function.environment[0].variables.RECONCILE_REGIONS == "eu-west-1,us-east-1,eu-central-1" &&
      module.settle_copy.function.environment[0].variables.RETRY_SECONDS == "345600" &&
      module.settle_copy.function.environment[0].variables.TRUSTED_OWNERS == "555555555555,666666666666" &&
      module.settle_copy.function.environment[0].variables.RESULTS_TOPIC_ARN == "arn:aws:sns:eu-west-1:111111111111:golden-results"
    )
    error_message = "Delay, overdue time, parameters, results topic, and what it asks for by itself reach settle-copy."
  }

  assert {
    condition = (
      module.retire_image.function.environment[0].variables.PARAMETER_PATH == "/golden/images" &&
      module.retire_image.function.environment[0].variables.RECIPE_TAG == "Family" &&
      module.retire_image.function.environment[0].variables.RESULTS_TOPIC_ARN == "arn:aws:sns:eu-west-1:111111111111:golden-results" &&
      module.retire_image.function.environment[0].variables.RETRY_SECONDS == "345600" &&
      module.retire_image.function.environment[0].variables.TRUSTED_OWNERS == "555555555555,666666666666"
    )
    error_message = "Parameters, results topic, hours of tries and trusted owners reach retire-image."
  }

  assert {
    condition     = aws_sqs_queue.requests.delay_seconds == 120
    error_message = "A request waits in its queue before its first delivery."
  }

  assert {
    condition = (
      module.copy_image.function.environment[0].variables.TRUSTED_OWNERS == "555555555555,666666666666" &&
      module.copy_image.function.environment[0].variables.RETRY_SECONDS == "345600" &&
      module.copy_image.function.architectures == tolist(["x86_64"]) &&
      module.copy_image.function.memory_size == 512
    )
    error_message = "Trusted owners, hours of tries, architecture and memory reach the function."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.requests.redrive_policy).maxReceiveCount == 965
    error_message = "The longest retry_hours stays below the 1000 deliveries that SQS allows."
  }

  assert {
    condition = (
      aws_kms_key.image[0].deletion_window_in_days == 7 &&
      aws_kms_key.image[0].rotation_period_in_days == 90 &&
      module.copy_image.log_group.retention_in_days == 365
    )
    error_message = "The days of key and log are those of the inputs."
  }

  assert {
    condition = {
      function     = module.copy_image.function.function_name
      role         = module.copy_image.role.name
      requests     = aws_sqs_queue.requests.name
      dead_letters = aws_sqs_queue.dead_letters.name
      alias        = aws_kms_alias.image[0].name
      log_group    = module.copy_image.log_group.name
      settling     = module.settle_copy.function.function_name
      settle_role  = module.settle_copy.role.name
      settle_queue = aws_sqs_queue.settle.name
      settle_log   = module.settle_copy.log_group.name
      retiring     = module.retire_image.function.function_name
      retire_role  = module.retire_image.role.name
      retirements  = aws_sqs_queue.retirements.name
      retire_log   = module.retire_image.log_group.name
      rules        = "${aws_cloudwatch_event_rule.image_state.name} ${aws_cloudwatch_event_rule.sweep.name} ${aws_cloudwatch_event_rule.retention.name}"
      copier       = module.settle_copy.function.environment[0].variables.COPIER_NAME
      } == {
      function     = "golden-copy-image"
      role         = "golden-copy-image-eu-west-1"
      requests     = "golden-requests"
      dead_letters = "golden-dead-letters"
      alias        = "alias/golden"
      log_group    = "/aws/lambda/golden-copy-image"
      settling     = "golden-settle-copy"
      settle_role  = "golden-settle-copy-eu-west-1"
      settle_queue = "golden-settle.fifo"
      settle_log   = "/aws/lambda/golden-settle-copy"
      retiring     = "golden-retire-image"
      retire_role  = "golden-retire-image-eu-west-1"
      retirements  = "golden-retirements"
      retire_log   = "/aws/lambda/golden-retire-image"
      rules        = "golden-image-state golden-sweep golden-retention"
      copier       = "golden"
    }
    error_message = "Everything is named after the input name."
  }
}

run "without_inputs_of_organizations" {
  command = apply

  assert {
    condition     = alltrue([for role in [module.copy_image.role, module.retire_image.role, module.settle_copy.role] : role.permissions_boundary == null && role.path == "/"])
    error_message = "The roles have no boundary unless one is given, and stay where they were."
  }

  assert {
    condition     = alltrue([for function in [module.copy_image.function, module.retire_image.function, module.settle_copy.function] : function.code_signing_config_arn == null && length(function.vpc_config) == 0])
    error_message = "Unsigned code runs, and in no VPC, unless the inputs say otherwise."
  }

  assert {
    condition     = alltrue([for log in [module.copy_image.log_group, module.retire_image.log_group, module.settle_copy.log_group] : log.kms_key_id == null])
    error_message = "The logs are under the key of CloudWatch Logs unless one is given."
  }
}

run "permissions_boundary" {
  command = apply

  variables {
    permissions_boundary_arn = "arn:aws:iam::222222222222:policy/org/boundary"
  }

  assert {
    condition     = alltrue([for role in [module.copy_image.role, module.retire_image.role, module.settle_copy.role] : role.permissions_boundary == "arn:aws:iam::222222222222:policy/org/boundary"])
    error_message = "All roles have the permissions boundary."
  }
}

run "role_path" {
  command = apply

  variables {
    role_path = "/organization/copier/"
  }

  assert {
    condition     = { for role in [module.copy_image.role, module.retire_image.role, module.settle_copy.role] : role.name => role.path } == { image-copier-copy-image-eu-west-1 = "/organization/copier/", image-copier-retire-image-eu-west-1 = "/organization/copier/", image-copier-settle-copy-eu-west-1 = "/organization/copier/" }
    error_message = "All roles have the path, and their names."
  }
}

run "tags" {
  command = apply

  variables {
    tags = { team = "platform", "cost:center" = "4711" }
  }

  assert {
    condition = alltrue([
      for resource in concat(
        [aws_kms_key.image[0], aws_cloudwatch_event_rule.image_state, aws_cloudwatch_event_rule.retention, aws_cloudwatch_event_rule.sweep],
        [aws_sqs_queue.dead_letters, aws_sqs_queue.requests, aws_sqs_queue.retirements, aws_sqs_queue.settle],
        [aws_lambda_event_source_mapping.requests, aws_lambda_event_source_mapping.retirements, aws_lambda_event_source_mapping.settle],
        [aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.request_age, aws_cloudwatch_metric_alarm.no_sweep],
        values(aws_cloudwatch_metric_alarm.count),
        flatten([for part in [module.copy_image, module.retire_image, module.settle_copy] : [part.role, part.function, part.log_group]]),
      ) : resource.tags == tomap({ team = "platform", "cost:center" = "4711" })
    ])
    error_message = "Everything that can have tags has them."
  }
}

run "copy_tags" {
  command = apply

  variables {
    copy_tags = { CostCenter = "4711", Owner = "platform" }
  }

  assert {
    condition     = jsondecode(module.copy_image.function.environment[0].variables.COPY_TAGS) == { CostCenter = "4711", Owner = "platform" }
    error_message = "The function that copies knows the tags."
  }
}

run "copy_tags_of_the_copier" {
  command = plan

  variables {
    copy_tags = { imagecopier = "mine" }
  }

  expect_failures = [var.copy_tags]
}

run "key_of_the_organization" {
  command = apply

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:222222222222:key/mrk-1234abcd12ab34cd56ef1234567890ab"
  }

  assert {
    condition = (
      length(aws_kms_key.image) == 0 && length(aws_kms_alias.image) == 0 && output.key_alias == null &&
      output.key_arn == "arn:aws:kms:eu-west-1:222222222222:key/mrk-1234abcd12ab34cd56ef1234567890ab" &&
      alltrue([for function in [module.copy_image.function, module.retire_image.function, module.settle_copy.function] : function.environment[0].variables.KMS_KEY_ARN == "arn:aws:kms:eu-west-1:222222222222:key/mrk-1234abcd12ab34cd56ef1234567890ab"])
    )
    error_message = "The module makes no key, and all functions work with the one that is given."
  }
}

run "own_key_beside_that_of_the_organization" {
  command = apply

  variables {
    kms_key_arn  = "arn:aws:kms:eu-west-1:222222222222:key/mrk-1234abcd12ab34cd56ef1234567890ab"
    keep_own_key = true
  }

  assert {
    condition     = length(aws_kms_key.image) == 1 && output.key_alias == "alias/image-copier" && output.key_arn == "arn:aws:kms:eu-west-1:222222222222:key/mrk-1234abcd12ab34cd56ef1234567890ab"
    error_message = "The module's own key stays for earlier copies, and new ones are under the key that is given."
  }
}

run "key_of_another_account" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:999999999999:key/5678abcd-12ab-44cd-a6ef-1234567890ab"
  }

  expect_failures = [data.aws_kms_key.given]
}

run "key_of_another_region" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-2:222222222222:key/5678abcd-12ab-44cd-a6ef-1234567890ab"
  }

  expect_failures = [data.aws_kms_key.given]
}

run "key_that_is_disabled" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:222222222222:key/5678abcd-12ab-44cd-a6ef-1234567890ab"
  }

  override_data {
    target = data.aws_kms_key.given
    values = { enabled = false, key_usage = "ENCRYPT_DECRYPT", customer_master_key_spec = "SYMMETRIC_DEFAULT" }
  }

  expect_failures = [data.aws_kms_key.given]
}

run "key_that_signs" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:222222222222:key/5678abcd-12ab-44cd-a6ef-1234567890ab"
  }

  override_data {
    target = data.aws_kms_key.given
    values = { enabled = true, key_usage = "SIGN_VERIFY", customer_master_key_spec = "RSA_2048" }
  }

  expect_failures = [data.aws_kms_key.given]
}

run "key_policy_statement_with_a_sid_of_the_module" {
  command = plan

  variables {
    key_policy_statements = [{ sid = "NobodyDeletesKey", actions = ["kms:Decrypt"], principals = { AWS = ["arn:aws:iam::333333333333:root"] } }]
  }

  expect_failures = [var.key_policy_statements]
}

run "key_policy_statement_for_nobody" {
  command = plan

  variables {
    key_policy_statements = [{ sid = "Backup", actions = ["kms:Decrypt"], principals = {} }]
  }

  expect_failures = [var.key_policy_statements]
}

run "too_many_tags" {
  command = plan

  variables {
    tags = { for number in range(51) : "tag-${number}" => "" }
  }

  expect_failures = [var.tags]
}

run "tags_of_other_characters" {
  command = plan

  variables {
    tags = { team = "platform & friends" }
  }

  expect_failures = [var.tags]
}

run "environment_variables" {
  command = apply

  variables {
    environment_variables = { AWS_USE_FIPS_ENDPOINT = "true" }
    results_topic_arn     = "arn:aws:sns:eu-west-1:111111111111:amigo-DEMO-notify-results"
    retention             = { keep_newest = 3, min_age_days = 7, quarantine_days = 7 }
    approval              = { watermark = "approved" }
  }

  assert {
    condition = alltrue([
      for function in [module.copy_image.function, module.retire_image.function, module.settle_copy.function] :
      function.environment[0].variables.AWS_USE_FIPS_ENDPOINT == "true" && function.environment[0].variables.COPIER_NAME == "image-copier"
    ])
    error_message = "All functions have them beside their own."
  }

  assert {
    condition = setunion(local.own_variables, ["AWS_USE_FIPS_ENDPOINT"]) == setunion(
      [for function in [module.copy_image.function, module.retire_image.function, module.settle_copy.function] : keys(function.environment[0].variables)]...
    )
    error_message = "The functions' own are those that nobody else may set."
  }
}

run "environment_variable_of_the_module" {
  command = plan

  variables {
    environment_variables = { RESULTS_TOPIC_ARN = "arn:aws:sns:eu-west-1:111111111111:elsewhere" }
  }

  expect_failures = [var.environment_variables]
}

run "code_signing" {
  command = apply

  variables {
    code_signing_config_arn = "arn:aws:lambda:eu-west-1:222222222222:code-signing-config:csc-0123456789abcdef0"
  }

  assert {
    condition     = alltrue([for function in [module.copy_image.function, module.retire_image.function, module.settle_copy.function] : function.code_signing_config_arn == "arn:aws:lambda:eu-west-1:222222222222:code-signing-config:csc-0123456789abcdef0"])
    error_message = "All functions take signed code alone."
  }
}

run "log_key" {
  command = apply

  variables {
    log_kms_key_arn = "arn:aws:kms:eu-west-1:222222222222:key/mrk-1234abcd12ab34cd56ef1234567890ab"
  }

  assert {
    condition     = alltrue([for log in [module.copy_image.log_group, module.retire_image.log_group, module.settle_copy.log_group] : log.kms_key_id == "arn:aws:kms:eu-west-1:222222222222:key/mrk-1234abcd12ab34cd56ef1234567890ab"])
    error_message = "All logs are encrypted under the key."
  }
}

run "vpc" {
  command = apply

  variables {
    vpc = { security_group_ids = ["sg-0123456789abcdef0"], subnet_ids = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"] }
  }

  assert {
    condition = alltrue([
      for function in [module.copy_image.function, module.retire_image.function, module.settle_copy.function] :
      function.vpc_config[0].security_group_ids == toset(["sg-0123456789abcdef0"]) &&
      function.vpc_config[0].subnet_ids == toset(["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"])
    ])
    error_message = "All functions run in the subnets, with the security group."
  }
}

run "vpc_without_security_groups" {
  command = plan

  variables {
    vpc = { security_group_ids = [], subnet_ids = ["subnet-0123456789abcdef0"] }
  }

  expect_failures = [var.vpc]
}

run "vpc_with_too_many_subnets" {
  command = plan

  variables {
    vpc = { security_group_ids = ["sg-0123456789abcdef0"], subnet_ids = [for number in range(17) : "subnet-0123456789abcd${number + 100}"] }
  }

  expect_failures = [var.vpc]
}

run "bad_values" {
  command = plan

  variables {
    age_alarm_seconds        = 60
    alarm_actions            = ["on-call"]
    approval                 = { watermark = "ok" }
    architecture             = "arm"
    code_signing_config_arn  = "csc-0123456789abcdef0"
    environment_variables    = { "use-fips" = "true" }
    housekeeping_topic_arn   = "amigo-DEMO-housekeeping-notify"
    key_deletion_window_days = 6
    key_rotation_period_days = 89
    log_kms_key_arn          = "arn:aws:kms:eu-west-1:222222222222:alias/logs"
    log_retention_days       = 31
    memory_size              = 127
    name                     = "image/copier"
    request_topic_arn        = "arn:aws:sns:eu-west-1:111111111111:copier.fifo"
    retry_hours              = 5
    source_key_arns          = ["arn:aws:kms:eu-west-1:111111111111:alias/images"]
    trusted_owner_ids        = ["11111111111"]

    failed_copy_delay_seconds = -1
    overdue_hours             = 0
    parameter_path            = "image-copier"
    permissions_boundary_arn  = "boundary"
    recipe_tag                = ""
    reconcile_newest          = -1
    reconcile_regions         = ["eu-west-1", "Ireland"]
    request_delay_seconds     = -1
    results_topic_arn         = "golden-results"
    retention                 = { keep_newest = 0, min_age_days = -1, quarantine_days = -1 }
    retire_tagged             = { "aws:team" = "platform" }
    role_path                 = "/organization"
    rollback_depth            = -1
    runtime                   = "nodejs20.x"
    tags                      = { "AWS:team" = "platform" }
    vpc                       = { security_group_ids = ["web"], subnet_ids = ["private"] }
  }

  expect_failures = [
    var.age_alarm_seconds,
    var.alarm_actions,
    var.approval,
    var.architecture,
    var.code_signing_config_arn,
    var.environment_variables,
    var.failed_copy_delay_seconds,
    var.housekeeping_topic_arn,
    var.key_deletion_window_days,
    var.key_rotation_period_days,
    var.log_kms_key_arn,
    var.log_retention_days,
    var.memory_size,
    var.name,
    var.overdue_hours,
    var.parameter_path,
    var.permissions_boundary_arn,
    var.recipe_tag,
    var.reconcile_newest,
    var.reconcile_regions,
    var.request_delay_seconds,
    var.request_topic_arn,
    var.results_topic_arn,
    var.retention,
    var.retire_tagged,
    var.retry_hours,
    var.role_path,
    var.rollback_depth,
    var.runtime,
    var.source_key_arns,
    var.tags,
    var.trusted_owner_ids,
    var.vpc,
  ]
}

run "values_too_large" {
  command = plan

  variables {
    key_deletion_window_days = 31
    key_rotation_period_days = 2561
    memory_size              = 10241
    name                     = "a-name-of-thirty-seven-characters-012"
    request_topic_arn        = "arn:aws:sqs:eu-west-1:111111111111:image-copier"
    retry_hours              = 97
    trusted_owner_ids        = []

    failed_copy_delay_seconds = 901
    overdue_hours             = 721
    parameter_path            = "/SSM/images"
    recipe_tag                = join("", [for i in range(128) : "x"])
    reconcile_newest          = 11
    request_delay_seconds     = 901
    rollback_depth            = 101
    role_path                 = "/${join("", [for i in range(511) : "x"])}/"
    tags                      = { team = join("", [for i in range(257) : "x"]) }
  }

  expect_failures = [
    var.failed_copy_delay_seconds,
    var.key_deletion_window_days,
    var.key_rotation_period_days,
    var.memory_size,
    var.name,
    var.overdue_hours,
    var.parameter_path,
    var.recipe_tag,
    var.reconcile_newest,
    var.request_delay_seconds,
    var.request_topic_arn,
    var.retry_hours,
    var.role_path,
    var.rollback_depth,
    var.tags,
    var.trusted_owner_ids,
  ]
}

run "fractions" {
  command = plan

  variables {
    age_alarm_seconds        = 900.5
    key_deletion_window_days = 7.5
    key_rotation_period_days = 90.5
    memory_size              = 256.5
    retry_hours              = 6.5

    failed_copy_delay_seconds = 0.5
    overdue_hours             = 1.5
    reconcile_newest          = 0.5
    request_delay_seconds     = 0.5
    retention                 = { keep_newest = 3, min_age_days = 0.5, quarantine_days = 7 }
    rollback_depth            = 0.5
  }

  expect_failures = [
    var.age_alarm_seconds,
    var.failed_copy_delay_seconds,
    var.overdue_hours,
    var.reconcile_newest,
    var.request_delay_seconds,
    var.retention,
    var.rollback_depth,
    var.key_deletion_window_days,
    var.key_rotation_period_days,
    var.memory_size,
    var.retry_hours,
  ]
}

run "parameter_path_with_a_slash_at_the_end" {
  command = plan

  variables {
    parameter_path = "/image-copier/"
  }

  expect_failures = [var.parameter_path]
}

run "topic_in_another_region" {
  command = plan

  variables {
    request_topic_arn = "arn:aws:sns:eu-central-1:111111111111:amigo-DEMO-notify"
  }

  expect_failures = [aws_sns_topic_subscription.requests]
}

run "no_zip" {
  command = plan

  variables {
    function_zip = "./no-such.zip"
  }

  expect_failures = [output.function_arn]
}
