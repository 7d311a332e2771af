"""Services that LocalStack's free edition does not serve, and that moto has."""

from collections.abc import Callable

from localstack.aws.api import RequestContext, ServiceRequest, ServiceResponse
from localstack.aws.skeleton import DispatchTable
from localstack.aws.spec import load_service
from localstack.services.moto import call_moto
from localstack.services.plugins import SERVICE_PLUGINS, Service, ServicePluginAdapter, ServicePluginManager
from localstack.utils.bootstrap import get_enabled_apis
from localstack.utils.patch import patch


class Provider:
    """What LocalStack calls an implementation of a service; all of it is moto's."""

    def __init__(self, service: str) -> None:
        self.service = service


def by_moto(context: RequestContext, _request: ServiceRequest) -> ServiceResponse:
    return call_moto(context)


def dispatch_table(provider: Provider) -> DispatchTable:
    return dict.fromkeys(load_service(provider.service).operation_names, by_moto)


def add(name: str, prepare: Callable[[], None]) -> None:
    """Add a service to those that LocalStack loads at their first request, and prepare it then.

    moto's models take long to import, and most who start LocalStack do not need them.
    """
    SERVICE_PLUGINS.api_provider_specs[name] = [SERVICE_PLUGINS.get_default_provider()]
    # It keeps what it once listed.
    get_enabled_apis.cache_clear()

    def create_service() -> Service:
        prepare()
        return Service.for_provider(Provider(name), dispatch_table_factory=dispatch_table)

    @patch(ServicePluginManager._load_service_plugin)
    def _load_service_plugin(original, self, asked):
        if asked != name:
            return original(self, asked)
        plugin = ServicePluginAdapter(name, create_service)
        plugin.load()
        return plugin
