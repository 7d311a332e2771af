"""LastLaunchedTime (EC2 User Guide, "Check when an Amazon EC2 AMI was last used")."""

from datetime import UTC, datetime, timedelta

import pytest
from ec2_images import bake_image, image_of
from plugin_routes import fault

DAY = 86_400


@pytest.fixture
def baked(localstack, new_account):
    return bake_image(localstack, new_account())


def launch(ec2, image_id: str) -> None:
    ec2.run_instances(ImageId=image_id, InstanceType="t4g.micro", MinCount=1, MaxCount=1)


def launched(localstack, baked, hours: float = 24) -> datetime | None:
    """What the owner is told after this time, by both operations that tell it."""
    with fault(localstack, kind="clock", account=baked.account, secondsAhead=hours * 3600):
        shown = baked.describe().get("LastLaunchedTime")
        request = {"ImageId": baked.id, "Attribute": "lastLaunchedTime"}
        assert baked.ec2.describe_image_attribute(**request).get("LastLaunchedTime", {}).get("Value") == shown
    return datetime.fromisoformat(shown) if shown else None


def test_is_absent_before_the_first_launch(localstack, baked):
    assert launched(localstack, baked) is None


def test_launch_is_told_a_day_later(localstack, baked):
    """Considerations: there is a 24-hour delay."""
    launch(baked.ec2, baked.id)

    assert launched(localstack, baked, hours=0) is None
    assert launched(localstack, baked, hours=23.9) is None
    told = launched(localstack, baked)
    assert abs(told - datetime.now(UTC)) < timedelta(minutes=2)


def test_latest_launch_counts_once_it_is_told(localstack, baked):
    """The same delay: meanwhile the one before is told."""
    launch(baked.ec2, baked.id)
    first = launched(localstack, baked)
    with fault(localstack, kind="clock", account=baked.account, secondsAhead=7200):
        launch(baked.ec2, baked.id)

    assert launched(localstack, baked, hours=24) == first
    with fault(localstack, kind="clock", account=baked.account, secondsAhead=7200):
        assert launched(localstack, baked, hours=24) > first


def test_launches_of_others_count_but_only_the_owner_is_told(localstack, new_account, baked):
    """Considerations: one must be the owner."""
    user = new_account()
    baked.share(user)
    ec2 = localstack.client("ec2", user)
    launch(ec2, baked.id)

    # The owner's clock decides when it is told, and it would be now.
    with fault(localstack, kind="clock", account=baked.account, secondsAhead=DAY):
        assert "LastLaunchedTime" in baked.describe()
        assert "LastLaunchedTime" not in image_of(ec2, baked.id)


def test_launch_from_a_template_counts(localstack, baked):
    """EC2 API Reference, RunInstances: the image may come from the launch template."""
    template = {"LaunchTemplateName": "web", "LaunchTemplateData": {"ImageId": baked.id, "InstanceType": "t4g.micro"}}
    baked.ec2.create_launch_template(**template)
    baked.ec2.run_instances(LaunchTemplate={"LaunchTemplateName": "web"}, MinCount=1, MaxCount=1)

    assert launched(localstack, baked)
