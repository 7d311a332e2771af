"""Launch templates: their listings, and the images that they launch.

moto lists the first 15 without a word of the others, launches the latest version where EC2 launches the default one,
and looks up no parameters.
"""

from typing import Any

from localstack.utils.patch import patch
from moto.core.responses import ActionResult
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.models.launch_templates import LaunchTemplateVersion
from moto.ec2.responses import EC2Response
from moto.ssm.models import ssm_backends

from . import listing
from .errors import ec2_error

# The most that a page holds (EC2 API Reference, DescribeLaunchTemplates).
MAX_RESULTS = 200
ALL = 1_000_000
ALIAS = "resolve:ssm:"


def image_of(image_id: str | None, account: str, region: str) -> str | None:
    """The image that is meant (EC2 User Guide, "Use a Systems Manager parameter instead of an AMI ID").

    A parameter's name can have a version or a label. One that is not there stays as it is.
    """
    if not image_id or not image_id.startswith(ALIAS):
        return image_id
    parameters = ssm_backends[account][region].get_parameters([image_id.removeprefix(ALIAS)])
    return next((parameter.value for parameter in parameters.values()), image_id)


def launched_image(backend: InstanceBackend, image_id: str | None, template: dict[str, Any] | None) -> str | None:
    """What a launch names goes before what its template names (EC2 API Reference, RunInstances)."""
    if not image_id and template:
        image_id = backend._get_template_from_args(template).image_id
    return image_of(image_id, backend.account_id, backend.region_name)


def page(params: dict[str, Any], member: str, items: list) -> ActionResult:
    if not 1 <= int(params.get("MaxResults") or MAX_RESULTS) <= MAX_RESULTS:
        raise ec2_error("InvalidParameterValue", f"MaxResults: 1 to {MAX_RESULTS}.")
    return ActionResult(listing.page({"MaxResults": MAX_RESULTS, **params}, member, items))


def install() -> None:
    """Patch moto's operations, and its choice of a version."""

    @patch(EC2Response.describe_launch_templates)
    def describe_launch_templates(original, self):
        params = self.params
        self.params = {**params, "MaxResults": ALL}
        return page(params, "LaunchTemplates", original(self).result["LaunchTemplates"])

    @patch(EC2Response.describe_launch_template_versions)
    def describe_launch_template_versions(original, self):
        params = self.params
        if params.get("Filters"):
            raise ec2_error("InvalidParameterValue", "The emulator knows no filters of launch template versions.")
        self.params = {**params, "MaxResults": ALL}
        versions = original(self).result["LaunchTemplateVersions"]
        if params.get("ResolveAlias"):
            versions = [with_image(version, self.current_account, self.region) for version in versions]
        return page(params, "LaunchTemplateVersions", versions)

    @patch(InstanceBackend._get_template_from_args)
    def _get_template_from_args(original, self, template: dict[str, Any]) -> LaunchTemplateVersion:
        """EC2 API Reference, LaunchTemplateSpecification: without a version the default one."""
        return original(self, {**template, "Version": template.get("Version") or "$Default"})


def with_image(version: dict[str, Any], account: str, region: str) -> dict[str, Any]:
    """A version with the image that its parameter names (EC2 API Reference, ResolveAlias)."""
    data = version["LaunchTemplateData"]
    image_id = image_of(data.get("ImageId"), account, region)
    return {**version, "LaunchTemplateData": {**data, **({"ImageId": image_id} if image_id else {})}}
