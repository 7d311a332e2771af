"""Amazon SNS."""

import json

from localstack.services.sns.models import sns_stores

from .request import Check, Operations, Request, account_of, named, on_all, request_tags, store_of, tag_map


def on_topic(request: Request, action: str | None = None) -> list[Check]:
    params = request.params
    arn = params.get("TopicArn") or params.get("TargetArn") or params.get("ResourceArn")
    arn = arn or request.arn("sns", params.get("Name") or "")
    owner, region = account_of(arn), arn.split(":")[3] if arn.count(":") >= 5 else request.region
    store = store_of(sns_stores, owner, region)
    topic = store.topics.get(arn) if store else None
    policy = topic["attributes"].get("Policy") if topic else None
    context = request_tags(tag_map(params.get("Tags")))
    if request.operation == "Subscribe":
        context |= {"sns:Protocol": params.get("Protocol") or "", "sns:Endpoint": params.get("Endpoint") or ""}
    action = action or request.operation.removesuffix("Batch")
    return [Check(f"sns:{action}", arn, owner, context, json.loads(policy) if policy else None)]


def create_topic(request: Request) -> list[Check]:
    return [*on_topic(request), *(on_topic(request, "TagResource") if request.params.get("Tags") else [])]


OPERATIONS: Operations = {
    "CreateTopic": create_topic,
    **named(
        """
        AddPermission ConfirmSubscription DeleteTopic GetDataProtectionPolicy GetTopicAttributes
        ListSubscriptionsByTopic ListTagsForResource Publish PublishBatch RemovePermission SetTopicAttributes Subscribe
        TagResource UntagResource
        """,
        on_topic,
    ),
    # The Reference names no resource for these: a subscription is its owner's, whoever's the topic is.
    **named(
        "GetSubscriptionAttributes ListSubscriptions ListTopics SetSubscriptionAttributes Unsubscribe", on_all("sns")
    ),
}
