"""Whose requests count: wrong tokens are counted by the caller's address, as the trusted proxies tell it."""

from collections.abc import Iterator

import httpx
import pytest

from devstack.stack import Stack
from tests.api.service_processes import ServiceProcess

FAILURES = 600  # a minute


@pytest.fixture(scope="module")
def behind_a_proxy(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The service as it stands behind one reverse proxy; the test is that proxy."""
    service = ServiceProcess(stack, tmp_path_factory.mktemp("rates") / "service.log", {"TRUSTED_PROXIES": "1"})
    try:
        service.start()
        with httpx.Client(base_url=f"{service.url}/api/webhooks/pagerduty", timeout=20) as client:
            yield client
    finally:
        service.stop()


def test_404s_count_against_the_address_that_the_last_proxy_saw(behind_a_proxy: httpx.Client) -> None:
    """What a caller wrote into X-Forwarded-For before it changes nothing, and others are not in the way."""

    def guess(number: int, address: str) -> int:
        headers = {"X-Forwarded-For": f"10.0.{number // 250}.{number % 250}, {address}"}
        return behind_a_proxy.post(f"/guess-{number}", content=b"{}", headers=headers).status_code

    assert {guess(number, "192.0.2.1") for number in range(FAILURES)} == {404}
    assert guess(FAILURES, "192.0.2.1") == 429
    assert guess(FAILURES, "192.0.2.2") == 404
