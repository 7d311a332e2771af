"""The organization that an account is in, set at run time through a route: its id, its service control policies and its
resource control policies.

As on AWS an account that joins has FullAWSAccess, and a list that replaces it has to allow what it means to let pass.
RCPFullAWSAccess cannot be taken away, so a resource control policy only denies.
"""

from dataclasses import dataclass, field

from localstack.http import Request, Response, route
from localstack.services.edge import ROUTER

from ... import faults
from .conditions import Value, as_list
from .evaluation import ALLOW, DENY, Document

FULL_AWS_ACCESS = {"Version": "2012-10-17", "Statement": [{"Effect": ALLOW, "Action": "*", "Resource": "*"}]}
DOCUMENTS = "policies: a list of documents, each with Version and Statement"
# Of the services that the emulator asks policies about, those of Organizations User Guide, "List of AWS services that
# support RCPs".
RESOURCE_CONTROLLED = ("events", "kms", "logs", "sqs", "sts")
RESOURCE_DOCUMENTS = (
    "resourcePolicies: a list of documents whose statements deny, to the Principal *, actions of "
    + ", ".join(RESOURCE_CONTROLLED)
)
FIELDS = "body: a JSON object with id and, if it limits the account, policies and resourcePolicies"


@dataclass(frozen=True)
class Membership:
    """What an account's organization is, and what it lets the account do at most."""

    id: str
    policies: list[Document]
    # What they let anybody do at most with the account's resources.
    resource_policies: list[Document] = field(default_factory=list)

    def shown(self) -> dict:
        controls = {"resourcePolicies": self.resource_policies} if self.resource_policies else {}
        return {"id": self.id, "policies": self.policies, **controls}


memberships: dict[str, Membership] = {}


def policies_of(account: str) -> list[Document] | None:
    """The service control policies of an account; None if it is in no organization."""
    member = memberships.get(account)
    return member.policies if member else None


def resource_policies_of(account: str) -> list[Document]:
    """The resource control policies of an account."""
    member = memberships.get(account)
    return member.resource_policies if member else []


def id_of(account: str) -> str | None:
    member = memberships.get(account)
    return member.id if member else None


def owned_by(account: str) -> dict[str, Value]:
    """The condition keys of a resource's owner."""
    return {"aws:ResourceAccount": account, **in_organization("aws:ResourceOrgID", account)}


def in_organization(key: str, account: str) -> dict[str, Value]:
    organization_id = id_of(account)
    return {key: organization_id} if organization_id else {}


def parse(body: object) -> Membership:
    """A membership from a request's JSON."""
    if not isinstance(body, dict) or not body.keys() <= {"id", "policies", "resourcePolicies"}:
        raise faults.BadInput(FIELDS)
    if not faults.is_a(faults.TEXT, body.get("id")):
        raise faults.BadInput(f"id: {faults.TEXT}")
    policies = body.get("policies", [FULL_AWS_ACCESS])
    if not isinstance(policies, list) or not all(map(is_document, policies)):
        raise faults.BadInput(DOCUMENTS)
    resource_policies = body.get("resourcePolicies", [])
    if not isinstance(resource_policies, list) or not all(map(is_resource_document, resource_policies)):
        raise faults.BadInput(RESOURCE_DOCUMENTS)
    return Membership(body["id"], policies, resource_policies)


def is_document(value: object) -> bool:
    """Whether it is a service control policy: those have no principal, for they are about all of the account."""
    if not isinstance(value, dict) or not {"Version", "Statement"} <= value.keys():
        return False
    return all(
        isinstance(each, dict) and each.get("Effect") in (ALLOW, DENY) and "Principal" not in each
        for each in as_list(value["Statement"])
    )


def is_resource_document(value: object) -> bool:
    """Whether it is a resource control policy (Organizations User Guide, "RCP syntax")."""
    if not isinstance(value, dict) or not {"Version", "Statement"} <= value.keys():
        return False
    return all(
        isinstance(each, dict)
        and (each.get("Effect"), each.get("Principal")) == (DENY, "*")
        and {str(action).split(":")[0] for action in as_list(each.get("Action"))} <= set(RESOURCE_CONTROLLED)
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
        return faults.answer({} if member is None else member.shown())


def install() -> None:
    """Add the route."""
    ROUTER.add(Routes())
