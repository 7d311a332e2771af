"""When an image was last used (EC2 User Guide, "Check when an Amazon EC2 AMI was last used")."""

from datetime import timedelta
from typing import Any

DELAY = timedelta(hours=24)


def last_launched_time(image: Any) -> str | None:
    """The latest launch that the owner is told of, which is never one of the last 24 hours."""
    told = [time for time in image.launches if time <= image.now() - DELAY]
    return f"{max(told):%Y-%m-%dT%H:%M:%SZ}" if told else None
