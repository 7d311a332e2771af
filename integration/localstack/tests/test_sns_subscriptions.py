"""Subscriptions, most of them to topics of other accounts, and what is delivered to them."""

import json

import pytest
from botocore.exceptions import ClientError
from conditions import wait_until
from resource_policies import everybody, service_sends

REGION = "eu-west-1"


def open_topic(sns, account: str) -> str:
    """A topic that any account may subscribe to."""
    attributes = everybody("sns:Subscribe", f"arn:aws:sns:{REGION}:{account}:requests")
    return sns.create_topic(Name="requests", Attributes=attributes)["TopicArn"]


def test_subscriber_lists_its_subscriptions_to_topics_of_others(localstack, new_account):
    """SNS API Reference, ListSubscriptions: they are the requester's, and whoever requests a subscription owns it."""
    publisher, subscriber = new_account(), new_account()
    publishing, subscribing = localstack.client("sns", publisher), localstack.client("sns", subscriber)
    topic = open_topic(publishing, publisher)
    queue = f"arn:aws:sqs:{REGION}:{subscriber}:requests"
    localstack.client("sqs", subscriber).create_queue(QueueName="requests")
    arn = subscribing.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, ReturnSubscriptionArn=True)[
        "SubscriptionArn"
    ]

    assert subscribing.list_subscriptions()["Subscriptions"] == [
        {"SubscriptionArn": arn, "Owner": subscriber, "Protocol": "sqs", "Endpoint": queue, "TopicArn": topic}
    ]
    assert publishing.list_subscriptions()["Subscriptions"] == []
    listed = publishing.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [each["SubscriptionArn"] for each in listed] == [arn]


def test_all_pages_are_listed(localstack, new_account):
    """SNS API Reference, ListSubscriptions: a page has up to 100 subscriptions."""
    account = new_account()
    sns = localstack.client("sns", account)
    topics = [sns.create_topic(Name=f"topic-{number}")["TopicArn"] for number in range(101)]
    for topic in topics:
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{account}:requests")

    pages = list(sns.get_paginator("list_subscriptions").paginate())

    assert [len(page["Subscriptions"]) for page in pages] == [100, 1]
    assert {each["TopicArn"] for page in pages for each in page["Subscriptions"]} == set(topics)


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
        self.topic = open_topic(self.publisher, publisher)
        self.queue_url, self.dead_letters_url = (
            self.sqs.create_queue(
                QueueName=name, Attributes=service_sends("sns", f"arn:aws:sqs:{REGION}:{subscriber}:{name}")
            )["QueueUrl"]
            for name in ("requests", "dead-letters")
        )
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
