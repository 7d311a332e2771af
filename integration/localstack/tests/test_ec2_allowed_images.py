"""Allowed AMIs (EC2 User Guide, "Control the discovery and use of AMIs in Amazon EC2 with Allowed AMIs")."""

import pytest
from ec2_images import REGION, bake_image, error_code, image_of


@pytest.fixture
def shared(localstack, new_account):
    """An image that is shared with another account."""
    return bake_image(localstack, new_account())


@pytest.fixture
def account(new_account, shared):
    """The account that it is shared with."""
    account = new_account()
    shared.share(account)
    return account


@pytest.fixture
def friend(localstack, account):
    """The EC2 of that account."""
    return localstack.client("ec2", account)


def allow(ec2, state: str, *criteria: dict) -> None:
    ec2.replace_image_criteria_in_allowed_images_settings(ImageCriteria=list(criteria))
    ec2.enable_allowed_images_settings(AllowedImagesSettingsState=state)


def test_is_off_until_it_is_enabled(friend, shared):
    """EC2 API Reference, GetAllowedImagesSettings."""
    answer = friend.get_allowed_images_settings()

    assert (answer["State"], answer.get("ImageCriteria", []), answer["ManagedBy"]) == ("disabled", [], "account")
    assert "ImageAllowed" not in image_of(friend, shared.id)


def test_image_that_is_left_out_is_not_there(friend, shared):
    """EC2 API Reference, EnableAllowedImagesSettings: it can be neither discovered nor used."""
    allow(friend, "enabled", {"ImageProviders": ["amazon", "999999999999"]})

    assert error_code(friend.describe_images, ImageIds=[shared.id]) == "InvalidAMIID.NotFound"
    assert friend.describe_images(Owners=[shared.account])["Images"] == []
    request = {"SourceImageId": shared.id, "SourceRegion": REGION, "Name": "copy"}
    assert error_code(friend.copy_image, **request) == "InvalidAMIID.NotFound"


def test_image_that_a_criterion_names_is_there(friend, shared):
    """EC2 API Reference, ImageCriterion: any criterion, but all of one."""
    allow(
        friend, "enabled", {"ImageProviders": ["amazon"]}, {"ImageProviders": [shared.account], "ImageNames": ["gold*"]}
    )
    assert image_of(friend, shared.id)["ImageAllowed"] is True

    allow(friend, "enabled", {"ImageProviders": [shared.account], "ImageNames": ["silver*"]})
    assert error_code(friend.describe_images, ImageIds=[shared.id]) == "InvalidAMIID.NotFound"


def test_without_criteria_no_image_of_others_is_there(friend, shared):
    """EC2 User Guide, "Allowed AMIs": with criteria empty and the setting enabled, none but one's own."""
    allow(friend, "enabled")

    assert error_code(friend.describe_images, ImageIds=[shared.id]) == "InvalidAMIID.NotFound"
    assert friend.describe_images()["Images"] == []


def test_audit_mode_shows_what_would_be_hidden(friend, shared):
    """EC2 API Reference, EnableAllowedImagesSettings: audit-mode restricts nothing."""
    allow(friend, "audit-mode", {"ImageProviders": ["amazon"]})

    assert image_of(friend, shared.id)["ImageAllowed"] is False


def test_own_images_are_always_there(shared):
    """EC2 API Reference, EnableAllowedImagesSettings: it does not restrict the AMIs owned by the account."""
    allow(shared.ec2, "enabled", {"ImageProviders": ["amazon"]})

    assert shared.describe()["ImageAllowed"] is True


def test_is_of_one_region(friend, account, localstack):
    """EC2 API Reference, EnableAllowedImagesSettings: "in the specified Region"."""
    allow(friend, "enabled", {"ImageProviders": ["amazon"]})

    assert localstack.client("ec2", account, "eu-central-1").get_allowed_images_settings()["State"] == "disabled"


def test_is_disabled_again(friend, shared):
    """EC2 API Reference, DisableAllowedImagesSettings."""
    allow(friend, "enabled", {"ImageProviders": ["amazon"]})

    assert friend.disable_allowed_images_settings()["AllowedImagesSettingsState"] == "disabled"
    assert friend.get_allowed_images_settings()["State"] == "disabled"
    assert image_of(friend, shared.id)["ImageId"] == shared.id


def test_bad_requests_are_rejected(friend):
    """EC2 API Reference: a state that is none, and more than ten criteria."""
    assert error_code(friend.enable_allowed_images_settings, AllowedImagesSettingsState="on") == "InvalidParameterValue"
    criteria = [{"ImageProviders": ["amazon"]}] * 11
    code = error_code(friend.replace_image_criteria_in_allowed_images_settings, ImageCriteria=criteria)
    assert code == "InvalidParameterValue"
