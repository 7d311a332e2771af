"""DescribeImageReferences (EC2 User Guide, "Identify your resources referencing specified AMIs").

Image Builder's recipes are types too; the emulator has no Image Builder, so no recipe refers to an image. Whether a
launch template that names a parameter refers to the parameter's image is not documented: here it does not.
"""

from collections.abc import Callable, Iterator
from typing import Any

from moto.ssm.models import ssm_backends
from moto.ssm.utils import parameter_arn

from .errors import check_image_id, ec2_error, required

MAX_IMAGES = 10
MIN_RESULTS = 5
STATES = ("pending", "running", "shutting-down", "terminated", "stopping", "stopped")
DEFAULT_DEPTH = 10
MAX_DEPTH = 10_000
IMAGE_PARAMETER = "aws:ec2:image"

# The ids of images that resources refer to, each with the resource's ARN.
References = Iterator[tuple[str, str]]


def references(backend: Any, params: dict) -> list[dict[str, str]]:
    """What refers to the images in the account and Region, whoever owns the images, and though they be gone."""
    image_ids = required(params, "ImageIds")
    if len(image_ids) > MAX_IMAGES:
        raise ec2_error("InvalidParameterValue", f"ImageIds: at most {MAX_IMAGES}.")
    for image_id in image_ids:
        check_image_id(image_id)
    if params.get("MaxResults") is not None and int(params["MaxResults"]) < MIN_RESULTS:
        raise ec2_error("InvalidParameterValue", f"MaxResults: at least {MIN_RESULTS}.")
    return [
        {"ImageId": image_id, "ResourceType": resource_type, "Arn": arn}
        for resource_type, options in scope_of(params).items()
        for image_id, arn in sorted(set(TYPES[resource_type](backend, options)))
        if image_id in image_ids
    ]


def scope_of(params: dict) -> dict[str, list[str]]:
    """The types to look at, with the values of the option that each one has; what is named goes before defaults."""
    named = params.get("ResourceTypes") or []
    if not named and not params.get("IncludeAllResourceTypes"):
        raise ec2_error("MissingParameter", "Either IncludeAllResourceTypes or ResourceTypes must be specified.")
    scope: dict[str, list[str]] = {each: [] for each in TYPES if params.get("IncludeAllResourceTypes")}
    for each in named:
        resource_type = each.get("ResourceType")
        if resource_type not in TYPES:
            raise ec2_error("InvalidParameterValue", f"ResourceType: one of {', '.join(TYPES)}.")
        scope[resource_type] = option_of(resource_type, each.get("ResourceTypeOptions") or [])
    return scope


def option_of(resource_type: str, options: list[dict]) -> list[str]:
    """The values of an instance's or launch template's option (EC2 API Reference, ResourceTypeOption)."""
    values: list[str] = []
    for option in options:
        name, values = option.get("OptionName"), option.get("OptionValues") or []
        if name != OPTIONS.get(resource_type) or not all(is_valid(name, value) for value in values):
            raise ec2_error("InvalidParameterValue", f"{resource_type} does not take {values} as {name}.")
    return values


def is_valid(option: str, value: str) -> bool:
    if option == "state-name":
        return value in STATES
    return value.isascii() and value.isdigit() and 1 <= int(value) <= MAX_DEPTH


def of_instances(backend: Any, states: list[str]) -> References:
    """Instances of all states, unless some are named: those that were terminated lately too."""
    for instance in instances_of(backend):
        if instance.state in (states or STATES):
            yield instance.image_id, arn(backend, f"instance/{instance.id}")


def of_launch_templates(backend: Any, depth: list[str]) -> References:
    """The newest versions of each launch template."""
    newest = int(depth[0]) if depth else DEFAULT_DEPTH
    for template in list(backend.launch_templates.values()):
        for version in template.versions[-newest:]:
            yield version.image_id, arn(backend, f"launch-template/{template.id}")


def of_parameters(backend: Any, _options: list[str]) -> References:
    """The latest versions of parameters for images; whether texts that are ids count too is not documented."""
    account, region = backend.account_id, backend.region_name
    for versions in list(ssm_backends[account][region]._parameters.values()):
        if versions and versions[-1].data_type == IMAGE_PARAMETER:
            yield versions[-1].value, parameter_arn(account, region, versions[-1].name)


def of_recipes(_backend: Any, _options: list[str]) -> References:
    yield from ()


TYPES: dict[str, Callable[[Any, list[str]], References]] = {
    "ec2:Instance": of_instances,
    "ec2:LaunchTemplate": of_launch_templates,
    "ssm:Parameter": of_parameters,
    "imagebuilder:ImageRecipe": of_recipes,
    "imagebuilder:ContainerRecipe": of_recipes,
}
OPTIONS = {"ec2:Instance": "state-name", "ec2:LaunchTemplate": "version-depth"}


def instances_of(backend: Any) -> list[Any]:
    """Every instance of the account and Region."""
    return [instance for reservation in list(backend.reservations.values()) for instance in reservation.instances]


def arn(backend: Any, resource: str) -> str:
    return f"arn:{backend.partition}:ec2:{backend.region_name}:{backend.account_id}:{resource}"
