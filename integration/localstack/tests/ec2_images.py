"""Images and snapshots that a test makes, in an account of its own."""

from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conditions import wait_until

REGION = "eu-west-1"
OTHER_REGION = "eu-central-1"


@dataclass(frozen=True)
class BakedImage:
    """An image with a root device, a data device and an instance store device."""

    ec2: Any
    account: str
    id: str
    name: str
    snapshot_ids: list[str]

    def share(self, *accounts: str, snapshot_ids: list[str] | None = None) -> "BakedImage":
        """Let the accounts launch the image, and copy its storage (all of it, unless `snapshot_ids` says less)."""
        permissions = [{"UserId": account} for account in accounts]
        self.ec2.modify_image_attribute(ImageId=self.id, LaunchPermission={"Add": permissions})
        for snapshot_id in self.snapshot_ids if snapshot_ids is None else snapshot_ids:
            self.ec2.modify_snapshot_attribute(SnapshotId=snapshot_id, CreateVolumePermission={"Add": permissions})
        return self

    def describe(self) -> dict:
        return image_of(self.ec2, self.id)


def bake_image(
    localstack: Any,
    account: str,
    *,
    name: str = "golden",
    region: str = REGION,
    encrypted: bool = False,
    key: str | None = None,
    **options: Any,
) -> BakedImage:
    """Register an image with volumes of 8 and 20 GiB, as Packer and Image Builder do."""
    ec2 = localstack.client("ec2", account, region)
    snapshot_ids = [create_snapshot(ec2, size, encrypted=encrypted, key=key) for size in (8, 20)]
    request = {
        "Name": name,
        "Architecture": "arm64",
        "VirtualizationType": "hvm",
        "RootDeviceName": "/dev/xvda",
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot_ids[0], "VolumeType": "gp3"}},
            {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": snapshot_ids[1], "DeleteOnTermination": False}},
            {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
        ],
    } | options
    image_id = ec2.register_image(**request)["ImageId"]
    return BakedImage(ec2, account, image_id, request["Name"], snapshot_ids)


def create_snapshot(ec2: Any, size: int = 8, *, encrypted: bool = False, key: str | None = None) -> str:
    """A snapshot of a new volume, which is left to its account: nobody else uses that one."""
    zone = f"{ec2.meta.region_name}a"
    keys = {"KmsKeyId": key} if key else {}
    volume_id = ec2.create_volume(AvailabilityZone=zone, Size=size, Encrypted=encrypted, **keys)["VolumeId"]
    return ec2.create_snapshot(VolumeId=volume_id)["SnapshotId"]


def copy_image(ec2: Any, source: BakedImage, **options: Any) -> str:
    """Start a copy of the image and answer its id."""
    request = {"Name": source.name, "SourceImageId": source.id, "SourceRegion": source.ec2.meta.region_name} | options
    return ec2.copy_image(**request)["ImageId"]


def settled_copy(ec2: Any, source: BakedImage, **options: Any) -> dict:
    """Copy the image and answer the copy once it is pending no more."""
    return settled(ec2, copy_image(ec2, source, **options))


def settled(ec2: Any, image_id: str) -> dict:
    def settled_image() -> dict | None:
        image = image_of(ec2, image_id)
        return image if image["State"] != "pending" else None

    return wait_until(f"{image_id} is pending no more", settled_image)


def image_of(ec2: Any, image_id: str) -> dict:
    """The one image with this id."""
    [image] = ec2.describe_images(ImageIds=[image_id])["Images"]
    return image


def ebs_of(image: dict) -> dict[str, dict]:
    """The EBS part of each device of a described image, by device name."""
    return {d["DeviceName"]: d["Ebs"] for d in image["BlockDeviceMappings"] if "Ebs" in d}


def snapshots_of(ec2: Any, image: dict) -> list[dict]:
    """The snapshots of a described image, as DescribeSnapshots answers them, in the order of its devices."""
    ids = [ebs["SnapshotId"] for ebs in ebs_of(image).values()]
    by_id = {snapshot["SnapshotId"]: snapshot for snapshot in ec2.describe_snapshots(SnapshotIds=ids)["Snapshots"]}
    return [by_id[snapshot_id] for snapshot_id in ids]


def tag_list(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_of(resource: dict) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}


def rejection(operation: Any, **request: Any) -> tuple[str, int, str]:
    """The error code, HTTP status and message that EC2 rejects the request with."""
    with pytest.raises(ClientError) as caught:
        operation(**request)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def error_code(operation: Any, **request: Any) -> str:
    """The error code that EC2 rejects the request with."""
    return rejection(operation, **request)[0]
