"""Those who are slow, and those who are many, do not keep the others waiting."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from devstack.stack import Stack
from tests.api.service_processes import ServiceProcess
from tests.api.slow_clients import slow_clients
from tests.world import Organization, v3

SLOW = 1000
MARGIN = 0.1  # seconds that a webhook may take longer than usual
SENDERS = 32


@pytest.fixture(scope="module")
def service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service of its own, started as README says."""
    made = ServiceProcess(
        stack, tmp_path_factory.mktemp("load") / "service.log", {"WEBHOOK_RATE_LIMIT": "1000000 per minute"}
    )
    try:
        made.start()
        yield made
    finally:
        made.stop()


def seconds_of(post: Callable[[], httpx.Response], number: int = 15) -> list[float]:
    took = []
    for _ in range(number):
        started = time.monotonic()
        assert post().status_code == 202
        took.append(time.monotonic() - started)
    return took


def test_a_thousand_slow_clients_delay_no_webhook(service: ServiceProcess, acme: Organization) -> None:
    """They connect and say nothing, or stop in the middle: of a header, of a body, of a chunk; or go on to idle."""
    url = f"{service.url}/api/webhooks/pagerduty/{acme.token}"

    def post() -> httpx.Response:
        return httpx.post(url, json=v3(), timeout=20)

    usual = statistics.median(seconds_of(post))
    with slow_clients(service.port, SLOW) as clients:
        beside = statistics.median(seconds_of(post))
        assert len(clients) == SLOW
        assert httpx.get(f"{service.url}/healthz", timeout=20).is_success
    assert beside < usual + MARGIN


def test_a_noisy_organization_does_not_delay_another(
    service: ServiceProcess, acme: Organization, globex: Organization
) -> None:
    def url(organization: Organization) -> str:
        return f"{service.url}/api/webhooks/pagerduty/{organization.token}"

    over = threading.Event()

    def make_noise(sender: int) -> list[int]:
        answers = []
        while not over.is_set():
            messages = [_message(f"P{sender}-{number}") for number in range(100)]
            answers.append(httpx.post(url(acme), json={"messages": messages}, timeout=60).status_code)
        return answers

    with ThreadPoolExecutor(SENDERS) as pool:
        noise = [pool.submit(make_noise, sender) for sender in range(SENDERS)]
        try:
            took = seconds_of(lambda: httpx.post(url(globex), json=v3(), timeout=60), 10)
        finally:
            over.set()
        told = [status for sender in noise for status in sender.result()]
    assert set(told) <= {202, 429}, "what is too much is to be sent again"
    assert 202 in told
    assert statistics.median(took) < 1.5


def _message(incident: str) -> dict[str, object]:
    data = {"incident": {"id": incident, "title": "Noise", "status": "triggered", "service": {"id": "S", "name": "S"}}}
    return {"id": incident, "event": "incident.trigger", "type": "incident.triggered", "data": data}
