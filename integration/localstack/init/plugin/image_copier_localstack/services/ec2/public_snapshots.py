"""EBS User Guide, "Block public access for snapshots": a setting of an account in a Region.

Accounts that are named get their permission all the same.
"""

from typing import Any

from moto.ec2.models.elastic_block_store import Snapshot

from .errors import ec2_error

UNBLOCKED = "unblocked"
BLOCKED = ("block-all-sharing", "block-new-sharing")


def state_of(backend: Any) -> str:
    return getattr(backend, "snapshot_public_access", UNBLOCKED)


def block(backend: Any, state: str) -> str:
    """EC2 API Reference, EnableSnapshotBlockPublicAccess."""
    if state not in BLOCKED:
        raise ec2_error("InvalidParameterValue", f"Value ({state}) for parameter State is invalid.")
    backend.snapshot_public_access = state
    return state


def unblock(backend: Any) -> str:
    backend.snapshot_public_access = UNBLOCKED
    return UNBLOCKED


def require_unblocked(backend: Any) -> None:
    """With which code AWS refuses to share with all is not documented."""
    if state_of(backend) in BLOCKED:
        raise ec2_error("OperationNotPermitted", "Block public access for snapshots is enabled in this Region.")


def is_public(snapshot: Snapshot) -> bool:
    """Whether all may use it: block-all-sharing leaves its permissions as they are, and treats it as private."""
    return "all" in snapshot.create_volume_permission_groups and state_of(snapshot.ec2_backend) != BLOCKED[0]
