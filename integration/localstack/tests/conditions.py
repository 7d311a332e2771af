"""Waiting for what an eventually consistent service will show."""

import time
from collections.abc import Callable


def wait_until[T](describe: str, check: Callable[[], T], timeout_seconds: float = 120) -> T:
    """Call `check` until its answer is truthy, and return that; fail with the last answer otherwise."""
    deadline = time.monotonic() + timeout_seconds
    while not (answer := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_seconds} s: {describe}; last: {answer!r}")
        time.sleep(0.05)
    return answer
