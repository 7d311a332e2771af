"""Deprecated images (EC2 User Guide, "Deprecate an Amazon EC2 AMI")."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dateutil.relativedelta import relativedelta

from ... import faults
from .errors import ec2_error

LONGEST = relativedelta(years=10)
# A public image's, from its creation: by default, and at the latest.
LONGEST_IF_PUBLIC = relativedelta(years=2)
HALF_A_MINUTE = timedelta(seconds=30)


def time_of(image: Any) -> datetime | None:
    """When the image is deprecated, if it ever is."""
    if not image.is_public:
        return image.deprecate_at
    latest = latest_if_public(image)
    return min(image.deprecate_at or latest, latest)


def latest_if_public(image: Any) -> datetime:
    return datetime.fromisoformat(image.creation_date) + LONGEST_IF_PUBLIC


def enable(image: Any, wanted: datetime) -> None:
    """EC2 API Reference, EnableImageDeprecation: not in the past, not too far away, seconds are rounded."""
    wanted = wanted.astimezone(UTC)
    latest = latest_if_public(image) if image.is_public else image.now() + LONGEST
    if not image.now() <= wanted <= latest:
        raise ec2_error("InvalidParameterValue", f"DeprecateAt: a time from now until {shown(latest)}")
    image.deprecate_at = (wanted + HALF_A_MINUTE).replace(second=0, microsecond=0)


def disable(image: Any) -> None:
    """EC2 API Reference, DisableImageDeprecation. A public image has to be made private first.

    Which error that gives is not documented; OperationNotPermitted is the general one ("Error codes").
    """
    if image.is_public:
        raise ec2_error("OperationNotPermitted", f"The deprecation of the public image {image.id} cannot be cancelled.")
    image.deprecate_at = None


def is_hidden(image: Any, viewer: str) -> bool:
    """Whether listings leave it out: those of its users, once it is deprecated."""
    time = time_of(image)
    now = faults.now(viewer, image.ec2_backend.region_name)
    return time is not None and image.owner_id != viewer and time <= now


def describe(image: Any) -> str | None:
    """The time as DescribeImages shows it."""
    time = time_of(image)
    return shown(time) if time else None


def shown(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S.000Z}"
