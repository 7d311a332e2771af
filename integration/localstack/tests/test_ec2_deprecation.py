"""Deprecated images (EC2 User Guide, "Deprecate an Amazon EC2 AMI")."""

from datetime import UTC, datetime, timedelta

import pytest
from dateutil.relativedelta import relativedelta
from ec2_images import bake_image, error_code, image_of, rejection, settled_copy
from identities import Identities, allow, denial
from plugin_routes import fault

pytestmark = pytest.mark.usefixtures("quick_copies")

DAY = timedelta(days=1)


def now() -> datetime:
    return datetime.now(UTC)


def shown(time: datetime) -> str:
    """A time as DescribeImages shows it."""
    return time.strftime("%Y-%m-%dT%H:%M:00.000Z")


@pytest.fixture
def baked(localstack, new_account):
    return bake_image(localstack, new_account())


def deprecate(baked, at: datetime) -> None:
    assert baked.ec2.enable_image_deprecation(ImageId=baked.id, DeprecateAt=at)["Return"] is True


def listed(ec2, baked, **options) -> list[str]:
    return [image["ImageId"] for image in ec2.describe_images(Owners=[baked.account], **options)["Images"]]


def test_date_can_be_set_changed_and_cancelled(baked):
    """EC2 API Reference, EnableImageDeprecation and DisableImageDeprecation."""
    assert "DeprecationTime" not in baked.describe()

    for days in (30, 10):
        deprecate(baked, now() + days * DAY)
        assert baked.describe()["DeprecationTime"].startswith((now() + days * DAY).strftime("%Y-%m-%d"))

    assert baked.ec2.disable_image_deprecation(ImageId=baked.id)["Return"] is True
    assert "DeprecationTime" not in baked.describe()


@pytest.mark.parametrize(("second", "minute"), [(29, 17), (30, 18)])
def test_seconds_are_rounded_to_the_nearest_minute(baked, second, minute):
    """EC2 API Reference, EnableImageDeprecation: DeprecateAt."""
    day = now() + DAY
    deprecate(baked, day.replace(hour=13, minute=17, second=second, microsecond=0))

    assert baked.describe()["DeprecationTime"] == shown(day.replace(hour=13, minute=minute))


@pytest.mark.parametrize("days", [-1, 3655])
def test_date_is_neither_past_nor_too_far_away(baked, days):
    """EC2 API Reference, EnableImageDeprecation: 10 years; EC2 error code InvalidParameterValue."""
    request = {"ImageId": baked.id, "DeprecateAt": now() + days * DAY}

    assert rejection(baked.ec2.enable_image_deprecation, **request)[:2] == ("InvalidParameterValue", 400)
    assert "DeprecationTime" not in baked.describe()
    deprecate(baked, now() + 3640 * DAY)


def test_others_find_it_by_its_id_or_on_request_alone(localstack, new_account, baked):
    """Describe deprecated AMIs: owners see it always, users with its id or IncludeDeprecated."""
    user = new_account()
    ec2 = localstack.client("ec2", user)
    baked.share(user)
    deprecate(baked, now() + timedelta(hours=1))

    assert listed(ec2, baked) == [baked.id]
    with fault(localstack, kind="clock", account=user, secondsAhead=7200):
        assert listed(ec2, baked) == []
        assert listed(ec2, baked, IncludeDeprecated=True) == [baked.id]
        assert listed(ec2, baked, ImageIds=[baked.id]) == [baked.id]
        assert image_of(ec2, baked.id)["DeprecationTime"] == baked.describe()["DeprecationTime"]
        run = ec2.run_instances(ImageId=baked.id, InstanceType="t4g.micro", MinCount=1, MaxCount=1)
        assert run["Instances"][0]["ImageId"] == baked.id
    with fault(localstack, kind="clock", account=baked.account, secondsAhead=7200):
        assert listed(baked.ec2, baked) == listed(baked.ec2, baked, IncludeDeprecated=False) == [baked.id]


def test_copy_is_not_deprecated(localstack, new_account, baked):
    """It belongs to an image; the parameters of CopyImage have none."""
    account = new_account()
    baked.share(account)
    deprecate(baked, now() + DAY)

    assert "DeprecationTime" not in settled_copy(localstack.client("ec2", account), baked)


def test_public_image_is_deprecated_after_two_years(baked):
    """Considerations: by default two years from its creation, which can be earlier, but not later or cancelled."""
    created = datetime.fromisoformat(baked.describe()["CreationDate"])
    latest = f"{created + relativedelta(years=2):%Y-%m-%dT%H:%M:%S.000Z}"
    baked.ec2.modify_image_attribute(ImageId=baked.id, LaunchPermission={"Add": [{"Group": "all"}]})
    assert baked.describe()["DeprecationTime"] == latest

    later = {"ImageId": baked.id, "DeprecateAt": now() + 740 * DAY}
    assert error_code(baked.ec2.enable_image_deprecation, **later) == "InvalidParameterValue"
    assert error_code(baked.ec2.disable_image_deprecation, ImageId=baked.id) == "OperationNotPermitted"
    assert baked.describe()["DeprecationTime"] == latest
    deprecate(baked, now() + DAY)
    assert baked.describe()["DeprecationTime"] < latest

    baked.ec2.modify_image_attribute(ImageId=baked.id, LaunchPermission={"Remove": [{"Group": "all"}]})
    baked.ec2.disable_image_deprecation(ImageId=baked.id)
    assert "DeprecationTime" not in baked.describe()


def test_only_the_owner_deprecates(localstack, new_account, baked):
    """Considerations: one must be the owner; EC2 error codes AuthFailure and InvalidAMIID.NotFound."""
    friend = new_account()
    baked.share(friend)
    ec2, stranger = (localstack.client("ec2", account) for account in (friend, new_account()))
    request = {"ImageId": baked.id, "DeprecateAt": now() + DAY}

    assert error_code(ec2.enable_image_deprecation, **request) == "AuthFailure"
    assert error_code(ec2.disable_image_deprecation, ImageId=baked.id) == "AuthFailure"
    assert error_code(stranger.enable_image_deprecation, **request) == "InvalidAMIID.NotFound"
    assert error_code(baked.ec2.enable_image_deprecation, DryRun=True, **request) == "DryRunOperation"
    assert "DeprecationTime" not in baked.describe()


def test_policies_can_name_the_image(localstack, baked):
    """Service Authorization Reference: EnableImageDeprecation is about an image."""
    arn = f"arn:aws:ec2:eu-west-1::image/{baked.id}"
    role = Identities(localstack, baked.account).role(allow("ec2:EnableImageDeprecation", arn)).client("ec2")

    assert role.enable_image_deprecation(ImageId=baked.id, DeprecateAt=now() + DAY)["Return"] is True
    assert denial(role.disable_image_deprecation, ImageId=baked.id)[0] == "UnauthorizedOperation"
