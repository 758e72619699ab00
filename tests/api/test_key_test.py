"""Is this API key good? Each thing that can be wrong with one has an answer of its own."""

import time
from typing import Any

import httpx
import pytest

from devstack import pagerduty
from devstack.postgres import free_port
from devstack.stack import Stack
from tests.api.service_processes import ServiceProcess
from tests.world import Organization, World

URL = "/api/integrations/pagerduty"


@pytest.fixture(scope="module")
def shared(world: World) -> Organization:
    return world.organization("Keys", ("owner", "admin", "responder", "viewer"))


def check(organization: Organization, **body: Any) -> dict[str, Any]:
    answer = organization.admin.api.post(f"{URL}/test", json=body)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    assert result["message"].endswith(".")
    return result


@pytest.mark.parametrize(
    ("key", "region", "expected"),
    [
        (pagerduty.FULL_ACCESS_KEY, None, {"ok": True, "status": "valid", "region": "us", "can_write": True}),
        (pagerduty.FULL_ACCESS_KEY, "us", {"ok": True, "status": "valid", "account": "sandbox"}),
        (pagerduty.FULL_ACCESS_KEY, "eu", {"ok": False, "status": "wrong_region", "region": "us"}),
        (pagerduty.USER_KEY, None, {"ok": True, "status": "valid", "user_email": pagerduty.USER_EMAIL}),
        (pagerduty.READ_ONLY_KEY, None, {"ok": True, "status": "read_only", "can_write": False}),
        (pagerduty.EU_KEY, None, {"ok": True, "status": "valid", "region": "eu"}),
        (pagerduty.EU_KEY, "us", {"ok": False, "status": "wrong_region", "region": "eu"}),
        (pagerduty.RATE_LIMITED_KEY, None, {"ok": False, "status": "rate_limited", "retry_after": 42}),
        (pagerduty.FORBIDDEN_KEY, None, {"ok": False, "status": "forbidden"}),
        (pagerduty.UNAVAILABLE_KEY, None, {"ok": False, "status": "unreachable"}),
        ("nobody-knows-this-key", None, {"ok": False, "status": "invalid_key"}),
        ("two words and more", None, {"ok": False, "status": "invalid_key"}),
    ],
)
def test_each_key_has_its_answer(shared: Organization, key: str, region: str | None, expected: dict[str, Any]) -> None:
    for spelling in ("api_key", "apiKey"):
        found = check(shared, **{spelling: key}, **({"region": region} if region else {}))
        assert {name: found[name] for name in expected} == expected


def test_nothing_to_test(shared: Organization) -> None:
    assert check(shared)["status"] == "not_set"
    assert check(shared, api_key=None)["status"] == "not_set"


def test_the_saved_key_is_tested_in_its_saved_region(acme: Organization) -> None:
    acme.owner.api.post(URL, json={"api_key": pagerduty.EU_KEY, "region": "eu"})
    found = check(acme)
    assert (found["status"], found["region"]) == ("valid", "eu")
    acme.owner.api.post(URL, json={"region": "us"})
    assert check(acme)["status"] == "wrong_region", "what is saved would not work"
    assert check(acme, region="eu")["status"] == "valid"


def test_a_saved_key_that_cannot_be_opened_asks_for_a_new_one(
    acme: Organization, globex: Organization, world: World
) -> None:
    for organization in (acme, globex):
        organization.owner.api.post(URL, json={"api_key": pagerduty.FULL_ACCESS_KEY})
    with world.database() as connection:
        connection.execute(
            "update pagerduty.credentials c set api_key ="
            " (select o.api_key from pagerduty.credentials o where o.organization_id = %s)"
            " where c.organization_id = %s",
            (globex.id, acme.id),
        )
    found = check(acme)
    assert (found["ok"], found["status"]) == (False, "not_set")
    assert "again" in found["message"]


@pytest.mark.parametrize("role", ["viewer", "responder"])
def test_only_owners_and_admins_may(shared: Organization, role: str) -> None:
    for body in ({}, {"api_key": pagerduty.FULL_ACCESS_KEY}):
        answer = getattr(shared, role).api.post(f"{URL}/test", json=body)
        assert answer.status_code == 403
        assert answer.json()["type"] == "/problems/forbidden"


def test_422(shared: Organization) -> None:
    for body, field in (({"region": "mars"}, "region"), ({"api_key": "k" * 600}, "api_key"), ({"key": "x"}, "key")):
        answer = shared.admin.api.post(f"{URL}/test", json=body)
        assert answer.status_code == 422, body
        assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_an_unreachable_pagerduty_is_told_in_time(
    stack: Stack, shared: Organization, tmp_path_factory: pytest.TempPathFactory
) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    environment = {"PAGERDUTY_API_URL_US": closed, "PAGERDUTY_API_URL_EU": closed}
    service = ServiceProcess(stack, tmp_path_factory.mktemp("unreachable") / "service.log", environment)
    try:
        service.start()
        started = time.monotonic()
        answer = httpx.post(
            f"{service.url}{URL}/test",
            json={"api_key": pagerduty.FULL_ACCESS_KEY},
            headers={"Authorization": f"Bearer {shared.admin.token}"},
            timeout=20,
        )
        assert time.monotonic() - started < 9
        assert (answer.status_code, answer.json()["status"]) == (200, "unreachable")
    finally:
        service.stop()
