"""`EC2 AMI State Change` events (EC2 User Guide, "Monitor AMI events using Amazon EventBridge")."""

import logging
import threading
import uuid

from ... import faults
from ..events.bus import put_event

LOG = logging.getLogger(__name__)


def announce(account: str, region: str, image_id: str, state: str, error_message: str = "") -> None:
    """Put the event on the default bus of the image's owner, beside the caller: EventBridge may have to be loaded."""
    if faults.take_event_loss(account, region, state):
        LOG.info("The event that %s is %s is lost, as a fault says", image_id, state)
        return
    threading.Thread(target=_put, args=(account, region, image_id, state, error_message), daemon=True).start()


def _put(account: str, region: str, image_id: str, state: str, error_message: str) -> None:
    put_event(
        account,
        region,
        source="aws.ec2",
        detail_type="EC2 AMI State Change",
        resource=f"arn:aws:ec2:{region}::image/{image_id}",
        detail={"RequestId": str(uuid.uuid4()), "ImageId": image_id, "State": state, "ErrorMessage": error_message},
    )
