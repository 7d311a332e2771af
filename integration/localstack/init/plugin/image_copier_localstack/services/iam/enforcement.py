"""Each request is decided by the policies before the service sees it (IAM User Guide, "Policy evaluation logic").

IMAGE_COPIER_ENFORCE=0 in LocalStack's environment switches it off.
"""

import base64
import json
import logging
import os
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.http import Request as HttpRequest
from localstack.http import Response, route
from localstack.services.edge import ROUTER

from ... import faults
from .authorization.request import Check, NotMapped, Request
from .authorization.services import checks_of
from .callers import Caller, InvalidToken, caller_of
from .conditions import UnknownPolicyElement
from .evaluation import Decision

LOG = logging.getLogger(__name__)

VARIABLE = "IMAGE_COPIER_ENFORCE"
MAX_DENIALS = 500

# The code of a denial and its HTTP status, where it is not AccessDeniedException with 400.
ERRORS = {
    "autoscaling": ("AccessDenied", 403),
    "cloudformation": ("AccessDenied", 403),
    "cloudwatch": ("AccessDenied", 403),
    "ec2": ("UnauthorizedOperation", 403),
    "iam": ("AccessDenied", 403),
    "lambda": ("AccessDeniedException", 403),
    "s3": ("AccessDenied", 403),
    "sns": ("AuthorizationError", 403),
    "sqs": ("AccessDenied", 403),
    "sts": ("AccessDenied", 403),
}

# The latest ones, for whoever wonders.
denials: deque[dict[str, str]] = deque(maxlen=MAX_DENIALS)
# The actions that policies allowed, by the ARN of the user or the role: few, however long LocalStack runs.
allowed: defaultdict[str, set[str]] = defaultdict(set)
# LocalStack serves a request in one thread: the one that this thread serves, and who makes it.
serving = threading.local()


def current_caller() -> Caller | None:
    """Who makes the request that is being served. None if policies do not decide on it."""
    return getattr(serving, "caller", None)


def before_operation(_chain: Any, context: RequestContext, _response: Any) -> None:
    """Answer with the service's error what policies do not allow."""
    serving.caller = None
    if context.service is None or context.operation is None:
        return
    service = context.service.service_name
    try:
        caller = caller_of(context)
        if caller is None:
            return
        serving.caller = caller
        for check in asked(context, caller):
            decision = caller.decide(check)
            if not decision.allowed:
                record(service, context.operation.name, caller, check, decision)
                raise denial(service, caller, check, decision)
            allowed[caller.principal.arn].add(check.action)
    except InvalidToken:
        message = "The security token included in the request is invalid."
        raise CommonServiceException("InvalidClientTokenId", message, 403, sender_fault=True) from None
    except NotMapped as problem:
        message = f"The emulator does not know what policies have to allow for {problem}."
        raise CommonServiceException("NotImplemented", message, 501) from problem
    except UnknownPolicyElement as problem:
        raise CommonServiceException("NotImplemented", str(problem), 501) from problem


def is_allowed(check: Callable[[Request], Check]) -> bool:
    """Whether the one whose request is being served may do one thing more: it is not denied, but answered."""
    caller = current_caller()
    return caller is None or caller.decide(check(serving.request)).allowed


def asked(context: RequestContext, caller: Caller) -> list[Check]:
    """What this request needs. An account itself may do all that no organization limits."""
    request = Request(
        context.service.service_name,
        context.operation.name,
        context.service_request or {},
        context.region,
        context.partition,
        caller.principal,
    )
    serving.request = request
    try:
        return list(checks_of(request))
    except NotMapped:
        if caller.principal.is_root and caller.policies().service_control is None:
            return []
        raise


def denial(service: str, caller: Caller, check: Check, decision: Decision) -> CommonServiceException:
    """The error as the service words it (IAM User Guide, "Troubleshoot access denied error messages")."""
    code, status = ERRORS.get(service, ("AccessDeniedException", 400))
    action, because = check.action, decision.because
    # SNS and SQS write the names of their actions in ways of their own.
    shown = {"sns": action.replace("sns:", "SNS:"), "sqs": action.lower()}.get(service, action)
    message = (
        f"User: {caller.principal.name} is not authorized to perform: {shown} on resource: {check.resource} "
        f"{because.replace(action, shown)}"
    )
    if service == "ec2":
        details = {"allowed": False, "explicitDeny": decision.explicit, "context": message}
        encoded = base64.urlsafe_b64encode(json.dumps(details).encode()).decode()
        message = (
            f"You are not authorized to perform this operation. {message}. "
            f"Encoded authorization failure message: {encoded}"
        )
    return CommonServiceException(code, message, status, sender_fault=True)


def record(service: str, operation: str, caller: Caller, check: Check, decision: Decision) -> None:
    told = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "operation": f"{service}:{operation}",
        "principal": caller.principal.name,
        "action": check.action,
        "resource": check.resource,
        "because": decision.because,
    }
    denials.append(told)
    LOG.info("Denied: %s", told)


class Routes:
    """What was denied lately, and what was allowed."""

    @route("/_image-copier/allowed", methods=["GET"])
    def allowed(self, _request: HttpRequest) -> Response:
        return faults.answer({principal: sorted(actions) for principal, actions in list(allowed.items())})

    @route("/_image-copier/denials", methods=["GET", "DELETE"])
    def denials(self, request: HttpRequest) -> Response:
        if request.method == "DELETE":
            denials.clear()
        return faults.answer(list(denials))


def is_enforced() -> bool:
    return os.environ.get(VARIABLE, "1") != "0"


def install() -> None:
    """Add the route, and ask policies before each operation."""
    ROUTER.add(Routes())
    if is_enforced():
        handlers.serve_custom_service_request_handlers.append(before_operation)
