"""The webhook route's status codes: each follows PagerDuty's retry rules, and comes within its 5 seconds."""

import gzip
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from devstack.stack import Stack
from service.pagerduty.signatures import sign
from tests.api.conftest import Proxied
from tests.api.service_processes import ServiceProcess, wait_for
from tests.world import Organization, v3

LIMIT = 256 * 1024


def url_of(organization: Organization, service: str | None = None) -> str:
    return f"{service or organization.stack.service_url}/api/webhooks/pagerduty/{organization.token}"


def assert_problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"/problems/{slug}"
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        (b"", "not-json"),
        (b"{", "not-json"),
        (b"hello=world", "not-json"),
        (b"\xff\xfe", "not-json"),
        (b"NaN", "not-json"),
        (b"[]", "not-json"),
        (b'"text"', "not-json"),
        (b"[" * 100_000, "not-json"),
        (b'{"event":' * 20_000, "not-json"),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "not-json"),
        (b"{}", "nothing-usable"),
        (b'{"messages": []}', "nothing-usable"),
        (b'{"event": null}', "nothing-usable"),
        (b'{"event": []}', "nothing-usable"),
        (b'{"messages": [1, {"id": "no type"}]}', "nothing-usable"),
    ],
    ids=lambda value: value[:20].decode(errors="replace") if isinstance(value, bytes) else value,
)
def test_400_for_what_holds_no_event(acme: Organization, body: bytes, slug: str) -> None:
    assert_problem(acme.send(body), 400, slug)
    assert acme.viewer.api.get("/api/notifications").json()["items"] == []
    assert acme.admin.api.get("/api/integrations/pagerduty").json()["health"]["last_error"]


@pytest.mark.parametrize("token", ["0" * 64, "x", "a" * 129, "%00", "..%2f..%2fetc", "é", "'--", "*"])
def test_404_for_an_unknown_token(stack: Stack, token: str) -> None:
    answer = httpx.post(f"{stack.service_url}/api/webhooks/pagerduty/{token}", json=v3())
    assert_problem(answer, 404, "not-found")


def test_413_over_256_kib(acme: Organization) -> None:
    payload = v3(title="x")
    padding = LIMIT - len(json.dumps(payload).encode())
    largest = json.dumps(v3(title="x" * (padding + 1), event_id=payload["event"]["id"])).encode()
    assert len(largest) == LIMIT
    assert acme.send(largest).status_code == 202
    assert_problem(acme.send(largest + b" "), 413, "too-large")


def test_413_over_256_kib_without_a_content_length(acme: Organization) -> None:
    def chunks(size: int) -> Iterator[bytes]:
        payload = json.dumps(v3()).encode()
        yield payload
        yield b" " * (size - len(payload))

    assert httpx.post(url_of(acme), content=chunks(LIMIT)).status_code == 202
    assert_problem(httpx.post(url_of(acme), content=chunks(LIMIT + 1)), 413, "too-large")


def test_a_body_that_says_it_is_compressed_or_a_form_is_still_read_as_it_is(acme: Organization) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = acme.send(v3(), headers={"Content-Type": kind})
        assert (answer.status_code, kind) == (202, kind), answer.text
    for encoding in ("gzip", "br", "deflate", "identity"):
        answer = acme.send(v3(), headers={"Content-Encoding": encoding})
        assert (answer.status_code, encoding) == (202, encoding), answer.text
    packed = acme.send(gzip.compress(json.dumps(v3()).encode()), headers={"Content-Encoding": "gzip"})
    assert_problem(packed, 400, "not-json")


def test_405_for_other_methods(acme: Organization) -> None:
    answer = httpx.delete(url_of(acme))
    assert_problem(answer, 405, "method-not-allowed")
    assert "POST" in answer.headers["Allow"]


