"""Allowed AMIs: which images of others an account may discover and use (EC2 User Guide, "Allowed AMIs")."""

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import Ami

from . import watermarks
from .errors import ec2_error

STATES = ("enabled", "audit-mode")
MAX_CRITERIA = 10


class AllowedImages:
    """The setting of one account and Region: off, and without criteria, until somebody changes it."""

    def __init__(self) -> None:
        self.state = "disabled"
        self.criteria: list[dict[str, Any]] = []

    def describe(self) -> dict[str, Any]:
        """As GetAllowedImagesSettings answers it."""
        return {"State": self.state, "ImageCriteria": self.criteria, "ManagedBy": "account"}


def setting_of(backend: Any) -> AllowedImages:
    """The setting of the account and Region of the backend."""
    if not hasattr(backend, "allowed_images"):
        backend.allowed_images = AllowedImages()
    return backend.allowed_images


def enable(backend: Any, state: str) -> str:
    """EC2 API Reference, EnableAllowedImagesSettings."""
    if state not in STATES:
        raise ec2_error(
            "InvalidParameterValue", f"Value ({state}) for parameter AllowedImagesSettingsState is invalid."
        )
    setting_of(backend).state = state
    return state


def disable(backend: Any) -> str:
    """EC2 API Reference, DisableAllowedImagesSettings: the criteria stay for the next time."""
    setting_of(backend).state = "disabled"
    return "disabled"


def replace_criteria(backend: Any, criteria: list[dict[str, Any]]) -> None:
    """EC2 API Reference, ReplaceImageCriteriaInAllowedImagesSettings."""
    if len(criteria) > MAX_CRITERIA:
        raise ec2_error("InvalidParameterValue", f"There can be up to {MAX_CRITERIA} image criteria.")
    setting_of(backend).criteria = criteria


def shown_to(account: str, region: str, images: list[Ami]) -> list[Ami]:
    """Those of the images that are not as if they were not there: for describing, copying and launching alike.

    audit-mode restricts nothing.
    """
    setting = setting_of(ec2_backends[account][region])
    if setting.state != "enabled":
        return images
    return [image for image in images if is_allowed(setting, account, image)]


def shown(account: str, region: str, image: Ami) -> dict[str, bool]:
    """`ImageAllowed`, which EC2 tells in audit-mode and while the setting is enabled (EC2 API Reference, Image)."""
    setting = setting_of(ec2_backends[account][region])
    return {} if setting.state == "disabled" else {"ImageAllowed": is_allowed(setting, account, image)}


def is_allowed(setting: AllowedImages, account: str, image: Ami) -> bool:
    """An account's own images always are; others must meet all of one criterion. Without criteria none is."""
    return image.owner_id == account or any(meets(image, criterion) for criterion in setting.criteria)


def meets(image: Ami, criterion: dict[str, Any]) -> bool:
    """EC2 API Reference, ImageCriterion: each parameter that is given must be met."""
    providers = criterion.get("ImageProviders")
    names = criterion.get("ImageNames")
    codes = criterion.get("MarketplaceProductCodes")
    newest = (criterion.get("CreationDateCondition") or {}).get("MaximumDaysSinceCreated")
    marks = criterion.get("ImageWatermarks")
    return (
        (not providers or image.owner_id in providers or image.owner_alias in providers)
        and (not names or any(fnmatchcase(image.name or "", name) for name in names))
        and (not codes or bool(set(codes) & set(image.product_codes)))
        and (newest is None or days_since(datetime.fromisoformat(image.creation_date)) <= newest)
        and (not marks or any(bears(mark, each) for mark in watermarks.of(image) for each in marks))
    )


def bears(watermark: watermarks.Watermark, criterion: dict[str, Any]) -> bool:
    """EC2 API Reference, ImageWatermarkFilterRequest: all that is specified holds for the same watermark."""
    source_at_most = criterion.get("MaximumDaysSinceSourceImageCreated")
    at_most = criterion.get("MaximumDaysSinceWatermarkCreated")
    return (
        fnmatchcase(watermark.key, criterion.get("WatermarkKey") or "*")
        and fnmatchcase(watermark.source_image_region, criterion.get("SourceImageRegion") or "*")
        and (source_at_most is None or days_since(watermark.source_image_created) <= source_at_most)
        and (at_most is None or days_since(watermark.created) <= at_most)
    )


def days_since(created: datetime) -> float:
    return (datetime.now(UTC) - created.astimezone(UTC)).total_seconds() / 86400
