"""Auto Scaling, which LocalStack's free edition does not serve: moto has it, with LocalStack's EC2 behind it."""

import logging

from localstack.aws.api import RequestContext, ServiceRequest, ServiceResponse
from localstack.aws.skeleton import DispatchTable
from localstack.aws.spec import load_service
from localstack.services.moto import call_moto
from localstack.services.plugins import SERVICE_PLUGINS, Service, ServicePluginAdapter, ServicePluginManager
from localstack.utils.bootstrap import get_enabled_apis
from localstack.utils.patch import patch
from moto.ec2.exceptions import EC2ClientError

LOG = logging.getLogger(__name__)

NAME = "autoscaling"


class Provider:
    """What LocalStack calls an implementation of a service; all of it is moto's."""

    service = NAME


def by_moto(context: RequestContext, _request: ServiceRequest) -> ServiceResponse:
    return call_moto(context)


def dispatch_table(_provider: Provider) -> DispatchTable:
    return dict.fromkeys(load_service(NAME).operation_names, by_moto)


def create_service() -> Service:
    # Here, for moto's model takes long to import, and most who start LocalStack do not need it.
    from moto.autoscaling.models import FakeAutoScalingGroup

    @patch(FakeAutoScalingGroup.replace_autoscaling_group_instances)
    def replace_autoscaling_group_instances(original, group, *args, **options):
        """A launch that fails is no error of the group (EC2 Auto Scaling User Guide, "EC2 launch failures")."""
        try:
            original(group, *args, **options)
        except EC2ClientError as problem:
            LOG.info("The Auto Scaling group %s launches nothing: %s", group.name, problem)

    return Service.for_provider(Provider(), dispatch_table_factory=dispatch_table)


def install() -> None:
    """Add the service to those that LocalStack loads at their first request."""
    SERVICE_PLUGINS.api_provider_specs[NAME] = [SERVICE_PLUGINS.get_default_provider()]
    # It keeps what it once listed.
    get_enabled_apis.cache_clear()

    @patch(ServicePluginManager._load_service_plugin)
    def _load_service_plugin(original, self, name):
        if name != NAME:
            return original(self, name)
        plugin = ServicePluginAdapter(NAME, create_service)
        plugin.load()
        return plugin
