"""Whose subscriptions ListSubscriptions shows (Amazon SNS API Reference, ListSubscriptions)."""

REGION = "eu-west-1"


def test_subscriber_lists_its_subscriptions_to_topics_of_others(localstack, new_account):
    """They are the requester's, and the requester of a subscription is its owner."""
    publisher, subscriber = new_account(), new_account()
    publishing, subscribing = localstack.client("sns", publisher), localstack.client("sns", subscriber)
    topic = publishing.create_topic(Name="requests")["TopicArn"]
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
    """A page has up to 100 subscriptions."""
    account = new_account()
    sns = localstack.client("sns", account)
    topics = [sns.create_topic(Name=f"topic-{number}")["TopicArn"] for number in range(101)]
    for topic in topics:
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{account}:requests")

    pages = list(sns.get_paginator("list_subscriptions").paginate())

    assert [len(page["Subscriptions"]) for page in pages] == [100, 1]
    assert {each["TopicArn"] for page in pages for each in page["Subscriptions"]} == set(topics)
