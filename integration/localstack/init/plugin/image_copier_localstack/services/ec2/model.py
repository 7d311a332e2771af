"""Images as EC2 keeps them: devices, launch permissions, ancestry, states; and who may see them."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import Ami
from moto.ec2.models.elastic_block_store import Snapshot
from moto.ec2.utils import random_ami_id, utc_date_and_time

from ... import faults
from . import allowed_images, attributes, deprecation, launches, protection, public_snapshots, watermarks
from .amazon_images import own
from .organization_shares import is_shared_through_organization
from .tags import SHARED_PREFIX, TagMap, to_list

DEFAULT_ROOT_DEVICE = "/dev/sda1"


class Image(Ami):
    """An image of this account. moto's own class is not initialised: it makes a snapshot of 15 GiB for each image."""

    def __init__(self, backend: Any, *, name: str, description: str, devices: list[dict], **more: Any):
        self.ec2_backend = backend
        self.id = random_ami_id()
        self.name = name
        self.description = description
        self.devices = devices
        self.owner_id = backend.account_id
        self.owner_alias = None
        self.state = "pending"
        self.state_reason: dict[str, str] | None = None
        self.creation_date = utc_date_and_time()
        self.image_type = "machine"
        self.image_location = f"{backend.account_id}/{name}"
        self.virtualization_type = "hvm"
        self.hypervisor = "xen"
        self.architecture = "x86_64"
        self.root_device_name = DEFAULT_ROOT_DEVICE
        self.root_device_type = "ebs" if any("Ebs" in device for device in devices) else "instance-store"
        self.product_codes: set[str] = set()
        self.instance_id = None
        self.source_image_id: str | None = None
        self.source_image_region: str | None = None
        self.launch_permissions: list[dict[str, str]] = []
        self.attributes = dict(attributes.LINUX)
        self.deprecate_at: datetime | None = None
        self.protection = protection.OFF
        self.protected_until: datetime | None = None
        self.launches: list[datetime] = []
        self.watermarks: list[watermarks.Watermark] = []
        for name, value in more.items():
            setattr(self, name, value)

    @property
    def block_device_mappings(self) -> list[dict]:
        return self.devices

    def now(self) -> datetime:
        """What time it is where the image is."""
        return faults.now(self.ec2_backend.account_id, self.ec2_backend.region_name)

    @property
    def platform(self) -> str | None:
        return self.attributes.get("Platform")

    @property
    def kernel_id(self) -> str | None:
        return self.attributes.get("KernelId")

    def get_filter_value(self, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name == "block-device-mapping.snapshot-id":
            return snapshot_ids_of(self)
        return super().get_filter_value(filter_name, method_name)


class ImageView:
    """An image as one account sees it, for filters and answers."""

    def __init__(self, image: Image, viewer: str):
        self.image = image
        self.viewer = viewer
        self.tags = tags_seen(image, viewer)

    def get_filter_value(self, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name.startswith("tag:"):
            return self.tags.get(filter_name.removeprefix("tag:"))
        if filter_name == "tag-key":
            return list(self.tags)
        if filter_name in ("source-image-id", "source-image-region"):
            return getattr(self.image, filter_name.replace("-", "_")) or ""
        if filter_name.startswith(watermarks.FILTER):
            return watermarks.filter_values(self.image, filter_name)
        return self.image.get_filter_value(filter_name, method_name)

    def describe(self) -> dict[str, Any]:
        """The image as DescribeImages answers it (EC2 API Reference, Image)."""
        image = self.image
        described = {
            "ImageId": image.id,
            "ImageLocation": image.image_location,
            "State": image.state,
            "StateReason": image.state_reason,
            "OwnerId": image.owner_id,
            "CreationDate": image.creation_date,
            "Public": image.is_public,
            "Name": image.name,
            "Description": image.description or None,
            "Architecture": image.architecture,
            "ImageType": image.image_type,
            "VirtualizationType": image.virtualization_type,
            "Hypervisor": image.hypervisor,
            "RootDeviceName": image.root_device_name,
            "RootDeviceType": image.root_device_type,
            "BlockDeviceMappings": [shown_device(device, image.state) for device in image.devices],
            **attributes.shown(image.attributes),
            "SourceImageId": image.source_image_id,
            "SourceImageRegion": image.source_image_region,
            "SourceInstanceId": image.instance_id,
            "ImageWatermarks": watermarks.describe(image),
            "DeprecationTime": deprecation.describe(image),
            "DeregistrationProtection": protection.describe(image),
            "LastLaunchedTime": launches.last_launched_time(image) if image.owner_id == self.viewer else None,
            "Tags": to_list(self.tags),
        }
        return {member: value for member, value in described.items() if value is not None}


def shown_device(device: dict, state: str) -> dict:
    """A device of an image; a pending image does not show its snapshots yet."""
    if "Ebs" not in device or state != "pending":
        return device
    return {**device, "Ebs": {name: value for name, value in device["Ebs"].items() if name != "SnapshotId"}}


def snapshot_ids_of(image: Ami) -> list[str]:
    """The snapshots behind the image's devices; a device can also be an empty volume or an instance store."""
    ebs = [device.get("Ebs", {}) for device in image.block_device_mappings]
    return [device["SnapshotId"] for device in ebs if "SnapshotId" in device]


def set_tags(resource: Ami | Snapshot, tags: TagMap) -> None:
    """All tags at once: other requests read them while the resource is made."""
    resource.ec2_backend.tags[resource.id] = dict(tags)


def tags_of(resource: Ami | Snapshot) -> TagMap:
    """All tags of a resource, as its owner set them."""
    return dict(resource.ec2_backend.tags.get(resource.id, {}))


def tags_seen(resource: Ami | Snapshot, viewer: str) -> TagMap:
    """The tags that an account sees on a resource.

    All for the owner. Others see those that they attached themselves, and on images those with the prefix for sharing
    (EC2 User Guide, "Tag your Amazon EC2 resources").
    """
    if resource.owner_id == viewer:
        return tags_of(resource)
    attached = dict(ec2_backends[viewer][resource.ec2_backend.region_name].tags.get(resource.id, {}))
    shared = {key: value for key, value in tags_of(resource).items() if key.startswith(SHARED_PREFIX)}
    return attached | shared if isinstance(resource, Ami) else attached


def backends_in(region: str, owners: Collection[str] = ()) -> list[Any]:
    """moto's EC2 of every account, or of the owners, that has used this Region.

    Asking moto's own mappings for an account would make it one.
    """
    accounts = list(dict.items(ec2_backends))
    found = [dict.get(regions, region) for account, regions in accounts if not owners or account in owners]
    return [backend for backend in found if backend is not None]


def can_launch(image: Image, account: str) -> bool:
    """The owner, everybody for a public image, and accounts with launch permission, their own or an organization's."""
    return (
        image.owner_id == account
        or image.is_public
        or {"UserId": account} in image.launch_permissions
        or is_shared_through_organization(image, account)
    )


def visible_images(account: str, region: str, owners: Collection[str] = ()) -> list[Image]:
    """Every image of the Region, or of the owners there, that the account owns or may launch."""
    images = [image for backend in backends_in(region, owners) for image in list(own(backend.amis).values())]
    return allowed_images.shown_to(account, region, [image for image in images if can_launch(image, account)])


def find_image(image_id: str, account: str, region: str) -> Ami | None:
    """The image, if the account may see it."""
    found = ec2_backends[account][region].amis.get(image_id)
    if found is None:
        all_found = (own(backend.amis).get(image_id) for backend in backends_in(region))
        found = next((image for image in all_found if image is not None and can_launch(image, account)), None)
    return next(iter(allowed_images.shown_to(account, region, [found] if found else [])), None)


def can_create_volume(snapshot: Snapshot, account: str) -> bool:
    """The owner, and those that have createVolumePermission (EBS User Guide, "Share a snapshot")."""
    return (
        snapshot.ec2_backend.account_id == account
        or account in snapshot.create_volume_permission_userids
        or public_snapshots.is_public(snapshot)
    )


def find_snapshot(snapshot_id: str, account: str, region: str) -> Snapshot | None:
    """The snapshot, whoever owns it."""
    found = ec2_backends[account][region].snapshots.get(snapshot_id)
    if found is not None:
        return found
    all_found = (own(backend.snapshots).get(snapshot_id) for backend in backends_in(region))
    return next((snapshot for snapshot in all_found if snapshot is not None), None)
