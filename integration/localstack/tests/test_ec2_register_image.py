"""RegisterImage (EC2 API Reference, RegisterImage; EC2 User Guide, "Create an EBS-backed AMI from a snapshot")."""

import concurrent.futures

import pytest
from botocore.exceptions import ClientError
from conditions import wait_until
from ec2_images import (
    REGION,
    bake_image,
    create_snapshot,
    ebs_of,
    error_code,
    image_of,
    rejection,
    settled,
    tag_list,
    tags_of,
)


def root_device(ec2) -> list[dict]:
    return [{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": create_snapshot(ec2)}}]


def test_keeps_devices_and_attributes(localstack, new_account):
    """EC2 API Reference, BlockDeviceMapping: EBS devices get size and encryption of their snapshots."""
    account = new_account()
    baked = bake_image(localstack, account, Description="golden image", TagSpecifications=image_tags(Recipe="ubuntu"))

    image = baked.describe()

    assert image["OwnerId"] == account
    assert (image["Name"], image["Description"], image["State"]) == ("golden", "golden image", "available")
    assert (image["Architecture"], image["VirtualizationType"]) == ("arm64", "hvm")
    assert (image["RootDeviceName"], image["RootDeviceType"]) == ("/dev/xvda", "ebs")
    assert image["Public"] is False
    assert tags_of(image) == {"Recipe": "ubuntu"}
    assert image["BlockDeviceMappings"] == [
        {
            "DeviceName": "/dev/xvda",
            "Ebs": {
                "SnapshotId": baked.snapshot_ids[0],
                "VolumeSize": 8,
                "VolumeType": "gp3",
                "DeleteOnTermination": True,
                "Encrypted": False,
            },
        },
        {
            "DeviceName": "/dev/sdf",
            "Ebs": {
                "SnapshotId": baked.snapshot_ids[1],
                "VolumeSize": 20,
                "VolumeType": "gp3",
                "DeleteOnTermination": False,
                "Encrypted": False,
            },
        },
        {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
    ]
    assert "SourceImageId" not in image


def image_tags(**tags: str) -> list[dict]:
    return [{"ResourceType": "image", "Tags": tag_list(**tags)}]


def test_defaults_of_architecture_virtualization_and_root_device(localstack, new_account):
    """EC2 API Reference, RegisterImage: i386 and paravirtual."""
    ec2 = localstack.client("ec2", new_account())
    snapshot_id = create_snapshot(ec2)
    mapping = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot_id}}

    image = image_of(ec2, ec2.register_image(Name="golden", BlockDeviceMappings=[mapping])["ImageId"])

    assert (image["Architecture"], image["VirtualizationType"]) == ("i386", "paravirtual")
    assert image["RootDeviceName"] == "/dev/sda1"


def test_volume_may_be_larger_than_its_snapshot_but_not_smaller(localstack, new_account):
    """EC2 API Reference, EbsBlockDevice: VolumeSize."""
    ec2 = localstack.client("ec2", new_account())
    snapshot_id = create_snapshot(ec2, 8)

    def register(size: int) -> dict:
        ebs = {"SnapshotId": snapshot_id, "VolumeSize": size}
        return {"Name": f"of-{size}", "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": ebs}]}

    assert error_code(ec2.register_image, **register(7)) == "InvalidBlockDeviceMapping"
    larger = image_of(ec2, ec2.register_image(**register(9))["ImageId"])
    assert ebs_of(larger)["/dev/sda1"]["VolumeSize"] == 9


def test_device_without_a_snapshot_is_an_empty_volume(localstack, new_account):
    """EC2 API Reference, EbsBlockDevice: VolumeSize or SnapshotId."""
    ec2 = localstack.client("ec2", new_account())
    mappings = [
        {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": create_snapshot(ec2)}},
        {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 30}},
    ]

    image = image_of(ec2, ec2.register_image(Name="golden", BlockDeviceMappings=mappings)["ImageId"])

    assert "SnapshotId" not in ebs_of(image)["/dev/sdf"]
    assert ebs_of(image)["/dev/sdf"]["VolumeSize"] == 30
    empty = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeType": "gp3"}}]
    assert error_code(ec2.register_image, Name="other", BlockDeviceMappings=empty) == "MissingParameter"


def test_name_is_used_once_in_an_account_and_region(localstack, new_account):
    """EC2 Developer Guide, "Error codes": InvalidAMIName.Duplicate."""
    account = new_account()
    baked = bake_image(localstack, account)

    code, status, message = rejection(
        baked.ec2.register_image, Name="golden", BlockDeviceMappings=root_device(baked.ec2)
    )

    assert (code, status) == ("InvalidAMIName.Duplicate", 400)
    assert baked.id in message
    bake_image(localstack, account, region="eu-central-1")
    bake_image(localstack, new_account())
    baked.ec2.deregister_image(ImageId=baked.id)
    baked.ec2.register_image(Name="golden", BlockDeviceMappings=root_device(baked.ec2))


def test_one_of_simultaneous_registrations_gets_the_name(localstack, new_account):
    """EC2 Developer Guide, "Error codes": InvalidAMIName.Duplicate."""
    ec2 = localstack.client("ec2", new_account())
    devices = root_device(ec2)

    def register(_number: int) -> str:
        try:
            return ec2.register_image(Name="golden", BlockDeviceMappings=devices)["ImageId"]
        except ClientError as error:
            return error.response["Error"]["Code"]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(register, range(8)))

    assert answers.count("InvalidAMIName.Duplicate") == 7
    assert len(ec2.describe_images(Owners=["self"])["Images"]) == 1


