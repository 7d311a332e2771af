"""DescribeInstanceImageMetadata (EC2 API Reference): the image of an instance, whatever became of it."""

from typing import Any

from moto.ec2.models.amis import Ami
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

from . import allowed_images, deprecation, filters, watermarks
from .amazon_images import own
from .errors import ec2_error
from .model import Image
from .references import instances_of
from .tags import to_list

MAX_RESULTS = 1000


def described(backend: Any, params: dict, selection: dict[str, list[str]]) -> list[dict[str, Any]]:
    """The instances with the ids, or all, that match the filters."""
    if not 1 <= int(params.get("MaxResults") or MAX_RESULTS) <= MAX_RESULTS:
        raise ec2_error("InvalidParameterValue", f"MaxResults: 1 to {MAX_RESULTS}.")
    ids = params.get("InstanceIds")
    instances = backend.get_multi_instances_by_id(ids) if ids else instances_of(backend)
    return [view.description for view in filters.select(selection, [View(backend, each) for each in instances])]


class View:
    """An instance and its image, for filters and answers."""

    def __init__(self, backend: Any, instance: Any):
        zone = instance._placement.zone
        zones = {each.name: each.zone_id for each in RegionsAndZonesBackend.zones[backend.region_name]}
        self.launch_time = instance.launch_time
        self.tags = dict(backend.tags.get(instance.id, {}))
        self.description = {
            "InstanceId": instance.id,
            "InstanceType": instance.instance_type,
            "LaunchTime": instance.launch_time,
            "AvailabilityZone": zone,
            "ZoneId": zones.get(zone),
            "State": {"Code": instance.state_code, "Name": instance.state},
            "OwnerId": instance.owner_id,
            "Tags": to_list(self.tags),
            "ImageMetadata": image_metadata(backend, instance),
            "Operator": {"Managed": False},
        }

    def get_filter_value(self, name: str) -> Any:
        image = self.description["ImageMetadata"]
        if name.startswith("tag:"):
            return self.tags.get(name.removeprefix("tag:"))
        values = {
            "availability-zone": self.description["AvailabilityZone"],
            "image-allowed": image.get("ImageAllowed"),
            "instance-id": self.description["InstanceId"],
            "instance-state-name": self.description["State"]["Name"],
            "instance-type": self.description["InstanceType"],
            "launch-time": f"{self.launch_time:%Y-%m-%dT%H:%M:%S}.000Z",
            "owner-alias": image.get("ImageOwnerAlias"),
            "owner-id": image.get("OwnerId"),
            "tag-key": list(self.tags),
            "zone-id": self.description["ZoneId"],
        }
        if name not in values:
            raise ec2_error("InvalidParameterValue", f"The filter '{name}' is invalid")
        return values[name]


def image_metadata(backend: Any, instance: Any) -> dict[str, Any]:
    """EC2 API Reference, ImageMetadata. LocalStack launches images that never were: of those there is only the id."""
    image: Ami | None = getattr(instance, "launched_image", None)
    if image is None:
        return {"ImageId": instance.image_id}
    is_gone = isinstance(image, Image) and own(image.ec2_backend.amis).get(image.id) is not image
    shown = {
        "ImageId": image.id,
        "Name": image.name,
        "OwnerId": image.owner_id,
        "State": "deregistered" if is_gone else image.state,
        "ImageOwnerAlias": image.owner_alias,
        "CreationDate": image.creation_date,
        "DeprecationTime": deprecation.describe(image) if isinstance(image, Image) else None,
        "IsPublic": image.is_public,
        "ImageWatermarks": watermarks.describe(image),
        **allowed_images.shown(backend.account_id, backend.region_name, image),
    }
    return {name: value for name, value in shown.items() if value is not None}
