"""Watermarks (EC2 User Guide, "Use AMI watermarks to track and identify AMIs"; EC2 API Reference, ImageWatermark)."""

from datetime import UTC, datetime, timedelta

import pytest
from ec2_images import OTHER_REGION, REGION, bake_image, error_code, image_of, rejection, settled, settled_copy
from identities import Identities, allow, denial
from plugin_routes import fault

pytestmark = pytest.mark.usefixtures("quick_copies")


@pytest.fixture
def baked(localstack, new_account):
    return bake_image(localstack, new_account())


@pytest.fixture
def marked(baked):
    """An image with one watermark."""
    attach(baked, "prod-baseline")
    return baked


@pytest.fixture
def user(new_account, marked):
    """An account that the image is shared with."""
    account = new_account()
    marked.share(account)
    return account


def attach(image, name: str) -> str:
    return image.ec2.attach_image_watermark(ImageId=image.id, WatermarkName=name)["WatermarkKey"]


def keys_of(image: dict) -> list[str]:
    return [each["WatermarkKey"] for each in image.get("ImageWatermarks", [])]


def found(ec2, **filters: str) -> list[str]:
    """The images that match filters on watermarks."""
    conditions = [{"Name": f"image-watermark.{name.replace('_', '-')}", "Values": [filters[name]]} for name in filters]
    return sorted(image["ImageId"] for image in ec2.describe_images(Filters=conditions)["Images"])


def test_watermark_stands_on_its_image(baked):
    """AttachImageWatermark: the key is the owner's account and the name."""
    assert "ImageWatermarks" not in baked.describe()

    key = attach(baked, "prod-baseline")

    assert key == f"{baked.account}:prod-baseline"
    image = baked.describe()
    [watermark] = image["ImageWatermarks"]
    assert abs(watermark.pop("WatermarkCreationTime") - datetime.now(UTC)) < timedelta(minutes=2)
    assert watermark == {
        "WatermarkKey": key,
        "SourceImageRegion": REGION,
        "SourceImageId": baked.id,
        "SourceImageCreationTime": datetime.fromisoformat(image["CreationDate"]),
    }


@pytest.mark.parametrize("region", [REGION, OTHER_REGION])
def test_copy_in_another_account_carries_it(localstack, marked, user, region):
    """It carries forward to all derivative AMIs, and copies of copies are some."""
    ec2 = localstack.client("ec2", user, region)

    copy = settled_copy(ec2, marked)
    second = settled(ec2, ec2.copy_image(Name="again", SourceImageId=copy["ImageId"], SourceRegion=region)["ImageId"])

    assert copy["ImageWatermarks"] == second["ImageWatermarks"] == marked.describe()["ImageWatermarks"]


def test_copy_has_those_of_its_source_and_its_owners(localstack, marked, user):
    """Five in all, whoever attached them."""
    ec2 = localstack.client("ec2", user)
    copy_id = settled_copy(ec2, marked)["ImageId"]

    names = ["one", "two", "three", "four"]
    for name in names:
        ec2.attach_image_watermark(ImageId=copy_id, WatermarkName=name)

    assert keys_of(image_of(ec2, copy_id)) == [f"{marked.account}:prod-baseline", *(f"{user}:{name}" for name in names)]
    code = error_code(ec2.attach_image_watermark, ImageId=copy_id, WatermarkName="five")
    assert code == "ResourceLimitExceeded"
    assert keys_of(marked.describe()) == [f"{marked.account}:prod-baseline"]


@pytest.mark.parametrize("gone", [False, True], ids=["image is there", "image is gone"])
def test_image_of_an_instance_inherits_it(localstack, marked, user, gone):
    """A new AMI from a running instance that was launched from a watermarked AMI."""
    ec2 = localstack.client("ec2", user)
    run = ec2.run_instances(ImageId=marked.id, InstanceType="t4g.micro", MinCount=1, MaxCount=1)
    watermarks = marked.describe()["ImageWatermarks"]
    if gone:
        marked.ec2.deregister_image(ImageId=marked.id)

    image_id = ec2.create_image(InstanceId=run["Instances"][0]["InstanceId"], Name="from-instance")["ImageId"]

    assert image_of(ec2, image_id)["ImageWatermarks"] == watermarks
    [shown] = ec2.describe_instance_image_metadata()["InstanceImageMetadata"]
    assert shown["ImageMetadata"]["ImageWatermarks"] == watermarks


def test_recipient_sees_it_and_cannot_change_it(localstack, marked, user):
    """Visible to everyone with access to the AMI; only its owner attaches and detaches."""
    ec2 = localstack.client("ec2", user)
    key = f"{marked.account}:prod-baseline"

    assert image_of(ec2, marked.id)["ImageWatermarks"] == marked.describe()["ImageWatermarks"]
    assert error_code(ec2.attach_image_watermark, ImageId=marked.id, WatermarkName="mine") == "AuthFailure"
    assert error_code(ec2.detach_image_watermark, ImageId=marked.id, WatermarkKey=key) == "AuthFailure"
    assert keys_of(marked.describe()) == [key]


def test_strangers_image_is_not_there(localstack, new_account, marked):
    """EC2 Developer Guide, "Error codes": InvalidAMIID.NotFound."""
    ec2 = localstack.client("ec2", new_account())

    code = error_code(ec2.attach_image_watermark, ImageId=marked.id, WatermarkName="mine")

    assert code == "InvalidAMIID.NotFound"


