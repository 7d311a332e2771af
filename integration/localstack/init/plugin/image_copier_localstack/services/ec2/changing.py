"""Changes that only an image's owner may make: launch permissions, description, disabling, deregistering."""

from typing import Any

from moto.ec2.models.amis import Ami

from ... import faults
from ..iam.authorization.ec2 import existing
from ..iam.enforcement import is_allowed
from . import attributes, protection, watermarks
from .accounts import permissions_of
from .copying import check_description
from .errors import check_image_id, ec2_error, image_not_found, image_unavailable
from .model import Image, find_image, snapshot_ids_of
from .snapshots import images_using, is_encrypted_by_aws_managed_key

# Each kind of launch permission, and the parameter that lists it in the flat form.
LAUNCH_PERMISSIONS = {
    "UserId": "UserIds",
    "Group": "UserGroups",
    "OrganizationArn": "OrganizationArns",
    "OrganizationalUnitArn": "OrganizationalUnitArns",
}


def image_of_owner(backend: Any, image_id: str) -> Ami:
    """The image, or what EC2 answers to others than its owner, or when it is gone."""
    check_image_id(image_id)
    if image_id in backend.deleted_amis:
        raise image_unavailable(image_id)
    image = find_image(image_id, backend.account_id, backend.region_name)
    if image is None:
        raise image_not_found(image_id)
    if image.owner_id != backend.account_id:
        raise ec2_error("AuthFailure", f"Not authorized for image:{image_id}")
    return image


def modify_image(backend: Any, image: Ami, params: dict) -> None:
    """EC2 API Reference, ModifyImageAttribute: all of it or nothing."""
    if image.state != "available":
        raise image_unavailable(image.id)
    description = new_description(image, params)
    add, remove = (permissions_of(params, each, "LaunchPermission", LAUNCH_PERMISSIONS) for each in ("add", "remove"))
    backend.validate_permission_targets(add)
    backend.validate_permission_targets(remove)
    snapshots = [backend.snapshots.get(snapshot_id) for snapshot_id in snapshot_ids_of(image)]
    if add and any(snapshot and is_encrypted_by_aws_managed_key(snapshot) for snapshot in snapshots):
        message = "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot."
        raise ec2_error("InvalidParameter", message)
    if {"Group": "all"} in add:
        watermarks.check_can_be_public(image)
    attributes.modify(image, params)
    kept = [permission for permission in image.launch_permissions if permission not in remove]
    image.launch_permissions = kept + [permission for permission in add if permission not in kept]
    image.description = description


def new_description(image: Ami, params: dict) -> str:
    """The description that a request gives in one of two forms, or the old one."""
    description = params.get("Description") or {}
    if params.get("Attribute") == "description":
        description = {"Value": params.get("Value")}
    wanted = description.get("Value", image.description)
    check_description(wanted or "")
    return wanted


def disable_image(image: Ami) -> None:
    """EC2 API Reference, DisableImage: nobody else keeps access to it.

    What becomes of an image in another state than available is not documented. InvalidAMIID.Unavailable is what EC2 has
    for an image "not in a state from which you can ... specify attributes" ("Error codes for the Amazon EC2 API").
    """
    if image.state != "available":
        raise image_unavailable(image.id)
    image.state = "disabled"
    image.launch_permissions = []


def enable_image(image: Ami) -> None:
    """EC2 API Reference, EnableImage."""
    if image.state not in ("available", "disabled"):
        raise image_unavailable(image.id)
    image.state = "available"


def deregister(backend: Any, image: Ami, delete_snapshots: bool) -> list[dict[str, str]]:
    """Remove the image, and say what became of its snapshots (EC2 API Reference, DeleteSnapshotReturnCode)."""
    protection.check(image)
    backend.amis.pop(image.id)
    backend.tags.pop(image.id, None)
    backend.deleted_amis.append(image.id)
    if not (delete_snapshots and isinstance(image, Image)):
        return []
    return [delete_associated(backend, snapshot_id) for snapshot_id in snapshot_ids_of(image)]


def delete_associated(backend: Any, snapshot_id: str) -> dict[str, str]:
    if images_using(backend, snapshot_id):
        return {"SnapshotId": snapshot_id, "ReturnCode": "skipped"}
    if not may_delete(snapshot_id):
        return {"SnapshotId": snapshot_id, "ReturnCode": "missing-permissions"}
    problem = faults.take_snapshot_error(backend.account_id, backend.region_name)
    if problem:
        return {"SnapshotId": snapshot_id, "ReturnCode": problem}
    deleted = backend.snapshots.pop(snapshot_id, None)
    backend.tags.pop(snapshot_id, None)
    return {"SnapshotId": snapshot_id, "ReturnCode": "success" if deleted else "client-error"}


def may_delete(snapshot_id: str) -> bool:
    """Whether the caller may delete the snapshot by itself too."""
    return is_allowed(lambda request: existing(request, snapshot_id, "DeleteSnapshot"))
