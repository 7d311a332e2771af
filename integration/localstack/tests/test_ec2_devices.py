"""Devices without a snapshot (EC2 User Guide, "Block device mappings"; EC2 API Reference, BlockDeviceMapping)."""

import pytest
from ec2_images import BakedImage, create_snapshot, ebs_of, settled_copy

pytestmark = pytest.mark.usefixtures("quick_copies")

BLANK = {"VolumeSize": 500, "VolumeType": "io2", "Iops": 3000, "DeleteOnTermination": False, "Encrypted": True}


@pytest.fixture
def source(localstack, new_account) -> BakedImage:
    """An image with a root device, an empty volume, two instance stores and a device that is suppressed."""
    account = new_account()
    ec2 = localstack.client("ec2", account)
    snapshot_id = create_snapshot(ec2)
    mappings = [
        {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot_id, "Iops": 4000, "Throughput": 250}},
        {"DeviceName": "/dev/sdf", "Ebs": BLANK},
        {"DeviceName": "/dev/sdg", "Ebs": {"VolumeSize": 1}},
        {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
        {"DeviceName": "/dev/sdc", "VirtualName": "ephemeral1"},
        {"DeviceName": "/dev/sdd", "NoDevice": ""},
    ]
    request = {"Name": "golden", "RootDeviceName": "/dev/xvda", "BlockDeviceMappings": mappings}
    image_id = ec2.register_image(**request)["ImageId"]
    return BakedImage(ec2, account, image_id, "golden", [snapshot_id])


def test_image_keeps_its_devices(source):
    """EC2 API Reference, EbsBlockDevice: a size instead of a snapshot, and what the volume's speed is to be."""
    root = {"VolumeSize": 8, "VolumeType": "gp3", "DeleteOnTermination": True, "Encrypted": False}
    assert source.describe()["BlockDeviceMappings"] == [
        {
            "DeviceName": "/dev/xvda",
            "Ebs": {"SnapshotId": source.snapshot_ids[0], "Iops": 4000, "Throughput": 250, **root},
        },
        {"DeviceName": "/dev/sdf", "Ebs": BLANK},
        {"DeviceName": "/dev/sdg", "Ebs": {**root, "VolumeSize": 1}},
        {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
        {"DeviceName": "/dev/sdc", "VirtualName": "ephemeral1"},
        {"DeviceName": "/dev/sdd", "NoDevice": ""},
    ]


def test_copy_keeps_devices_without_a_snapshot(localstack, new_account, source):
    """EC2 User Guide, "How Amazon EC2 AMI copy works": an identical image, and a new snapshot for each of its own."""
    account = new_account()
    copier = localstack.client("ec2", account)

    copy = settled_copy(copier, source.share(account), Encrypted=True)

    original_root, *others = source.describe()["BlockDeviceMappings"]
    copied_root, *copied = copy["BlockDeviceMappings"]
    assert copied == others
    kept = {**original_root["Ebs"], "Encrypted": True, "SnapshotId": copied_root["Ebs"]["SnapshotId"]}
    assert copied_root == {**original_root, "Ebs": kept}
    [snapshot] = copier.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert snapshot["SnapshotId"] == copied_root["Ebs"]["SnapshotId"] != source.snapshot_ids[0]


def test_copy_of_an_image_whose_devices_have_no_snapshot_at_all(localstack, new_account):
    """The same: there is nothing to copy but the image."""
    ec2 = localstack.client("ec2", new_account())
    request = {"Name": "blank", "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 4}}]}
    source = BakedImage(ec2, "", ec2.register_image(**request)["ImageId"], "blank", [])

    copy = settled_copy(ec2, source)

    assert (copy["State"], copy["RootDeviceType"]) == ("available", "ebs")
    assert ebs_of(copy) == ebs_of(source.describe())
    assert ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []


def test_deregistering_with_snapshots_passes_over_devices_without_one(source):
    """EC2 API Reference, DeregisterImage: a return code for each snapshot."""
    answer = source.ec2.deregister_image(ImageId=source.id, DeleteAssociatedSnapshots=True)

    assert [result["SnapshotId"] for result in answer["DeleteSnapshotResults"]] == source.snapshot_ids
