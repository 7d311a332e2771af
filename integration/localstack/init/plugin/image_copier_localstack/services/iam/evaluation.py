"""What policies decide on a call (IAM User Guide, "Policy evaluation logic"). Knows nothing of LocalStack."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .conditions import Context, UnknownPolicyElement, all_hold, as_list, filled_in, matches

ALLOW, DENY = "Allow", "Deny"
OLD_VERSION = "2008-10-17"

Document = dict[str, Any]


@dataclass(frozen=True)
class Principal:
    """Who makes a call: an account's root user, a user, a session of a role, or a service."""

    account: str
    # As policies and condition keys name it; for a session of a role that of the role.
    arn: str
    # Of a role's session, as messages name it.
    session_arn: str | None = None
    service: str | None = None

    @property
    def is_root(self) -> bool:
        return self.arn.endswith(":root")

    @property
    def name(self) -> str:
        """As an error message names it."""
        return self.service or self.session_arn or self.arn


@dataclass(frozen=True)
class Policies:
    """What decides on the calls of a principal, apart from the policies of resources."""

    identity: list[Document] = field(default_factory=list)
    # None where there is none: nothing is limited then.
    boundary: Document | None = None
    session: list[Document] | None = None
    service_control: list[Document] | None = None


@dataclass(frozen=True)
class Question:
    """May this principal do this to this resource?"""

    principal: Principal
    action: str
    resource: str
    # The account that owns the resource.
    owner: str
    context: Context
    resource_policy: Document | None = None
    # Keys and roles: their own policy must take part, the caller's alone is never enough.
    policy_required: bool = False
    # How messages name that policy.
    policy_name: str = "resource-based policy"
    # What the organization of the owner denies to everybody.
    resource_control: list[Document] = field(default_factory=list)


@dataclass(frozen=True)
class Decision:
    """`because` ends the message of a denial."""

    allowed: bool
    explicit: bool = False
    because: str = ""


ALLOWED = Decision(allowed=True)
# What the resource's policy gives to the caller itself, or to all; to its role; or to its account, which passes it on.
DIRECT, TO_ROLE, TO_ACCOUNT = "direct", "role", "account"


def decide(question: Question, policies: Policies) -> Decision:
    """An explicit deny wins; then each kind of policy that applies has to allow it, as the guide's flowchart has it."""
    kinds = {
        "service control policy": policies.service_control,
        "resource control policy": question.resource_control,
        question.policy_name: None if question.resource_policy is None else [question.resource_policy],
        "identity-based policy": policies.identity,
        "permissions boundary": None if policies.boundary is None else [policies.boundary],
        "session policy": policies.session,
    }
    allows = {}
    for kind, documents in kinds.items():
        effects = {statement["Effect"] for document in documents or [] for statement in meant(document, question, kind)}
        if DENY in effects:
            article = "an" if kind[0] in "aeiou" else "a"
            return Decision(allowed=False, explicit=True, because=f"with an explicit deny in {article} {kind}")
        allows[kind] = documents is None or ALLOW in effects

    def nobody_allows(kind: str) -> Decision:
        return Decision(allowed=False, because=f"because no {kind} allows the {question.action} action")

    if not allows["service control policy"]:
        return nobody_allows("service control policy")
    granted = grants(question)
    if question.principal.service:
        return ALLOWED if granted else nobody_allows(question.policy_name)
    same_account = question.owner == question.principal.account
    if same_account and DIRECT in granted:
        return ALLOWED
    limits = [kind for kind in ("permissions boundary", "session policy") if not allows[kind]]
    if same_account and TO_ROLE in granted:
        return nobody_allows(limits[0]) if limits else ALLOWED
    if same_account and question.policy_required and not granted:
        return nobody_allows(question.policy_name)
    if not allows["identity-based policy"]:
        return nobody_allows("identity-based policy")
    if limits:
        return nobody_allows(limits[0])
    return ALLOWED if same_account or granted else nobody_allows(question.policy_name)


def statements_of(document: Document) -> list[dict]:
    return as_list(document.get("Statement", []))


def meant(document: Document, question: Question, kind: str) -> Iterable[dict]:
    """The statements that are about this call."""
    version = document.get("Version", OLD_VERSION)
    for statement in statements_of(document):
        if kind == question.policy_name and granted_by(statement, question.principal) is None:
            continue
        if applies(statement, question.action, question.resource, question.context, version):
            yield statement


def grants(question: Question) -> set[str]:
    """To whom the resource's policy allows it."""
    if question.resource_policy is None:
        return set()
    found = meant(question.resource_policy, question, question.policy_name)
    return {str(granted_by(each, question.principal)) for each in found if each["Effect"] == ALLOW}


def granted_by(statement: dict, principal: Principal) -> str | None:
    """How a statement of a resource's policy names the principal, or None if it does not."""
    if "NotPrincipal" in statement:
        return None if is_exempt(statement["NotPrincipal"], principal) else DIRECT
    return named_in(statement.get("Principal", {}), principal)


def named_in(element: Any, principal: Principal) -> str | None:
    """IAM User Guide, "Principal": everybody, an account, a role, a session or user, or a service."""
    if element == "*":
        return DIRECT
    for kind in element:
        if kind not in ("AWS", "Service", "Federated", "CanonicalUser"):
            raise UnknownPolicyElement(f"The principal type {kind} is not known to the emulator.")
    if principal.service:
        named = principal.service in as_list(element.get("Service", [])) or "*" in as_list(element.get("AWS", []))
        return DIRECT if named else None
    found = {named_as(each, principal) for each in as_list(element.get("AWS", []))}
    return next((each for each in (DIRECT, TO_ROLE, TO_ACCOUNT) if each in found), None)


def is_exempt(element: Any, principal: Principal) -> bool:
    """IAM User Guide, "NotPrincipal": the account has to be named too, and for a session also its role."""
    if element == "*" or principal.service or principal.is_root:
        return named_in(element, principal) == DIRECT
    levels = {DIRECT, TO_ACCOUNT} if principal.session_arn is None else {DIRECT, TO_ROLE, TO_ACCOUNT}
    names = as_list(element.get("AWS", []))
    return "*" in names or levels <= {named_as(each, principal) for each in names}


def named_as(name: str, principal: Principal) -> str | None:
    if name == "*":
        return DIRECT
    if name == principal.account or (name.endswith(f"::{principal.account}:root") and name.startswith("arn:")):
        return DIRECT if principal.is_root else TO_ACCOUNT
    if principal.session_arn is not None:
        return {principal.session_arn: DIRECT, principal.arn: TO_ROLE}.get(name)
    return DIRECT if name == principal.arn else None


def applies(statement: dict, action: str, resource: str, context: Context, version: str) -> bool:
    """Whether the statement is about this call. Names of actions are compared without case."""

    def is_resource(arn: str) -> bool:
        pattern = filled_in(arn, context, version)
        return pattern is not None and pattern.fullmatch(resource) is not None

    return (
        selected(statement, "Action", lambda name: matches(action.lower(), name.lower()))
        # A trust policy names no resource: it is its role.
        and (statement.keys().isdisjoint(("Resource", "NotResource")) or selected(statement, "Resource", is_resource))
        and all_hold(statement.get("Condition", {}), context, version)
    )


def selected(statement: dict, element: str, is_meant: Callable[[str], bool]) -> bool:
    """The element of a statement, or its opposite such as NotAction."""
    if f"Not{element}" in statement:
        return not any(map(is_meant, as_list(statement[f"Not{element}"])))
    return any(map(is_meant, as_list(statement.get(element, []))))
