locals {
  metrics_namespace = "ImageCopier"

  # For each graph: title, statistic of its metrics, and the metrics as [namespace, name, dimension, value, options].
  graphs = [
    {
      title = "Copies"
      stat  = "Sum"
      metrics = [
        [local.metrics_namespace, "CopiesStarted", "service", local.function_name, {}],
        [local.metrics_namespace, "CopiesSettled", "service", local.settle_function_name, {}],
        [local.metrics_namespace, "CopiesFailed", "service", local.settle_function_name, {}],
        [local.metrics_namespace, "CopiesGivenUp", "service", local.settle_function_name, {}],
        [local.metrics_namespace, "CopiesUnverified", "service", local.settle_function_name, {}],
        [local.metrics_namespace, "CopiesOverdue", "service", local.settle_function_name, {}],
      ]
    },
    {
      title = "Requests"
      stat  = "Sum"
      metrics = [
        [local.metrics_namespace, "RequestsRefused", "service", local.function_name, {}],
        [local.metrics_namespace, "RequestsRetried", "service", local.function_name, {}],
        [local.metrics_namespace, "CopiesReused", "service", local.function_name, {}],
        [local.metrics_namespace, "RequestsIgnored", "service", local.function_name, {}],
      ]
    },
    {
      title   = "Seconds from request to available, on average: waiting, then copying"
      stat    = "Average"
      stacked = true
      metrics = [
        [local.metrics_namespace, "RequestWait", "service", local.function_name, {}],
        [local.metrics_namespace, "CopyTime", "service", local.settle_function_name, {}],
      ]
    },
    {
      title = "Seconds from request to available, 9 of 10: waiting, then copying"
      stat  = "p90"
      metrics = [
        [local.metrics_namespace, "RequestWait", "service", local.function_name, {}],
        [local.metrics_namespace, "CopyTime", "service", local.settle_function_name, {}],
      ]
    },
    {
      title = "Queues: messages, and seconds since the oldest"
      stat  = "Maximum"
      metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", local.queues.requests.name, {}],
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", local.queues.dead_letters.name, {}],
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", local.queues.requests.name, { yAxis = "right" }],
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", local.settle_queue, { yAxis = "right" }],
      ]
    },
    {
      title = "Functions: errors, and milliseconds"
      stat  = "Maximum"
      metrics = [
        ["AWS/Lambda", "Errors", "FunctionName", local.function_name, { stat = "Sum" }],
        ["AWS/Lambda", "Errors", "FunctionName", local.settle_function_name, { stat = "Sum" }],
        ["AWS/Lambda", "Duration", "FunctionName", local.function_name, { yAxis = "right" }],
        ["AWS/Lambda", "Duration", "FunctionName", local.settle_function_name, { yAxis = "right" }],
      ]
    },
  ]
}

# Dashboards are global: the Region in the name lets copiers of several Regions live in one account.
resource "aws_cloudwatch_dashboard" "copier" {
  dashboard_name = "${var.name}-${local.region}"

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type       = "alarm"
        width      = 24
        height     = 3
        properties = { title = "Alarms", alarms = local.alarm_arns }
      }],
      [for graph in local.graphs : {
        type   = "metric"
        width  = 12
        height = 6
        properties = {
          title   = graph.title
          region  = local.region
          view    = "timeSeries"
          stacked = lookup(graph, "stacked", false)
          stat    = graph.stat
          period  = 900
          metrics = graph.metrics
        }
      }],
    )
  })
}
