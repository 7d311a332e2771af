"""Deregistration protection (EC2 User Guide, "Protect an Amazon EC2 AMI from deregistration")."""

from datetime import timedelta
from typing import Any

from .errors import ec2_error

OFF = "disabled"
WITHOUT_COOLDOWN = "enabled-without-cooldown"
WITH_COOLDOWN = "enabled-with-cooldown"
COOLDOWN = timedelta(hours=24)


def describe(image: Any) -> str:
    """As DescribeImages shows it, and both operations answer it.

    The AWS CLI Reference has examples without a cooldown only. What is shown during one is known from
    github.com/ekristen/aws-nuke alone, which reads a time after these words; the time's form is not known.
    """
    if image.protection == OFF and in_cooldown(image):
        return f"disabled after {image.protected_until:%Y-%m-%dT%H:%M:%S.000Z}"
    return image.protection


def enable(image: Any, with_cooldown: bool) -> None:
    """EC2 API Reference, EnableImageDeregistrationProtection."""
    image.protection = WITH_COOLDOWN if with_cooldown else WITHOUT_COOLDOWN


def disable(image: Any) -> None:
    """EC2 API Reference, DisableImageDeregistrationProtection: the cooldown begins, if there is one."""
    if image.protection == WITH_COOLDOWN:
        image.protected_until = image.now() + COOLDOWN
    image.protection = OFF


def check(image: Any) -> None:
    """Reject that a protected image is deregistered.

    The guide names no error. OperationNotPermitted is what a protected instance gives that is terminated ("Error
    codes for the Amazon EC2 API").
    """
    if image.protection != OFF or in_cooldown(image):
        raise ec2_error("OperationNotPermitted", f"The image {image.id} is protected from deregistration.")


def in_cooldown(image: Any) -> bool:
    return image.protected_until is not None and image.now() < image.protected_until
