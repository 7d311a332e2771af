"""`EC2 AMI State Change` events (EC2 User Guide, "Monitor AMI events using Amazon EventBridge")."""

import json
import logging
import threading
import uuid

from localstack.aws.connect import connect_to

LOG = logging.getLogger(__name__)


def announce(account: str, region: str, image_id: str, state: str, error_message: str = "") -> None:
    """Put the event on the default bus of the image's owner, beside the caller: EventBridge may have to be loaded."""
    threading.Thread(target=_put, args=(account, region, image_id, state, error_message), daemon=True).start()


def _put(account: str, region: str, image_id: str, state: str, error_message: str) -> None:
    entry = {
        "Source": "aws.ec2",
        "DetailType": "EC2 AMI State Change",
        "Resources": [f"arn:aws:ec2:{region}::image/{image_id}"],
        "Detail": json.dumps(
            {"RequestId": str(uuid.uuid4()), "ImageId": image_id, "State": state, "ErrorMessage": error_message}
        ),
    }
    try:
        connect_to(aws_access_key_id=account, region_name=region).events.put_events(Entries=[entry])
    except Exception:
        # Delivery is best effort on AWS too; the log says what was lost.
        LOG.exception("The event that %s is %s was not delivered", image_id, state)