@pytest.fixture(scope="module")
def limited(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    log = tmp_path_factory.mktemp("limited") / "service.log"
    service = ServiceProcess(stack, log, {"WEBHOOK_RATE_LIMIT": "3 per hour"})
    try:
        service.start()
        yield service
    finally:
        service.stop()


def test_429_over_the_rate_of_one_integration(
    limited: ServiceProcess, acme: Organization, globex: Organization
) -> None:
    url = url_of(acme, limited.url)
    assert [httpx.post(url, json=v3(incident_id=f"P{number}")).status_code for number in range(3)] == [202] * 3
    answer = httpx.post(url, json=v3())
    assert_problem(answer, 429, "too-many-requests")
    assert int(answer.headers["Retry-After"]) > 0
    assert len(acme.viewer.api.get("/api/notifications").json()["items"]) == 3
    assert httpx.post(url_of(globex, limited.url), json=v3()).status_code == 202, "another one has a rate of its own"


def test_both_urls_of_an_integration_share_its_rate(limited: ServiceProcess, acme: Organization) -> None:
    old = url_of(acme, limited.url)
    rotated = acme.admin.api.post("/api/integrations/pagerduty/rotate-url").json()["webhook_url"]
    new = old.rpartition("/")[0] + "/" + rotated.rpartition("/")[2]
    assert [httpx.post(url, json=v3()).status_code for url in (old, new, old, new, old)] == [202, 202, 202, 429, 429]


def test_what_is_refused_uses_up_no_rate(limited: ServiceProcess, acme: Organization) -> None:
    """Else whoever knows a URL, and everybody knows the bare one, could keep an integration's own webhooks out."""
    acme.admin.api.post("/api/integrations/pagerduty", json={"signing_secret": "a-secret"}).raise_for_status()
    url, body = url_of(acme, limited.url), json.dumps(v3()).encode()
    signed = {"X-PagerDuty-Signature": sign(body, "a-secret")}
    for _ in range(5):
        assert_problem(httpx.post(url, content=body), 401, "bad-signature")
        assert_problem(httpx.post(url, content=b" " * (LIMIT + 1)), 413, "too-large")
    answers = [httpx.post(url, content=body, headers=signed).status_code for _ in range(4)]
    assert answers == [202, 202, 202, 429]


# What happens when Supabase does not answer ---------------------------------------------------------------------------


def timed_post(url: str) -> tuple[httpx.Response, float]:
    started = time.monotonic()
    answer = httpx.post(url, json=v3(), timeout=30)
    return answer, time.monotonic() - started


def assert_retry(answer: httpx.Response, seconds: float) -> None:
    assert_problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert seconds < 5, "PagerDuty waits no longer"


def test_503_when_supabase_cannot_be_reached(
    stack: Stack, acme: Organization, tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.mktemp("cut") / "service.log"
    issuer = f"{stack.supabase_url}/auth/v1"
    nowhere = ServiceProcess(stack, log, {"SUPABASE_URL": "http://127.0.0.1:9", "SUPABASE_JWT_ISSUER": issuer})
    try:
        nowhere.start()
        assert_retry(*timed_post(url_of(acme, nowhere.url)))
        signed_in = httpx.get(
            f"{nowhere.url}/api/me", headers={"Authorization": f"Bearer {acme.owner.token}"}, timeout=20
        )
        assert_problem(signed_in, 503, "unavailable")
        ready = httpx.get(f"{nowhere.url}/readyz", timeout=20)
        assert (ready.status_code, set(ready.json()["down"])) == (503, {"database", "auth"})
        assert httpx.get(f"{nowhere.url}/healthz").status_code == 200
        known = httpx.get(url_of(acme, nowhere.url), timeout=20)
        assert_problem(known, 503, "unavailable")
    finally:
        nowhere.stop()


@pytest.mark.parametrize("status", [500, 502, 503, 504, 401, 403, 404, 429])
def test_503_whatever_the_database_says_instead(proxied: Proxied, acme: Organization, status: int) -> None:
    url = url_of(acme, proxied.url)
    proxied.proxy.behaviour = lambda path: status if "/rpc/" in path else "pass"
    assert_retry(*timed_post(url))
    proxied.proxy.reset()
    assert httpx.post(url, json=v3()).status_code == 202
    proxied.proxy.behaviour = lambda path: status if "/rpc/" in path else "pass"
    assert_retry(*timed_post(url))


def test_503_in_time_when_the_database_hangs(proxied: Proxied, acme: Organization) -> None:
    url = url_of(acme, proxied.url)
    proxied.proxy.behaviour = lambda path: "hang" if "/rpc/" in path else "pass"
    assert_retry(*timed_post(url))
    assert len([one for one in proxied.proxy.requests if not one.endswith("tell_due")]) == 1


def test_429_for_what_waits_behind_too_many(proxied: Proxied, acme: Organization, globex: Organization) -> None:
    """One is on its way to the database and hangs there; so many wait for it, and the others are told at once."""
    assert httpx.post(url_of(acme, proxied.url), json=v3()).status_code == 202
    hung: list[str] = []

    def first_hangs(path: str) -> str:
        if "ingest" not in path or hung:
            return "pass"
        hung.append(path)
        return "hang"

    proxied.proxy.behaviour = first_hangs
    with ThreadPoolExecutor(100) as pool:
        sent = [pool.submit(timed_post, url_of(acme, proxied.url)) for _ in range(100)]
        wait_for(lambda: hung)
        assert httpx.post(url_of(globex, proxied.url), json=v3(), timeout=20).status_code == 202
        answers = [one.result() for one in sent]
    refused = [(answer, seconds) for answer, seconds in answers if answer.status_code == 429]
    assert {answer.status_code for answer, _ in answers} == {429, 503}
    assert len(refused) > len(answers) / 2
    for answer, seconds in refused:
        assert_problem(answer, 429, "too-many-requests")
        assert int(answer.headers["Retry-After"]) > 0
        assert seconds < 5


def test_503_in_time_when_the_database_dribbles(proxied: Proxied, acme: Organization) -> None:
    """Each byte comes in good time, the answer never does."""
    url = url_of(acme, proxied.url)
    assert httpx.post(url, json=v3()).status_code == 202
    proxied.proxy.behaviour = lambda path: "dribble" if "/rpc/" in path else "pass"
    assert_retry(*timed_post(url))


def test_503_in_time_when_the_settings_come_late_and_then_the_database_hangs(
    proxied: Proxied, acme: Organization
) -> None:
    def late(path: str) -> str:
        if "get_webhook" in path:
            until = time.monotonic() + 2.5
            while time.monotonic() < until:
                proxied.proxy._released.wait(0.1)
            return "pass"
        return "hang"

    proxied.proxy.behaviour = late
    assert_retry(*timed_post(url_of(acme, proxied.url)))


def test_the_answer_after_an_outage_is_no_duplicate_of_what_was_lost(proxied: Proxied, acme: Organization) -> None:
    """The database took it, the answer was lost: PagerDuty sends again, and there is one notification."""
    url, payload = url_of(acme, proxied.url), v3()
    proxied.proxy.behaviour = lambda path: 503 if "ingest" in path else "pass"
    assert httpx.post(url, json=payload).status_code == 503
    proxied.proxy.reset()
    assert httpx.post(url, json=payload).json()["outcomes"][0]["outcome"] == "created"
    assert httpx.post(url, json=payload).json()["outcomes"][0]["outcome"] == "duplicate"
    assert len(acme.viewer.api.get("/api/notifications").json()["items"]) == 1


def test_one_webhook_is_one_call_to_postgrest(proxied: Proxied, acme: Organization) -> None:
    acme.admin.api.post("/api/integrations/pagerduty", json={"signing_secret": "a-signing-secret"})
    url = url_of(acme, proxied.url)
    for number in range(3):
        body = json.dumps(v3()).encode()
        headers = {"X-PagerDuty-Signature": sign(body, "a-signing-secret")}
        assert httpx.post(url, content=body, headers=headers).status_code == 202
        calls = [request.rpartition("/")[2] for request in proxied.proxy.requests]
        calls = [call for call in calls if call != "tell_due"]  # not while PagerDuty waits
        assert calls == (["get_webhook"] if number == 0 else []) + ["ingest_webhooks"]
        proxied.proxy.requests.clear()
