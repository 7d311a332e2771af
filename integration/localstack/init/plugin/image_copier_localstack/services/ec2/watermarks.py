"""Watermarks of images (EC2 User Guide, "Use AMI watermarks to track and identify AMIs").

Where the guide names fields and a filter otherwise than the EC2 API Reference, the reference holds.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.ec2.models.amis import Ami

from .errors import ec2_error

MAX_WATERMARKS = 5
NAME = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}")
FILTER = "image-watermark."


@dataclass(frozen=True)
class Watermark:
    """EC2 API Reference, ImageWatermark: the same on the image that it was attached to and on all that come of it."""

    key: str
    source_image_id: str
    source_image_region: str
    source_image_created: datetime
    created: datetime

    def describe(self) -> dict[str, Any]:
        return {
            "WatermarkKey": self.key,
            "SourceImageRegion": self.source_image_region,
            "SourceImageId": self.source_image_id,
            "SourceImageCreationTime": self.source_image_created,
            "WatermarkCreationTime": self.created,
        }

    def filter_value(self, name: str) -> str:
        """What a filter of DescribeImages looks at (EC2 API Reference, DescribeImages)."""
        values = {
            "source-image-creation-time": shown(self.source_image_created),
            "source-image-id": self.source_image_id,
            "source-image-region": self.source_image_region,
            "watermark-creation-time": shown(self.created),
            "watermark-key": self.key,
        }
        if name not in values:
            raise ec2_error("InvalidParameterValue", f"The filter '{FILTER}{name}' is invalid")
        return values[name]


def of(image: Ami | None) -> list[Watermark]:
    """Those of an image; public ones, such as Amazon's, have none."""
    return list(getattr(image, "watermarks", []))


def attach(image: Any, name: str) -> str:
    """EC2 API Reference, AttachImageWatermark; answers the key.

    Its errors are not documented: OperationNotPermitted and ResourceLimitExceeded are the general ones ("Error codes
    for the Amazon EC2 API"). Nor is what becomes of a name that the image has already: here it stays as it is.
    """
    if not NAME.fullmatch(name):
        raise ec2_error("InvalidParameterValue", f"Value ({name}) for parameter WatermarkName is invalid.")
    if image.is_public:
        raise ec2_error("OperationNotPermitted", f"Watermarks cannot be added to the public image {image.id}.")
    key = f"{image.owner_id}:{name}"
    if key in [each.key for each in image.watermarks]:
        return key
    if len(image.watermarks) >= MAX_WATERMARKS:
        raise ec2_error("ResourceLimitExceeded", f"The image {image.id} has {MAX_WATERMARKS} watermarks, the most.")
    region = image.ec2_backend.region_name
    created = datetime.fromisoformat(image.creation_date)
    image.watermarks = [*image.watermarks, Watermark(key, image.id, region, created, image.now())]
    return key


def detach(image: Any, key: str) -> None:
    """EC2 API Reference, DetachImageWatermark: also if there is none, and never from what came of the image."""
    image.watermarks = [each for each in of(image) if each.key != key]


def check_can_be_public(image: Ami) -> None:
    """An image with a watermark cannot be made public; the guide names no error."""
    if of(image):
        raise ec2_error("OperationNotPermitted", f"The image {image.id} has watermarks and cannot be made public.")


def describe(image: Ami | None) -> list[dict[str, Any]] | None:
    """As DescribeImages and DescribeInstanceImageMetadata show them, to everybody who sees the image."""
    return [watermark.describe() for watermark in of(image)] or None


def shown(time: datetime) -> str:
    """As the page of DescribeImages gives the form of its filters on times."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def filter_values(image: Ami, name: str) -> list[str]:
    """What a filter on watermarks looks at, for each watermark."""
    return [watermark.filter_value(name.removeprefix(FILTER)) for watermark in of(image)]
