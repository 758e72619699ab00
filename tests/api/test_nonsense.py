"""Answers in Supabase's name that are none of its servers': a captive portal's page, JSON of any other shape."""

import httpx
import pytest

from tests.api.conftest import Proxied
from tests.api.test_requests import BODIES, ROUTES
from tests.world import Organization, v3

DEEP = b"[" * 100_000 + b"]" * 100_000
#: What no route can make sense of.
NONSENSE = {
    "page": b"<html><body>Sign in to the Wi-Fi</body></html>", "deep": DEEP, "no text": b"\xff\xfe\x00",
    "cut": b'[{"id": ', "string": b'"hello"', "list of numbers": b"[1, 2]", "NaN": b"NaN",
}  # fmt: skip
#: What some make sense of: an empty list, or null, is an answer.
DOUBTFUL = {
    "empty": b"", "null": b"null", "list": b"[]", "object": b"{}", "rows without columns": b"[{}]",
    "number": b"-1", "true": b"true", "wrong types": b'[{"id": [], "name": 5, "organization_id": {}, "role": null}]',
}  # fmt: skip


@pytest.mark.parametrize("body", [*NONSENSE.values(), *DOUBTFUL.values()], ids=[*NONSENSE, *DOUBTFUL])
def test_nonsense_of_the_database_is_503_and_no_traceback(proxied: Proxied, acme: Organization, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {acme.owner.token}"}
    webhook = f"{proxied.url}/api/webhooks/pagerduty/{acme.token}"
    assert httpx.get(f"{proxied.url}/api/me", headers=headers).status_code == 200
    for settings_known in (False, True):
        if settings_known:
            proxied.proxy.reset()
            assert httpx.post(webhook, json=v3()).status_code == 202
        proxied.proxy.behaviour = lambda path: body if "/rest/" in path else "pass"
        told = httpx.post(webhook, json=v3(), timeout=20)
        # null is what the database says of an unknown token.
        assert told.status_code == (404 if body == b"null" and not settings_known else 503), told.text
    for method, path in ROUTES:
        sent = BODIES.get(path, {}) if method != "GET" else None
        answer = httpx.request(method, f"{proxied.url}{path}", headers=headers, json=sent, timeout=20)
        assert answer.status_code == 503 if body in NONSENSE.values() else answer.status_code != 500, path
    assert "Traceback" not in proxied.service.log
    assert '"unhandled"' not in proxied.service.log


@pytest.mark.parametrize("status", [400, 302, 599])
def test_nonsense_in_the_place_of_an_error_is_503_too(proxied: Proxied, acme: Organization, status: int) -> None:
    headers = {"Authorization": f"Bearer {acme.owner.token}"}
    webhook = f"{proxied.url}/api/webhooks/pagerduty/{acme.token}"
    assert httpx.get(f"{proxied.url}/api/me", headers=headers).status_code == 200
    odd = (b'{"code": 5, "message": [], "details": {}}', b'{"code": null}', b'{"code": "42501", "message": 5}')
    for body in (*NONSENSE.values(), *odd, b"", b"null", b"{}"):
        proxied.proxy.behaviour = lambda path, body=body: (status, body) if "/rest/" in path else "pass"  # type: ignore[misc]
        assert httpx.post(webhook, json=v3(), timeout=20).status_code == 503, body
        for method, path in ROUTES[::6]:
            sent = BODIES.get(path, {}) if method != "GET" else None
            answer = httpx.request(method, f"{proxied.url}{path}", headers=headers, json=sent, timeout=20)
            assert answer.status_code == 503, (path, body)
    assert "Traceback" not in proxied.service.log
    assert '"unhandled"' not in proxied.service.log


@pytest.mark.parametrize(
    "body",
    [
        DEEP, b'{"keys": ' + DEEP + b"}", b"[]", b"{}", b'{"keys": null}', b"<html>", b'{"keys": {"a": 1}}',
        b'{"keys": [1, null, {"kid": []}]}', b'{"keys": [{"kid": "a", "kty": []}, {"kid": "b", "kty": "EC", "x": 5}]}',
    ],
    ids=["deep", "deep keys", "list", "object", "null", "page", "keys as object", "no keys", "odd keys"],
)  # fmt: skip
def test_nonsense_of_auth_is_no_traceback_and_costs_nobody_their_session(
    proxied: Proxied, acme: Organization, body: bytes
) -> None:
    """An unknown kid has the keys fetched anew. Those that were had stay good where the answer is no set of keys.

    Whether the unknown one is the project's newest nobody can say then: it is not refused as none, for that would end
    a session.
    """
    good = {"Authorization": f"Bearer {acme.owner.token}"}
    assert httpx.get(f"{proxied.url}/api/me", headers=good).status_code == 200
    proxied.proxy.behaviour = lambda path: body if "/auth/" in path else "pass"
    unknown = {"Authorization": "Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6Im5vbmUifQ.eyJzdWIiOiJ4In0.c2ln"}
    assert httpx.get(f"{proxied.url}/api/me", headers=unknown).status_code == 503
    proxied.proxy.reset()
    assert httpx.get(f"{proxied.url}/api/me", headers=good).status_code == 200
    assert "Traceback" not in proxied.service.log
