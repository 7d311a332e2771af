"""SimulatePrincipalPolicy as IAM documents it: LocalStack compares names letter by letter and knows no conditions."""

import json

from localstack.services.iam.resources.policy_simulator import BasicIAMPolicySimulator
from localstack.utils.collections import PaginatedList
from localstack.utils.patch import patch

from .conditions import Context
from .evaluation import Document, Policies, Principal, Question, decide

# From the least restrictive to the most.
DECISIONS = ["allowed", "implicitDeny", "explicitDeny"]
# IAM API Reference, SimulatePrincipalPolicy, "MaxItems".
PAGE_SIZE = 100


def value_of(entry: dict) -> str | list[str]:
    """IAM API Reference, ContextEntry: the type says whether the key has several values."""
    values = [str(each) for each in entry["ContextKeyValues"]]
    return values if entry.get("ContextKeyType", "").endswith("List") or len(values) != 1 else values[0]


def decision(identity: list[Document], action: str, resource: str, context: Context) -> str:
    """As EvaluationResult names it. Nobody's in particular: the policies alone decide."""
    caller = Principal(account="", arn="")
    answer = decide(Question(caller, action, resource, "", context), Policies(identity))
    return "allowed" if answer.allowed else "explicitDeny" if answer.explicit else "implicitDeny"


def evaluation_result(action: str, decisions: dict[str, str]) -> dict:
    """IAM API Reference, EvaluationResult: one for each action, and in it what was decided on each ARN."""
    arns = [arn for arn in decisions if arn != "*"]
    result = {
        "EvalActionName": action,
        # Of several the template of their ARN, or `*` of an action that has none: no templates are known here.
        "EvalResourceName": next(iter(decisions)) if len(decisions) == 1 else "*",
        "EvalDecision": max(decisions.values(), key=DECISIONS.index),
        "MatchedStatements": [],
        "MissingContextValues": [],
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
        documents = self.get_policies_from_principal(backend, source)
        if ":role/" in source:
            documents = documents[1:]  # LocalStack puts the trust policy first
        documents = [*documents, *(request.get("PolicyInputList") or [])]
        identity = [json.loads(document) for document in documents]
        entries = request.get("ContextEntries") or []
        known = Context({entry["ContextKeyName"]: value_of(entry) for entry in entries}, open_ended=True)
        resources = request.get("ResourceArns") or ["*"]
        results = PaginatedList(
            evaluation_result(action, {arn: decision(identity, action, arn, known) for arn in resources})
            for action in request["ActionNames"]
        )
        page, marker = results.get_page(
            lambda result: result["EvalActionName"], request.get("Marker"), request.get("MaxItems") or PAGE_SIZE
        )
        return {"EvaluationResults": page, "IsTruncated": marker is not None, **({"Marker": marker} if marker else {})}
