"""Attributes of images that tell how instances of them start (EC2 API Reference, RegisterImage and Image)."""

import base64

import pytest
from ec2_images import (
    REGION,
    bake_image,
    create_snapshot,
    error_code,
    image_of,
    rejection,
    settled,
    settled_copy,
)

pytestmark = pytest.mark.usefixtures("quick_copies")

UEFI_DATA = base64.b64encode(b"AMZNUEFI and its variables").decode()
ATTRIBUTES = {
    "BootMode": "uefi",
    "EnaSupport": True,
    "ImdsSupport": "v2.0",
    "SriovNetSupport": "simple",
    "TpmSupport": "v2.0",
}
BILLING = {"PlatformDetails": "Linux/UNIX", "UsageOperation": "RunInstances"}
# What DescribeImageAttribute calls them.
VALUES = {
    "bootMode": ("BootMode", "uefi"),
    "imdsSupport": ("ImdsSupport", "v2.0"),
    "sriovNetSupport": ("SriovNetSupport", "simple"),
    "tpmSupport": ("TpmSupport", "v2.0"),
    "uefiData": ("UefiData", UEFI_DATA),
}


@pytest.fixture
def source(localstack, new_account):
    return bake_image(localstack, new_account(), Description="golden image", UefiData=UEFI_DATA, **ATTRIBUTES)


def attributes_of(image: dict) -> dict:
    """All attributes of that kind which the image shows."""
    return {name: image[name] for name in [*ATTRIBUTES, *BILLING, "Platform", "UefiData"] if name in image}


def values_of(ec2, image_id: str) -> dict:
    """The same as DescribeImageAttribute answers it."""
    answers = {name: ec2.describe_image_attribute(ImageId=image_id, Attribute=name) for name in VALUES}
    return {name: (member, answers[name][member]["Value"]) for name, (member, _) in VALUES.items()}


def test_image_has_the_attributes_it_was_registered_with(source):
    """EC2 API Reference, RegisterImage; EC2 User Guide, "AMI billing information fields"."""
    assert attributes_of(source.describe()) == ATTRIBUTES | BILLING
    assert values_of(source.ec2, source.id) == VALUES


def test_image_without_attributes_shows_none(localstack, new_account):
    """EC2 API Reference, Image: "If the image is configured", "If v2.0"; ImageAttribute."""
    baked = bake_image(localstack, new_account())

    assert attributes_of(baked.describe()) == BILLING
    for attribute, (member, _) in VALUES.items():
        answer = baked.ec2.describe_image_attribute(ImageId=baked.id, Attribute=attribute)
        assert answer.get(member, {}) == {}, attribute


def test_copy_has_the_attributes_of_its_source(localstack, new_account, source):
    """EC2 User Guide, "How Amazon EC2 AMI copy works": an identical but distinct image."""
    account = new_account()
    ec2 = localstack.client("ec2", account)

    copy = settled_copy(ec2, source.share(account))

    assert attributes_of(copy) == ATTRIBUTES | BILLING
    assert values_of(ec2, copy["ImageId"]) == VALUES


def test_copy_of_a_windows_image_is_billed_as_windows(localstack, new_account):
    """EC2 User Guide, "AMI billing information fields": RunInstances:0002."""
    ec2 = localstack.client("ec2", new_account())
    windows = [{"Name": "platform", "Values": ["windows"]}]
    public = ec2.describe_images(Owners=["amazon"], Filters=windows)["Images"][0]

    copy_id = ec2.copy_image(Name="copy", SourceImageId=public["ImageId"], SourceRegion=REGION)["ImageId"]

    copy = settled(ec2, copy_id)
    shown = {name: copy[name] for name in ("Platform", "PlatformDetails", "UsageOperation")}
    assert shown == {"Platform": "windows", "PlatformDetails": "Windows", "UsageOperation": "RunInstances:0002"}
    found = ec2.describe_images(Owners=["self"], Filters=windows)["Images"]
    assert [image["ImageId"] for image in found] == [copy_id]


@pytest.mark.parametrize(
    "bad",
    [
        {"BootMode": "bios"},
        {"ImdsSupport": "v1.0"},
        {"TpmSupport": "v1.2"},
        {"UefiData": "no base64!"},
    ],
)
def test_rejects_values_that_do_not_exist(localstack, new_account, bad):
    """EC2 API Reference, RegisterImage: the valid values; EC2 error code InvalidParameterValue."""
    ec2 = localstack.client("ec2", new_account())
    devices = [{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": create_snapshot(ec2)}}]

    [name] = bad
    code, status, message = rejection(ec2.register_image, Name="golden", BlockDeviceMappings=devices, **bad)

    assert (code, status) == ("InvalidParameterValue", 400)
    assert name in message
    assert ec2.describe_images(Owners=["self"])["Images"] == []


def test_image_of_an_instance_has_its_boot_mode(source):
    """EC2 User Guide, "Set the boot mode of an Amazon EC2 AMI": it is the instance's, by default."""
    run = source.ec2.run_instances(ImageId=source.id, InstanceType="t4g.micro", MinCount=1, MaxCount=1)

    image_id = source.ec2.create_image(InstanceId=run["Instances"][0]["InstanceId"], Name="again")["ImageId"]

    assert settled(source.ec2, image_id)["BootMode"] == "uefi"


def test_imds_support_can_be_set_later_but_not_taken_back(localstack, new_account):
    """EC2 API Reference, ModifyImageAttribute: ImdsSupport."""
    baked = bake_image(localstack, new_account())

    baked.ec2.modify_image_attribute(ImageId=baked.id, ImdsSupport={"Value": "v2.0"})

    assert baked.describe()["ImdsSupport"] == "v2.0"
    bad = {"ImageId": baked.id, "ImdsSupport": {"Value": "v1.0"}}
    assert error_code(baked.ec2.modify_image_attribute, **bad) == "InvalidParameterValue"
    assert baked.describe()["ImdsSupport"] == "v2.0"


def test_other_attributes(source):
    """EC2 API Reference, DescribeImageAttribute: description; blockDeviceMapping answers AuthFailure."""
    describe = source.ec2.describe_image_attribute

    answer = describe(ImageId=source.id, Attribute="description")
    assert answer["Description"] == {"Value": "golden image"}
    assert error_code(describe, ImageId=source.id, Attribute="blockDeviceMapping") == "AuthFailure"
    assert error_code(describe, ImageId=source.id, Attribute="enaSupport") == "InvalidRequest"
    assert error_code(describe, ImageId=source.id, Attribute="description", DryRun=True) == "DryRunOperation"


def test_copies_of_amazons_images_start_as_these_do(localstack, new_account):
    """The same as of any other source."""
    ec2 = localstack.client("ec2", new_account())
    public = ec2.describe_images(Owners=["amazon"])["Images"][0]

    image_id = ec2.copy_image(Name="copy", SourceImageId=public["ImageId"], SourceRegion=REGION)["ImageId"]

    assert image_of(ec2, image_id)["BootMode"] == public["BootMode"]
