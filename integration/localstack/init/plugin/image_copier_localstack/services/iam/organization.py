"""The organization that an account is in, set at run time through a route: its id and its service control policies.

As on AWS an account that joins has FullAWSAccess, and a list that replaces it has to allow what it means to let pass.
"""

from dataclasses import dataclass

from localstack.http import Request, Response, route
from localstack.services.edge import ROUTER

from ... import faults
from .conditions import as_list
from .evaluation import ALLOW, DENY, Document

FULL_AWS_ACCESS = {"Version": "2012-10-17", "Statement": [{"Effect": ALLOW, "Action": "*", "Resource": "*"}]}
DOCUMENTS = "policies: a list of documents, each with Version and Statement"


@dataclass(frozen=True)
class Membership:
    """What an account's organization is, and what it lets the account do at most."""

    id: str
    policies: list[Document]


memberships: dict[str, Membership] = {}


def policies_of(account: str) -> list[Document] | None:
    """The service control policies of an account; None if it is in no organization."""
    member = memberships.get(account)
    return member.policies if member else None


def id_of(account: str) -> str | None:
    member = memberships.get(account)
    return member.id if member else None


def parse(body: object) -> Membership:
    """A membership from a request's JSON."""
    if not isinstance(body, dict) or not body.keys() <= {"id", "policies"}:
        raise faults.BadInput("body: a JSON object with id and, if it limits the account, policies")
    if not faults.is_a(faults.TEXT, body.get("id")):
        raise faults.BadInput(f"id: {faults.TEXT}")
    policies = body.get("policies", [FULL_AWS_ACCESS])
    if not isinstance(policies, list) or not all(map(is_document, policies)):
        raise faults.BadInput(DOCUMENTS)
    return Membership(body["id"], policies)


def is_document(value: object) -> bool:
    """Whether it is a service control policy: those have no principal, for they are about all of the account."""
    if not isinstance(value, dict) or not {"Version", "Statement"} <= value.keys():
        return False
    return all(
        isinstance(each, dict) and each.get("Effect") in (ALLOW, DENY) and "Principal" not in each
        for each in as_list(value["Statement"])
    )


class Routes:
    """The membership of one account."""

    @route("/_image-copier/accounts/<account>/organization", methods=["GET", "PUT", "DELETE"])
    def organization(self, request: Request, account: str) -> Response:
        try:
            if not faults.is_a(faults.ACCOUNT, account):
                raise faults.BadInput(f"account: {faults.ACCOUNT}")
            if request.method == "PUT":
                memberships[account] = parse(faults.json_body(request))
            if request.method == "DELETE":
                memberships.pop(account, None)
        except faults.BadInput as problem:
            return faults.answer({"error": str(problem)}, 400)
        member = memberships.get(account)
        return faults.answer({} if member is None else vars(member))


def install() -> None:
    """Add the route."""
    ROUTER.add(Routes())
