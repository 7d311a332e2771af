"""EC2's error answers, with the codes of "Error codes for the Amazon EC2 API" (EC2 Developer Guide)."""

import re
from typing import Any

from moto.ec2.exceptions import EC2ClientError

IMAGE_ID = re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})")


def ec2_error(code: str, message: str, status: int = 400) -> EC2ClientError:
    """An error that EC2 answers with this code and HTTP status."""
    error = EC2ClientError(code, message)
    error.code = status
    return error


def image_not_found(image_id: str) -> EC2ClientError:
    """What EC2 says of an image that is not there, and of one that the caller must not see."""
    return ec2_error("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")


def image_unavailable(image_id: str) -> EC2ClientError:
    """What EC2 says of an image that is deregistered, pending or failed."""
    return ec2_error("InvalidAMIID.Unavailable", f"The image ID '{image_id}' is not available.")


def snapshot_not_found(snapshot_id: str) -> EC2ClientError:
    """What EC2 says of a snapshot that is not there or not shared with the caller."""
    return ec2_error("InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' does not exist.")


def required(params: dict[str, Any], name: str) -> Any:
    """The value of a parameter that EC2 insists on."""
    if not params.get(name):
        raise ec2_error("MissingParameter", f"The request must contain the parameter {name}")
    return params[name]


def check_image_id(image_id: str) -> None:
    """The form of an image's id."""
    if not IMAGE_ID.fullmatch(image_id):
        raise ec2_error("InvalidAMIID.Malformed", f'Invalid id: "{image_id}" (expecting "ami-...")')
