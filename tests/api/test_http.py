"""What every answer says about itself, and what happens to requests that are none."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from devstack.postgres import free_port
from devstack.stack import Stack
from tests.api.service_processes import ServiceProcess, wait_for
from tests.world import Organization, v3

LIMIT = 256 * 1024
HEAD = "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}\r\n"


def raw(stack: Stack, request: bytes) -> tuple[str, dict[str, str], bytes]:
    """Sends bytes and reads until the server closes: status line, headers, and all that came after them."""
    with socket.create_connection(("127.0.0.1", int(stack.config["service_port"])), timeout=20) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    head, _, rest = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return status, headers, rest


def paths_with_a_body(organization: Organization) -> tuple[str, str]:
    return f"/api/webhooks/pagerduty/{organization.token}", "/api/incidents"


@pytest.mark.parametrize(
    "framing",
    [f"Content-Length: {LIMIT * 40}\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n80000\r\n"],
    ids=["length", "chunked"],
)
def test_after_413_the_connection_closes_and_says_so(stack: Stack, acme: Organization, framing: str) -> None:
    for path in paths_with_a_body(acme):
        head = HEAD.format(path=path, token=acme.owner.token) + framing
        status, headers, body = raw(stack, head.encode() + b" " * (LIMIT + 65536))
        assert " 413 " in status
        assert headers["connection"] == "close"
        assert headers["content-type"] == "application/problem+json"
        assert json.loads(body)["type"] == "/problems/too-large"


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n", b"2\r\n{}xx0\r\n\r\n", b"\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",        b"ffffffffffffffffffff\r\n{}\r\n", b"2;a=b\r\n{}\r\nzz\r\n\r\n",
    ],
    ids=["no number", "negative", "too long", "empty", "prefix", "huge", "second"],
)  # fmt: skip
def test_a_malformed_chunk_is_400(stack: Stack, acme: Organization, chunks: bytes) -> None:
    log = stack.state_dir / "service.log"
    for path in paths_with_a_body(acme):
        head = HEAD.format(path=path, token=acme.owner.token) + "Transfer-Encoding: chunked\r\n\r\n"
        before = log.stat().st_size
        with socket.create_connection(("127.0.0.1", int(stack.config["service_port"])), timeout=20) as connection:
            connection.sendall(head.encode() + chunks)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        assert answer.split(b"\r\n")[0].split()[1] == b"400", answer
        assert b"Traceback" not in log.read_bytes()[before:]


@pytest.mark.parametrize(
    ("framing", "part"),
    [("Content-Length: 1000", b" "), ("Transfer-Encoding: chunked", b"1\r\n \r\n")],
    ids=["length", "chunked"],
)
def test_a_body_has_so_many_seconds(stack: Stack, acme: Organization, framing: str, part: bytes) -> None:
    """Each byte comes in good time, the last one never: such a client would hold its connection for ever."""
    head = HEAD.format(path=paths_with_a_body(acme)[0], token=acme.owner.token) + f"{framing}\r\n\r\n"
    began, answer = time.monotonic(), b""
    with socket.create_connection(("127.0.0.1", int(stack.config["service_port"])), timeout=0.3) as connection:
        connection.sendall(head.encode())
        while not answer:
            assert time.monotonic() - began < 20
            connection.sendall(part)
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 503 "), "what a retry can cure"
    assert b"\r\nConnection: close\r\n" in answer


def test_a_body_that_ends_early_is_no_error_of_ours(stack: Stack, acme: Organization) -> None:
    log = stack.state_dir / "service.log"
    before = log.stat().st_size
    for path in paths_with_a_body(acme):
        head = HEAD.format(path=path, token=acme.owner.token) + "Content-Length: 1000\r\n\r\n{"
        with socket.create_connection(("127.0.0.1", int(stack.config["service_port"])), timeout=20) as connection:
            connection.sendall(head.encode())
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        assert b" 400 " in answer.split(b"\r\n")[0]
    assert b"Traceback" not in log.read_bytes()[before:]


def test_answers_are_kept_by_nobody_and_are_what_they_say(stack: Stack, acme: Organization) -> None:
    described = httpx.get(f"{stack.service_url}/api/openapi.json").json()["paths"]
    asked = [
        (method, path.replace("{", "").replace("}", "")) for path, methods in described.items() for method in methods
    ]
    asked += [("get", "/metrics"), ("get", "/api/nothing"), ("delete", "/api/me"), ("get", "/api/openapi.json")]
    assert len(asked) > 15
    for method, path in asked:
        answer = acme.owner.api.request(method.upper(), path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["Cache-Control"] == "no-store", path
    for path in ("/sign-in", "/api/docs", "/problems", "/no/page"):
        assert acme.owner.api.get(path, headers={"Accept": "text/html"}).headers["X-Content-Type-Options"] == "nosniff"


def test_a_webhook_url_may_end_with_a_slash(stack: Stack, acme: Organization) -> None:
    url = f"{stack.service_url}/api/webhooks/pagerduty/{acme.token}/"
    assert httpx.post(url, json=v3()).status_code == 202
    assert httpx.get(url).json() == {"status": "ok", "known": True, "enabled": True}
    assert httpx.get(f"{stack.service_url}/api/webhooks/pagerduty/").json() == {"status": "ok"}
    assert httpx.post(f"{stack.service_url}/api/webhooks/pagerduty/", json=v3()).status_code == 202, "the seed's"


@pytest.fixture
def metrics_apart(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServiceProcess, str]]:
    """A service with two workers that tells its metrics at an address of its own, and that address."""
    folder = tmp_path_factory.mktemp("metrics")
    (folder / "multiprocess").mkdir()
    bind = f"127.0.0.1:{free_port()}"
    environment = {
        "METRICS_BIND": bind, "PROMETHEUS_MULTIPROC_DIR": str(folder / "multiprocess"), "WEB_CONCURRENCY": "2",
    }  # fmt: skip
    service = ServiceProcess(stack, folder / "service.log", environment)
    try:
        service.start()
        yield service, f"http://{bind}/metrics"
    finally:
        service.stop()


def test_metrics_at_an_address_of_their_own(metrics_apart: tuple[ServiceProcess, str], acme: Organization) -> None:
    service, address = metrics_apart
    for number in range(20):
        answer = httpx.post(f"{service.url}/api/webhooks/pagerduty/{acme.token}", json=v3(incident_id=f"P{number}"))
        assert answer.status_code == 202
    counted = 'pagerduty_webhook_events_total{outcome="created"} 20.0'
    wait_for(lambda: counted in httpx.get(address).text, what="all that both workers counted")
    assert httpx.get(f"{service.url}/metrics").status_code == 404
    assert service.log.count("Traceback") == 0
