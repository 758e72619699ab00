"""A second and a third process of the service, for what the stack's own cannot show."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from devstack.stack import Stack
from tests.api.service_processes import Proxy, ServiceProcess


@dataclass
class Proxied:
    """A service that reaches Supabase through a proxy, and logs at level info."""

    service: ServiceProcess
    proxy: Proxy

    @property
    def url(self) -> str:
        return self.service.url


@pytest.fixture(scope="session")
def proxied_service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    proxy = Proxy(stack.supabase_url)
    proxy.start()
    environment = {
        "SUPABASE_URL": proxy.url,
        "SUPABASE_JWT_ISSUER": f"{stack.supabase_url}/auth/v1",
        "LOG_LEVEL": "info",
    }
    service = ServiceProcess(stack, tmp_path_factory.mktemp("proxied") / "service.log", environment)
    try:
        service.start()
        yield Proxied(service, proxy)
    finally:
        service.stop()
        proxy.stop()


@pytest.fixture
def proxied(proxied_service: Proxied) -> Iterator[Proxied]:
    """The service behind a proxy that lets everything through until the test says otherwise."""
    proxied_service.proxy.reset()
    yield proxied_service
    proxied_service.proxy.reset()
