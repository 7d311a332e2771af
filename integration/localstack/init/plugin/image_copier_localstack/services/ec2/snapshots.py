"""Snapshots: made for images, shared with accounts, deleted only when no image uses them."""

from types import SimpleNamespace
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.elastic_block_store import Snapshot
from moto.ec2.utils import random_snapshot_id

from . import filters, keys, public_snapshots
from .accounts import accounts_of, permissions_of
from .amazon_images import amazon_owned, own
from .errors import ec2_error, snapshot_not_found
from .model import backends_in, can_create_volume, find_snapshot, set_tags, snapshot_ids_of, tags_seen
from .tags import TagMap, to_list

# The volume that EC2 shows for a snapshot that was copied (EC2 API Reference, Snapshot: "an arbitrary volume ID").
NO_VOLUME = "vol-ffffffff"


def make_snapshot(
    backend: Any, *, size: int, description: str, key_arn: str | None, tags: TagMap, state: str = "pending"
) -> Snapshot:
    """A snapshot of the backend's account, with its tags from the start."""
    snapshot_id = random_snapshot_id()
    volume = SimpleNamespace(id=NO_VOLUME, size=size, encrypted=key_arn is not None)
    snapshot = Snapshot(backend, snapshot_id, volume, description, key_arn is not None, key_arn)
    snapshot.status = state
    snapshot.state_message = ""
    set_tags(snapshot, tags)
    backend.snapshots[snapshot_id] = snapshot
    return snapshot


def describe_snapshots(account: str, region: str, params: dict, selection: dict[str, list[str]]) -> list[dict]:
    """The snapshots that the account owns or that are shared with it."""
    ids, wanted = params.get("SnapshotIds") or [], accounts_of(params.get("OwnerIds"), account)
    users = accounts_of(params.get("RestorableByUserIds"), account)
    snapshots = snapshots_named(account, region, ids) if ids else visible_snapshots(account, region, wanted)
    selected = [
        snapshot
        for snapshot in snapshots
        if (not wanted or snapshot.owner_id in wanted) and (not users or restorable(snapshot, users))
    ]
    views = filters.select(selection, [SnapshotView(snapshot, account) for snapshot in selected])
    return [view.describe() for view in views]


def restorable(snapshot: Snapshot, users: set[str]) -> bool:
    """RestorableByUserIds: those with explicit permission, or `all` for public snapshots."""
    public = "all" in users and public_snapshots.is_public(snapshot)
    return public or bool(users & snapshot.create_volume_permission_userids)


def described_permissions(snapshot: Snapshot) -> list[dict[str, str]]:
    """The createVolumePermission as DescribeSnapshotAttribute answers it."""
    groups = [{"Group": group} for group in sorted(snapshot.create_volume_permission_groups)]
    return groups + [{"UserId": user} for user in sorted(snapshot.create_volume_permission_userids)]


def snapshots_named(account: str, region: str, ids: list[str]) -> list[Snapshot]:
    snapshots = []
    for snapshot_id in ids:
        snapshot = find_snapshot(snapshot_id, account, region)
        if snapshot is None or not can_create_volume(snapshot, account):
            raise snapshot_not_found(snapshot_id)
        snapshots.append(snapshot)
    return snapshots


def visible_snapshots(account: str, region: str, owners: set[str]) -> list[Snapshot]:
    """Those of the owners, or all, with those of Amazon's images."""
    snapshots = [
        snapshot for backend in backends_in(region, owners) for snapshot in list(own(backend.snapshots).values())
    ]
    of_amazon = amazon_owned(ec2_backends[account][region].snapshots).of_owners(owners)
    return [*of_amazon, *(snapshot for snapshot in snapshots if can_create_volume(snapshot, account))]


