"""Service control policies: what an organization lets an account do at most, set at run time through a route.

As on AWS a list has to allow what it means to let pass: whoever only wants to deny adds AWS's FullAWSAccess, a
statement that allows everything. An account without a list is in no organization.
"""

from localstack.http import Request, Response, route
from localstack.services.edge import ROUTER

from ... import faults
from .conditions import as_list
from .evaluation import ALLOW, DENY, Document

by_account: dict[str, list[Document]] = {}

DOCUMENT = "policies: a list of documents, each with Version and Statement"


def policies_of(account: str) -> list[Document] | None:
    return by_account.get(account)


def parse(body: object) -> list[Document]:
    """The policies from a request's JSON."""
    policies = body.get("policies") if isinstance(body, dict) else None
    if not isinstance(policies, list) or not all(map(is_document, policies)):
        raise faults.BadInput(DOCUMENT)
    return policies


def is_document(value: object) -> bool:
    if not isinstance(value, dict) or not {"Version", "Statement"} <= value.keys():
        return False
    statements = as_list(value["Statement"])
    # They have no principal: they are about everybody in the account.
    return all(
        isinstance(each, dict) and each.get("Effect") in (ALLOW, DENY) and "Principal" not in each
        for each in statements
    )


class Routes:
    """The policies of one account."""

    @route("/_image-copier/accounts/<account>/service-control-policies", methods=["GET", "PUT", "DELETE"])
    def service_control_policies(self, request: Request, account: str) -> Response:
        try:
            if not faults.is_a(faults.ACCOUNT, account):
                raise faults.BadInput(f"account: {faults.ACCOUNT}")
            if request.method == "PUT":
                by_account[account] = parse(faults.json_body(request))
            if request.method == "DELETE":
                by_account.pop(account, None)
        except faults.BadInput as problem:
            return faults.answer({"error": str(problem)}, 400)
        return faults.answer({"policies": by_account.get(account)})


def install() -> None:
    """Add the route."""
    ROUTER.add(Routes())
