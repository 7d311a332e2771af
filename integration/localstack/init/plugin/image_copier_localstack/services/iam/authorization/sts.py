"""AWS Security Token Service."""

import json
from typing import Any

from moto.iam.models import iam_backends

from .request import Check, NotMapped, Operations, Request, account_of, request_tags, tag_map


def find_role(arn: str) -> Any:
    """moto's role, by the ARN or by its name alone: a path is part of the ARN."""
    partition, account = arn.split(":")[1], account_of(arn)
    name = arn.rsplit("/", 1)[-1]
    roles = iam_backends[account][partition].roles.values() if account else []
    return next((role for role in list(roles) if role.name == name), None)


def assume_role(request: Request) -> list[Check]:
    """A role's trust policy always takes part; nobody may assume one that does not exist."""
    params = request.params
    if params.get("PolicyArns"):
        # moto keeps a session's inline policy alone.
        raise NotMapped("sts:AssumeRole with PolicyArns")
    arn = params.get("RoleArn") or ""
    role = find_role(arn) if arn.startswith("arn:") else None
    trust = json.loads(role.assume_role_policy_document) if role is not None and role.arn == arn else {}
    tags = request_tags(tag_map(params.get("Tags")))
    context = {"sts:RoleSessionName": params.get("RoleSessionName") or "", **tags}
    if params.get("ExternalId"):
        context["sts:ExternalId"] = params["ExternalId"]
    actions = ["AssumeRole", *(["TagSession"] if tags else [])]
    return [
        Check(
            f"sts:{action}",
            arn,
            account_of(arn),
            context,
            trust,
            policy_required=True,
            policy_name="role trust policy",
        )
        for action in actions
    ]


OPERATIONS: Operations = {
    "AssumeRole": assume_role,
    # "No permissions are required to perform this operation", whatever denies it (STS API Reference).
    "GetCallerIdentity": lambda _request: [],
}
