"""Amazon CloudWatch."""

from dataclasses import replace

from .request import Check, Operations, Request, account_of, named, on_all, request_tags, tag_map


def on_alarms(request: Request) -> list[Check]:
    """On each alarm that is named, or on all."""
    params = request.params
    if arn := params.get("ResourceARN"):
        context = request_tags(tag_map(params.get("Tags")))
        return [Check(f"cloudwatch:{request.operation}", arn, account_of(arn), context)]
    names = params.get("AlarmNames") or [params.get("AlarmName") or "*"]
    context = request_tags(tag_map(params.get("Tags")))
    if params.get("AlarmActions"):
        context["cloudwatch:AlarmActions"] = list(params["AlarmActions"])
    return [
        Check(f"cloudwatch:{request.operation}", request.arn("cloudwatch", f"alarm:{name}"), None, context)
        for name in names
    ]


def put_metric_alarm(request: Request) -> list[Check]:
    """Tags need a right of their own (CloudWatch API Reference, PutMetricAlarm, `Tags`)."""
    asked = on_alarms(request)
    tagging = [replace(check, action="cloudwatch:TagResource") for check in asked if request.params.get("Tags")]
    return [*asked, *tagging]


def on_dashboards(request: Request) -> list[Check]:
    names = request.params.get("DashboardNames") or [request.params.get("DashboardName") or ""]
    return [
        Check(f"cloudwatch:{request.operation}", request.arn("cloudwatch", f"dashboard/{name}", region=""))
        for name in names
    ]


def put_metric_data(request: Request) -> list[Check]:
    return [Check("cloudwatch:PutMetricData", context={"cloudwatch:namespace": request.params.get("Namespace") or ""})]


OPERATIONS: Operations = {
    "PutMetricAlarm": put_metric_alarm,
    "PutMetricData": put_metric_data,
    **named("GetMetricData GetMetricStatistics ListDashboards ListMetrics", on_all("cloudwatch")),
    **named("DeleteDashboards GetDashboard PutDashboard", on_dashboards),
    **named(
        """
        DeleteAlarms DescribeAlarmHistory DescribeAlarms DisableAlarmActions EnableAlarmActions ListTagsForResource
        SetAlarmState TagResource UntagResource
        """,
        on_alarms,
    ),
}
