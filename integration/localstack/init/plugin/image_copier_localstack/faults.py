"""Faults and settings that tests switch on at run time, and the routes that do it."""

import json
import math
import re
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.http import Request, Response, route
from localstack.services.edge import ROUTER

# How long it takes, unless a setting says otherwise.
DEFAULT_SECONDS = {"copySeconds": 0.5, "parameterSeconds": 0.3}

LOCK = threading.Lock()
THROTTLED = "Request limit exceeded."
TOO_MANY_COPIES = "Too many snapshot copies in progress. The limit is {limit} for this destination region."


@dataclass
class TokenBucket:
    """EC2's throttle of one account and Region (EC2 Developer Guide, "Request throttling for the Amazon EC2 API")."""

    burst: float
    refill_per_second: float
    tokens: float = field(init=False)
    updated: float = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = self.burst
        self.updated = time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self.tokens = min(self.burst, self.tokens + (now - self.updated) * self.refill_per_second)
        self.updated = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class BadInput(Exception):
    """A field of a request to these routes, and what is allowed."""


settings: dict[str, float] = {}
faults: dict[str, dict[str, Any]] = {}
buckets: dict[tuple[str, str, str], TokenBucket] = {}

MAX_SECONDS = 86_400

TEXT, COUNT, NUMBER = "a text that is not empty", "a whole number of 0 or more", "a number of 0 or more"
ACCOUNT, SECONDS = "an account id of 12 digits, as a text", f"a number from 0 to {MAX_SECONDS}"
STATUS, TIMES = "an HTTP status from 400 to 599", "a whole number of 1 or more"
REASON = "an object with the texts code and message"
IMAGE_STATES = ("available", "failed", "deregistered", "disabled")
STATE = f"one of {', '.join(IMAGE_STATES)}"
SNAPSHOT_ERRORS = ("client-error", "internal-error")
RETURN_CODE = f"one of {', '.join(SNAPSHOT_ERRORS)}"

SELECTORS = {"account": ACCOUNT, "region": TEXT}
# A field with "!" must be there.
KINDS: dict[str, dict[str, str]] = {
    "error": {
        "service": TEXT,
        "operation!": TEXT,
        "code!": TEXT,
        "message!": TEXT,
        "status!": STATUS,
        "times": TIMES,
    },
    "throttle": {"service": TEXT, "operation!": TEXT, "burst!": COUNT, "refillPerSecond!": NUMBER},
    "limit": {"concurrentCopies!": COUNT},
    "slow-copy": {"seconds!": SECONDS},
    "fail-copy": {"sourceImageId": TEXT, "stateReason!": REASON, "times": TIMES},
    "keep-snapshot": {"returnCode!": RETURN_CODE, "times": TIMES},
    "lose-event": {"state": STATE, "times": TIMES},
    "clock": {"secondsAhead!": SECONDS},
}


def current_settings() -> dict[str, float]:
    """Every setting, as it was set or by default."""
    return DEFAULT_SECONDS | settings


def parameter_seconds() -> float:
    """How long the value of a parameter that names an image is being validated."""
    return current_settings()["parameterSeconds"]


def copy_seconds(account: str, region: str) -> float:
    """How long a copy that is made there stays pending."""
    slow = (fault["seconds"] for fault in matching("slow-copy", account, region))
    return next(slow, current_settings()["copySeconds"])


def check_concurrent_copies(account: str, region: str, pending: int) -> None:
    """EC2 rejects a copy too many in progress (EC2 Developer Guide, "Error codes": ResourceLimitExceeded)."""
    for fault in matching("limit", account, region):
        if pending >= fault["concurrentCopies"]:
            message = TOO_MANY_COPIES.format(limit=fault["concurrentCopies"])
            raise CommonServiceException("ResourceLimitExceeded", message, status_code=400, sender_fault=True)


def take_copy_failure(account: str, region: str, source_image_id: str) -> dict[str, str] | None:
    """The state reason that the next copy of the source ends with, if it is to fail."""
    for fault in matching("fail-copy", account, region):
        if fault.get("sourceImageId", source_image_id) == source_image_id and use(fault):
            return fault["stateReason"]
    return None


def take_snapshot_error(account: str, region: str) -> str | None:
    """Why the next snapshot is not deleted with its image, if it is not to be."""
    taken = (fault["returnCode"] for fault in matching("keep-snapshot", account, region) if use(fault))
    return next(taken, None)


def take_event_loss(account: str, region: str, state: str) -> bool:
    """Whether the event that an image is in this state is lost (EC2 User Guide, "Monitor AMI events": best effort)."""
    return any(fault.get("state", state) == state and use(fault) for fault in matching("lose-event", account, region))


def now(account: str, region: str) -> datetime:
    """What time it is for an account's EC2: what takes a day there does not take one in tests."""
    ahead = sum(fault["secondsAhead"] for fault in matching("clock", account, region))
    return datetime.now(UTC) + timedelta(seconds=ahead)


def matching(kind: str, account: str, region: str) -> list[dict[str, Any]]:
    """The faults of a kind that are meant for this account and Region; those that name none are meant for all."""
    return [
        fault
        for fault in list(faults.values())
        if fault["kind"] == kind and fault.get("account", account) == account and fault.get("region", region) == region
    ]


