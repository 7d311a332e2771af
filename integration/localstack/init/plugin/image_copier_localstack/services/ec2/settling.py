"""How a pending image ends: available or failed, with its snapshots, and announced."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from localstack.http import Request, Response, route
from localstack.services.edge import ROUTER
from moto.ec2.models.elastic_block_store import Snapshot

from ... import faults
from ..iam.callers import Caller
from ..iam.conditions import UnknownPolicyElement
from ..iam.enforcement import current_caller
from . import key_use, keys
from .events import announce
from .model import Image

KEY_NOT_ACCESSIBLE = "Given key ID is not accessible. You must have DescribeKey permissions on the default CMK"

# Held by every change to images and snapshots: moto's dictionaries have no lock of their own.
LOCK = threading.RLock()


@dataclass(frozen=True)
class PendingSnapshot:
    """A snapshot that is being made, and the one that it is a copy of."""

    snapshot: Snapshot
    source: Snapshot | None = None


@dataclass(frozen=True)
class Ending:
    """What a pending image ends with."""

    made: Sequence[PendingSnapshot]
    failure: dict[str, str] | None
    caller: Caller | None


endings: dict[Image, Ending] = {}


def settle_later(image: Image, made: Sequence[PendingSnapshot], failure: dict[str, str] | None = None) -> None:
    """End a pending image after the time that settings give, as failed if there is a failure for it."""
    backend = image.ec2_backend
    with LOCK:
        endings[image] = Ending(made, failure, current_caller())
    timer = threading.Timer(faults.copy_seconds(backend.account_id, backend.region_name), settle, args=(image,))
    timer.daemon = True
    timer.start()


def settle(image: Image) -> None:
    """An image that was deregistered meanwhile leaves its snapshots behind, and is not announced."""
    backend = image.ec2_backend
    with LOCK:
        ending = endings.pop(image, None)
        if ending is None:
            return
        made, failure = ending.made, ending.failure
        problem = None if failure else problem_with_keys(ending)
        if problem:
            failure = {"code": "Client.InternalError", "message": f"AMI snapshot copy failed with error: {problem}"}
        for pending in made:
            pending.snapshot.status = "error" if failure else "completed"
            pending.snapshot.state_message = failure["message"] if failure else ""
        if backend.amis.get(image.id) is not image:
            return
        image.state = "failed" if failure else "available"
        if failure:
            image.state_reason = {"Code": failure["code"], "Message": failure["message"]}
    announce(backend.account_id, backend.region_name, image.id, image.state, failure["message"] if failure else "")


def problem_with_keys(ending: Ending) -> str | None:
    """Why a key cannot be used, if one cannot."""
    try:
        usable = all(can_use_keys(pending, ending.caller) for pending in ending.made)
    except UnknownPolicyElement as problem:
        return str(problem)
    return None if usable else KEY_NOT_ACCESSIBLE


def can_use_keys(pending: PendingSnapshot, caller: Caller | None) -> bool:
    """Whether the source can be decrypted and the new snapshot encrypted (EBS User Guide, "Copy a snapshot").

    Policies are asked when the copy is made, not when it is asked for: then the answer was an image already.
    """
    snapshots = [pending.snapshot, pending.source] if pending.source else [pending.snapshot]
    if not all(snapshot.kms_key_id is None or key_arn(snapshot) is not None for snapshot in snapshots):
        return False
    return caller is None or pending.source is None or key_use.may_copy(caller, pending.snapshot, pending.source)


def key_arn(snapshot: Snapshot) -> str | None:
    backend = snapshot.ec2_backend
    return keys.usable_key_arn(snapshot.kms_key_id, backend.account_id, backend.region_name)


class Routes:
    """Ends on request what would end by itself later, so that nobody has to hit the moment."""

    @route("/_image-copier/accounts/<account>/pending-images", methods=["DELETE"])
    def pending_images(self, _request: Request, account: str) -> Response:
        return self.end(account)

    @route("/_image-copier/accounts/<account>/pending-images/<image_id>", methods=["DELETE"])
    def pending_image(self, _request: Request, account: str, image_id: str) -> Response:
        return self.end(account, image_id)

    def end(self, account: str, image_id: str | None = None) -> Response:
        with LOCK:
            pending = [image for image in endings if image.ec2_backend.account_id == account]
        chosen = [image for image in pending if image_id in (None, image.id)]
        for image in chosen:
            settle(image)
        return faults.answer([image.id for image in chosen])


def install() -> None:
    """Add the routes."""
    ROUTER.add(Routes())
