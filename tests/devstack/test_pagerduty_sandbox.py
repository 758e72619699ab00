"""The API key test against the sandbox, and against servers that fail."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pagerduty
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from devstack.pagerduty import (
    EU_KEY,
    FORBIDDEN_KEY,
    FULL_ACCESS_KEY,
    RATE_LIMITED_KEY,
    READ_ONLY_KEY,
    UNAVAILABLE_KEY,
    USER_EMAIL,
    USER_KEY,
    Key,
    Sandbox,
    create_app,
)
from service.pagerduty import client
from service.pagerduty.client import KeyTest
from service.vocabulary import Region


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """The app's URL, served on a free port by a thread."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        listener.listen()
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def regions(url: str) -> dict[str, str]:
    return {"us": f"{url}/us", "eu": f"{url}/eu"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[tuple[Sandbox, Mapping[str, str]]]:
    state = Sandbox()
    with served(create_app(state)) as url:
        yield state, regions(url)


@pytest.fixture
def ask(sandbox: tuple[Sandbox, Mapping[str, str]]) -> Callable[..., KeyTest]:
    state, base_urls = sandbox
    state.calls.clear()

    def asked(key: str, region: Region | None = "us") -> KeyTest:
        return client.check_api_key(key, region, base_urls)

    return asked


Ask = Callable[..., KeyTest]


def test_a_full_access_key(ask: Ask, sandbox: tuple[Sandbox, Any]) -> None:
    assert ask(FULL_ACCESS_KEY) == KeyTest(
        "valid", True, "The API key works for sandbox (US).", "us", "sandbox", True, 4, None, None
    )
    assert sandbox[0].calls == [
        "GET /us/abilities",
        "POST /us/webhook_subscriptions",
        "GET /us/users/me",
        "GET /us/users",
    ]


def test_a_users_key_tells_whose_it_is(ask: Ask, sandbox: tuple[Sandbox, Any]) -> None:
    found = ask(USER_KEY)
    assert (found.status, found.user_email, found.account, found.can_write) == ("valid", USER_EMAIL, "sandbox", True)
    assert "GET /us/users" not in sandbox[0].calls


def test_a_read_only_key_works_but_may_not_write(ask: Ask) -> None:
    found = ask(READ_ONLY_KEY)
    assert (found.status, found.ok, found.can_write, found.account) == ("read_only", True, False, "sandbox")
    assert "may only read" in found.message


@pytest.mark.parametrize("region", ["us", "eu", None])
def test_an_unknown_key(ask: Ask, sandbox: tuple[Sandbox, Any], region: Region | None) -> None:
    found = ask("no-such-key", region)
    assert (found.status, found.ok, found.region) == ("invalid_key", False, None)
    assert sorted(sandbox[0].calls) == ["GET /eu/abilities", "GET /us/abilities"]


@pytest.mark.parametrize(
    "key", ["", " ", "a b", "key\n", "clé", "\ud800", "\x00", "x" * 129, "Token token=abc", "key\u202e"]
)
def test_what_cannot_be_a_key_is_told_without_asking(ask: Ask, sandbox: tuple[Sandbox, Any], key: str) -> None:
    found = ask(key)
    assert (found.status, found.ok) == ("invalid_key", False)
    assert found.message.endswith(".")
    assert sandbox[0].calls == []


def test_a_rate_limited_key_is_told_when_to_come_back_and_not_asked_twice(
    ask: Ask, sandbox: tuple[Sandbox, Any]
) -> None:
    started = time.monotonic()
    found = ask(RATE_LIMITED_KEY)
    assert (found.status, found.ok, found.retry_after) == ("rate_limited", False, 42)
    assert "42 seconds" in found.message
    assert sandbox[0].calls == ["GET /us/abilities"]
    assert time.monotonic() - started < 3


def test_an_unavailable_pagerduty(ask: Ask, sandbox: tuple[Sandbox, Any]) -> None:
    found = ask(UNAVAILABLE_KEY)
    assert (found.status, found.ok) == ("unreachable", False)
    assert "503" in found.message
    assert sandbox[0].calls == ["GET /us/abilities"]


def test_a_key_that_is_refused(ask: Ask) -> None:
    found = ask(FORBIDDEN_KEY)
    assert (found.status, found.ok) == ("forbidden", False)


def test_without_a_region_the_key_s_own_is_found(ask: Ask) -> None:
    assert ask(FULL_ACCESS_KEY, None).region == "us"
    found = ask(EU_KEY, None)
    assert (found.status, found.region, found.account) == ("valid", "eu", "sandbox")


@pytest.mark.parametrize(("key", "asked", "right"), [(EU_KEY, "us", "eu"), (FULL_ACCESS_KEY, "eu", "us")])
def test_the_wrong_region_is_told(ask: Ask, key: str, asked: Region, right: Region) -> None:
    found = ask(key, asked)
    assert (found.status, found.ok, found.region, found.can_write) == ("wrong_region", False, right, True)
    assert found.message == (
        f"This API key belongs to PagerDuty's {right.upper()} region, not {asked.upper()}. Change the region."
    )


def test_no_key_nor_its_end_is_logged(
    sandbox: tuple[Sandbox, Mapping[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    state, base_urls = sandbox
    keys = {"good-key-9Qx7": Key(), "busy-key-7Zw3": Key(fails_with=429), "down-key-5Jk1": Key(fails_with=503)}
    state.keys |= keys
    with caplog.at_level(logging.DEBUG):
        found = [client.check_api_key(key, "us", base_urls) for key in (*keys, "bad-key-4Vb8")]
    assert [outcome.status for outcome in found] == ["valid", "rate_limited", "unreachable", "invalid_key"]
    assert caplog.records
    for secret in ("9Qx7", "7Zw3", "5Jk1", "4Vb8"):
        assert secret not in caplog.text
        assert secret not in repr(found)


def closed_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("region", ["us", None])
def test_a_closed_port_is_unreachable(region: Region | None) -> None:
    started = time.monotonic()
    found = client.check_api_key("some-key", region, regions(closed_port()))
    assert (found.status, found.ok) == ("unreachable", False)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("region", ["us", None])
def test_a_server_that_never_answers_is_unreachable_in_time(region: Region | None) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:
        started = time.monotonic()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        found = client.check_api_key("some-key", region, regions(url), timeout=0.7)
        assert (found.status, found.ok) == ("unreachable", False)
        assert time.monotonic() - started < 5


def test_no_question_is_asked_after_the_deadline(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "DEADLINE", 0.0)
    assert ask(FULL_ACCESS_KEY).status == "unreachable"


def test_a_refusal_by_one_region_and_silence_of_the_other_is_no_verdict(
    sandbox: tuple[Sandbox, Mapping[str, str]],
) -> None:
    for silent, answering in (("us", "eu"), ("eu", "us")):
        base_urls = {silent: closed_port(), answering: sandbox[1][answering]}
        assert client.check_api_key("no-such-key", None, base_urls).status == "unreachable"
    half = {"us": closed_port(), "eu": sandbox[1]["eu"]}
    assert client.check_api_key(EU_KEY, None, half).region == "eu"
    # Where a region was named, its own refusal counts.
    assert client.check_api_key("no-such-key", "eu", half).status == "invalid_key"


def answering(*statuses: tuple[str, Any]) -> Starlette:
    """A PagerDuty whose answers to some paths differ from a good one's."""
    answers: dict[str, Any] = {
        "/us/abilities": JSONResponse({"abilities": []}),
        "/us/users/me": JSONResponse({"error": {}}, 400),
        "/us/users": JSONResponse({"users": []}),
        "/us/webhook_subscriptions": JSONResponse({"error": {}}, 400),
    } | dict(statuses)

    async def answer(request: Request) -> Response:
        found = answers[request.url.path]
        assert isinstance(found, Response)
        return found

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])


ANSWERS: list[tuple[str, Response, dict[str, Any]]] = [
    ("/us/abilities", Response("<html>", 200), {"status": "unreachable"}),
    ("/us/abilities", Response('{"abilities": 5}', 200), {"status": "unreachable"}),
    ("/us/abilities", Response("[" * 50_000, 200), {"status": "unreachable"}),
    ("/us/abilities", Response("x", 200, {"content-encoding": "gzip"}), {"status": "unreachable"}),
    ("/us/abilities", RedirectResponse("https://example.com/"), {"status": "unreachable"}),
    ("/us/abilities", Response("", 404), {"status": "unreachable"}),
    ("/us/abilities", Response("", 429), {"status": "rate_limited", "retry_after": None}),
    ("/us/abilities", Response("", 429, {"ratelimit-reset": "soon"}), {"status": "rate_limited", "retry_after": None}),
    ("/us/abilities", Response("", 429, {"ratelimit-reset": "0"}), {"status": "rate_limited", "retry_after": 1}),
    ("/us/abilities", Response("", 429, {"ratelimit-reset": "99999"}), {"status": "rate_limited", "retry_after": 3600}),
    ("/us/webhook_subscriptions", Response("", 429), {"status": "valid", "can_write": None}),
    ("/us/webhook_subscriptions", Response("", 500), {"status": "valid", "can_write": None}),
    ("/us/webhook_subscriptions", Response("", 422), {"status": "valid", "can_write": True}),
    ("/us/users/me", Response("", 500), {"status": "valid", "account": None, "user_email": None}),
    ("/us/users/me", Response("[]", 200), {"status": "valid", "account": None, "user_email": None}),
    ("/us/users", Response("nonsense", 200), {"status": "valid", "account": None}),
    ("/us/users", JSONResponse({"users": [{"html_url": "https://evil.example/x"}]}), {"account": None}),
    ("/us/users", JSONResponse({"users": [{"html_url": "https://acme.eu.pagerduty.com/u"}]}), {"account": "acme"}),
]


@pytest.mark.parametrize(("path", "response", "expected"), ANSWERS)
def test_strange_answers(path: str, response: Response, expected: dict[str, Any]) -> None:
    with served(answering((path, response))) as url:
        found = client.check_api_key("some-key", "us", regions(url))
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    "base_url", ["http://api.pagerduty.com", "ftp://127.0.0.1", "http://127.0.0.1.example.com", ""]
)
def test_a_key_is_sent_in_the_clear_to_this_machine_only(base_url: str) -> None:
    with pytest.raises(pagerduty.UrlError):
        client.check_api_key("some-key", "us", {"us": base_url, "eu": base_url})


def test_the_real_addresses_are_https() -> None:
    assert dict(client.BASE_URLS) == {"us": "https://api.pagerduty.com", "eu": "https://api.eu.pagerduty.com"}


class TestSandbox:
    """The sandbox itself, by plain HTTP."""

    @pytest.fixture
    def http(self) -> TestClient:
        sandbox = Sandbox()
        sandbox.keys = {"good": Key(), "eu": Key(region="eu")}
        return TestClient(create_app(sandbox))

    def test_errors_have_pagerdutys_shape(self, http: TestClient) -> None:
        for authorization in ("", "Token token=bad", "Bearer good", "Token token=", "Token token=eu"):
            answer = http.get("/us/abilities", headers={"Authorization": authorization})
            assert answer.status_code == 401
            assert answer.json() == {
                "error": {"code": 2006, "message": "Unauthorized", "errors": ["Invalid API token"]}
            }

    @pytest.mark.parametrize(
        ("method", "path"), [("POST", "/us/users"), ("DELETE", "/us/abilities"), ("GET", "/abilities")]
    )
    def test_what_it_does_not_support_it_names(self, http: TestClient, method: str, path: str) -> None:
        answer = http.request(method, path)
        assert answer.status_code == 501
        assert answer.json()["error"]["message"] == f"The sandbox does not support {method} {path}"

    @pytest.mark.parametrize(
        "sent", [b"", b"{}", b"[]", b'{"webhook_subscription": 1}', b'{"webhook_subscription": {}}']
    )
    def test_a_subscription_without_any_field_is_never_made(self, http: TestClient, sent: bytes) -> None:
        authorization = {"Authorization": "Token token=good"}
        assert http.post("/us/webhook_subscriptions", content=sent, headers=authorization).status_code == 400
        assert http.get("/us/webhook_subscriptions", headers=authorization).json()["webhook_subscriptions"] == []

    def test_the_sandbox_knows_its_own_keys_when_none_are_given(self) -> None:
        http = TestClient(create_app())
        answer = http.get("/us/abilities", headers={"Authorization": f"Token token={FULL_ACCESS_KEY}"})
        assert answer.status_code == 200