def test_detaching_leaves_copies_as_they_are(localstack, marked, user):
    """DetachImageWatermark: idempotent, and derivative images keep the watermark."""
    ec2 = localstack.client("ec2", user)
    copy_id = settled_copy(ec2, marked)["ImageId"]
    key = f"{marked.account}:prod-baseline"

    for _ in range(2):
        assert marked.ec2.detach_image_watermark(ImageId=marked.id, WatermarkKey=key)["Return"] is True

    assert "ImageWatermarks" not in marked.describe()
    assert keys_of(image_of(ec2, copy_id)) == [key]
    # Those of others are the copy's owner's to detach.
    ec2.detach_image_watermark(ImageId=copy_id, WatermarkKey=key)
    assert keys_of(image_of(ec2, copy_id)) == []


def test_public_images_have_none(baked):
    """Watermarks cannot be added to public AMIs, nor AMIs with watermarks be made public."""
    public = {"ImageId": baked.id, "LaunchPermission": {"Add": [{"Group": "all"}]}}
    key = attach(baked, "prod-baseline")
    assert error_code(baked.ec2.modify_image_attribute, **public) == "OperationNotPermitted"
    assert baked.describe()["Public"] is False

    baked.ec2.detach_image_watermark(ImageId=baked.id, WatermarkKey=key)
    baked.ec2.modify_image_attribute(**public)

    assert baked.describe()["Public"] is True
    code = error_code(baked.ec2.attach_image_watermark, ImageId=baked.id, WatermarkName="prod-baseline")
    assert code == "OperationNotPermitted"


def test_attached_again_it_stays_as_it_is(marked):
    before = marked.describe()["ImageWatermarks"]

    assert attach(marked, "prod-baseline") == before[0]["WatermarkKey"]

    assert marked.describe()["ImageWatermarks"] == before


@pytest.mark.parametrize("name", ["a" * 129, "prod:baseline", "größe"])
def test_bad_names_are_rejected(baked, name):
    """AttachImageWatermark: 3 to 128 letters, digits and ( ) [ ] space . / - ' @ _."""
    code, status, message = rejection(baked.ec2.attach_image_watermark, ImageId=baked.id, WatermarkName=name)

    assert (code, status) == ("InvalidParameterValue", 400)
    assert name in message


def test_all_characters_of_a_name(baked):
    assert attach(baked, "a(1) [b]./-'@_").endswith(":a(1) [b]./-'@_")


def test_filters(localstack, marked, user):
    """DescribeImages: image-watermark.*, with wildcards, on all images that the account sees."""
    ec2 = localstack.client("ec2", user, OTHER_REGION)
    copy_id = settled_copy(ec2, marked)["ImageId"]
    settled_copy(ec2, marked)
    today = f"{datetime.now(UTC):%Y-%m-%dT}*+00:00"

    for image in ec2.describe_images(Owners=["self"])["Images"]:
        if image["ImageId"] != copy_id:
            ec2.detach_image_watermark(ImageId=image["ImageId"], WatermarkKey=f"{marked.account}:prod-baseline")

    assert found(ec2, watermark_key=f"{marked.account}:*") == [copy_id]
    assert found(ec2, source_image_id=marked.id) == [copy_id]
    assert found(ec2, source_image_region=REGION, watermark_creation_time=today) == [copy_id]
    assert found(ec2, source_image_creation_time=today) == [copy_id]
    assert found(ec2, source_image_region=OTHER_REGION) == []
    assert found(ec2, watermark_key="prod-baseline") == []


@pytest.mark.parametrize(
    ("criterion", "allowed"),
    [
        ({"WatermarkKey": "*:prod-*"}, True),
        ({"WatermarkKey": "*:test-*"}, False),
        ({"SourceImageRegion": "eu-west-?", "MaximumDaysSinceWatermarkCreated": 1}, True),
        ({"WatermarkKey": "*:prod-*", "SourceImageRegion": "us-*"}, False),
        ({"MaximumDaysSinceSourceImageCreated": 0}, False),
        ({"MaximumDaysSinceWatermarkCreated": 0}, False),
    ],
)
def test_allowed_images_by_watermark(localstack, marked, user, criterion, allowed):
    """EC2 API Reference, ImageCriterionRequest: one watermark that meets all of one criterion."""
    ec2 = localstack.client("ec2", user)

    ec2.replace_image_criteria_in_allowed_images_settings(ImageCriteria=[{"ImageWatermarks": [criterion]}])
    ec2.enable_allowed_images_settings(AllowedImagesSettingsState="audit-mode")

    assert image_of(ec2, marked.id)["ImageAllowed"] is allowed
    [shown] = ec2.get_allowed_images_settings()["ImageCriteria"]
    assert shown["ImageWatermarks"] == [criterion]


def test_time_is_that_of_the_account(localstack, baked):
    with fault(localstack, kind="clock", account=baked.account, secondsAhead=86_400):
        attach(baked, "prod-baseline")

    [watermark] = baked.describe()["ImageWatermarks"]
    assert watermark["WatermarkCreationTime"] > datetime.now(UTC) + timedelta(hours=23)


def test_permissions(localstack, baked):
    """Service Authorization Reference, "Amazon EC2": both are of one image, by its ARN and its tags."""
    here = Identities(localstack, baked.account)
    image = f"arn:aws:ec2:{REGION}::image/{baked.id}"
    ec2 = here.role(allow("ec2:AttachImageWatermark", image)).client("ec2")

    ec2.attach_image_watermark(ImageId=baked.id, WatermarkName="prod-baseline")

    key = f"{baked.account}:prod-baseline"
    code, message = denial(ec2.detach_image_watermark, ImageId=baked.id, WatermarkKey=key)
    assert code == "UnauthorizedOperation"
    assert f"ec2:DetachImageWatermark on resource: {image}" in message
