"""EC2's operations that are newer than the botocore that LocalStack comes with.

They are described as botocore's own additions to a service's description are (`botocore.loaders`, "extras"), in the
words of AWS's newer SDKs.
"""

import json
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

DESCRIPTION = Path(__file__).with_name("newer_operations.json")


def names() -> list[str]:
    """The names of the operations that are added."""
    return list(additions()["merge"]["operations"])


def additions() -> dict[str, Any]:
    return json.loads(DESCRIPTION.read_text())


def install() -> None:
    """Patch botocore: in LocalStack, and in the tests that call it."""
    original = Loader._find_extras

    def find_extras(self: Loader, service: str, kind: str, version: str) -> Any:
        yield from original(self, service, kind, version)
        if (service, kind) == ("ec2", "service-2"):
            yield additions()

    Loader._find_extras = find_extras
