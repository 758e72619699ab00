"""Whose requests count: wrong tokens are counted by the caller's address, as the trusted proxies tell it."""

import json
from collections.abc import Iterator

import httpx
import pytest

from devstack.stack import Stack
from tests.api.service_processes import ServiceProcess, wait_for
from tests.world import Organization, v3

FAILURES, CHECKS = 600, 120  # a minute


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


def test_wrong_tokens_are_slowed_down_by_address_and_right_ones_never(
    behind_a_proxy: httpx.Client, acme: Organization
) -> None:
    """What a caller wrote into X-Forwarded-For before it changes nothing, and others are not in the way."""

    def post(token: str | None, number: int, address: str) -> httpx.Response:
        headers = {"X-Forwarded-For": f"10.0.{number // 250}.{number % 250}, {address}"}
        return behind_a_proxy.post(f"/{token}", json=v3(), headers=headers)

    def guess(number: int, address: str) -> int:
        return post(f"guess-{number}", number, address).status_code

    assert {guess(number, "192.0.2.1") for number in range(FAILURES)} == {404}
    slowed = post("guess", FAILURES, "192.0.2.1")
    assert (slowed.status_code, slowed.json()["type"]) == (429, "/problems/too-many-requests")
    assert int(slowed.headers["Retry-After"]) > 0
    assert guess(FAILURES, "192.0.2.2") == 404
    assert post(acme.token, FAILURES, "192.0.2.1").status_code == 202
    acme.admin.api.post("/api/integrations/pagerduty", json={"signing_secret": "a-secret"}).raise_for_status()
    assert post(acme.token, FAILURES, "192.0.2.1").status_code == 429, "unsigned, which is a failure too"
    assert post(acme.token, FAILURES, "192.0.2.2").status_code == 401


def test_checks_of_wrong_tokens_are_slowed_down_by_address_and_right_ones_never(
    behind_a_proxy: httpx.Client, acme: Organization
) -> None:
    def check(token: str | None, address: str) -> httpx.Response:
        return behind_a_proxy.get(f"/{token}", headers={"X-Forwarded-For": address})

    answers = [check(f"{number:064x}", "192.0.2.3") for number in range(CHECKS + 1)]
    assert {answer.status_code for answer in answers[:CHECKS]} == {200}
    assert answers[CHECKS].status_code == 429
    assert check(acme.token, "192.0.2.3").json()["known"]
    assert not check("guess", "192.0.2.4").json()["known"]


def test_a_proxy_that_nobody_told_of_is_warned_of_once(stack: Stack, acme: Organization) -> None:
    log = stack.state_dir / "service.log"

    def warnings() -> list[str]:
        return [line for line in log.read_text().splitlines() if "forwarded_for_ignored" in line]

    for _ in range(2):
        assert acme.send(v3(), headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 202
    (line,) = wait_for(warnings, what="the warning")
    assert "TRUSTED_PROXIES" in json.loads(line)["problem"]