def use(fault: dict[str, Any]) -> bool:
    """Take one of the times that a fault is good for; without `times` it is good for ever."""
    with LOCK:
        if fault.get("times") is None:
            return True
        if fault["times"] <= 0:
            return False
        fault["times"] -= 1
        return True


def before_operation(_chain: Any, context: RequestContext, _response: Any) -> None:
    """Answer with a fault before the operation has any effect."""
    if context.service is None or context.operation is None:
        return
    service, operation = context.service.service_name, context.operation.name
    account, region = context.account_id, context.region
    for fault in [*matching("error", account, region), *matching("throttle", account, region)]:
        if (fault.get("service", "ec2"), fault["operation"]) != (service, operation):
            continue
        if fault["kind"] == "error" and use(fault):
            status = fault["status"]
            raise CommonServiceException(fault["code"], fault["message"], status_code=status, sender_fault=status < 500)
        if fault["kind"] == "throttle" and not take_token(fault, account, region):
            raise CommonServiceException("RequestLimitExceeded", THROTTLED, status_code=503)


def take_token(fault: dict[str, Any], account: str, region: str) -> bool:
    with LOCK:
        new = TokenBucket(fault["burst"], fault["refillPerSecond"])
        return buckets.setdefault((fault["id"], account, region), new).take()


def parse_fault(body: Any) -> dict[str, Any]:
    """A fault from a request's JSON, each field checked."""
    if not isinstance(body, dict):
        raise BadInput("body: a JSON object")
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadInput(f"kind: one of {', '.join(KINDS)}")
    fields = {**SELECTORS, **KINDS[kind]}
    allowed = {name.rstrip("!") for name in fields}
    for name in sorted(body.keys() - allowed - {"kind"}):
        raise BadInput(f"{name}: not a field of a fault of kind {kind}; allowed: {', '.join(sorted(allowed))}")
    for name, what in fields.items():
        plain = name.rstrip("!")
        if (plain in body or name.endswith("!")) and not is_a(what, body.get(plain)):
            raise BadInput(f"{plain}: {what}")
    return {**body, "id": uuid.uuid4().hex}


def parse_settings(body: Any) -> dict[str, float]:
    """The settings from a request's JSON, each one checked."""
    if not isinstance(body, dict) or not body:
        raise BadInput(f"body: a JSON object with one or more of {', '.join(DEFAULT_SECONDS)}")
    for name, value in body.items():
        if name not in DEFAULT_SECONDS:
            raise BadInput(f"{name}: not a setting; allowed: {', '.join(DEFAULT_SECONDS)}")
        if not is_a(SECONDS, value):
            raise BadInput(f"{name}: {SECONDS}")
    return body


def is_a(what: str, value: Any) -> bool:
    """Whether a value of JSON is what the field takes."""
    if what == REASON:
        return isinstance(value, dict) and value.keys() == {"code", "message"} and all(map(is_text, value.values()))
    if what == TEXT:
        return is_text(value)
    if what in (STATE, RETURN_CODE):
        return value in (IMAGE_STATES if what == STATE else SNAPSHOT_ERRORS)
    if what == ACCOUNT:
        return is_text(value) and re.fullmatch("[0-9]{12}", value) is not None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    if what in (COUNT, STATUS, TIMES) and not isinstance(value, int):
        return False
    lowest, highest = {STATUS: (400, 599), TIMES: (1, math.inf), SECONDS: (0, MAX_SECONDS)}.get(what, (0, math.inf))
    return lowest <= value <= highest


def is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def answer(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, mimetype="application/json")


def json_body(request: Request) -> Any:
    try:
        return json.loads(request.get_data())
    except ValueError:
        raise BadInput("body: JSON") from None


class Routes:
    """The plugin's own HTTP interface."""

    @route("/_image-copier/health", methods=["GET"])
    def health(self, _request: Request) -> Response:
        modules = sorted(name for name in sys.modules if name.startswith(f"{__package__}."))
        return answer({"plugin": "image-copier", "modules": modules})

    @route("/_image-copier/settings", methods=["GET", "PUT", "DELETE"])
    def settings(self, request: Request) -> Response:
        try:
            if request.method == "PUT":
                settings.update(parse_settings(json_body(request)))
            if request.method == "DELETE":
                settings.clear()
        except BadInput as problem:
            return answer({"error": str(problem)}, 400)
        return answer(current_settings())

    @route("/_image-copier/faults", methods=["GET", "POST", "DELETE"])
    def faults(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                fault = parse_fault(json_body(request))
            except BadInput as problem:
                return answer({"error": str(problem)}, 400)
            faults[fault["id"]] = fault
            return answer(fault, 201)
        if request.method == "DELETE":
            faults.clear()
            with LOCK:
                buckets.clear()
        return answer(list(faults.values()))

    @route("/_image-copier/faults/<fault_id>", methods=["DELETE"])
    def fault(self, _request: Request, fault_id: str) -> Response:
        if faults.pop(fault_id, None) is None:
            return answer({"error": f"id: there is no fault {fault_id}"}, 404)
        with LOCK:
            for key in [key for key in buckets if key[0] == fault_id]:
                del buckets[key]
        return answer({})


def install() -> None:
    """Add the routes, and look for faults before each operation."""
    ROUTER.add(Routes())
    handlers.serve_custom_service_request_handlers.append(before_operation)
