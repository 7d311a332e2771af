"""Events that AWS services put on an account's default event bus."""

import json
import logging
from typing import Any

from localstack.aws.connect import connect_to

LOG = logging.getLogger(__name__)


def put_event(
    account: str, region: str, *, source: str, detail_type: str, resource: str, detail: dict[str, Any]
) -> None:
    """Put one event on the bus; delivery is best effort on AWS too, and the log says what was lost."""
    entry = {"Source": source, "DetailType": detail_type, "Resources": [resource], "Detail": json.dumps(detail)}
    try:
        connect_to(aws_access_key_id=account, region_name=region).events.put_events(Entries=[entry])
    except Exception:
        LOG.exception("The event %s was not delivered", entry)
