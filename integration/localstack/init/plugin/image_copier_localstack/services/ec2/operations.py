"""The EC2 operations on images and snapshots, in place of moto's."""

from collections.abc import Callable

from botocore import xform_name
from localstack.aws.api import handler
from localstack.services.ec2.provider import Ec2Provider
from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import validate_resource_ids
from moto.ec2.models.amis import Ami
from moto.ec2.models.elastic_block_store import Snapshot
from moto.ec2.responses import EC2Response
from moto.ec2.responses._base_response import EC2BaseResponse

from . import (
    allowed_images,
    attributes,
    changing,
    deprecation,
    ebs_default_key,
    filters,
    instance_images,
    listing,
    newer_operations,
    protection,
    public_snapshots,
    references,
    snapshots,
    watermarks,
)
from .copying import copy_image, parse_request
from .errors import ec2_error, image_not_found, required
from .events import announce
from .model import DEFAULT_ROOT_DEVICE, Image, ImageView, find_image, set_tags
from .registering import checked_name, ebs_of, registered_device, require_new_name
from .settling import LOCK, PendingSnapshot, settle_later
from .tags import checked_tags, require_no_shared, require_room, tags_on_create


class ImageOperations(EC2BaseResponse):
    """Replacements for methods of moto's EC2Response; `install` puts them there."""

    def copy_image(self) -> ActionResult:
        request = parse_request(self.params)
        self.error_on_dryrun()
        return ActionResult({"ImageId": copy_image(self.ec2_backend, request)})

    def register_image(self) -> ActionResult:
        """EC2 API Reference, RegisterImage: from snapshots, named once in the account and Region."""
        params, backend = self.params, self.ec2_backend
        name = checked_name(params)
        tags = tags_on_create(params.get("TagSpecifications") or [], ("image",))
        mappings = params.get("BlockDeviceMappings") or []
        if not mappings and not params.get("ImageLocation"):
            raise ec2_error("MissingParameter", "The request must contain BlockDeviceMappings or ImageLocation")
        with LOCK:
            require_new_name(backend, name)
            devices = [registered_device(self.current_account, self.region, mapping) for mapping in mappings]
            self.error_on_dryrun()
            image = Image(
                backend,
                name=name,
                description=params.get("Description") or "",
                devices=devices,
                architecture=params.get("Architecture") or "i386",
                virtualization_type=params.get("VirtualizationType") or "paravirtual",
                root_device_name=params.get("RootDeviceName") or DEFAULT_ROOT_DEVICE,
                attributes=attributes.registered(params),
                state="available",
            )
            set_tags(image, tags.get("image", {}))
            backend.amis[image.id] = image
        announce(self.current_account, self.region, image.id, "available")
        return ActionResult({"ImageId": image.id})

    def create_image(self) -> ActionResult:
        """EC2 API Reference, CreateImage: a snapshot of each EBS volume of the instance.

        The boot mode is the instance's (EC2 User Guide, "Set the boot mode of an Amazon EC2 AMI"). The watermarks are
        those of the image that it was launched from, also if that one is gone. It is shown as the source (EC2 User
        Guide, "Use AMI ancestry").
        """
        params, backend = self.params, self.ec2_backend
        name = checked_name(params)
        tags = tags_on_create(params.get("TagSpecifications") or [], ("image", "snapshot"))
        instance = backend.get_instance(required(params, "InstanceId"))
        launched = find_image(instance.image_id, self.current_account, self.region)
        boot_mode = attributes.of(launched).get("BootMode") if launched else None
        with LOCK:
            require_new_name(backend, name)
            self.error_on_dryrun()
            image = Image(
                backend,
                name=name,
                description=params.get("Description") or "",
                devices=[],
                architecture=instance.architecture,
                virtualization_type=instance.virtualization_type,
                root_device_name=instance.root_device_name or DEFAULT_ROOT_DEVICE,
                root_device_type="ebs",
                attributes=attributes.LINUX | ({"BootMode": boot_mode} if boot_mode else {}),
                instance_id=instance.id,
                source_image_id=instance.image_id,
                source_image_region=self.region,
                watermarks=watermarks.of(getattr(instance, "launched_image", None)),
            )
            made = []
            for device_name, attached in list(instance.block_device_mapping.items()):
                volume = backend.get_volume(attached.volume_id)
                snapshot = snapshots.make_snapshot(
                    backend,
                    size=volume.size,
                    description=f"Created by CreateImage({instance.id}) for {image.id}",
                    key_arn=volume.kms_key_id if volume.encrypted else None,
                    tags=tags.get("snapshot", {}),
                )
                made.append(PendingSnapshot(snapshot))
                image.devices.append({"DeviceName": device_name, "Ebs": ebs_of(snapshot, {})})
            set_tags(image, tags.get("image", {}))
            backend.amis[image.id] = image
        settle_later(image, made)
        return ActionResult({"ImageId": image.id})

    def describe_images(self) -> ActionResult:
        """EC2 API Reference, DescribeImages; without a page size all images come at once."""
        self.error_on_dryrun()
        account = self.current_account
        images = listing.images_listed(self.ec2_backend, account, self.region, self.params)
        views = [ImageView(image, account) if isinstance(image, Image) else image for image in images]
        shown = filters.select(self._filters_from_querystring(), views)
        result = [
            view.describe() | allowed_images.shown(account, self.region, view.image)
            if isinstance(view, ImageView)
            else view
            for view in shown
        ]
        return ActionResult(listing.page(self.params, "Images", result))

    def describe_image_attribute(self) -> ActionResult:
        """EC2 API Reference, DescribeImageAttribute: one at a time, for the owner."""
        image = self._image_of_owner()
        attribute = required(self.params, "Attribute")
        self.error_on_dryrun()
        return ActionResult({"ImageId": image.id, **attributes.describe_one(image, attribute)})

    def modify_image_attribute(self) -> ActionResult:
        with LOCK:
            image = self._image_of_owner()
            self.error_on_dryrun()
            changing.modify_image(self.ec2_backend, image, self.params)
        return EmptyResult()

    def reset_image_attribute(self) -> ActionResult:
        """EC2 API Reference, ResetImageAttribute: launchPermission alone can be reset."""
        if required(self.params, "Attribute") != "launchPermission":
            raise ec2_error("InvalidRequest", "The request received was invalid")
        with LOCK:
            image = self._image_of_owner()
            self.error_on_dryrun()
            image.launch_permissions = []
        return EmptyResult()

    def disable_image(self) -> ActionResult:
        with LOCK:
            image = self._image_of_owner()
            self.error_on_dryrun()
            changing.disable_image(image)
        announce(self.current_account, self.region, image.id, "disabled")
        return ActionResult({"Return": True})

    def enable_image(self) -> ActionResult:
        with LOCK:
            image = self._image_of_owner()
            self.error_on_dryrun()
            changing.enable_image(image)
        announce(self.current_account, self.region, image.id, "available")
        return ActionResult({"Return": True})

    def enable_image_deprecation(self) -> ActionResult:
        wanted = required(self.params, "DeprecateAt")
        with LOCK:
            image = self._image_of_owner()
            self.error_on_dryrun()
            deprecation.enable(image, wanted)
        return ActionResult({"Return": True})

    def disable_image_deprecation(self) -> ActionResult:
        with LOCK:
            image = self._image_of_owner()
            self.error_on_dryrun()
            deprecation.disable(image)
        return ActionResult({"Return": True})

    def enable_image_deregistration_protection(self) -> ActionResult:
        with LOCK:
            image = self._image_of_owner()
            self.error_on_dryrun()
            protection.enable(image, bool(self.params.get("WithCooldown")))
        return ActionResult({"Return": protection.describe(image)})

    def disable_image_deregistration_protection(self) -> ActionResult:
        with LOCK:
            image = self._image_of_owner()
            self.error_on_dryrun()
            protection.disable(image)
        return ActionResult({"Return": protection.describe(image)})

    def attach_image_watermark(self) -> ActionResult:
        name = required(self.params, "WatermarkName")
        with LOCK:
            image = self._image_of_owner()
            self.error_on_dryrun()
            return ActionResult({"WatermarkKey": watermarks.attach(image, name)})

    def detach_image_watermark(self) -> ActionResult:
        key = required(self.params, "WatermarkKey")
        with LOCK:
            image = self._image_of_owner()
            self.error_on_dryrun()
            watermarks.detach(image, key)
        return ActionResult({"Return": True})

    def deregister_image(self) -> ActionResult:
        """EC2 API Reference, DeregisterImage; a pending copy is stopped by it."""
        with LOCK:
            image = self._image_of_owner()
            self.error_on_dryrun()
            results = changing.deregister(
                self.ec2_backend, image, bool(self._get_param("DeleteAssociatedSnapshots", False))
            )
        announce(self.current_account, self.region, image.id, "deregistered")
        return ActionResult({"Return": True, "DeleteSnapshotResults": results})

    def describe_image_references(self) -> ActionResult:
        found = references.references(self.ec2_backend, self.params)
        self.error_on_dryrun()
        return ActionResult(listing.page(self.params, "ImageReferences", found))

    def describe_instance_image_metadata(self) -> ActionResult:
        found = instance_images.described(self.ec2_backend, self.params, self._filters_from_querystring())
        self.error_on_dryrun()
        return ActionResult(listing.page(self.params, "InstanceImageMetadata", found))

    def describe_snapshots(self) -> ActionResult:
        params = self.params
        self.error_on_dryrun()
        found = snapshots.describe_snapshots(
            self.current_account, self.region, params, self._filters_from_querystring()
        )
        return ActionResult(listing.page(params, "Snapshots", found))

    def describe_snapshot_attribute(self) -> ActionResult:
        self.error_on_dryrun()
        snapshot = self._snapshot_of_owner()
        permissions = snapshots.described_permissions(snapshot)
        return ActionResult({"SnapshotId": snapshot.id, "CreateVolumePermissions": permissions})

    def delete_snapshot(self) -> ActionResult:
        self.error_on_dryrun()
        with LOCK:
            snapshots.delete_snapshot(self.ec2_backend, required(self.params, "SnapshotId"))
        return EmptyResult()

    def modify_snapshot_attribute(self) -> ActionResult:
        """EC2 API Reference, ModifySnapshotAttribute: in its structured form, and in its older flat one."""
        self.error_on_dryrun()
        with LOCK:
            snapshots.modify_permission(self._snapshot_of_owner(), self.params)
        return EmptyResult()

    def create_tags(self) -> ActionResult:
        """EC2 API Reference, CreateTags: on each of the resources or on none; an existing key is overwritten.

        On AWS only its own services set tags with the prefix aws:. Here this is their one way to a resource.
        """
        backend, ids = self.ec2_backend, self._get_param("Resources", [])
        validate_resource_ids(ids)
        tags = checked_tags(self.params.get("Tags") or [], reserved_too=True)
        if not all(resource_id.startswith("ami-") for resource_id in ids):
            require_no_shared(tags)
        with LOCK:
            for resource_id in ids:
                if resource_id in backend.deleted_amis:
                    raise image_not_found(resource_id)
                if resource_id.startswith("snap-"):
                    snapshots.snapshot_of_owner(backend, resource_id)
            backend.do_resources_exist(ids)
            for resource_id in ids:
                require_room({**backend.tags.get(resource_id, {}), **tags})
            self.error_on_dryrun()
            for resource_id in ids:
                backend.tags[resource_id].update(tags)
        return EmptyResult()

    def get_ebs_default_kms_key_id(self) -> ActionResult:
        self.error_on_dryrun()
        return ActionResult({"KmsKeyId": ebs_default_key.of(self.ec2_backend)})

    def modify_ebs_default_kms_key_id(self) -> ActionResult:
        self.error_on_dryrun()
        return ActionResult({"KmsKeyId": ebs_default_key.change(self.ec2_backend, required(self.params, "KmsKeyId"))})

    def reset_ebs_default_kms_key_id(self) -> ActionResult:
        self.error_on_dryrun()
        return ActionResult({"KmsKeyId": ebs_default_key.reset(self.ec2_backend)})

    def get_allowed_images_settings(self) -> ActionResult:
        self.error_on_dryrun()
        return ActionResult(allowed_images.setting_of(self.ec2_backend).describe())

    def enable_allowed_images_settings(self) -> ActionResult:
        self.error_on_dryrun()
        state = allowed_images.enable(self.ec2_backend, required(self.params, "AllowedImagesSettingsState"))
        return ActionResult({"AllowedImagesSettingsState": state})

    def disable_allowed_images_settings(self) -> ActionResult:
        self.error_on_dryrun()
        return ActionResult({"AllowedImagesSettingsState": allowed_images.disable(self.ec2_backend)})

    def replace_image_criteria_in_allowed_images_settings(self) -> ActionResult:
        self.error_on_dryrun()
        allowed_images.replace_criteria(self.ec2_backend, self.params.get("ImageCriteria") or [])
        return ActionResult({"ReturnValue": True})

    def get_snapshot_block_public_access_state(self) -> ActionResult:
        self.error_on_dryrun()
        return ActionResult({"State": public_snapshots.state_of(self.ec2_backend), "ManagedBy": "account"})

    def enable_snapshot_block_public_access(self) -> ActionResult:
        self.error_on_dryrun()
        return ActionResult({"State": public_snapshots.block(self.ec2_backend, required(self.params, "State"))})

    def disable_snapshot_block_public_access(self) -> ActionResult:
        self.error_on_dryrun()
        return ActionResult({"State": public_snapshots.unblock(self.ec2_backend)})

    def _image_of_owner(self) -> Ami:
        return changing.image_of_owner(self.ec2_backend, required(self.params, "ImageId"))

    def _snapshot_of_owner(self) -> Snapshot:
        return snapshots.snapshot_of_owner(self.ec2_backend, required(self.params, "SnapshotId"))


def handled_by_moto(operation: str) -> Callable:
    """What LocalStack has for each operation of a service: not implemented, so that it asks moto."""

    def not_implemented(_provider, _context, _request):
        raise NotImplementedError

    not_implemented.__name__ = xform_name(operation)
    return handler(operation, expand=False)(not_implemented)


def install() -> None:
    """Replace moto's operations."""
    for operation in newer_operations.names():
        setattr(Ec2Provider, xform_name(operation), handled_by_moto(operation))
    for name, operation in vars(ImageOperations).items():
        if callable(operation) and not name.startswith("__"):
            setattr(EC2Response, name, operation)
