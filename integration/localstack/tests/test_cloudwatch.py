"""The tags of alarms, and dashboards (CloudWatch API Reference)."""

import pytest
from botocore.exceptions import ClientError

REGION = "eu-west-1"


def test_alarm_has_the_tags_it_was_made_with(localstack, new_account):
    """CloudWatch API Reference, PutMetricAlarm: tags of a new alarm; those in an update are ignored."""
    cloudwatch = localstack.client("cloudwatch", new_account())

    put_alarm(cloudwatch, Tags=[{"Key": "System", "Value": "image-copier"}])
    assert tags_of_alarm(cloudwatch) == {"System": "image-copier"}

    put_alarm(cloudwatch, Tags=[{"Key": "System", "Value": "other"}])
    assert tags_of_alarm(cloudwatch) == {"System": "image-copier"}


def test_alarm_does_not_inherit_the_tags_of_a_deleted_one(localstack, new_account):
    """CloudWatch API Reference, DeleteAlarms."""
    cloudwatch = localstack.client("cloudwatch", new_account())
    put_alarm(cloudwatch, Tags=[{"Key": "System", "Value": "image-copier"}])
    cloudwatch.delete_alarms(AlarmNames=["dead-letters"])

    put_alarm(cloudwatch)

    assert tags_of_alarm(cloudwatch) == {}


def put_alarm(cloudwatch, **options) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName="dead-letters",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "dead-letters"}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        **options,
    )


def tags_of_alarm(cloudwatch) -> dict[str, str]:
    [alarm] = cloudwatch.describe_alarms(AlarmNames=["dead-letters"])["MetricAlarms"]
    tags = cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
    return {tag["Key"]: tag["Value"] for tag in tags}


DASHBOARD = (
    '{ "widgets": [\n  {"type":"metric", "width":12, "properties":{"title":"Copies of übuntu","period":300.0}}] }'
)


@pytest.fixture
def cloudwatch(localstack, new_account):
    """CloudWatch of one account, in two Regions."""
    account = new_account()
    return [localstack.client("cloudwatch", account, region) for region in (REGION, "eu-central-1")]


def dashboards(client) -> list[str]:
    return [entry["DashboardName"] for entry in client.list_dashboards()["DashboardEntries"]]


def test_dashboard_keeps_its_body(cloudwatch):
    """CloudWatch API Reference, PutDashboard and GetDashboard: the body as it was put, and replaced as a whole."""
    here, _ = cloudwatch
    for body in (DASHBOARD, DASHBOARD.replace("300.0", "60")):
        here.put_dashboard(DashboardName="image-copier", DashboardBody=body)
        assert here.get_dashboard(DashboardName="image-copier")["DashboardBody"] == body

    assert dashboards(here) == ["image-copier"]


def test_dashboards_are_those_of_all_regions(cloudwatch):
    """CloudWatch API Reference, PutDashboard: dashboards are global, so that one name is one dashboard."""
    here, there = cloudwatch
    here.put_dashboard(DashboardName="image-copier", DashboardBody=DASHBOARD)
    there.put_dashboard(DashboardName="image-copier", DashboardBody="{}")

    assert here.get_dashboard(DashboardName="image-copier")["DashboardBody"] == "{}"
    there.delete_dashboards(DashboardNames=["image-copier"])
    assert dashboards(here) == dashboards(there) == []


def test_dashboard_that_does_not_exist(cloudwatch):
    """CloudWatch API Reference, GetDashboard and DeleteDashboards: DashboardNotFoundError; all are deleted or none."""
    here, _ = cloudwatch
    here.put_dashboard(DashboardName="image-copier", DashboardBody=DASHBOARD)

    for operation, request in (
        (here.get_dashboard, {"DashboardName": "other"}),
        (here.delete_dashboards, {"DashboardNames": ["image-copier", "other"]}),
    ):
        with pytest.raises(ClientError) as caught:
            operation(**request)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
        assert caught.value.response["Error"]["Code"] == "ResourceNotFound"
    assert dashboards(here) == ["image-copier"]


@pytest.mark.parametrize("body", ["{", "[]", '"text"'])
def test_dashboard_of_no_json_object_is_rejected(cloudwatch, body):
    """CloudWatch API Reference, PutDashboard: DashboardInvalidInputError."""
    here, _ = cloudwatch

    with pytest.raises(ClientError) as caught:
        here.put_dashboard(DashboardName="image-copier", DashboardBody=body)

    assert caught.value.response["Error"]["Code"] == "InvalidParameterInput"
    assert dashboards(here) == []
