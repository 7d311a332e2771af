"""Condition blocks of policies (IAM User Guide, "Condition", "Condition operators" and "Policy variables")."""

import base64
import binascii
import functools
import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from . import condition_keys

IF_EXISTS = "IfExists"
SETS = ("ForAllValues", "ForAnyValue")
# Policy variables exist since this version of the language (IAM User Guide, "Version").
WITH_VARIABLES = "2012-10-17"
VARIABLE = re.compile(r"\$\{\s*([^},\s]+)\s*(?:,\s*'([^']*)'\s*)?\}")
ARN_PARTS = 6

Value = str | list[str]


class UnknownPolicyElement(Exception):
    """A policy holds something that this engine does not know, so that it can neither allow nor deny."""


class Context:
    """What is known of a request, by condition key: a text, or a list for a key that has several values."""

    def __init__(self, values: Mapping[str, Value], *, open_ended: bool = False):
        """`open_ended` takes any key, as a simulation does, where the caller says which there are."""
        self.values = {key.lower(): value for key, value in values.items()}
        self.open_ended = open_ended

    def get(self, key: str) -> Value | None:
        """The value of a key, if the request has it."""
        return self.values.get(key.lower())

    def check(self, key: str) -> None:
        """A key that nobody fills in would let an `IfExists` pass and a `Null` hold."""
        if not self.open_ended and key.lower() not in self.values and not condition_keys.is_known(key):
            raise UnknownPolicyElement(f"The condition key {key} is not known to the emulator.")

    def is_multivalued(self, key: str) -> bool:
        return isinstance(self.get(key), list) or (not self.open_ended and condition_keys.is_multivalued(key))


@functools.lru_cache(maxsize=10_000)
def wildcards(pattern: str) -> re.Pattern:
    """`*` and `?` alone are wildcards (IAM User Guide, "Resource")."""
    return re.compile("".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern), re.DOTALL)


def matches(value: str, pattern: str) -> bool:
    """Whether a pattern with wildcards is about all of the value."""
    return wildcards(pattern).fullmatch(value) is not None


def filled_in(text: str, context: Context, version: str) -> re.Pattern | None:
    """The pattern that a text of a policy stands for: what a variable brings is no wildcard.

    None where a variable has no value: such a text matches nothing. A key with several values is no variable.
    """
    if version != WITH_VARIABLES or "${" not in text:
        return wildcards(text)
    source, position = "", 0
    for variable in VARIABLE.finditer(text):
        source += wildcards(text[position : variable.start()]).pattern
        position = variable.end()
        key, default = variable.groups()
        value = key if key in ("*", "?", "$") else variable_value(key, context, default)
        if value is None:
            return None
        source += re.escape(value)
    return re.compile(source + wildcards(text[position:]).pattern, re.DOTALL)


def variable_value(key: str, context: Context, default: str | None) -> str | None:
    context.check(key)
    value = context.get(key)
    return value if isinstance(value, str) else default


def plain(text: str, context: Context, version: str) -> str | None:
    """The text with its variables filled in, for operators that know no wildcards."""
    if version != WITH_VARIABLES or "${" not in text:
        return text
    values = [
        key if key in ("*", "?", "$") else variable_value(key, context, default)
        for key, default in VARIABLE.findall(text)
    ]
    # An optional group that is not there is found as the empty text.
    values = [value or None for value in values]
    if None in values:
        return None
    found = iter(values)
    return VARIABLE.sub(lambda _: next(found), text)


def same_arn(value: str, pattern: str, context: Context, version: str) -> bool:
    """Each of the six parts of an ARN is compared by itself (IAM User Guide, "ARN condition operators")."""
    parts, patterns = value.split(":", ARN_PARTS - 1), split_arn(pattern)
    if len(parts) != len(patterns):
        return False
    filled = [filled_in(each, context, version) for each in patterns]
    return all(each is not None and each.fullmatch(part) for part, each in zip(parts, filled, strict=True))


def split_arn(pattern: str) -> list[str]:
    """The parts of a pattern; the colon of a variable such as ${aws:PrincipalAccount} parts nothing."""
    marked = VARIABLE.sub(lambda variable: variable.group().replace(":", "\0"), pattern)
    return [part.replace("\0", ":") for part in marked.split(":", ARN_PARTS - 1)]


def compare_text(test: Callable[[str, str], bool]) -> Callable:
    def compare(value: str, wanted: str, context: Context, version: str) -> bool:
        text = plain(wanted, context, version)
        return text is not None and test(value, text)

    return compare


