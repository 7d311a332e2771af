"""`EC2 AMI State Change` events (EC2 User Guide, "Monitor AMI events using Amazon EventBridge")."""

import pytest
from ec2_images import OTHER_REGION, REGION, bake_image, copy_image, settled_copy
from event_queue import EventQueue, pattern
from plugin_routes import copies_take, end_copies, fault

pytestmark = pytest.mark.usefixtures("quick_copies")


class AmiEvents(EventQueue):
    """The AMI events of an account."""

    def __init__(self, localstack, account: str) -> None:
        super().__init__(localstack, account, EventPattern=pattern("aws.ec2", "EC2 AMI State Change"))
        self.ec2 = localstack.client("ec2", account)

    def event(self, image_id: str, state: str) -> dict:
        """The event that the image is in the state, once it was delivered."""
        wanted = {"ImageId": image_id, "State": state}
        return self.message(f"an event that {image_id} is {state}", lambda e: e["detail"].items() >= wanted.items())[
            "Event"
        ]

    def details(self) -> list[dict]:
        """The details of the events that were received so far."""
        return [message["Event"]["detail"] for message in self.received]


@pytest.fixture
def target(localstack, new_account):
    return AmiEvents(localstack, new_account())


@pytest.fixture
def source(localstack, new_account, target):
    return bake_image(localstack, new_account()).share(target.account)


def test_available_copy_is_announced_in_its_owners_account(localstack, source, target):
    """CopyImage ends in the state available; the event is of the copy's account and Region."""
    sources_queue = AmiEvents(localstack, source.account)
    copy = settled_copy(target.ec2, source)

    event = target.event(copy["ImageId"], "available")

    assert (event["source"], event["detail-type"]) == ("aws.ec2", "EC2 AMI State Change")
    assert (event["account"], event["region"]) == (target.account, REGION)
    assert event["resources"] == [f"arn:aws:ec2:{REGION}::image/{copy['ImageId']}"]
    assert event["detail"].keys() == {"RequestId", "ImageId", "State", "ErrorMessage"}
    assert event["detail"]["ErrorMessage"] == ""
    source.ec2.deregister_image(ImageId=source.id)
    sources_queue.event(source.id, "deregistered")
    assert {detail["ImageId"] for detail in sources_queue.details()} == {source.id}


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
    with copies_take(localstack, 600):
        stopped = copy_image(target.ec2, source)
    target.ec2.deregister_image(ImageId=stopped)
    target.event(stopped, "deregistered")

    assert end_copies(localstack, target.account) == [stopped]
    assert not pending_snapshots(target.ec2)
    later = settled_copy(target.ec2, source)
    target.event(later["ImageId"], "available")

    states = [detail["State"] for detail in target.details() if detail["ImageId"] == stopped]
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


def test_lost_event_is_not_delivered(localstack, source, target):
    """Delivery is best effort: the image ends in its state, and no event says so."""
    with fault(localstack, kind="lose-event", account=target.account, region=REGION, state="available"):
        lost = settled_copy(target.ec2, source)
        failed = settled_copy(target.ec2, source, Encrypted=True, KmsKeyId="alias/missing")
        target.event(failed["ImageId"], "failed")
    told = settled_copy(target.ec2, source)
    target.event(told["ImageId"], "available")
    target.ec2.deregister_image(ImageId=lost["ImageId"])
    target.event(lost["ImageId"], "deregistered")

    assert lost["State"] == "available"
    assert [d["State"] for d in target.details() if d["ImageId"] == lost["ImageId"]] == ["deregistered"]


def test_events_are_lost_a_number_of_times(localstack, source, target):
    """Delivery is best effort: any event can be lost."""
    with fault(localstack, kind="lose-event", account=target.account, times=2):
        lost, told = settled_copy(target.ec2, source), settled_copy(target.ec2, source)
        target.ec2.deregister_image(ImageId=lost["ImageId"])
        target.event(lost["ImageId"], "deregistered")

    assert told["State"] == "available"
    assert {d["ImageId"]: d["State"] for d in target.details()} == {lost["ImageId"]: "deregistered"}


def test_events_of_other_accounts_and_regions_are_not_lost(localstack, source, target):
    """Delivery is best effort in each account and Region for itself."""
    with (
        fault(localstack, kind="lose-event", account=source.account),
        fault(localstack, kind="lose-event", account=target.account, region=OTHER_REGION),
    ):
        copy = settled_copy(target.ec2, source)
        target.event(copy["ImageId"], "available")
