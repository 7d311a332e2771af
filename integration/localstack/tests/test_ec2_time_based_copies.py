"""Copies within a time (EBS User Guide, "Time-based copies for Amazon EBS snapshots and EBS-backed AMIs")."""

import pytest
from ec2_images import bake_image, copy_image, create_snapshot, rejection, settled, snapshots_of
from plugin_routes import copies_take, end_copies

MINUTES = "SnapshotCopyCompletionDurationMinutes"


@pytest.fixture
def large(localstack, new_account):
    """An image of four snapshots that each take all the throughput that a snapshot may have."""
    account = new_account()
    ec2 = localstack.client("ec2", account)
    devices = [
        {"DeviceName": f"/dev/sd{letter}", "Ebs": {"SnapshotId": create_snapshot(ec2, 600)}} for letter in "abcd"
    ]
    return bake_image(localstack, account, RootDeviceName="/dev/sda", BlockDeviceMappings=devices)


def durations(ec2, image: dict) -> list[int | None]:
    return [snapshot.get("CompletionDurationMinutes") for snapshot in snapshots_of(ec2, image)]


@pytest.mark.usefixtures("quick_copies")
def test_snapshots_show_the_duration_that_was_asked_for(localstack, new_account):
    baked = bake_image(localstack, new_account())

    in_a_hurry = settled(baked.ec2, copy_image(baked.ec2, baked, **{MINUTES: 30}))
    at_its_own_pace = settled(baked.ec2, copy_image(baked.ec2, baked, Name="other"))

    assert durations(baked.ec2, in_a_hurry) == [30, 30]
    assert durations(baked.ec2, at_its_own_pace) == [None, None]


def test_a_copy_is_refused_while_no_throughput_is_left(localstack, large):
    with copies_take(localstack, 600):
        copy_image(large.ec2, large, **{MINUTES: 15})

    answer = rejection(copy_image, ec2=large.ec2, source=large, Name="second", **{MINUTES: 2880})

    assert answer[:2] == ("ResourceLimitExceeded", 400)
    assert "throughput" in answer[2]
    assert copy_image(large.ec2, large, Name="at its own pace")

    end_copies(localstack, large.account)
    assert copy_image(large.ec2, large, Name="second", **{MINUTES: 15})


def test_a_copy_that_throughput_is_left_for_is_slower_than_asked(localstack, large):
    with copies_take(localstack, 600):
        copy_image(large.ec2, large, **{MINUTES: 30})

        assert copy_image(large.ec2, large, Name="second", **{MINUTES: 15})
    end_copies(localstack, large.account)
