"""Parameters that name an image: those of the data type `aws:ec2:image`.

Systems Manager User Guide, "Native parameter support for Amazon Machine Image IDs", and Systems Manager API Reference,
PutParameter, DataType: the call is answered with a version before the value is validated. A value that is not the id of
an image that is available to the account in the Region is not stored, and its version is spent.
"""

import threading
import time
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.ssm import PutParameterResult
from localstack.services.moto import call_moto_with_request
from localstack.services.ssm.provider import SsmProvider, ValidationException
from localstack.utils.patch import patch
from moto.ssm.models import PARAMETER_VERSION_LIMIT, Parameter, SimpleSystemManagerBackend, ssm_backends
from moto.ssm.utils import parameter_arn

from ... import faults
from ..ec2.errors import IMAGE_ID
from ..ec2.model import find_image
from ..events.bus import put_event

IMAGE = "aws:ec2:image"
# The guide's example of a failure, "Troubleshooting aws:ec2:image parameter creation" names it too.
NOT_VALID = "Unable to Describe Resource"

# Held by every change to parameters of this data type.
LOCK = threading.RLock()


def versions_of(backend: SimpleSystemManagerBackend, name: str) -> list[Parameter]:
    """The stored versions of a parameter. To index moto's dictionary with a name would make it an entry."""
    return dict.get(backend._parameters, backend._parameters.normalize_name(name), [])


def spent_versions(backend: SimpleSystemManagerBackend) -> dict[str, int]:
    """The highest version that PutParameter answered for each name."""
    return backend.__dict__.setdefault("image_copier_versions", {})


def start_validation(original: Any, backend: SimpleSystemManagerBackend, name: str, *args: Any, **options: Any) -> Any:
    """What moto would store, rejected where moto rejects it, with its version; and its validation begins."""
    known = versions_of(backend, name)
    # moto checks a request by storing the parameter, so it does it in another place.
    trial = SimpleSystemManagerBackend(backend.region_name, backend.account_id)
    trial.default_parameter_tier = backend.default_parameter_tier
    if known:
        trial._parameters[trial._parameters.normalize_name(name)] = list(known)
    parameter = original(trial, name, *args, **options)
    if parameter.parameter_type != "String":
        raise ValidationException(f"The data type {IMAGE} is for parameters of type String.")
    parameter.version = max(parameter.version, spent_versions(backend).get(parameter.name, 0) + 1)
    spent_versions(backend)[parameter.name] = parameter.version
    tags = dict(trial._resource_tags["Parameter"].get(parameter.name, {}))
    operation = "Update" if known else "Create"
    timer = threading.Timer(faults.parameter_seconds(), end_validation, args=(backend, parameter, tags, operation))
    timer.daemon = True
    timer.start()
    return parameter


def end_validation(
    backend: SimpleSystemManagerBackend, parameter: Parameter, tags: dict[str, str], operation: str
) -> None:
    """Store the parameter if its image is available, and tell how it ended."""
    account, region = backend.account_id, backend.region_name
    is_valid = is_available_image(parameter.value, account, region)
    if is_valid:
        with LOCK:
            store(backend, parameter, tags)
    described = {"description": parameter.description} if parameter.description else {}
    put_event(
        account,
        region,
        source="aws.ssm",
        detail_type="Parameter Store Change",
        resource=parameter_arn(account, region, parameter.name),
        detail={"operation": operation, "name": parameter.name, "type": parameter.parameter_type}
        | (described if is_valid else {"exception": NOT_VALID, "dataType": IMAGE}),
    )


def is_available_image(value: str, account: str, region: str) -> bool:
    """Whether it is the id of an image that the account may launch in the Region."""
    image = find_image(value, account, region) if IMAGE_ID.fullmatch(value) else None
    return image is not None and image.state == "available"


def store(backend: SimpleSystemManagerBackend, parameter: Parameter, tags: dict[str, str]) -> None:
    """Add the version in its place: another one may have been validated meanwhile."""
    parameter.last_modified_date = time.time()
    versions = sorted([*versions_of(backend, parameter.name), parameter], key=lambda each: each.version)
    key = backend._parameters.normalize_name(parameter.name)
    backend._parameters[key] = versions[-PARAMETER_VERSION_LIMIT:]
    if tags:
        backend.add_tags_to_resource("Parameter", parameter.name, tags)


def data_type_of(context: RequestContext, name: str) -> str | None:
    """The data type of a parameter that exists."""
    versions = versions_of(ssm_backends[context.account_id][context.region], name)
    return versions[-1].data_type if versions else None


def install() -> None:
    """Patch Parameter Store."""

    @patch(SsmProvider.put_parameter)
    def put_parameter(original, self, context, request, **kwargs):
        """A parameter stays of this data type (Systems Manager User Guide, "Parameter data types")."""
        name = self._normalize_name(request["Name"])
        known = data_type_of(context, name)
        wanted = request.get("DataType") or known or "text"
        if known not in (None, wanted) and IMAGE in (known, wanted) and request.get("Overwrite"):
            raise ValidationException(f"The data type of a parameter cannot be changed from {known} to {wanted}.")
        if wanted != IMAGE:
            return original(self, context, request, **kwargs)
        # LocalStack itself would announce the parameter as created at once.
        answer = call_moto_with_request(context, {**request, "Name": name, "DataType": IMAGE})
        return PutParameterResult(**answer)

    @patch(SimpleSystemManagerBackend.put_parameter)
    def put_moto_parameter(
        original,
        self,
        name,
        description,
        value,
        parameter_type,
        allowed_pattern,
        keyid,
        overwrite,
        tags,
        data_type,
        **more,
    ):
        request = (description, value, parameter_type, allowed_pattern, keyid, overwrite, tags, data_type)
        if data_type != IMAGE:
            return original(self, name, *request, **more)
        with LOCK:
            return start_validation(original, self, name, *request, **more)

    @patch(SimpleSystemManagerBackend.describe_parameters)
    def describe_parameters(original, self, filters, parameter_filters):
        """Systems Manager API Reference, ParameterStringFilter: moto does not know the key DataType."""
        of_data_type = [each for each in parameter_filters or [] if each["Key"] == "DataType"]
        others = [each for each in parameter_filters or [] if each["Key"] != "DataType"]
        wanted = [each.get("Values") or [] for each in of_data_type]
        found = original(self, filters, others)
        return [each for each in found if all(each.data_type in values for values in wanted)]

    @patch(SimpleSystemManagerBackend.delete_parameter)
    def delete_parameter(original, self, name):
        spent_versions(self).pop(self._parameters.normalize_name(name), None)
        return original(self, name)

    @patch(SimpleSystemManagerBackend.delete_parameters)
    def delete_parameters(original, self, names):
        for name in names:
            spent_versions(self).pop(self._parameters.normalize_name(name), None)
        return original(self, names)
