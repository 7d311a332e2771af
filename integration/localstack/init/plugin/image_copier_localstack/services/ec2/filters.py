"""Filters of listings (EC2 User Guide, "List and filter using the CLI and API"): any of the values, `*` and `?`."""

import re
from typing import Any

from moto.ec2.models.amis import Ami

from . import watermarks
from .model import snapshot_ids_of

# Amazon's images in moto have no such attribute, and no watermarks.
ANCESTRY = ("source-image-id", "source-image-region")


def select(filters: dict[str, list[str]], views: list) -> list:
    """What matches every filter, by at least one of its values."""
    patterns = {name: [pattern_of(value) for value in values] for name, values in filters.items()}
    return [view for view in views if all(matches(value_of(view, name), patterns[name]) for name in patterns)]


def value_of(view: Any, name: str) -> Any:
    # Asked for what it does not know, moto would look through all tags of the account first.
    if isinstance(view, Ami) and (name in ANCESTRY or name.startswith(watermarks.FILTER)):
        return None
    if isinstance(view, Ami) and name == "block-device-mapping.snapshot-id":
        return snapshot_ids_of(view)
    return view.get_filter_value(name)


def matches(value: Any, patterns: list[re.Pattern[str]]) -> bool:
    if value is None:
        return False
    values = value if isinstance(value, list | set | tuple) else [value]
    texts = [str(each).lower() if isinstance(each, bool) else str(each) for each in values]
    return any(pattern.fullmatch(text) for pattern in patterns for text in texts)


def pattern_of(value: str) -> re.Pattern[str]:
    """`*` and `?` are wildcards unless a backslash stands before them; every other character is itself."""
    wildcards = {"*": ".*", "?": "."}
    tokens = re.findall(r"\\.|.", value, re.DOTALL)
    return re.compile("".join(wildcards.get(token) or re.escape(token[-1]) for token in tokens), re.DOTALL)
