"""The first requests to a service, in LocalStack's loader itself: from outside, the gap is too short to be met."""

import threading
from types import SimpleNamespace

import pytest
from image_copier_localstack.runtime import service_loading
from localstack.aws.handlers.service_plugin import ServiceLoader
from localstack.services.plugins import Service

SNS = SimpleNamespace(service=SimpleNamespace(service_name="sns"))


class SlowRouter:
    """Takes a service's routes, and is interrupted before it has them."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.may_end = threading.Event()
        self.has_routes = False

    def add_skeleton(self, _skeleton) -> None:
        self.began.set()
        self.may_end.wait()
        self.has_routes = True


@pytest.fixture
def plugin_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin's patch of the loader, in this process and for one test."""
    monkeypatch.setattr(ServiceLoader, "require_service", ServiceLoader.require_service)
    service_loading.install()


@pytest.mark.usefixtures("plugin_installed")
def test_a_request_waits_until_another_has_routed_its_service():
    router = SlowRouter()
    manager = SimpleNamespace(exists=lambda _: True, require=lambda _: Service("sns"))
    loader = ServiceLoader(manager, router)
    found_routes = []

    def request() -> None:
        loader.require_service(None, SNS, None)
        found_routes.append(router.has_routes)

    first = threading.Thread(target=request)
    first.start()
    router.began.wait()
    second = threading.Thread(target=request)
    second.start()
    # It ends here if it does not wait for the first.
    second.join(timeout=0.5)
    router.may_end.set()
    first.join()
    second.join()

    assert found_routes == [True, True]
