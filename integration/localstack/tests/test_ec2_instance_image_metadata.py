"""DescribeInstanceImageMetadata (EC2 API Reference): the image of an instance, whatever became of it."""

from datetime import UTC, datetime, timedelta

import pytest
from ec2_images import bake_image, error_code, rejection, tag_list
from identities import Identities, allow, denial


@pytest.fixture
def baked(localstack, new_account):
    return bake_image(localstack, new_account())


def launch(ec2, image_id: str, **options) -> str:
    request = {"ImageId": image_id, "InstanceType": "t4g.micro", "MinCount": 1, "MaxCount": 1} | options
    return ec2.run_instances(**request)["Instances"][0]["InstanceId"]


def metadata(ec2, **request) -> list[dict]:
    return ec2.describe_instance_image_metadata(**request)["InstanceImageMetadata"]


def found(ec2, **filters: str) -> set[str]:
    conditions = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
    return {each["InstanceId"] for each in metadata(ec2, Filters=conditions)}


def test_instance_and_its_image(baked):
    """EC2 API Reference, InstanceImageMetadata and ImageMetadata."""
    tags = [{"ResourceType": "instance", "Tags": tag_list(Name="web")}]
    instance_id = launch(baked.ec2, baked.id, TagSpecifications=tags)

    [shown] = metadata(baked.ec2)

    assert abs(shown.pop("LaunchTime") - datetime.now(UTC)) < timedelta(minutes=2)
    assert shown == {
        "InstanceId": instance_id,
        "InstanceType": "t4g.micro",
        "AvailabilityZone": "eu-west-1a",
        "ZoneId": "euw1-az3",
        "State": {"Code": 16, "Name": "running"},
        "OwnerId": baked.account,
        "Tags": tag_list(Name="web"),
        "ImageMetadata": {
            "ImageId": baked.id,
            "Name": "golden",
            "OwnerId": baked.account,
            "State": "available",
            "CreationDate": baked.describe()["CreationDate"],
            "IsPublic": False,
        },
        "Operator": {"Managed": False},
    }


def test_image_may_be_gone_private_or_deprecated(localstack, new_account, baked):
    """Even if the image is deprecated, deregistered, or private again."""
    user = new_account()
    ec2 = localstack.client("ec2", user)
    baked.share(user)
    launch(ec2, baked.id)

    def image() -> dict:
        [shown] = metadata(ec2)
        return shown["ImageMetadata"]

    baked.ec2.enable_image_deprecation(ImageId=baked.id, DeprecateAt=datetime.now(UTC) + timedelta(days=2))
    assert image()["DeprecationTime"] == baked.describe()["DeprecationTime"]
    baked.ec2.modify_image_attribute(ImageId=baked.id, LaunchPermission={"Remove": [{"UserId": user}]})
    assert (image()["Name"], image()["OwnerId"], image()["State"]) == ("golden", baked.account, "available")
    baked.ec2.disable_image(ImageId=baked.id)
    assert image()["State"] == "disabled"
    baked.ec2.deregister_image(ImageId=baked.id)
    assert (image()["ImageId"], image()["Name"], image()["State"]) == (baked.id, "golden", "deregistered")


def test_image_of_amazon(localstack, new_account):
    """EC2 API Reference, ImageMetadata: ImageOwnerAlias."""
    ec2 = localstack.client("ec2", new_account())
    public = ec2.describe_images(Owners=["amazon"])["Images"][0]
    launch(ec2, public["ImageId"])

    [shown] = metadata(ec2)

    image = shown["ImageMetadata"]
    assert (image["ImageId"], image["Name"]) == (public["ImageId"], public["Name"])
    assert (image["ImageOwnerAlias"], image["State"], image["IsPublic"]) == ("amazon", "available", public["Public"])


def test_instances_are_chosen_by_ids_and_filters(baked):
    """EC2 API Reference, DescribeInstanceImageMetadata: InstanceIds, Filters."""
    first = launch(baked.ec2, baked.id, InstanceType="t4g.small")
    placement = {"AvailabilityZone": "eu-west-1b"}
    second = launch(baked.ec2, baked.id, Placement=placement)
    baked.ec2.create_tags(Resources=[second], Tags=tag_list(Role="web"))
    baked.ec2.stop_instances(InstanceIds=[second])

    assert [each["InstanceId"] for each in metadata(baked.ec2, InstanceIds=[first])] == [first]
    assert found(baked.ec2, instance_id=second) == {second}
    assert found(baked.ec2, instance_type="t4g.s*") == {first}
    assert found(baked.ec2, instance_state_name="stopped") == {second}
    assert found(baked.ec2, availability_zone="eu-west-1a") == {first}
    assert found(baked.ec2, zone_id="euw1-az1") == {second}
    assert found(baked.ec2, owner_id=baked.account) == {first, second}
    assert found(baked.ec2, launch_time=f"{datetime.now(UTC):%Y-%m}*") == {first, second}
    assert found(baked.ec2, tag_key="Role") == found(baked.ec2, **{"tag:Role": "web"}) == {second}
    assert error_code(baked.ec2.describe_instance_image_metadata, Filters=[{"Name": "color", "Values": ["red"]}]) == (
        "InvalidParameterValue"
    )


def test_images_that_are_not_allowed_are_told(localstack, new_account, baked):
    """EC2 User Guide, "Allowed AMIs": the instances that were launched from such images, in audit-mode."""
    user = new_account()
    ec2 = localstack.client("ec2", user)
    baked.share(user)
    instance_id, own = launch(ec2, baked.id), launch(ec2, bake_image(localstack, user).id)
    ec2.enable_allowed_images_settings(AllowedImagesSettingsState="audit-mode")

    allowed = {each["InstanceId"]: each["ImageMetadata"]["ImageAllowed"] for each in metadata(ec2)}
    assert allowed == {instance_id: False, own: True}
    assert found(ec2, image_allowed="false") == {instance_id}


def test_pages(baked):
    """EC2 API Reference, DescribeInstanceImageMetadata: MaxResults from 1 to 1,000."""
    launched = {launch(baked.ec2, baked.id) for _ in range(3)}
    pages = baked.ec2.get_paginator("describe_instance_image_metadata").paginate(PaginationConfig={"PageSize": 2})

    shown = [[each["InstanceId"] for each in page["InstanceImageMetadata"]] for page in pages]

    assert [len(page) for page in shown] == [2, 1]
    assert {each for page in shown for each in page} == launched
    assert error_code(baked.ec2.describe_instance_image_metadata, MaxResults=1001) == "InvalidParameterValue"


def test_instance_that_is_not_there(localstack, new_account, baked):
    """EC2 API Reference, DescribeInstanceImageMetadata: InvalidInstanceID.NotFound for others' instances too."""
    others = launch(baked.ec2, baked.id)
    ec2 = localstack.client("ec2", new_account())

    for instance_id in (others, "i-0123456789abcdef0"):
        answer = rejection(ec2.describe_instance_image_metadata, InstanceIds=[instance_id])
        assert answer[:2] == ("InvalidInstanceID.NotFound", 400)
    assert error_code(ec2.describe_instance_image_metadata, DryRun=True) == "DryRunOperation"


def test_right_to_it(localstack, baked):
    """Service Authorization Reference: an action of its own, without resources."""
    identities = Identities(localstack, baked.account)
    role = identities.role(allow("ec2:DescribeInstanceImageMetadata"), name="reader").client("ec2")
    nobody = identities.role(allow("ec2:DescribeInstances"), name="nobody").client("ec2")

    assert metadata(role) == []
    assert denial(nobody.describe_instance_image_metadata)[0] == "UnauthorizedOperation"
