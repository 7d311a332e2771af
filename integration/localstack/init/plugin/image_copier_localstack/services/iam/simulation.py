"""SimulatePrincipalPolicy as IAM documents it: LocalStack compares names letter by letter and knows no conditions."""

import json
from collections.abc import Mapping

from localstack.services.iam.resources.policy_simulator import BasicIAMPolicySimulator
from localstack.utils.collections import PaginatedList
from localstack.utils.patch import patch

from . import organization
from .authorization.request import account_of
from .authorization.sts import find_role
from .callers import documents_of, managed
from .conditions import Context
from .evaluation import Document, Policies, Principal, Question, decide, statements_of

# From the least restrictive to the most.
DECISIONS = ["allowed", "implicitDeny", "explicitDeny"]
# IAM API Reference, SimulatePrincipalPolicy, "MaxItems".
PAGE_SIZE = 100


def value_of(entry: dict) -> str | list[str]:
    """IAM API Reference, ContextEntry: the type says whether the key has several values."""
    values = [str(each) for each in entry["ContextKeyValues"]]
    return values if entry.get("ContextKeyType", "").endswith("List") or len(values) != 1 else values[0]


def policies_of(source: str, others: list[Document], added: list[Document]) -> Policies:
    """What decides on the calls of a role: its permissions boundary and the service control policies too.

    None of these that has conditions, and no resource control policy (IAM User Guide, "IAM policy testing with the IAM
    policy simulator"). `others` are those of what is no role.
    """
    account, partition = account_of(source) or "", source.split(":")[1]
    role = find_role(source) if ":role/" in source else None
    identity = [*(documents_of(role) if role is not None else others), *added]
    boundary = managed(role.permissions_boundary_arn, account, partition) if role is not None else None
    limits = organization.policies_of(account)
    if limits is not None:
        limits = [each for each in limits if not any(one.get("Condition") for one in statements_of(each))] or None
    return Policies(identity, boundary, service_control=limits)


def decision(policies: Policies, action: str, resource: str, context: Context) -> str:
    """As EvaluationResult names it. Nobody's in particular: the policies alone decide."""
    caller = Principal(account="", arn="")
    answer = decide(Question(caller, action, resource, "", context), policies)
    return "allowed" if answer.allowed else "explicitDeny" if answer.explicit else "implicitDeny"


def limits_of(policies: Policies, action: str, resources: list[str], context: Context) -> dict:
    """IAM API Reference, EvaluationResult: whether the organization and the boundary let it pass, if there are any."""

    def passes(documents: list[Document]) -> bool:
        return all(decision(Policies(documents), action, resource, context) == "allowed" for resource in resources)

    organizations, boundary = policies.service_control, policies.boundary
    details: dict = {}
    if organizations is not None:
        details["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": passes(organizations)}
    if boundary is not None:
        details["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": passes([boundary])}
    return details


def evaluation_result(action: str, decisions: Mapping[str, str], limits: dict) -> dict:
    """IAM API Reference, EvaluationResult: one for each action, and in it what was decided on each ARN."""
    arns = [arn for arn in decisions if arn != "*"]
    result = {
        "EvalActionName": action,
        # Of several the template of their ARN, or `*` of an action that has none: no templates are known here.
        "EvalResourceName": next(iter(decisions)) if len(decisions) == 1 else "*",
        "EvalDecision": max(decisions.values(), key=DECISIONS.index),
        "MatchedStatements": [],
        "MissingContextValues": [],
        **limits,
    }
    if arns:
        result["ResourceSpecificResults"] = [
            {"EvalResourceName": arn, "EvalResourceDecision": decisions[arn]} for arn in arns
        ]
    return result


def install() -> None:
    """Patch LocalStack's simulator."""

    @patch(BasicIAMPolicySimulator.simulate_principal_policy)
    def simulate_principal_policy(_original, self, context, request):
        """IAM API Reference, SimulatePrincipalPolicy: the identity's own policies, not a role's trust policy."""
        backend = self.get_iam_backend(context)
        source = request["PolicySourceArn"]
        # LocalStack answers if there is no such principal.
        attached = self.get_policies_from_principal(backend, source)
        added = request.get("PolicyInputList") or []
        policies = policies_of(source, list(map(json.loads, attached)), list(map(json.loads, added)))
        entries = request.get("ContextEntries") or []
        known = Context({entry["ContextKeyName"]: value_of(entry) for entry in entries}, open_ended=True)
        resources = request.get("ResourceArns") or ["*"]
        results = PaginatedList(
            evaluation_result(
                action,
                {arn: decision(policies, action, arn, known) for arn in resources},
                limits_of(policies, action, resources, known),
            )
            for action in request["ActionNames"]
        )
        page, marker = results.get_page(
            lambda result: result["EvalActionName"], request.get("Marker"), request.get("MaxItems") or PAGE_SIZE
        )
        return {"EvaluationResults": page, "IsTruncated": marker is not None, **({"Marker": marker} if marker else {})}
