"""What Terraform's AWS provider asks for, as AWS documents it."""

import json

import pytest
from botocore.exceptions import ClientError
from conditions import wait_until

REGION = "eu-west-1"


@pytest.fixture
def subscribed(localstack, new_account):
    """A topic in one account, and a subscription with a filter in another."""
    return Subscribed(localstack, new_account(), new_account())


class Subscribed:
    def __init__(self, localstack, publisher: str, subscriber: str) -> None:
        self.publisher = localstack.client("sns", publisher)
        self.subscriber = localstack.client("sns", subscriber)
        self.subscriber_account = subscriber
        self.sqs = localstack.client("sqs", subscriber)
        self.topic = self.publisher.create_topic(Name="requests")["TopicArn"]
        self.queue_url = self.sqs.create_queue(QueueName="requests")["QueueUrl"]
        self.dead_letters_url = self.sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
        self.attributes = {
            "FilterPolicy": json.dumps({"targetAccounts": [subscriber, "*"]}),
            "FilterPolicyScope": "MessageBody",
            "RawMessageDelivery": "true",
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{subscriber}:dead-letters"}),
        }
        self.arn = self.subscriber.subscribe(
            TopicArn=self.topic,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{REGION}:{subscriber}:requests",
            Attributes=self.attributes,
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]

    def receive(self, url: str) -> list[dict]:
        return self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"]).get(
            "Messages", []
        )


def test_subscriber_reads_its_subscription_of_a_foreign_topic(subscribed):
    """SNS API Reference, GetSubscriptionAttributes."""
    attributes = subscribed.subscriber.get_subscription_attributes(SubscriptionArn=subscribed.arn)["Attributes"]

    assert attributes["SubscriptionArn"] == subscribed.arn
    assert attributes["TopicArn"] == subscribed.topic
    assert attributes["Owner"] == subscribed.subscriber_account
    assert attributes["PendingConfirmation"] == "false"
    assert attributes.items() >= subscribed.attributes.items()


def test_topic_owner_reads_a_foreign_subscription(subscribed):
    """SNS API Reference, GetSubscriptionAttributes."""
    attributes = subscribed.publisher.get_subscription_attributes(SubscriptionArn=subscribed.arn)["Attributes"]

    assert attributes["Owner"] == subscribed.subscriber_account


def test_stranger_does_not_read_the_subscription(subscribed, localstack, new_account):
    """SNS API Reference, GetSubscriptionAttributes."""
    with pytest.raises(ClientError, match="Subscription does not exist"):
        localstack.client("sns", new_account()).get_subscription_attributes(SubscriptionArn=subscribed.arn)


@pytest.mark.parametrize("arn", [f"arn:aws:sns:{REGION}:111111111111:requests:absent", "no-arn"])
def test_subscription_that_does_not_exist(localstack, new_account, arn):
    """SNS API Reference, GetSubscriptionAttributes: NotFound."""
    with pytest.raises(ClientError) as error:
        localstack.client("sns", new_account()).get_subscription_attributes(SubscriptionArn=arn)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 404)


def test_subscriber_changes_its_subscription_of_a_foreign_topic(subscribed):
    """SNS API Reference, SetSubscriptionAttributes."""
    subscribed.subscriber.set_subscription_attributes(
        SubscriptionArn=subscribed.arn, AttributeName="RawMessageDelivery", AttributeValue="false"
    )

    attributes = subscribed.subscriber.get_subscription_attributes(SubscriptionArn=subscribed.arn)["Attributes"]
    assert attributes["RawMessageDelivery"] == "false"


def test_empty_filter_policy_removes_the_filter(subscribed):
    """SNS Developer Guide, "Removing a subscription filter policy in Amazon SNS": set it to an empty JSON body.

    That AWS then shows no filter is what the acceptance tests of Terraform's AWS provider rest on.
    """
    subscribed.subscriber.set_subscription_attributes(
        SubscriptionArn=subscribed.arn, AttributeName="FilterPolicy", AttributeValue="{}"
    )

    attributes = subscribed.subscriber.get_subscription_attributes(SubscriptionArn=subscribed.arn)["Attributes"]
    assert attributes.keys().isdisjoint({"FilterPolicy", "FilterPolicyScope"})


def test_subscriber_ends_its_subscription_of_a_foreign_topic(subscribed):
    """SNS API Reference, Unsubscribe."""
    subscribed.subscriber.unsubscribe(SubscriptionArn=subscribed.arn)

    with pytest.raises(ClientError, match="Subscription does not exist"):
        subscribed.subscriber.get_subscription_attributes(SubscriptionArn=subscribed.arn)
    listed = subscribed.publisher.list_subscriptions_by_topic(TopicArn=subscribed.topic)["Subscriptions"]
    assert listed == []


def test_message_for_the_subscriber_is_delivered_raw(subscribed):
    """SNS Developer Guide: Message filtering by payload; Raw message delivery."""
    messages = [
        json.dumps({"n": 1, "targetAccounts": ["999999999999"]}),
        json.dumps({"n": 2, "targetAccounts": ["999999999999", subscribed.subscriber_account]}),
        json.dumps({"n": 3}),
        "no JSON",
        json.dumps({"n": 4, "targetAccounts": ["*"]}),
    ]
    for message in messages:
        subscribed.publisher.publish(TopicArn=subscribed.topic, Message=message)

    received: dict[str, dict] = {}

    def both_are_there() -> bool:
        received.update({message["Body"]: message for message in subscribed.receive(subscribed.queue_url)})
        return len(received) >= 2

    wait_until("two messages", both_are_there)
    assert subscribed.receive(subscribed.queue_url) == []
    assert set(received) == {messages[1], messages[4]}


def test_raw_delivery_keeps_message_attributes(subscribed):
    """SNS Developer Guide: Raw message delivery."""
    subscribed.publisher.publish(
        TopicArn=subscribed.topic,
        Message=json.dumps({"targetAccounts": "*"}),
        MessageAttributes={"origin": {"DataType": "String", "StringValue": "bake"}},
    )

    [message] = wait_until("the message", lambda: subscribed.receive(subscribed.queue_url))
    assert message["MessageAttributes"] == {"origin": {"DataType": "String", "StringValue": "bake"}}


def test_subscription_redrives_what_its_queue_does_not_take(subscribed):
    """SNS Developer Guide: Dead-letter queues (a queue that was deleted is a client-side error)."""
    subscribed.sqs.delete_queue(QueueUrl=subscribed.queue_url)
    body = json.dumps({"targetAccounts": ["*"]})

    subscribed.publisher.publish(TopicArn=subscribed.topic, Message=body)

    [message] = wait_until("the dead letter", lambda: subscribed.receive(subscribed.dead_letters_url))
    assert message["Body"] == body


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
def test_dashboard_of_no_json_object_is_refused(cloudwatch, body):
    """CloudWatch API Reference, PutDashboard: DashboardInvalidInputError."""
    here, _ = cloudwatch

    with pytest.raises(ClientError) as caught:
        here.put_dashboard(DashboardName="image-copier", DashboardBody=body)

    assert caught.value.response["Error"]["Code"] == "InvalidParameterInput"
    assert dashboards(here) == []
