"""Amazon SQS."""

import json

from localstack.services.sqs.models import SqsQueue, sqs_stores
from localstack.services.sqs.utils import parse_queue_url

from .request import Check, Operations, Request, named, on_all, request_tags, store_of, tag_map


def location_of(request: Request) -> tuple[str, str, str]:
    """The account, Region and name of the queue that a request is about."""
    if url := request.params.get("QueueUrl"):
        try:
            account, region, name = parse_queue_url(url)
        except ValueError:
            account, region, name = None, None, url.rsplit("/", 1)[-1]
        return account or request.account, region or request.region, name
    owner = request.params.get("QueueOwnerAWSAccountId") or request.account
    return owner, request.region, request.params.get("QueueName") or ""


def find_queue(account: str, region: str, name: str) -> SqsQueue | None:
    store = store_of(sqs_stores, account, region)
    return store.queues.get(name) if store else None


def on_queue(request: Request, action: str | None = None) -> list[Check]:
    # Each of a batch asks as one by itself (SQS Developer Guide, "Actions, and resources").
    action = action or request.operation.removesuffix("Batch")
    account, region, name = location_of(request)
    queue = find_queue(account, region, name)
    policy = queue.attributes.get("Policy") if queue else None
    tags = tag_map(request.params.get("tags") or request.params.get("Tags"))
    return [
        Check(
            f"sqs:{action}",
            request.arn("sqs", name, account=account, region=region),
            account,
            request_tags(tags),
            json.loads(policy) if policy else None,
        )
    ]


def create_queue(request: Request) -> list[Check]:
    return [*on_queue(request), *(on_queue(request, "TagQueue") if request.params.get("tags") else [])]


OPERATIONS: Operations = {
    "CreateQueue": create_queue,
    "ListQueues": on_all("sqs"),
    **named(
        """
        AddPermission ChangeMessageVisibility ChangeMessageVisibilityBatch DeleteMessage DeleteMessageBatch DeleteQueue
        GetQueueAttributes GetQueueUrl ListDeadLetterSourceQueues ListQueueTags PurgeQueue ReceiveMessage
        RemovePermission SendMessage SendMessageBatch SetQueueAttributes TagQueue UntagQueue
        """,
        on_queue,
    ),
}
