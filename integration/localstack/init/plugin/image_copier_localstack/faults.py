"""Faults and settings that tests switch on at run time, and the routes that do it."""

import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.http import Request, Response, route
from localstack.services.edge import ROUTER

DEFAULT_COPY_SECONDS = 0.5
FEATURES = ["ec2-images", "faults", "lambda-node", "settings", "terraform-mends"]

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

TEXT, COUNT, NUMBER = "a text", "a whole number of 0 or more", "a number of 0 or more"
SELECTORS = {"account": TEXT, "region": TEXT, "service": TEXT}
KINDS: dict[str, dict[str, str]] = {
    "error": {"operation!": TEXT, "code!": TEXT, "message!": TEXT, "status!": COUNT, "times": COUNT},
    "throttle": {"operation!": TEXT, "burst!": COUNT, "refillPerSecond!": NUMBER},
    "limit": {"concurrentCopies!": COUNT},
    "fail-copy": {"sourceImageId": TEXT, "stateReason!": "an object with code and message", "times": COUNT},
}


def copy_seconds() -> float:
    """How long a copy stays pending."""
    return settings.get("copySeconds", DEFAULT_COPY_SECONDS)


def check_concurrent_copies(account: str, pending: int) -> None:
    """EC2 refuses a copy too many in progress (EC2 Developer Guide, "Error codes": ResourceLimitExceeded)."""
    for fault in matching("limit", account):
        if pending >= fault["concurrentCopies"]:
            message = TOO_MANY_COPIES.format(limit=fault["concurrentCopies"])
            raise CommonServiceException("ResourceLimitExceeded", message, status_code=400, sender_fault=True)


def take_copy_failure(account: str, source_image_id: str) -> dict[str, str] | None:
    """The state reason that the next copy of the source ends with, if it is to fail."""
    for fault in matching("fail-copy", account):
        if fault.get("sourceImageId", source_image_id) == source_image_id and use(fault):
            return fault["stateReason"]
    return None


def matching(kind: str, account: str) -> list[dict[str, Any]]:
    return [f for f in list(faults.values()) if f["kind"] == kind and f.get("account", account) == account]


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
    for fault in [*matching("error", account), *matching("throttle", account)]:
        if (fault.get("service", "ec2"), fault["operation"]) != (service, operation):
            continue
        if fault.get("region", region) != region:
            continue
        if fault["kind"] == "error" and use(fault):
            status = fault["status"]
            raise CommonServiceException(fault["code"], fault["message"], status_code=status, sender_fault=status < 500)
        if fault["kind"] == "throttle" and not bucket_of(fault, account, region).take():
            raise CommonServiceException("RequestLimitExceeded", THROTTLED, status_code=503)


def bucket_of(fault: dict[str, Any], account: str, region: str) -> TokenBucket:
    with LOCK:
        new = TokenBucket(fault["burst"], fault["refillPerSecond"])
        return buckets.setdefault((fault["id"], account, region), new)


def parse_fault(body: Any) -> dict[str, Any]:
    """A fault from a request's JSON, each field checked."""
    if not isinstance(body, dict):
        raise BadInput("body: a JSON object")
    fields = KINDS.get(body.get("kind"))
    if fields is None:
        raise BadInput(f"kind: one of {', '.join(KINDS)}")
    allowed = {name.rstrip("!"): what for name, what in {**SELECTORS, **fields}.items()}
    for name in body.keys() - allowed.keys() - {"kind"}:
        raise BadInput(f"{name}: not a field of a fault of kind {body['kind']}; allowed: {', '.join(sorted(allowed))}")
    for name, what in {**SELECTORS, **fields}.items():
        plain = name.rstrip("!")
        if plain not in body and not name.endswith("!"):
            continue
        if not is_a(what, body.get(plain)):
            raise BadInput(f"{plain}: {what}")
    return {**body, "id": uuid.uuid4().hex}


def is_a(what: str, value: Any) -> bool:
    if what == TEXT:
        return isinstance(value, str)
    if what == COUNT:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if what == NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("code", "message"))


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
        return answer({"plugin": "image-copier", "features": FEATURES})

    @route("/_image-copier/settings", methods=["GET", "PUT", "DELETE"])
    def settings(self, request: Request) -> Response:
        try:
            if request.method == "PUT":
                body = json_body(request)
                if (
                    not isinstance(body, dict)
                    or body.keys() != {"copySeconds"}
                    or not is_a(NUMBER, body["copySeconds"])
                ):
                    raise BadInput(f"copySeconds: {NUMBER}; it is the only setting")
                settings.update(body)
            if request.method == "DELETE":
                settings.clear()
        except BadInput as problem:
            return answer({"error": str(problem)}, 400)
        return answer({"copySeconds": copy_seconds()})

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
            buckets.clear()
        return answer(list(faults.values()))

    @route("/_image-copier/faults/<fault_id>", methods=["DELETE"])
    def fault(self, _request: Request, fault_id: str) -> Response:
        if faults.pop(fault_id, None) is None:
            return answer({"error": f"fault: there is none with the id {fault_id}"}, 404)
        return answer({})


def install() -> None:
    """Add the routes, and look for faults before each operation."""
    ROUTER.add(Routes())
    handlers.serve_custom_service_request_handlers.append(before_operation)
