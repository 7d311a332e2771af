"""Rules of EventBridge that feed queues (EventBridge User Guide; Amazon SQS Developer Guide)."""

import json

from conditions import wait_until
from ec2_images import bake_image
from event_queue import REGION, EventQueue, pattern


def custom_event(number: int, detail_type: str = "Image Copied", source: str = "image-copier") -> dict:
    return {"Source": source, "DetailType": detail_type, "Detail": json.dumps({"number": number})}


def numbers(messages: list[dict]) -> list[int]:
    return [message["Event"]["detail"]["number"] for message in messages]


def test_custom_events_reach_a_fifo_queue_in_its_message_group(localstack, new_account):
    """EventBridge API Reference, SqsParameters; content-based deduplication gives each event an id of its own."""
    queue = EventQueue(
        localstack, new_account(), fifo_group="settle", EventPattern=pattern("image-copier", "Image Copied")
    )
    for number in (1, 2):
        answer = queue.events.put_events(Entries=[custom_event(number), custom_event(0, "Image Copy Failed")])
        assert answer["FailedEntryCount"] == 0
        wait_until(f"event {number}", lambda number=number: number in numbers(queue.receive()))

    groups = {message["Attributes"]["MessageGroupId"] for message in queue.received}
    assert (numbers(queue.received), groups) == ([1, 2], {"settle"})
    event = queue.received[0]["Event"]
    assert event.keys() == {
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"
    }  # fmt: skip
    assert (event["source"], event["detail-type"]) == ("image-copier", "Image Copied")
    assert (event["account"], event["region"], event["resources"]) == (queue.account, REGION, [])


def test_image_events_reach_a_fifo_queue(localstack, new_account):
    """EC2 User Guide, "Monitor AMI events using Amazon EventBridge"."""
    account = new_account()
    detail = {"State": ["available", "failed"]}
    event_pattern = json.loads(pattern("aws.ec2", "EC2 AMI State Change")) | {"detail": detail}
    queue = EventQueue(localstack, account, fifo_group="settle", EventPattern=json.dumps(event_pattern))
    deregistered, baked = (bake_image(localstack, account, name=name) for name in ("first", "second"))
    deregistered.ec2.deregister_image(ImageId=deregistered.id)

    for image in (deregistered, baked):
        queue.message("available", lambda e, image=image: e["detail"]["ImageId"] == image.id)

    assert {message["Event"]["detail"]["State"] for message in queue.received} == {"available"}
    assert {message["Attributes"]["MessageGroupId"] for message in queue.received} == {"settle"}


def test_fifo_target_needs_a_message_group(localstack, new_account):
    """EventBridge API Reference, SqsParameters: MessageGroupId is required for FIFO queues."""
    queue = EventQueue(localstack, new_account(), fifo_group="settle", ScheduleExpression="rate(1 minute)")

    answer = queue.events.put_targets(Rule="events", Targets=[{"Id": "other", "Arn": queue.arn}])

    [failed] = answer["FailedEntries"]
    assert (answer["FailedEntryCount"], failed["TargetId"]) == (1, "other")
    [target] = queue.events.list_targets_by_rule(Rule="events")["Targets"]
    assert (target["Id"], target["SqsParameters"]) == ("queue", {"MessageGroupId": "settle"})
