"""What the service writes to its log, and what it must never write."""

import json
import socket
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.stack import Stack
from tests.api.conftest import Proxied
from tests.api.service_processes import wait_for
from tests.unit.pagerduty_examples import delivery
from tests.world import Organization, v3


def lines_of(text: str, request_id: str) -> list[dict[str, Any]]:
    """The log lines of one request, once its last one is there."""
    found = [json.loads(line) for line in text.splitlines() if line.startswith("{") and request_id in line]
    return found if any(line["event"] == "request" for line in found) else []


def log_of(stack: Stack, answer: httpx.Response) -> list[dict[str, Any]]:
    file = stack.state_dir / "service.log"
    lines: list[dict[str, Any]] = wait_for(lambda: lines_of(file.read_text(), answer.headers["X-Request-Id"]))
    return lines


def test_debug_tells_the_webhook_its_payload_and_how_many_people(stack: Stack, acme: Organization) -> None:
    key, address, person = f"key-{uuid.uuid4().hex}", f"{uuid.uuid4().hex}@example.com", f"Zoë {uuid.uuid4().hex}"
    payload = v3(
        assignees=[{"id": "PU1", "type": "user_reference", "summary": person, "email": address}],
        title=f"Disk full, write to {address}",
        integration_key=key,
    )
    answer = acme.send(payload, headers={"X-PagerDuty-Integration-Key": key})
    assert answer.status_code == 202
    lines = log_of(stack, answer)
    received = next(line for line in lines if line["event"] == "webhook_received")
    assert received["level"] == "debug"
    assert received["organization_id"] == acme.id
    assert "Disk full, write to ***" in json.dumps(received)
    assert next(line for line in lines if line["event"] == "people_notified")["recipients"] == 4
    ended = next(line for line in lines if line["event"] == "request")
    assert (ended["method"], ended["path"], ended["status"]) == ("POST", "/api/webhooks/pagerduty/***", 202)
    whole = (stack.state_dir / "service.log").read_text()
    for secret in (key, address, person, str(acme.token)):
        assert secret not in whole
        assert json.dumps(secret)[1:-1] not in whole


@pytest.mark.parametrize(
    "form",
    [
        *("DB_PASSWORD={}", "client_secret={}", "Authorization: Basic {}", "pwd={}", 'sent {{"password": "{}"}}'),
        *("Cookie: a=b; c={}", "eyJhbGciOiJIUzI1NiJ9.{}.x", "https://app.example/api/webhooks/pagerduty/{}"),
        *("postgres://app:{}@db/app", "https://app.example/?token={}&page=2", "export PGPASSWORD={}"),
        '{{"headers": [{{"value": "{}", "name": "Authorization"}}]}}',
    ],
)
def test_a_secret_in_free_text_is_in_no_log(stack: Stack, acme: Organization, form: str) -> None:
    secret, title = f"Q7{uuid.uuid4().hex}", f"Disk full {uuid.uuid4().hex}"
    written = form.format(secret)
    fields = [{"name": "Authorization", "value": secret}, {"key": "pin", "value": secret}, {"sessionId": secret}]
    answer = acme.send(
        v3(title=title, body={"details": {"text": written, "again": [json.dumps(written)]}, "cef": fields})
    )
    assert answer.status_code == 202
    received = next(line for line in log_of(stack, answer) if line["event"] == "webhook_received")
    assert title in json.dumps(received)
    assert_nowhere(stack, secret)


def test_a_duplicate_notifies_nobody(stack: Stack, acme: Organization) -> None:
    payload = v3()
    acme.send(payload)
    lines = log_of(stack, acme.send(payload))
    assert next(line for line in lines if line["event"] == "people_notified")["recipients"] == 0


def test_documented_payloads_leave_no_people_in_the_log(stack: Stack, acme: Organization) -> None:
    for name in ("v1-02-incident-acknowledge", "v2-02-incident-acknowledge"):
        log_of(stack, acme.send(delivery(name)))
    whole = (stack.state_dir / "service.log").read_text()
    for person in ("Laura Haley", "Wiley Jacobson", "laura.haley@example.com", "wiley.jacobson@example.com"):
        assert person not in whole


