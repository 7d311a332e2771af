"""The EC2 operations on images and snapshots, in place of moto's."""

import threading
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models.amis import Ami
from moto.ec2.responses._base_response import EC2BaseResponse
from moto.ec2.utils import generic_filter

from .. import faults
from . import snapshots
from .copying import LOCK, check_description, check_name, copy_image, finish_copy, parse_request
from .errors import ec2_error, image_not_found, image_unavailable, snapshot_not_found
from .events import announce
from .model import DEFAULT_ROOT_DEVICE, Image, ImageView, can_create_volume, find_snapshot, visible_images
from .tags import tags_on_create

DEFAULT_VOLUME_TYPE = "gp3"


class ImageOperations(EC2BaseResponse):
    """Replacements for methods of moto's EC2Response; `install` puts them there."""

    def copy_image(self) -> ActionResult:
        request = parse_request(self.params)
        self.error_on_dryrun()
        return ActionResult({"ImageId": copy_image(self.ec2_backend, request)})

    def register_image(self) -> ActionResult:
        """EC2 API Reference, RegisterImage: from snapshots, named once in the account and Region."""
        params = self.params
        name = checked_new_name(self.ec2_backend, params)
        tags = tags_on_create(params.get("TagSpecifications") or [], ("image",))
        mappings = params.get("BlockDeviceMappings") or []
        if not mappings and not params.get("ImageLocation"):
            raise ec2_error("MissingParameter", "The request must contain BlockDeviceMappings or ImageLocation")
        devices = [registered_device(self.current_account, self.region, mapping) for mapping in mappings]
        self.error_on_dryrun()
        image = Image(
            self.ec2_backend,
            name=name,
            description=params.get("Description") or "",
            devices=devices,
            architecture=params.get("Architecture") or "i386",
            virtualization_type=params.get("VirtualizationType") or "paravirtual",
            root_device_name=params.get("RootDeviceName") or DEFAULT_ROOT_DEVICE,
        )
        image.add_tags(tags.get("image", {}))
        image.state = "available"
        self.ec2_backend.amis[image.id] = image
        announce(self.current_account, self.region, image.id, "available")
        return ActionResult({"ImageId": image.id})

    def create_image(self) -> ActionResult:
        """EC2 API Reference, CreateImage: a snapshot of each EBS volume of the instance."""
        params = self.params
        name = checked_new_name(self.ec2_backend, params)
        tags = tags_on_create(params.get("TagSpecifications") or [], ("image", "snapshot"))
        self.error_on_dryrun()
        backend = self.ec2_backend
        instance = backend.get_instance(params["InstanceId"])
        image = Image(
            backend,
            name=name,
            description=params.get("Description") or "",
            devices=[],
            architecture=instance.architecture,
            virtualization_type=instance.virtualization_type,
            root_device_name=instance.root_device_name or DEFAULT_ROOT_DEVICE,
            root_device_type="ebs",
            instance_id=instance.id,
        )
        made = []
        for device_name, attached in instance.block_device_mapping.items():
            volume = backend.get_volume(attached.volume_id)
            snapshot = snapshots.make_snapshot(
                backend,
                size=volume.size,
                description=f"Created by CreateImage({instance.id}) for {image.id}",
                key_arn=volume.kms_key_id if volume.encrypted else None,
                tags=tags.get("snapshot", {}),
            )
            made.append(snapshot)
            image.devices.append({"DeviceName": device_name, "Ebs": ebs_of(snapshot, {})})
        image.add_tags(tags.get("image", {}))
        backend.amis[image.id] = image
        timer = threading.Timer(faults.copy_seconds(), finish_copy, args=(image, made, None, None))
        timer.daemon = True
        timer.start()
        return ActionResult({"ImageId": image.id})

    def describe_images(self) -> ActionResult:
        """EC2 API Reference, DescribeImages; without a page size all images come at once."""
        self.error_on_dryrun()
        params = self.params
        account = self.current_account
        filters = self._filters_from_querystring()
        ids = params.get("ImageIds") or []
        if ids:
            images = images_by_id(self.ec2_backend, account, self.region, ids)
        else:
            images = [i for i in list(self.ec2_backend.amis.values()) if not isinstance(i, Image)]
            images += visible_images(account, self.region)
        images = [i for i in images if owned(i, params.get("Owners") or [], account)]
        images = [i for i in images if executable(i, params.get("ExecutableUsers") or [], account)]
        views = [ImageView(image, account) if isinstance(image, Image) else image for image in images]
        shown = generic_filter(filters, views)
        result = [view.describe() if isinstance(view, ImageView) else view for view in shown]
        return ActionResult(page(params, "Images", result))

    def deregister_image(self) -> ActionResult:
        """EC2 API Reference, DeregisterImage; a pending copy is stopped by it."""
        params = self.params
        backend, image_id = self.ec2_backend, params["ImageId"]
        self.error_on_dryrun()
        with LOCK:
            if image_id in backend.deleted_amis:
                raise image_unavailable(image_id)
            image = backend.amis.get(image_id)
            if image is None:
                if any(other.id == image_id for other in visible_images(self.current_account, self.region)):
                    raise ec2_error("AuthFailure", f"Not authorized for image:{image_id}")
                raise image_not_found(image_id)
            backend.amis.pop(image_id)
            backend.deleted_amis.append(image_id)
            results = []
            if params.get("DeleteAssociatedSnapshots") and isinstance(image, Image):
                results = [delete_associated(backend, snapshot_id) for snapshot_id in image.snapshot_ids]
        announce(self.current_account, self.region, image_id, "deregistered")
        return ActionResult({"Return": True, "DeleteSnapshotResults": results})

    def describe_snapshots(self) -> ActionResult:
        params = self.params
        found = snapshots.describe_snapshots(
            self.current_account,
            self.region,
            params.get("SnapshotIds") or [],
            params.get("OwnerIds") or [],
            self._filters_from_querystring(),
        )
        return ActionResult(page(params, "Snapshots", found))

    def delete_snapshot(self) -> ActionResult:
        self.error_on_dryrun()
        with LOCK:
            snapshots.delete_snapshot(self.ec2_backend, self._get_param("SnapshotId"))
        return EmptyResult()

    def modify_snapshot_attribute(self) -> ActionResult:
        """EC2 API Reference, ModifySnapshotAttribute: in its structured form, and in its older flat one."""
        params = self.params
        self.error_on_dryrun()
        snapshot = self.ec2_backend.snapshots.get(params["SnapshotId"])
        if snapshot is None:
            raise snapshot_not_found(params["SnapshotId"])
        permission = params.get("CreateVolumePermission") or {}
        flat = [{"UserId": user} for user in params.get("UserIds") or []]
        flat += [{"Group": group} for group in params.get("GroupNames") or []]
        operation = params.get("OperationType")
        snapshots.modify_permission(
            snapshot,
            [*(permission.get("Add") or []), *(flat if operation == "add" else [])],
            [*(permission.get("Remove") or []), *(flat if operation == "remove" else [])],
        )
        return EmptyResult()


