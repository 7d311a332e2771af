"""CopyImage (EC2 API Reference, CopyImage; EC2 User Guide, "How Amazon EC2 AMI copy works")."""

import json
import re
import threading
from dataclasses import dataclass
from typing import Any

from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
from moto.ec2.models.elastic_block_store import Snapshot

from .. import faults
from . import keys
from .errors import ec2_error, image_not_found, image_unavailable
from .events import announce
from .model import Image, backends_in, can_create_volume, can_launch, find_snapshot, tags_of
from .snapshots import make_snapshot
from .tags import RESERVED_PREFIX, SHARED_PREFIX, TagMap, require_room, tags_on_create

IMAGE_ID = re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})")
NAME = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}")
MAX_DESCRIPTION_LENGTH = 255
MAX_TOKEN_LENGTH = 64

KEY_NOT_ACCESSIBLE = "Given key ID is not accessible. You must have DescribeKey permissions on the default CMK"

LOCK = threading.RLock()


@dataclass(frozen=True)
class CopyRequest:
    """The parameters of CopyImage that the emulator knows."""

    source_image_id: str
    source_region: str
    name: str
    description: str
    encrypted: bool
    key: str | None
    copy_tags: bool
    tags: dict[str, TagMap]
    token: str | None


def parse_request(params: dict[str, Any]) -> CopyRequest:
    """Check what can be checked without looking at the source."""
    for required in ("Name", "SourceImageId", "SourceRegion"):
        if not params.get(required):
            raise ec2_error("MissingParameter", f"The request must contain the parameter {required}")
    source_image_id, source_region = params["SourceImageId"], params["SourceRegion"]
    if not IMAGE_ID.fullmatch(source_image_id):
        raise ec2_error("InvalidAMIID.Malformed", f'Invalid id: "{source_image_id}" (expecting "ami-...")')
    if source_region not in {region.name for region in RegionsAndZonesBackend.regions}:
        raise ec2_error("InvalidRegion", f"Invalid region name {source_region}")
    check_name(params["Name"])
    description = params.get("Description") or ""
    check_description(description)
    key, encrypted = params.get("KmsKeyId"), bool(params.get("Encrypted"))
    if key and not encrypted:
        raise ec2_error("InvalidParameterDependency", "The parameter [KmsKeyId] requires the parameter Encrypted.")
    token = params.get("ClientToken")
    if token and (len(token) > MAX_TOKEN_LENGTH or not token.isascii()):
        raise ec2_error("InvalidParameterValue", f"ClientToken: at most {MAX_TOKEN_LENGTH} ASCII characters.")
    tags = tags_on_create(params.get("TagSpecifications") or [], ("image", "snapshot"))
    copy_tags = bool(params.get("CopyImageTags"))
    return CopyRequest(
        source_image_id, source_region, params["Name"], description, encrypted, key, copy_tags, tags, token
    )


def check_name(name: str) -> None:
    """The characters and length of an image's name (EC2 API Reference, RegisterImage)."""
    if not NAME.fullmatch(name):
        message = "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, "
        raise ec2_error(
            "InvalidAMIName.Malformed", message + "'(', ')', '[', ']', ' ', '.', '/', '-', ''', '@' and '_'"
        )


def check_description(description: str) -> None:
    """The length of an image's description (EC2 API Reference, CopyImage)."""
    if len(description) > MAX_DESCRIPTION_LENGTH:
        raise ec2_error("InvalidParameterValue", f"Description: at most {MAX_DESCRIPTION_LENGTH} characters.")


def copy_image(backend: Any, request: CopyRequest) -> str:
    """Start the copy, or give the one that the same token started before. Answers the image id."""
    with LOCK:
        known = known_copy(backend, request)
        if known:
            return known
        source = find_source(backend.account_id, request)
        faults.check_concurrent_copies(backend.account_id, pending_copies(backend))
        image = start_copy(backend, source, request)
        if request.token:
            tokens_of(backend)[request.token] = (fingerprint(request), image.id)
    return image.id


def known_copy(backend: Any, request: CopyRequest) -> str | None:
    """The image that this token stands for (EC2 Developer Guide, "Ensuring idempotency in Amazon EC2 API requests")."""
    used = tokens_of(backend).get(request.token) if request.token else None
    if used is None:
        return None
    parameters, image_id = used
    if parameters != fingerprint(request):
        message = "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
        raise ec2_error("IdempotentParameterMismatch", message)
    return image_id


def tokens_of(backend: Any) -> dict[str, tuple[str, str]]:
    """Tokens are kept for each account and Region."""
    return backend.__dict__.setdefault("image_copier_tokens", {})


def fingerprint(request: CopyRequest) -> str:
    return json.dumps(vars(request), sort_keys=True)