@pytest.mark.parametrize("name", ["ab", "n" * 129, "golden*", "golden:1", "größe"])
def test_rejects_a_bad_name(localstack, new_account, name):
    """EC2 API Reference, RegisterImage: 3 to 128 of letters, digits and ()[] ./-'@_."""
    ec2 = localstack.client("ec2", new_account())

    assert error_code(ec2.register_image, Name=name, BlockDeviceMappings=root_device(ec2)) == "InvalidAMIName.Malformed"


def test_rejects_another_accounts_snapshot(localstack, new_account):
    """EC2 Developer Guide, "Error codes": InvalidSnapshot.NotFound."""
    foreign = create_snapshot(localstack.client("ec2", new_account()))
    ec2 = localstack.client("ec2", new_account())
    mapping = {"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": foreign}}

    assert error_code(ec2.register_image, Name="golden", BlockDeviceMappings=[mapping]) == "InvalidSnapshot.NotFound"


def test_tags_only_the_image(localstack, new_account):
    """EC2 API Reference, RegisterImage: TagSpecifications take the resource type image."""
    ec2 = localstack.client("ec2", new_account())
    specification = [{"ResourceType": "snapshot", "Tags": tag_list(Recipe="ubuntu")}]

    assert (
        error_code(
            ec2.register_image, Name="golden", BlockDeviceMappings=root_device(ec2), TagSpecifications=specification
        )
        == "InvalidParameterValue"
    )
    assert ec2.describe_images(Owners=["self"])["Images"] == []


def test_dry_run_registers_nothing(localstack, new_account):
    """EC2 API Reference, RegisterImage: DryRun."""
    ec2 = localstack.client("ec2", new_account())

    answer = rejection(ec2.register_image, Name="golden", BlockDeviceMappings=root_device(ec2), DryRun=True)

    assert answer[:2] == ("DryRunOperation", 412)
    assert ec2.describe_images(Owners=["self"])["Images"] == []


def test_create_image_makes_a_snapshot_of_each_volume(localstack, new_account):
    """EC2 API Reference, CreateImage: image and snapshots are tagged by it."""
    account = new_account()
    baked = bake_image(localstack, account)
    ec2 = baked.ec2
    run = ec2.run_instances(ImageId=baked.id, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    instance_id = run["Instances"][0]["InstanceId"]
    specifications = [*image_tags(Recipe="ubuntu"), {"ResourceType": "snapshot", "Tags": tag_list(Recipe="ubuntu")}]

    image_id = ec2.create_image(InstanceId=instance_id, Name="from-instance", TagSpecifications=specifications)[
        "ImageId"
    ]

    image = settled(ec2, image_id)
    assert image["State"] == "available"
    assert image["SourceInstanceId"] == instance_id
    assert tags_of(image) == {"Recipe": "ubuntu"}
    [root] = ebs_of(image).values()
    [snapshot] = ec2.describe_snapshots(SnapshotIds=[root["SnapshotId"]])["Snapshots"]
    assert (snapshot["State"], tags_of(snapshot)) == ("completed", {"Recipe": "ubuntu"})


@pytest.mark.parametrize("gone", [False, True], ids=["image is there", "image is gone"])
def test_create_image_shows_what_the_instance_was_launched_from(localstack, new_account, gone):
    """EC2 User Guide, "Use AMI ancestry": the source is the launched AMI; only CreateImage gives a source instance."""
    baked = bake_image(localstack, new_account())
    ec2 = baked.ec2
    run = ec2.run_instances(ImageId=baked.id, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    instance_id = run["Instances"][0]["InstanceId"]
    if gone:
        ec2.deregister_image(ImageId=baked.id)

    created = settled(ec2, ec2.create_image(InstanceId=instance_id, Name="from-instance")["ImageId"])
    copied = settled(ec2, ec2.copy_image(Name="copy", SourceImageId=created["ImageId"], SourceRegion=REGION)["ImageId"])

    assert (created["SourceImageId"], created["SourceImageRegion"]) == (baked.id, REGION)
    assert (copied["SourceImageId"], copied["SourceImageRegion"]) == (created["ImageId"], REGION)
    assert created["SourceInstanceId"] == instance_id
    assert "SourceInstanceId" not in copied


def test_instances_launch_from_a_registered_image(localstack, new_account):
    """EC2 API Reference, RunInstances."""
    baked = bake_image(localstack, new_account())

    run = baked.ec2.run_instances(ImageId=baked.id, InstanceType="t4g.micro", MinCount=1, MaxCount=1)

    [instance] = run["Instances"]
    assert instance["ImageId"] == baked.id
    assert (instance["Architecture"], instance["RootDeviceName"]) == ("arm64", "/dev/xvda")
    instance_id = instance["InstanceId"]
    wait_until(
        "the instance runs",
        lambda: (
            baked.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]["State"]["Name"]
            == "running"
        ),
    )


def test_amazons_images_are_listed(localstack, new_account):
    """EC2 API Reference, DescribeImages: Owners takes the alias amazon."""
    ec2 = localstack.client("ec2", new_account())

    images = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "architecture", "Values": ["x86_64"]}])["Images"]

    assert images
    assert {image["ImageOwnerAlias"] for image in images} == {"amazon"}
    assert image_of(ec2, images[0]["ImageId"])["Name"] == images[0]["Name"]
