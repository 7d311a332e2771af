"""What policies decide on a call (IAM User Guide, "Policy evaluation logic")."""

from fnmatch import fnmatchcase
from typing import Any

# Condition operators of the kind that policies for functions use (IAM User Guide, "Condition operators").
OPERATORS = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringLike": lambda value, wanted: matches(value, wanted),
    "StringNotEquals": lambda value, wanted: value != wanted,
    "ArnEquals": lambda value, wanted: matches(value, wanted),
    "ArnLike": lambda value, wanted: matches(value, wanted),
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
}
IF_EXISTS = "IfExists"


def matches(value: str, pattern: str) -> bool:
    """`*` and `?` alone are wildcards (IAM User Guide, "Resource")."""
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def as_list(value: Any) -> list:
    return value if isinstance(value, list) else [value]


def decision(statements: list[dict], action: str, resource: str, context: dict[str, list[str]]) -> str:
    """IAM User Guide, "Policy evaluation logic": an explicit deny wins, and what nobody allows is denied."""
    effects = {each["Effect"] for each in statements if applies(each, action, resource, context)}
    if "Deny" in effects:
        return "explicitDeny"
    return "allowed" if "Allow" in effects else "implicitDeny"


def applies(statement: dict, action: str, resource: str, context: dict[str, list[str]]) -> bool:
    """Whether the statement is about this call. Names of actions are compared without case."""
    return (
        selected(statement, "Action", lambda name: matches(action.lower(), name.lower()))
        and selected(statement, "Resource", lambda arn: matches(resource, arn))
        and all(
            holds(operator, context.get(key.lower()), as_list(wanted))
            for operator, conditions in statement.get("Condition", {}).items()
            for key, wanted in conditions.items()
        )
    )


def selected(statement: dict, element: str, is_meant: Any) -> bool:
    """The element of a statement, or its opposite such as NotAction."""
    if f"Not{element}" in statement:
        return not any(is_meant(each) for each in as_list(statement[f"Not{element}"]))
    return any(is_meant(each) for each in as_list(statement.get(element, [])))


def holds(operator: str, values: list[str] | None, wanted: list[str]) -> bool:
    """A key that the request lacks fails the condition, but not with IfExists and not where it is negated."""
    name = operator.removesuffix(IF_EXISTS)
    if name not in OPERATORS:
        raise NotImplementedError(f"The condition operator {operator} is not simulated.")
    if values is None:
        return operator.endswith(IF_EXISTS) or "Not" in name
    test = all if "Not" in name else any
    return test(OPERATORS[name](value, each) for value in values for each in wanted)