def checked_new_name(backend: Any, params: dict) -> str:
    """A name that EC2 takes and that no other image of the account has in this Region."""
    name = params.get("Name")
    if not name:
        raise ec2_error("MissingParameter", "The request must contain the parameter Name")
    check_name(name)
    check_description(params.get("Description") or "")
    twin = next((i for i in list(backend.amis.values()) if isinstance(i, Image) and i.name == name), None)
    if twin:
        raise ec2_error("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {twin.id}")
    return name


def registered_device(account: str, region: str, mapping: dict) -> dict:
    """A device of the request, with what its snapshot adds."""
    ebs = mapping.get("Ebs")
    if not ebs:
        return mapping
    snapshot_id = ebs.get("SnapshotId", "")
    snapshot = find_snapshot(snapshot_id, region)
    if snapshot is None or not can_create_volume(snapshot, account):
        raise snapshot_not_found(snapshot_id)
    return {**mapping, "Ebs": ebs_of(snapshot, ebs)}


def ebs_of(snapshot: Any, asked: dict) -> dict:
    """EC2 API Reference, EbsBlockDevice: the size is at least the snapshot's, encryption follows it."""
    size = int(asked.get("VolumeSize") or snapshot.volume.size)
    if size < int(snapshot.volume.size):
        raise ec2_error(
            "InvalidBlockDeviceMapping", f"Volume of size {size}GB is smaller than snapshot '{snapshot.id}'"
        )
    return {
        "SnapshotId": snapshot.id,
        "VolumeSize": size,
        "VolumeType": asked.get("VolumeType") or DEFAULT_VOLUME_TYPE,
        "DeleteOnTermination": asked.get("DeleteOnTermination", True),
        "Encrypted": bool(snapshot.encrypted),
    }


def images_by_id(backend: Any, account: str, region: str, ids: list[str]) -> list[Ami]:
    """The images named, if each is visible; one that was deregistered lately is just not listed."""
    visible = {image.id: image for image in [*list(backend.amis.values()), *visible_images(account, region)]}
    for image_id in ids:
        if not image_id.startswith("ami-"):
            raise ec2_error("InvalidAMIID.Malformed", f'Invalid id: "{image_id}" (expecting "ami-...")')
        if image_id not in visible and image_id not in backend.deleted_amis:
            raise image_not_found(image_id)
    return [visible[image_id] for image_id in ids if image_id in visible]


def owned(image: Ami, owners: list[str], account: str) -> bool:
    wanted = {account if owner == "self" else owner for owner in owners}
    return not owners or image.owner_id in wanted or image.owner_alias in wanted


def executable(image: Ami, users: list[str], account: str) -> bool:
    """EC2 API Reference, DescribeImages, ExecutableUsers: explicit launch permissions, or `all` for public images."""
    wanted = {account if user == "self" else user for user in users}
    explicit = any(permission.get("UserId") in wanted for permission in image.launch_permissions)
    return not users or explicit or ("all" in wanted and image.is_public)


def delete_associated(backend: Any, snapshot_id: str) -> dict[str, str]:
    """What became of a snapshot (EC2 API Reference, DeleteSnapshotReturnCode)."""
    if snapshots.images_using(backend, snapshot_id):
        return {"SnapshotId": snapshot_id, "ReturnCode": "skipped"}
    return {
        "SnapshotId": snapshot_id,
        "ReturnCode": "success" if backend.snapshots.pop(snapshot_id, None) else "client-error",
    }


def page(params: dict, member: str, items: list) -> dict:
    """One page of a listing; the token is where the next one starts."""
    start = int(params.get("NextToken") or 0)
    size = int(params.get("MaxResults") or len(items) or 1)
    end = start + size
    return {member: items[start:end], "NextToken": str(end) if end < len(items) else None}
