"""The plugin's own HTTP routes, as a test calls them."""

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any


def call(localstack: Any, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """The status and the JSON of the answer; `body` is sent as JSON, or as it is if it is bytes."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{localstack.endpoint}/_image-copier/{path}", data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@contextlib.contextmanager
def fault(localstack: Any, **fields: Any) -> Iterator[dict]:
    """One fault, removed at the end."""
    status, added = call(localstack, "POST", "faults", fields)
    assert status == 201, added
    try:
        yield added
    finally:
        call(localstack, "DELETE", f"faults/{added['id']}")


@contextlib.contextmanager
def copies_take(localstack: Any, seconds: float) -> Iterator[None]:
    """How long copies stay pending; what was set before returns at the end."""
    with setting(localstack, copySeconds=seconds):
        yield


def end_copies(localstack: Any, account: str, image_id: str | None = None) -> list[str]:
    """End the account's pending images now, or one of them; their ids."""
    path = f"accounts/{account}/pending-images"
    status, ended = call(localstack, "DELETE", path if image_id is None else f"{path}/{image_id}")
    assert status == 200, ended
    return ended


@contextlib.contextmanager
def validations_take(localstack: Any, seconds: float) -> Iterator[None]:
    """How long the values of parameters that name an image are validated."""
    with setting(localstack, parameterSeconds=seconds):
        yield


@contextlib.contextmanager
def setting(localstack: Any, **seconds: float) -> Iterator[None]:
    before = call(localstack, "GET", "settings")[1]
    status, answer = call(localstack, "PUT", "settings", seconds)
    assert status == 200, answer
    try:
        yield
    finally:
        call(localstack, "PUT", "settings", before)
