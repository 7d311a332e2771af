"""CopyImage (EC2 API Reference, CopyImage; EC2 User Guide, "How Amazon EC2 AMI copy works")."""

import json
import re
from dataclasses import dataclass
from typing import Any

from moto.ec2.models.amis import Ami
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
from moto.ec2.models.elastic_block_store import Snapshot

from ... import faults
from . import attributes, ebs_default_key, keys, watermarks
from .amazon_images import own
from .errors import check_image_id, ec2_error, image_not_found, image_unavailable, required
from .model import Image, can_create_volume, find_image, find_snapshot, set_tags, snapshot_ids_of, tags_seen
from .settling import LOCK, PendingSnapshot, settle_later
from .snapshots import make_snapshot
from .tags import RESERVED_PREFIX, TagMap, require_room, tags_on_create

NAME = re.compile(r"[A-Za-z0-9()\[\] ./\-'@_]{3,128}")
MAX_DESCRIPTION_LENGTH = 255
MAX_TOKEN_LENGTH = 64
MAX_COMPLETION_MINUTES = 48 * 60
# Of time-based copies, MiB/s: of one snapshot, and of all that are on their way between two Regions (EBS User Guide,
# "Time-based copies", Quotas).
MAX_SNAPSHOT_THROUGHPUT = 500
MAX_THROUGHPUT = 2000
DESTINATIONS = ("DestinationOutpostArn", "DestinationAvailabilityZone", "DestinationAvailabilityZoneId")


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
    completion_minutes: int | None


def parse_request(params: dict[str, Any]) -> CopyRequest:
    """Check what can be checked without looking at the source."""
    name, source_image_id, source_region = (
        required(params, parameter) for parameter in ("Name", "SourceImageId", "SourceRegion")
    )
    check_image_id(source_image_id)
    if source_region not in {region.name for region in RegionsAndZonesBackend.regions}:
        raise ec2_error("InvalidRegion", f"Invalid region name {source_region}")
    check_name(name)
    description = params.get("Description") or ""
    check_description(description)
    key, encrypted = params.get("KmsKeyId"), bool(params.get("Encrypted"))
    if key and not encrypted:
        raise ec2_error(
            "InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set."
        )
    token = params.get("ClientToken")
    if token and (len(token) > MAX_TOKEN_LENGTH or not token.isascii()):
        raise ec2_error("InvalidParameterValue", f"ClientToken: at most {MAX_TOKEN_LENGTH} ASCII characters.")
    tags = tags_on_create(params.get("TagSpecifications") or [], ("image", "snapshot"))
    copy_tags = bool(params.get("CopyImageTags"))
    check_destination(params)
    return CopyRequest(
        source_image_id,
        source_region,
        name,
        description,
        encrypted,
        key,
        copy_tags,
        tags,
        token,
        completion_minutes_of(params),
    )


def check_destination(params: dict[str, Any]) -> None:
    """A copy has at most one other destination; Outposts and Local Zones do not exist here."""
    given = [name for name in DESTINATIONS if params.get(name)]
    if len(given) > 1:
        raise ec2_error("InvalidParameterCombination", f"{' and '.join(given)} cannot be used together.")
    if given:
        raise ec2_error("UnsupportedOperation", f"{given[0]} is not supported in this Region.")


def completion_minutes_of(params: dict[str, Any]) -> int | None:
    """15 minutes to 48 hours in steps of 15 (EBS User Guide, "Time-based copies"); the emulator keeps its own time."""
    given = params.get("SnapshotCopyCompletionDurationMinutes")
    minutes = None if given is None else int(given)
    if minutes is not None and (minutes % 15 or not 15 <= minutes <= MAX_COMPLETION_MINUTES):
        message = f"SnapshotCopyCompletionDurationMinutes: 15 to {MAX_COMPLETION_MINUTES}, in steps of 15."
        raise ec2_error("InvalidParameterValue", message)
    return minutes


def check_name(name: str) -> None:
    """The characters and length of an image's name (EC2 API Reference, RegisterImage)."""
    if not NAME.fullmatch(name):
        message = "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, "
        raise ec2_error(
            "InvalidAMIName.Malformed", message + "'(', ')', '[', ']', ' ', '.', '/', '-', ''', '@' and '_'"
        )


def check_description(description: str) -> None:
    """The length of an image's description (EC2 API Reference, CopyImage), and its characters.

    No page names these. EC2 says so of CreateImage (github.com/metadist/synaplan, pull 1546), of ModifyImageAttribute
    (github.com/wendylabsinc/WendyOS-Builder, pull 56), and in the same words of the descriptions of security groups.
    """
    if len(description) > MAX_DESCRIPTION_LENGTH:
        raise ec2_error("InvalidParameterValue", f"Description: at most {MAX_DESCRIPTION_LENGTH} characters.")
    if not description.isascii():
        message = f"Value ({description}) for parameter Description is invalid."
        raise ec2_error("InvalidParameterValue", f"{message} Character sets beyond ASCII are not supported.")


