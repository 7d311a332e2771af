"""The first requests to a service.

LocalStack loads a service at the first request for it, and calls it loaded a moment before its operations have
handlers. A second request in that moment was answered "no handler for operation" with status 501.
"""

from localstack.aws.handlers.service_plugin import ServiceLoader
from localstack.utils.patch import patch


def install() -> None:
    """Patch LocalStack's loader."""
    ready = set()

    @patch(ServiceLoader.require_service)
    def require_service(original, loader, chain, context, response):
        original(loader, chain, context, response)
        if not context.service or context.service.service_name in ready:
            return
        # Held by whoever gives the operations their handlers.
        with loader.service_locks[context.service.service_name]:
            ready.add(context.service.service_name)
