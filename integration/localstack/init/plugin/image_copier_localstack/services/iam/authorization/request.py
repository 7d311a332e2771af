"""A request as the services' modules see it, and what they ask about it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..conditions import Value
from ..evaluation import Document, Principal


class NotMapped(Exception):
    """Nobody said what this operation asks, so it can neither be allowed nor denied."""


@dataclass(frozen=True)
class Request:
    """One call of an operation."""

    service: str
    operation: str
    params: Mapping[str, Any]
    region: str
    partition: str
    caller: Principal

    @property
    def account(self) -> str:
        return self.caller.account

    def arn(self, service: str, resource: str, *, account: str | None = None, region: str | None = None) -> str:
        """An ARN in the caller's account and the request's Region, unless others are given."""
        account = self.account if account is None else account
        region = self.region if region is None else region
        return f"arn:{self.partition}:{service}:{region}:{account}:{resource}"


@dataclass(frozen=True)
class Check:
    """One action that policies have to allow."""

    action: str
    resource: str = "*"
    # The account that owns the resource; the caller's own, where none is given.
    owner: str | None = None
    context: Mapping[str, Value] = field(default_factory=dict)
    policy: Document | None = None
    policy_required: bool = False
    policy_name: str = "resource-based policy"
    # Whether resource control policies of the owner's organization are about the resource.
    resource_controlled: bool = True
    # The owner, where it shares the resource by other means than policies, which so take no part.
    shared_by: str | None = None


Operations = Mapping[str, Callable[[Request], Iterable[Check]]]


def named(names: str, checks: Callable[[Request], Iterable[Check]]) -> dict:
    """The same for several operations."""
    return dict.fromkeys(names.split(), checks)


def on_all(service: str) -> Callable[[Request], list[Check]]:
    """For operations without a resource: policies have to say `*`."""
    return lambda request: [Check(f"{service}:{request.operation}")]


def on_resource(
    service: str, resource: Callable[[Request], str], *, action: str | None = None
) -> Callable[[Request], list[Check]]:
    """For operations on one resource without a policy of its own; the account that owns it is in its ARN."""

    def checks(request: Request) -> list[Check]:
        arn = resource(request)
        return [Check(f"{service}:{action or request.operation}", arn, account_of(arn))]

    return checks


def account_of(arn: str) -> str | None:
    """The account in an ARN, if there is one."""
    parts = arn.split(":", 5)
    return parts[4] or None if len(parts) == 6 else None


def store_of(stores: Mapping[str, Any], account: str | None, region: str) -> Any:
    """A service's store. None where there is no such account or Region, which the service will say itself."""
    try:
        return stores[account][region] if account else None
    except ValueError:
        return None


def request_tags(tags: Mapping[str, str]) -> dict[str, Value]:
    """The condition keys of tags that a request brings."""
    if not tags:
        return {}
    return {"aws:TagKeys": list(tags)} | {f"aws:RequestTag/{key}": value for key, value in tags.items()}


def resource_tags(tags: Mapping[str, str]) -> dict[str, Value]:
    """The condition keys of tags that a resource has."""
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}


def tag_map(tags: Any, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Tags of a request as a mapping, from a list or from what is a mapping already."""
    if isinstance(tags, Mapping):
        return dict(tags)
    return {each[key]: each.get(value, "") for each in tags or []}


def pass_role(role_arn: str | None, service: str) -> list[Check]:
    """Whoever gives a role to a service must be allowed to (IAM User Guide, "iam:PassRole")."""
    context = {"iam:PassedToService": f"{service}.amazonaws.com"}
    return [Check("iam:PassRole", role_arn, account_of(role_arn), context)] if role_arn else []