def test_info_logs_no_payload(proxied: Proxied, acme: Organization) -> None:
    title = f"Marked {uuid.uuid4().hex}"
    url = f"{proxied.url}/api/webhooks/pagerduty/{acme.token}"
    answer = httpx.post(url, json=v3(title=title))
    assert answer.status_code == 202
    httpx.post(url, content=b'{"marked-broken-json')
    request_id = answer.headers["X-Request-Id"]
    lines = wait_for(lambda: lines_of(proxied.service.log, request_id))
    assert [line["event"] for line in lines] == ["webhook_ingested", "request"]
    assert lines[0]["outcomes"] == ["created"]
    assert all(line["request_id"] == request_id and line["timestamp"] for line in lines)
    assert title not in proxied.service.log
    assert "marked-broken-json" not in proxied.service.log
    assert str(acme.token) not in proxied.service.log


def test_a_request_brings_its_id_or_gets_one(stack: Stack, acme: Organization) -> None:
    mine = f"mine-{uuid.uuid4().hex}"
    answer = acme.send(v3(), headers={"X-Request-Id": mine})
    assert answer.headers["X-Request-Id"] == mine
    assert log_of(stack, answer)
    for bad in ("with space", "x" * 65, '"quoted"', "a;b"):
        given = acme.send(v3(), headers={"X-Request-Id": bad}).headers["X-Request-Id"]
        assert given != bad
        assert len(given) == 32
    first, second = (httpx.get(f"{stack.service_url}/healthz").headers["X-Request-Id"] for _ in range(2))
    assert first != second
    refused = httpx.get(f"{stack.service_url}/api/me", headers={"X-Request-Id": mine})
    assert refused.json()["request_id"] == refused.headers["X-Request-Id"] == mine


def raw_request(stack: Stack, text: str) -> bytes:
    with socket.create_connection(("127.0.0.1", int(stack.config["service_port"])), timeout=10) as connection:
        connection.sendall(text.encode())
        connection.settimeout(10)
        return connection.recv(65536)


@pytest.mark.parametrize(
    "path",
    [
        "/api/webhooks/pagerduty/{}",
        "/api/webhooks/pagerduty/{}/",
        "/api/webhooks/pagerduty/{}/more",
        "/api/webhooks/pagerduty//{}",
        "/api//webhooks/pagerduty/{}",
        "/api/webhooks/pagerduty/{}?token={}",
        "/API/webhooks/PagerDuty/{}",
        "/api/webhooks/pagerduty/%20{}",
        "/api/webhooks/pagerduty/%2f{}",
        "/webhooks/{}",
        "//{}",
    ],
)
def test_the_webhook_token_is_in_no_log(stack: Stack, acme: Organization, path: str) -> None:
    where = path.format(acme.token, acme.token)
    for method in ("POST", "GET"):
        answer = httpx.request(method, f"{stack.service_url}{where}", json=v3(), timeout=20)
        log_of(stack, answer)
        if answer.status_code >= 400:
            assert str(acme.token) not in answer.text
    assert_nowhere(stack, str(acme.token))


def test_requests_that_gunicorn_itself_refuses_leave_no_token_either(stack: Stack, acme: Organization) -> None:
    path, secret = f"/api/webhooks/pagerduty/{acme.token}", uuid.uuid4().hex
    for text in (
        f"POST {path} HTTP/9.9\r\n\r\n",
        f"POST {path} with spaces HTTP/1.1\r\n\r\n",
        f"POST {path} HTTP/1.1\r\nBad Header: 1\r\n\r\n",
        f"POST {path}{'x' * 8000} HTTP/1.1\r\n\r\n",
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: banana\r\n\r\n",
        f"POST /{secret}\x1b[31m HTTP/1.1\r\nAuthorization\x1b[31m: Basic {secret}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: password={secret}\r\n\r\n",
    ):
        assert b" 4" in raw_request(stack, text) or b" 5" in raw_request(stack, text)
    assert_nowhere(stack, str(acme.token))
    assert_nowhere(stack, secret)
    assert_nowhere(stack, "\x1b")


def assert_nowhere(stack: Stack, token: str) -> None:
    log: Path = stack.state_dir / "service.log"
    assert token not in log.read_text()


def test_a_slash_too_many_is_a_wrong_address(stack: Stack, acme: Organization) -> None:
    answer = httpx.post(f"{stack.service_url}/api/webhooks/pagerduty//{acme.token}", json=v3())
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
