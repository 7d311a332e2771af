"""Deregistration protection (EC2 User Guide, "Protect an Amazon EC2 AMI from deregistration")."""

import pytest
from ec2_images import bake_image, error_code, rejection, settled_copy
from identities import Identities, allow, denial
from plugin_routes import fault

pytestmark = pytest.mark.usefixtures("quick_copies")

DAY = 86_400


@pytest.fixture
def baked(localstack, new_account):
    return bake_image(localstack, new_account())


def protect(baked, **options) -> str:
    return baked.ec2.enable_image_deregistration_protection(ImageId=baked.id, **options)["Return"]


def unprotect(baked) -> str:
    return baked.ec2.disable_image_deregistration_protection(ImageId=baked.id)["Return"]


def protection_of(baked) -> str:
    """As DescribeImages and DescribeImageAttribute show it."""
    shown = baked.describe()["DeregistrationProtection"]
    request = {"ImageId": baked.id, "Attribute": "deregistrationProtection"}
    assert baked.ec2.describe_image_attribute(**request)["DeregistrationProtection"] == {"Value": shown}
    return shown


def test_is_off_by_default(localstack, new_account, baked):
    """On all new images, and so on copies of a protected one."""
    assert protection_of(baked) == "disabled"
    account = new_account()
    baked.share(account)
    protect(baked)

    assert settled_copy(localstack.client("ec2", account), baked)["DeregistrationProtection"] == "disabled"


def test_protected_image_cannot_be_deregistered(baked):
    """By any user; EC2 error code OperationNotPermitted. Afterwards it can at once."""
    # The AWS CLI Reference shows the answers.
    assert protect(baked) == protection_of(baked) == "enabled-without-cooldown"

    code, status, message = rejection(baked.ec2.deregister_image, ImageId=baked.id, DeleteAssociatedSnapshots=True)

    assert (code, status) == ("OperationNotPermitted", 400)
    assert baked.id in message
    assert baked.describe()["State"] == "available"
    assert len(baked.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]) == 2
    assert unprotect(baked) == protection_of(baked) == "disabled"
    assert baked.ec2.deregister_image(ImageId=baked.id)["Return"] is True


def test_protection_lasts_through_the_cooldown(localstack, baked):
    """With WithCooldown, for 24 hours after it was turned off."""
    assert protect(baked, WithCooldown=True) == protection_of(baked) == "enabled-with-cooldown"

    unprotect(baked)

    assert protection_of(baked).startswith("disabled after ")
    for hours in (0, 23):
        with fault(localstack, kind="clock", account=baked.account, secondsAhead=hours * 3600):
            assert error_code(baked.ec2.deregister_image, ImageId=baked.id) == "OperationNotPermitted"
    with fault(localstack, kind="clock", account=baked.account, secondsAhead=DAY):
        assert protection_of(baked) == "disabled"
        assert baked.ec2.deregister_image(ImageId=baked.id)["Return"] is True


def test_cooldown_is_not_shortened(baked):
    """To turn it off again during the cooldown changes nothing; to turn it on again does."""
    protect(baked, WithCooldown=True)
    unprotect(baked)
    until = protection_of(baked)

    assert unprotect(baked) == until
    assert protect(baked) == protection_of(baked) == "enabled-without-cooldown"
    assert error_code(baked.ec2.deregister_image, ImageId=baked.id) == "OperationNotPermitted"


def test_disabled_image_can_be_protected(baked):
    """Turn on deregistration protection: of disabled images too. It keeps none from being disabled."""
    protect(baked)
    baked.ec2.disable_image(ImageId=baked.id)

    assert error_code(baked.ec2.deregister_image, ImageId=baked.id) == "OperationNotPermitted"
    assert unprotect(baked) == "disabled"
    assert protect(baked, WithCooldown=True) == "enabled-with-cooldown"


def test_only_the_owner_protects(localstack, new_account, baked):
    """EC2 error code AuthFailure."""
    friend = new_account()
    baked.share(friend)
    ec2 = localstack.client("ec2", friend)

    assert error_code(ec2.enable_image_deregistration_protection, ImageId=baked.id) == "AuthFailure"
    assert error_code(ec2.disable_image_deregistration_protection, ImageId=baked.id) == "AuthFailure"
    dry = {"ImageId": baked.id, "DryRun": True}
    assert error_code(baked.ec2.enable_image_deregistration_protection, **dry) == "DryRunOperation"
    assert protection_of(baked) == "disabled"


def test_policies_can_name_the_image(localstack, baked):
    """Service Authorization Reference: both operations are about an image."""
    arn = f"arn:aws:ec2:eu-west-1::image/{baked.id}"
    role = Identities(localstack, baked.account).role(allow("ec2:EnableImageDeregistrationProtection", arn))
    ec2 = role.client("ec2")

    assert ec2.enable_image_deregistration_protection(ImageId=baked.id)["Return"] == "enabled-without-cooldown"
    assert denial(ec2.disable_image_deregistration_protection, ImageId=baked.id)[0] == "UnauthorizedOperation"
