"""Who makes a call, and which policies of its own decide on it."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.sts.models import sts_stores
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header
from moto.iam.models import ManagedPolicy, iam_backends
from moto.sts.models import AssumedRole, sts_backends

from . import organization
from .authorization.request import Check, account_of, tag_map
from .authorization.sts import find_role
from .conditions import Context, Value
from .evaluation import Decision, Document, Policies, Principal, Question, decide

ADMINISTRATOR = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
TEMPORARY_KEYS, USERS_KEYS = ("ASIA", "LSIA"), ("AKIA", "LKIA")
SUBSCRIPTION_PARTS = 7


class InvalidToken(Exception):
    """Nobody was given these credentials."""


@dataclass(frozen=True)
class Caller:
    """A principal, with what is known of its request whatever it asks for."""

    principal: Principal
    partition: str
    context: Mapping[str, Value]
    # Of a role's session, if it was given one.
    session_policy: str | None = None

    def decide(self, check: Check) -> Decision:
        """What the policies say now."""
        owner = check.owner or self.principal.account
        question = Question(
            self.principal,
            check.action,
            check.resource,
            owner,
            Context({**self.context, **when(), **organization.owned_by(check.shared_by or owner), **check.context}),
            check.policy,
            policy_required=check.policy_required,
            policy_name=check.policy_name,
            resource_control=organization.resource_policies_of(owner) if check.resource_controlled else [],
        )
        return decide(question, self.policies())

    def policies(self) -> Policies:
        principal = self.principal
        if principal.service:
            return Policies()
        limits = organization.policies_of(principal.account)
        if principal.is_root:
            return Policies([ADMINISTRATOR], service_control=limits)
        if principal.session_arn is None:
            return policies_of_user(principal, self.partition, limits)
        role = find_role(principal.arn)
        # The session outlives its role; nothing is allowed to it then.
        identity = [] if role is None else documents_of(role)
        boundary = managed(role.permissions_boundary_arn, principal.account, self.partition) if role else None
        session = [parsed(self.session_policy)] if self.session_policy else None
        return Policies(identity, boundary, session, limits)


def caller_of(context: RequestContext) -> Caller | None:
    """Whose credentials a request has. None for what LocalStack does on its own."""
    key = extract_access_key_id_from_auth_header(context.request.headers) or ""
    backend = sts_backends[context.account_id][context.partition]
    session = backend.get_assumed_role_from_access_key(key) if key.startswith(TEMPORARY_KEYS) else None
    account, partition = context.account_id, context.partition
    internal = context.internal_request_params
    tags: dict[str, str] = {}
    if session is not None:
        principal, kind = Principal(session.account_id, session.role_arn, session.arn), "AssumedRole"
        tags = tags_of_session(session)
    elif internal is not None:
        service = internal.get("service_principal")
        return service_caller(service, internal.get("source_arn"), context) if service else None
    elif key.startswith(USERS_KEYS) and (user := iam_backends[account][partition].get_user_from_access_key_id(key)):
        principal, kind = Principal(account, user.arn), "User"
        tags = tag_map(iam_backends[account][partition].list_user_tags(user.name))
    elif key.startswith((*TEMPORARY_KEYS, *USERS_KEYS)):
        raise InvalidToken
    else:
        # An access key of 12 digits is the account itself; LocalStack takes any other for its default account.
        principal, kind = Principal(account, f"arn:{partition}:iam::{account}:root"), "Account"
    keys = {
        **common(context),
        "aws:PrincipalAccount": principal.account,
        "aws:PrincipalArn": principal.arn,
        "aws:PrincipalIsAWSService": "false",
        "aws:PrincipalType": kind,
        "aws:SourceIp": context.request.remote_addr or "127.0.0.1",
        **organization.in_organization("aws:PrincipalOrgID", principal.account),
        **{f"aws:PrincipalTag/{tag}": value for tag, value in tags.items()},
    }
    return Caller(principal, partition, keys, session.policy if session else None)


def tags_of_session(session: AssumedRole) -> dict[str, str]:
    """The tags of the role, and those that the session was given (IAM User Guide, "Pass session tags in AWS STS")."""
    role = find_role(session.role_arn)
    given = sts_stores[session.account_id]["us-east-1"].sessions.get(session.access_key_id, {})
    return tag_map(role.tags if role is not None else []) | tag_map(list(given.get("tags", {}).values()))


def role_caller(role_arn: str, session_name: str, partition: str) -> Caller:
    """A role that a service will assume, to ask beforehand what it may do."""
    account = account_of(role_arn) or ""
    session_arn = f"arn:{partition}:sts::{account}:assumed-role/{role_arn.rsplit('/', 1)[-1]}/{session_name}"
    keys = {"aws:PrincipalAccount": account, "aws:PrincipalArn": role_arn, "aws:SecureTransport": "true"}
    return Caller(Principal(account, role_arn, session_arn), partition, keys)


def service_caller(service: str, source_arn: str | None, context: RequestContext) -> Caller:
    """A service of AWS, on behalf of one of its resources."""
    name = f"{service}.amazonaws.com"
    if source_arn and service == "sns" and source_arn.count(":") == SUBSCRIPTION_PARTS - 1:
        # What cannot be delivered comes from the topic too (SNS Developer Guide, "Configuring a dead-letter queue").
        source_arn = source_arn.rsplit(":", 1)[0]
    account = account_of(source_arn) if source_arn else None
    keys = {**common(context), "aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": name}
    keys["aws:PrincipalServiceNamesList"] = [name]
    if source_arn:
        keys["aws:SourceArn"] = source_arn
    if account:
        keys |= {"aws:SourceAccount": account, "aws:SourceOwner": account}
        keys |= organization.in_organization("aws:SourceOrgID", account)
    return Caller(Principal(account or "", "", service=name), context.partition, keys)


def common(context: RequestContext) -> dict[str, Value]:
    """What is known of every request. The emulator's plain HTTP stands for AWS's endpoints, which are called by TLS."""
    return {
        "aws:RequestedRegion": context.region,
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "false",
    }


def when() -> dict[str, Value]:
    now = datetime.now(UTC)
    return {"aws:CurrentTime": now.isoformat(timespec="seconds"), "aws:EpochTime": str(int(now.timestamp()))}


@functools.lru_cache(maxsize=1000)
def parsed(document: str) -> Document:
    return json.loads(document)


def documents_of(identity: Any) -> list[Document]:
    """The inline and the attached policies of a user, a group or a role."""
    inline, attached = identity.policies.values(), identity.managed_policies.values()
    return [*map(parsed, list(inline)), *map(in_effect, list(attached))]


def in_effect(policy: ManagedPolicy) -> Document:
    """The default version of a managed policy (IAM User Guide, "Versioning IAM policies"). moto's own is the first."""
    return parsed(next(each.document for each in policy.versions if each.version_id == policy.default_version_id))


def managed(policy_arn: str | None, account: str, partition: str) -> Document | None:
    """A boundary that is not there any more lets nothing pass."""
    if not policy_arn:
        return None
    policy = iam_backends[account][partition].managed_policies.get(policy_arn)
    return in_effect(policy) if policy is not None else {"Statement": []}


def policies_of_user(principal: Principal, partition: str, limits: list[Document] | None) -> Policies:
    backend = iam_backends[principal.account][partition]
    user = next((user for user in list(backend.users.values()) if user.arn == principal.arn), None)
    if user is None:
        return Policies(service_control=limits)
    groups = [group for group in list(backend.groups.values()) if user in group.users]
    identity = [document for each in (user, *groups) for document in documents_of(each)]
    boundary = managed(getattr(user, "permissions_boundary", None), principal.account, partition)
    return Policies(identity, boundary, service_control=limits)
