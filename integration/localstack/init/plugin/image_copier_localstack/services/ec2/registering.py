"""What RegisterImage and CreateImage check and fill in (EC2 API Reference)."""

from typing import Any

from .amazon_images import own
from .copying import check_description, check_name
from .errors import ec2_error, required, snapshot_not_found
from .model import can_create_volume, find_snapshot

DEFAULT_VOLUME_TYPE = "gp3"


def checked_name(params: dict) -> str:
    """A name that EC2 takes."""
    name = required(params, "Name")
    check_name(name)
    check_description(params.get("Description") or "")
    return name


def require_new_name(backend: Any, name: str) -> None:
    """No other image of the account has the name in this Region. CopyImage does not ask for that."""
    namesake = next((image for image in list(own(backend.amis).values()) if image.name == name), None)
    if namesake:
        raise ec2_error("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {namesake.id}")


def registered_device(account: str, region: str, mapping: dict) -> dict:
    """A device of the request, with what its snapshot adds."""
    ebs = mapping.get("Ebs")
    if not ebs:
        return mapping
    snapshot_id = ebs.get("SnapshotId")
    if not snapshot_id:
        return {**mapping, "Ebs": empty_volume(ebs)}
    snapshot = find_snapshot(snapshot_id, account, region)
    if snapshot is None or not can_create_volume(snapshot, account):
        raise snapshot_not_found(snapshot_id)
    return {**mapping, "Ebs": ebs_of(snapshot, ebs)}


def empty_volume(asked: dict) -> dict:
    """EC2 API Reference, EbsBlockDevice: a snapshot or a size must be given."""
    return {
        "VolumeSize": int(required(asked, "VolumeSize")),
        **volume_of(asked),
        "Encrypted": bool(asked.get("Encrypted")),
    }


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
        **volume_of(asked),
        "Encrypted": bool(snapshot.encrypted),
    }


def volume_of(asked: dict) -> dict:
    """What a volume is to be, whatever is on it."""
    return {
        "VolumeType": asked.get("VolumeType") or DEFAULT_VOLUME_TYPE,
        "DeleteOnTermination": asked.get("DeleteOnTermination", True),
        **{name: int(asked[name]) for name in ("Iops", "Throughput") if name in asked},
    }