class SnapshotView:
    """A snapshot as one account sees it, for filters and answers."""

    def __init__(self, snapshot: Snapshot, viewer: str):
        self.snapshot = snapshot
        self.tags = tags_seen(snapshot, viewer)

    def get_filter_value(self, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name.startswith("tag:"):
            return self.tags.get(filter_name.removeprefix("tag:"))
        if filter_name == "tag-key":
            return list(self.tags)
        return self.snapshot.get_filter_value(filter_name, method_name)

    def describe(self) -> dict:
        """The snapshot as DescribeSnapshots answers it (EC2 API Reference, Snapshot)."""
        snapshot = self.snapshot
        return {
            "SnapshotId": snapshot.id,
            "VolumeId": snapshot.volume.id,
            "VolumeSize": snapshot.volume.size,
            "State": snapshot.status,
            "StateMessage": getattr(snapshot, "state_message", "") or None,
            "StartTime": snapshot.start_time,
            "Progress": "100%" if snapshot.status == "completed" else "0%",
            "OwnerId": snapshot.owner_id,
            "Description": snapshot.description,
            "Encrypted": bool(snapshot.encrypted),
            "KmsKeyId": snapshot.kms_key_id or None,
            "CompletionDurationMinutes": getattr(snapshot, "completion_minutes", None),
            "StorageTier": "standard",
            "Tags": to_list(self.tags),
        }


def images_using(backend: Any, snapshot_id: str) -> list[str]:
    """The images of the account that are backed by the snapshot."""
    return [image.id for image in list(own(backend.amis).values()) if snapshot_id in snapshot_ids_of(image)]


def snapshot_of_owner(backend: Any, snapshot_id: str) -> Snapshot:
    """The account's own snapshot; others' do not exist to those who would change them."""
    snapshot = own(backend.snapshots).get(snapshot_id)
    if snapshot is None:
        raise snapshot_not_found(snapshot_id)
    return snapshot


def delete_snapshot(backend: Any, snapshot_id: str) -> None:
    """Delete it unless an image uses it (EBS User Guide, "Delete an Amazon EBS snapshot")."""
    snapshot_of_owner(backend, snapshot_id)
    users = images_using(backend, snapshot_id)
    if users:
        raise ec2_error("InvalidSnapshot.InUse", f"The snapshot {snapshot_id} is currently in use by {users[0]}")
    backend.snapshots.pop(snapshot_id)
    backend.tags.pop(snapshot_id, None)


def modify_permission(snapshot: Snapshot, params: dict) -> None:
    """Give or take createVolumePermission; only account ids and the group `all` exist (EC2 API Reference)."""
    flat = {"UserId": "UserIds", "Group": "GroupNames"}
    add, remove = (permissions_of(params, each, "CreateVolumePermission", flat) for each in ("add", "remove"))
    if add and remove:
        raise ec2_error("InvalidParameterCombination", "Add and remove cannot be mixed in one request.")
    for permission in [*add, *remove]:
        user, group = permission.get("UserId"), permission.get("Group")
        if user is not None and not (len(user) == 12 and user.isdigit()):
            raise ec2_error(
                "InvalidAMIAttributeItemValue", f'Invalid attribute item value "{user}" for userId item type.'
            )
        if group not in (None, "all"):
            raise ec2_error(
                "InvalidAMIAttributeItemValue", f'Invalid attribute item value "{group}" for group item type.'
            )
    if any("Group" in permission for permission in add):
        public_snapshots.require_unblocked(snapshot.ec2_backend)
    if add and is_encrypted_by_aws_managed_key(snapshot):
        raise ec2_error("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared")
    snapshot.create_volume_permission_userids |= {p["UserId"] for p in add if "UserId" in p}
    snapshot.create_volume_permission_groups |= {p["Group"] for p in add if "Group" in p}
    snapshot.create_volume_permission_userids -= {p["UserId"] for p in remove if "UserId" in p}
    snapshot.create_volume_permission_groups -= {p["Group"] for p in remove if "Group" in p}


def is_encrypted_by_aws_managed_key(snapshot: Snapshot) -> bool:
    """Such a snapshot cannot be shared (EBS User Guide, "Share a snapshot")."""
    backend, key_arn = snapshot.ec2_backend, snapshot.kms_key_id
    return bool(key_arn) and keys.is_aws_managed(key_arn, backend.account_id, backend.region_name)