def copy_image(backend: Any, request: CopyRequest) -> str:
    """Start the copy, or give the one that the same token started before. Answers the image id."""
    with LOCK:
        known = known_copy(backend, request)
        if known:
            return known
        source = find_source(backend.account_id, request)
        faults.check_concurrent_copies(backend.account_id, backend.region_name, pending_copies(backend))
        if request.completion_minutes is not None:
            require_throughput(backend, request.source_region)
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
    images = list(own(backend.amis).values())
    copies = [image for image in images if image.source_image_id is not None and image.instance_id is None]
    return sum(image.state == "pending" for image in copies)


def require_throughput(backend: Any, source_region: str) -> None:
    """While nothing of the quota is left a time-based copy is refused (ibid.); with what code is not documented."""
    used = sum(
        throughput
        for snapshot in list(own(backend.snapshots).values())
        if snapshot.status == "pending"
        for region, throughput in [getattr(snapshot, "time_based_from", (None, 0))]
        if region == source_region
    )
    if used >= MAX_THROUGHPUT:
        message = f"The cumulative snapshot copy throughput quota of {MAX_THROUGHPUT} MiB/s is reached."
        raise ec2_error("ResourceLimitExceeded", message)


def find_source(account: str, request: CopyRequest) -> Ami:
    """The source, if the account may copy it: it needs launch permission and access to every snapshot."""
    source = find_image(request.source_image_id, account, request.source_region)
    if source is None:
        raise image_not_found(request.source_image_id)
    if source.state != "available":
        raise image_unavailable(source.id)
    for snapshot_id in snapshot_ids_of(source):
        snapshot = find_snapshot(snapshot_id, account, request.source_region)
        if snapshot is None:
            raise ec2_error("InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' does not exist.")
        if not can_create_volume(snapshot, account):
            raise ec2_error("InvalidRequest", "You do not have permission to access the storage of this ami")
    return source


def start_copy(backend: Any, source: Ami, request: CopyRequest) -> Image:
    """A pending image with a new snapshot for each of the source's, all tagged from the start."""
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
        attributes=attributes.of(source),
        source_image_id=source.id,
        source_image_region=request.source_region,
        watermarks=watermarks.of(source),
    )
    made = []
    for device in source.block_device_mappings:
        if "SnapshotId" in device.get("Ebs", {}):
            copied = copy_snapshot(backend, image, device["Ebs"]["SnapshotId"], request)
            made.append(copied)
            encrypted = bool(copied.snapshot.encrypted)
            device = {**device, "Ebs": {**device["Ebs"], "SnapshotId": copied.snapshot.id, "Encrypted": encrypted}}
        image.devices.append(device)
    set_tags(image, image_tags)
    backend.amis[image.id] = image
    failure = faults.take_copy_failure(backend.account_id, backend.region_name, source.id)
    settle_later(image, made, failure)
    return image


def inherited_tags(source: Ami, account: str) -> TagMap:
    """What CopyImageTags copies: every tag that the caller sees, but never those of AWS."""
    return {key: value for key, value in tags_seen(source, account).items() if not key.startswith(RESERVED_PREFIX)}


def copy_snapshot(backend: Any, image: Image, source_id: str, request: CopyRequest) -> PendingSnapshot:
    source = find_snapshot(source_id, backend.account_id, request.source_region)
    snapshot = make_snapshot(
        backend,
        size=source.volume.size,
        description=f"Copied for DestinationAmi {image.id} from SourceAmi {request.source_image_id} for {source.id}.",
        key_arn=key_of_copy(backend, source, request),
        tags=request.tags.get("snapshot", {}),
    )
    minutes = request.completion_minutes
    if minutes is not None:
        throughput = min(source.volume.size * 1024 / (minutes * 60), MAX_SNAPSHOT_THROUGHPUT)
        snapshot.completion_minutes = minutes
        snapshot.time_based_from = (request.source_region, throughput)
    return PendingSnapshot(snapshot, source)


def key_of_copy(backend: Any, source: Snapshot, request: CopyRequest) -> str | None:
    """Which key encrypts the copy (EC2 User Guide, "Use encryption with EBS-backed AMIs")."""
    account, region = backend.account_id, backend.region_name
    if request.key:
        # Validated when the copy is made, not when it is asked for (EC2 API Reference, CopyImage, KmsKeyId).
        return keys.usable_key_arn(request.key, account, region) or request.key
    own_key = source.kms_key_id if source.encrypted and source.owner_id == account else None
    if own_key and request.source_region == region:
        return own_key
    if request.encrypted or source.encrypted or backend.ebs_encryption_by_default:
        return ebs_default_key.of(backend)
    return None
