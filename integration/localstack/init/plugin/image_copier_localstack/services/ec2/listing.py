"""Which images and snapshots a listing shows (EC2 API Reference, DescribeImages)."""

from typing import Any

from moto.ec2.models.amis import Ami

from . import allowed_images, deprecation
from .accounts import accounts_of
from .amazon_images import amazon_owned
from .errors import check_image_id, ec2_error, image_not_found
from .model import Image, find_image, visible_images
from .organization_shares import is_shared_through_organization


def images_listed(backend: Any, account: str, region: str, params: dict) -> list[Ami]:
    """The images that the parameters select among those that the account may see."""
    owners = accounts_of(params.get("Owners"), account)
    named = params.get("ExecutableUsers")
    users = accounts_of(named, account)
    member = account if "self" in (named or []) else None
    ids = params.get("ImageIds") or []
    if ids:
        images = images_named(backend, account, region, ids)
    else:
        of_amazon = allowed_images.shown_to(account, region, amazon_owned(backend.amis).of_owners(owners))
        visible = [*of_amazon, *visible_images(account, region, owners)]
        images = [image for image in visible if params.get("IncludeDeprecated") or not is_hidden(image, account)]
    return [
        image
        for image in images
        if (not owners or image.owner_id in owners or image.owner_alias in owners)
        and (not users or executable(image, users, member))
        and (image.state != "disabled" or params.get("IncludeDisabled"))
    ]


def is_hidden(image: Ami, account: str) -> bool:
    return isinstance(image, Image) and deprecation.is_hidden(image, account)


def images_named(backend: Any, account: str, region: str, ids: list[str]) -> list[Ami]:
    """Each image named; one that was deregistered lately is just not listed."""
    images = []
    for image_id in ids:
        check_image_id(image_id)
        image = find_image(image_id, account, region)
        if image is not None:
            images.append(image)
        elif image_id not in backend.deleted_amis:
            raise image_not_found(image_id)
    return images


def executable(image: Ami, users: set[str], member: str | None) -> bool:
    """ExecutableUsers: those with explicit launch permissions, or `all` for public images.

    Whoever asks for `self`, and not by an account id, is shown what its organization was given too.
    """
    explicit = any(permission.get("UserId") in users for permission in image.launch_permissions)
    return (
        explicit
        or ("all" in users and image.is_public)
        or (member is not None and is_shared_through_organization(image, member))
    )


def page(params: dict, member: str, items: list) -> dict:
    """One page of a listing; the token is where the next one starts."""
    token = str(params.get("NextToken") or 0)
    if not (token.isascii() and token.isdigit()):
        raise ec2_error("InvalidParameterValue", f"Unable to parse pagination token '{token}'")
    start = int(token)
    size = int(params.get("MaxResults") or len(items) or 1)
    end = start + size
    return {member: items[start:end], "NextToken": str(end) if end < len(items) else None}