def like(value: str, wanted: str, context: Context, version: str) -> bool:
    pattern = filled_in(wanted, context, version)
    return pattern is not None and pattern.fullmatch(value) is not None


def converted(convert: Callable, test: Callable) -> Callable:
    """An operator on numbers, dates or addresses: what is none compares to nothing."""

    def compare(value: str, wanted: str, _context: Context, _version: str) -> bool:
        try:
            return test(convert(value), convert(wanted))
        except (ValueError, binascii.Error):
            return False

    return compare


def date(text: str) -> datetime:
    """W3C's form of ISO 8601, or seconds (IAM User Guide, "Date condition operators")."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), UTC)
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def in_network(value: str, wanted: str, _context: Context, _version: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


# Each compares one value of the request with one of the policy.
OPERATORS: dict[str, Callable[[str, str, Context, str], bool]] = {
    "StringEquals": compare_text(lambda value, wanted: value == wanted),
    "StringEqualsIgnoreCase": compare_text(lambda value, wanted: value.lower() == wanted.lower()),
    "StringLike": like,
    "NumericEquals": converted(float, lambda value, wanted: value == wanted),
    "NumericLessThan": converted(float, lambda value, wanted: value < wanted),
    "NumericLessThanEquals": converted(float, lambda value, wanted: value <= wanted),
    "NumericGreaterThan": converted(float, lambda value, wanted: value > wanted),
    "NumericGreaterThanEquals": converted(float, lambda value, wanted: value >= wanted),
    "DateEquals": converted(date, lambda value, wanted: value == wanted),
    "DateLessThan": converted(date, lambda value, wanted: value < wanted),
    "DateLessThanEquals": converted(date, lambda value, wanted: value <= wanted),
    "DateGreaterThan": converted(date, lambda value, wanted: value > wanted),
    "DateGreaterThanEquals": converted(date, lambda value, wanted: value >= wanted),
    "Bool": compare_text(lambda value, wanted: value.lower() == wanted.lower()),
    "BinaryEquals": converted(base64.b64decode, lambda value, wanted: value == wanted),
    "IpAddress": in_network,
    "ArnEquals": same_arn,
    "ArnLike": same_arn,
}
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def as_list(value: object) -> list:
    return value if isinstance(value, list) else [value]


def all_hold(block: Mapping[str, Mapping], context: Context, version: str = WITH_VARIABLES) -> bool:
    """Whether every condition of the block holds. What is unknown is told, also where another condition fails."""
    conditions = [(operator, key, wanted) for operator, keys in block.items() for key, wanted in keys.items()]
    for operator, key, _ in conditions:
        parse_operator(operator)
        context.check(key)
    return all(holds(operator, key, as_list(wanted), context, version) for operator, key, wanted in conditions)


def parse_operator(operator: str) -> tuple[str | None, str, bool]:
    """The set operator, the operator itself, and whether the key may be missing."""
    over, _, rest = operator.rpartition(":")
    name = rest.removesuffix(IF_EXISTS)
    known = name in OPERATORS or name in NEGATED or rest == "Null"
    if not known or over not in ("", *SETS):
        raise UnknownPolicyElement(f"The condition operator {operator} is not known to the emulator.")
    return over or None, name, rest != name


def holds(operator: str, key: str, wanted: list, context: Context, version: str) -> bool:
    """One operator and key of a condition block."""
    over, name, may_lack = parse_operator(operator)
    value = context.get(key)
    # No value is as good as no key (IAM User Guide, "Set operators for multivalued context keys").
    values = [each for each in as_list(value) if each is not None]
    if name == "Null":
        return any((str(each).lower() == "true") == (not values) for each in wanted)
    if over is None and context.is_multivalued(key):
        # The guide asks for a set operator on such a key. Without one the condition is not met.
        return False
    if not values:
        return may_lack or over == "ForAllValues" or (over is None and name in NEGATED)

    def one(each: str) -> bool:
        compare = OPERATORS[NEGATED.get(name, name)]
        found = any(compare(each, text_of(every), context, version) for every in wanted)
        return found != (name in NEGATED)

    return any(map(one, values)) if over == "ForAnyValue" else all(map(one, values))


def text_of(value: object) -> str:
    """JSON's true and numbers are as good as texts (IAM JSON policy elements: Condition)."""
    return str(value).lower() if isinstance(value, bool) else str(value)
