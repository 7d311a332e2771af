"""`EC2 AMI State Change` events (EC2 User Guide, "Monitor AMI events using Amazon EventBridge")."""

import json

import pytest
from conditions import wait_until
from ec2_images import REGION, bake_image, copy_image, settled_copy
from plugin_routes import copies_take

pytestmark = pytest.mark.usefixtures("quick_copies")


class EventQueue:
    """A queue that a rule for AMI events in the account feeds."""

    def __init__(self, localstack, account: str) -> None:
        self.account = account
        self.ec2 = localstack.client("ec2", account)
        self.sqs = localstack.client("sqs", account)
        self.url = self.sqs.create_queue(QueueName="ami-events")["QueueUrl"]
        self.received: list[dict] = []
        events = localstack.client("events", account)
        pattern = {"source": ["aws.ec2"], "detail-type": ["EC2 AMI State Change"]}
        events.put_rule(Name="ami-events", EventPattern=json.dumps(pattern))
        target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{account}:ami-events"}
        events.put_targets(Rule="ami-events", Targets=[target])

    def event(self, image_id: str, state: str) -> dict:
        """The event that the image is in the state, once it was delivered."""

        def delivered() -> dict | None:
            answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
            self.received += [json.loads(message["Body"]) for message in answer.get("Messages", [])]
            wanted = {"ImageId": image_id, "State": state}
            return next((event for event in self.received if event["detail"].items() >= wanted.items()), None)

        return wait_until(f"an event that {image_id} is {state}", delivered)


@pytest.fixture
def target(localstack, new_account):
    return EventQueue(localstack, new_account())


@pytest.fixture
def source(localstack, new_account, target):
    return bake_image(localstack, new_account()).share(target.account)


def test_available_copy_is_announced_in_its_owners_account(localstack, source, target):
    """CopyImage ends in the state available; the event is of the copy's account and Region."""
    sources_queue = EventQueue(localstack, source.account)
    copy = settled_copy(target.ec2, source)

    event = target.event(copy["ImageId"], "available")

    assert (event["source"], event["detail-type"]) == ("aws.ec2", "EC2 AMI State Change")
    assert (event["account"], event["region"]) == (target.account, REGION)
    assert event["resources"] == [f"arn:aws:ec2:{REGION}::image/{copy['ImageId']}"]
    assert event["detail"].keys() == {"RequestId", "ImageId", "State", "ErrorMessage"}
    assert event["detail"]["ErrorMessage"] == ""
    source.ec2.deregister_image(ImageId=source.id)
    sources_queue.event(source.id, "deregistered")
    assert {e["detail"]["ImageId"] for e in sources_queue.received} == {source.id}


def test_failed_copy_is_announced_with_its_reason(source, target):
    """CopyImage ends in the state failed; ErrorMessage says why."""
    copy = settled_copy(target.ec2, source, Encrypted=True, KmsKeyId="alias/missing")

    event = target.event(copy["ImageId"], "failed")

    assert event["detail"]["ErrorMessage"] == copy["StateReason"]["Message"]


def test_deregistered_image_is_announced(source, target):
    """DeregisterImage ends in the state deregistered."""
    copy = settled_copy(target.ec2, source)
    target.ec2.deregister_image(ImageId=copy["ImageId"])

    assert target.event(copy["ImageId"], "deregistered")["detail"]["ErrorMessage"] == ""


def test_stopped_copy_is_never_announced_as_available(localstack, source, target):
    """EC2 User Guide, "Copy an Amazon EC2 AMI": deregistering stops a pending copy."""
    with copies_take(localstack, 0.2):
        stopped = copy_image(target.ec2, source)
    target.ec2.deregister_image(ImageId=stopped)
    target.event(stopped, "deregistered")

    wait_until("the stopped copy's time is over", lambda: not pending_snapshots(target.ec2))
    later = settled_copy(target.ec2, source)
    target.event(later["ImageId"], "available")

    states = [e["detail"]["State"] for e in target.received if e["detail"]["ImageId"] == stopped]
    assert states == ["deregistered"]


def pending_snapshots(ec2) -> list[dict]:
    return [s for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] if s["State"] == "pending"]


def test_registered_image_is_announced(localstack, target):
    """RegisterImage ends in the state available."""
    baked = bake_image(localstack, target.account)

    assert target.event(baked.id, "available")["account"] == target.account


def test_disabled_and_enabled_images_are_announced(localstack, target):
    """DisableImage ends in the state disabled, EnableImage in available."""
    baked = bake_image(localstack, target.account)
    target.event(baked.id, "available")
    target.received.clear()

    baked.ec2.disable_image(ImageId=baked.id)
    target.event(baked.id, "disabled")
    baked.ec2.enable_image(ImageId=baked.id)

    target.event(baked.id, "available")
