"""Attributes of an image that tell how instances of it start and what they cost.

EC2 API Reference, RegisterImage, Image and ImageAttribute. They are kept by their names there.
"""

import base64
import binascii
from typing import Any

from moto.ec2.models.amis import Ami

from . import launches, protection
from .errors import ec2_error

Attributes = dict[str, Any]

# What RegisterImage takes, and the values where not every one goes.
REGISTERED: dict[str, tuple[str, ...] | None] = {
    "BootMode": ("legacy-bios", "uefi", "uefi-preferred"),
    "EnaSupport": None,
    "ImdsSupport": ("v2.0",),
    "KernelId": None,
    "RamdiskId": None,
    "SriovNetSupport": None,
    "TpmSupport": ("v2.0",),
    "UefiData": None,
}
# DescribeImageAttribute's names of those that it answers.
DESCRIBED = {
    "bootMode": "BootMode",
    "imdsSupport": "ImdsSupport",
    "kernel": "KernelId",
    "ramdisk": "RamdiskId",
    "sriovNetSupport": "SriovNetSupport",
    "tpmSupport": "TpmSupport",
    "uefiData": "UefiData",
}
# EC2 User Guide, "AMI billing information fields".
LINUX = {"PlatformDetails": "Linux/UNIX", "UsageOperation": "RunInstances"}
WINDOWS = {"Platform": "windows", "PlatformDetails": "Windows", "UsageOperation": "RunInstances:0002"}


def registered(params: dict) -> Attributes:
    """Those of a request, each one checked."""
    given = {name: params[name] for name in REGISTERED if name in params}
    for name, value in given.items():
        check(name, value)
    return {**LINUX, **given}


def check(name: str, value: Any) -> None:
    """Whether EC2 takes the value."""
    valid = REGISTERED[name]
    if (valid and value not in valid) or (name == "UefiData" and not is_base64(value)):
        raise ec2_error("InvalidParameterValue", f"Value ({value}) for parameter {name} is invalid.")


def is_base64(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        return False
    return True


def of(image: Ami) -> Attributes:
    """Those of an image of this account, or of one of Amazon's, about which moto knows less."""
    if hasattr(image, "attributes"):
        return dict(image.attributes)
    return {**(WINDOWS if image.platform == "windows" else LINUX), "BootMode": image.boot_mode}


def shown(attributes: Attributes) -> Attributes:
    """What DescribeImages answers: Image has no UEFI data."""
    return {name: value for name, value in attributes.items() if name != "UefiData"}


def modify(image: Ami, params: dict) -> None:
    """EC2 API Reference, ModifyImageAttribute: that instances use IMDSv2 can be said later, and never undone."""
    wanted = (params.get("ImdsSupport") or {}).get("Value")
    if wanted is not None:
        check("ImdsSupport", wanted)
        image.attributes["ImdsSupport"] = wanted


def describe_one(image: Ami, attribute: str) -> dict[str, Any]:
    """One attribute as DescribeImageAttribute answers it; blockDeviceMapping always gives AuthFailure."""
    if attribute == "blockDeviceMapping":
        raise ec2_error("AuthFailure", "Unauthorized attempt to access restricted resource")
    if attribute == "launchPermission":
        return {"LaunchPermissions": image.launch_permissions}
    if attribute == "productCodes":
        return {"ProductCodes": [{"ProductCodeId": code} for code in sorted(image.product_codes)]}
    if attribute == "description":
        return {"Description": {"Value": image.description}}
    if attribute == "deregistrationProtection":
        return {"DeregistrationProtection": {"Value": protection.describe(image)}}
    if attribute == "lastLaunchedTime":
        return {"LastLaunchedTime": {"Value": launches.last_launched_time(image)}}
    if attribute not in DESCRIBED:
        raise ec2_error("InvalidRequest", "The request received was invalid")
    name = DESCRIBED[attribute]
    return {name: {"Value": of(image).get(name)}}