def pending_copies(backend: Any) -> int:
    return sum(isinstance(i, Image) and i.state == "pending" for i in list(backend.amis.values()))


def find_source(account: str, request: CopyRequest) -> Image:
    """The source, if the account may copy it: it needs launch permission and access to every snapshot."""
    found = (b.amis.get(request.source_image_id) for b in backends_in(request.source_region))
    source = next((image for image in found if isinstance(image, Image) and can_launch(image, account)), None)
    if source is None:
        raise image_not_found(request.source_image_id)
    if source.state != "available":
        raise image_unavailable(source.id)
    for snapshot_id in source.snapshot_ids:
        snapshot = find_snapshot(snapshot_id, request.source_region)
        if snapshot is None:
            raise ec2_error("InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' does not exist.")
        if not can_create_volume(snapshot, account):
            raise ec2_error("InvalidRequest", "You do not have permission to access the storage of this ami")
    return source


def start_copy(backend: Any, source: Image, request: CopyRequest) -> Image:
    """A pending image with a new snapshot for each EBS device, all tagged from the start."""
    image_tags = inherited_tags(source, backend.account_id) if request.copy_tags else {}
    image_tags.update(request.tags.get("image", {}))
    require_room(image_tags)
    image = Image(
        backend,
        name=request.name,
        description=request.description,
        devices=[],
        architecture=source.architecture,
        virtualization_type=source.virtualization_type,
        root_device_name=source.root_device_name,
        root_device_type=source.root_device_type,
        source_image_id=source.id,
        source_image_region=request.source_region,
    )
    made = []
    for device in source.devices:
        snapshot = copy_snapshot(backend, image, device, request) if "Ebs" in device else None
        if snapshot:
            made.append(snapshot)
            ebs = {**device["Ebs"], "SnapshotId": snapshot.id, "Encrypted": bool(snapshot.encrypted)}
            device = {**device, "Ebs": ebs}
        image.devices.append(device)
    image.add_tags(image_tags)
    backend.amis[image.id] = image
    failure = faults.take_copy_failure(backend.account_id, source.id)
    timer = threading.Timer(faults.copy_seconds(), finish_copy, args=(image, made, request.key, failure))
    timer.daemon = True
    timer.start()
    return image


def inherited_tags(source: Image, account: str) -> TagMap:
    """What CopyImageTags copies: the caller's own tags, of others only shared ones, never those of AWS."""
    return {
        key: value
        for key, value in tags_of(source).items()
        if not key.startswith(RESERVED_PREFIX) and (source.owner_id == account or key.startswith(SHARED_PREFIX))
    }


def copy_snapshot(backend: Any, image: Image, device: dict, request: CopyRequest) -> Snapshot:
    source = find_snapshot(device["Ebs"]["SnapshotId"], request.source_region)
    return make_snapshot(
        backend,
        size=source.volume.size,
        description=f"Copied for DestinationAmi {image.id} from SourceAmi {request.source_image_id} for {source.id}.",
        key_arn=key_of_copy(backend, source, request),
        tags=request.tags.get("snapshot", {}),
    )


def key_of_copy(backend: Any, source: Snapshot, request: CopyRequest) -> str | None:
    """Which key encrypts the copy (EC2 User Guide, "Use encryption with EBS-backed AMIs")."""
    account, region = backend.account_id, backend.region_name
    if request.key:
        # Validated when the copy is made, not when it is asked for (EC2 API Reference, CopyImage, KmsKeyId).
        return keys.usable_key_arn(request.key, account, region) or request.key
    own_key = source.kms_key_id if source.encrypted and source.owner_id == account else None
    if source.encrypted and own_key and request.source_region == region:
        return own_key
    if request.encrypted or source.encrypted or backend.ebs_encryption_by_default:
        return keys.default_key_arn(account, region)
    return None


def finish_copy(image: Image, snapshots: list[Snapshot], key: str | None, failure: dict[str, str] | None) -> None:
    """End a pending copy as available or failed, and announce it."""
    backend = image.ec2_backend
    with LOCK:
        if backend.amis.get(image.id) is not image:
            return
        if failure is None and key and keys.usable_key_arn(key, backend.account_id, backend.region_name) is None:
            failure = {
                "code": "Client.InternalError",
                "message": f"AMI snapshot copy failed with error: {KEY_NOT_ACCESSIBLE}",
            }
        for snapshot in snapshots:
            snapshot.status = "error" if failure else "completed"
            snapshot.state_message = failure["message"] if failure else ""
        image.state = "failed" if failure else "available"
        if failure:
            image.state_reason = {"Code": failure["code"], "Message": failure["message"]}
    announce(backend.account_id, backend.region_name, image.id, image.state, failure["message"] if failure else "")
