# One dashboard of all accounts, from what is in this one: the results that they give, and what the watch sees. So no account has to
# share anything. Metrics of other accounts would need a role or a link in each (CloudWatch User Guide, "Cross-account cross-Region
# CloudWatch console" and "CloudWatch cross-account observability").

locals {
  # Each result is a line of JSON without spaces, lambda/src/adapters/logged-results.ts; a copy has no reason.
  is_copy_line = "fields strcontains(@message, '\"reason\":null') as copied | fields 1 - copied as failed"

  # For each table or graph of log lines: title, log group, query, view and width.
  logs = [
    {
      title = "Copies and failures of all accounts"
      group = local.results_log_group
      query = "${local.is_copy_line} | stats sum(copied) as copies, sum(failed) as failures by bin(1h)"
      view  = "bar"
      width = 12
    },
    {
      title = "By account"
      group = local.results_log_group
      query = "${local.is_copy_line} | stats sum(copied) as copies, sum(failed) as failures, latest(settledAt) as newest by account | sort failures desc, account"
      view  = "table"
      width = 12
    },
    {
      title = "Failures"
      group = local.results_log_group
      query = "${local.is_copy_line} | filter failed = 1 | display @timestamp, account, sourceAmi, reason | sort @timestamp desc | limit 100"
      view  = "table"
      width = 24
    },
    {
      title = "Requests that reached nobody, or that an account gave no result of"
      group = module.watch.log_group.name
      query = "filter outcome in ['unheard', 'overdue'] | display @timestamp, sourceImage, reason.message | sort @timestamp desc | limit 100"
      view  = "table"
      width = 24
    },
  ]

  # For each graph: title, statistic of its metrics, and the metrics as [namespace, name, dimension, value, options].
  graphs = [
    {
      title   = "Messages published"
      stat    = "Sum"
      metrics = [for key in ["requests", "results", "housekeeping"] : ["AWS/SNS", "NumberOfMessagesPublished", "TopicName", local.topics[key].name, {}]]
    },
    {
      title = "Queues of the watch: messages, and seconds since the oldest"
      stat  = "Maximum"
      metrics = concat(
        [for key in ["unheard", "dead_letters"] : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", local.watch_queues[key].name, {}]],
        [for key in ["requests", "results"] : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", local.watch_queues[key].name, { yAxis = "right" }]],
      )
    },
    {
      title = "What the watch could not handle"
      stat  = "Sum"
      metrics = [
        ["AWS/Lambda", "Errors", "FunctionName", local.watch_function, {}],
        ["ImageCopier", "MessagesRetried", "service", local.watch_function, {}],
        ["ImageCopier", "ResultsUnknown", "service", local.watch_function, {}],
      ]
    },
  ]

  # Built from names, so that the dashboard does not wait for the alarms.
  alarm_names = sort(concat(
    ["${var.name}-unreadable-requests", "${var.name}-unheard-requests", "${var.name}-watch-age"],
    [for topic in local.topics : "${topic.name}-failed-deliveries"],
    [for key in keys(local.watch_queue_alarms) : "${var.name}-${key}"],
    var.publisher == null ? [] : [for key in ["errors", "no-sweep", "problems", "put-off"] : "${local.publish_function}-${key}"],
  ))
}

# Dashboards are global: the Region in the name lets topics of several Regions live in one account.
resource "aws_cloudwatch_dashboard" "accounts" {
  dashboard_name = "${var.name}-accounts-${local.region}"

  dashboard_body = jsonencode({
    start = "-P7D"

    widgets = concat(
      [{
        type   = "alarm"
        width  = 24
        height = 3
        properties = {
          title  = "Alarms"
          alarms = [for name in local.alarm_names : "arn:${local.partition}:cloudwatch:${local.region}:${local.account_id}:alarm:${name}"]
        }
      }],
      [for log in local.logs : {
        type   = "log"
        width  = log.width
        height = 6
        properties = {
          title  = log.title
          region = local.region
          view   = log.view
          query  = "SOURCE '${log.group}' | ${log.query}"
        }
      }],
      [for graph in local.graphs : {
        type   = "metric"
        width  = 8
        height = 6
        properties = {
          title   = graph.title
          region  = local.region
          view    = "timeSeries"
          stat    = graph.stat
          period  = 900
          metrics = graph.metrics
        }
      }],
    )
  })
}
