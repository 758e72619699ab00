"""How PostgREST is called: with which keys, and until when."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from pydantic import TypeAdapter

from service.config import Settings
from service.crypto import new_key
from service.rest import Deadline, Rest

LEGACY_KEY = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJl"


@contextmanager
def server(answer: Callable[[socket.socket, threading.Event], None]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Takes connections one after the other: keeps each one's request headers, then leaves it to `answer`."""
    listener = socket.create_server(("127.0.0.1", 0))
    over, seen = threading.Event(), list[dict[str, str]]()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                seen.append(headers_of(connection))
                answer(connection, over)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def headers_of(connection: socket.socket) -> dict[str, str]:
    """Reads a request to its end, lest the connection be reset when it is closed."""
    with connection.makefile("rb") as stream:
        stream.readline()
        lines = iter(stream.readline, b"\r\n")
        pairs = [line.decode().rstrip("\r\n").partition(": ") for line in lines]
        found = {name.lower(): value for name, _, value in pairs}
        stream.read(int(found.get("content-length", 0)))
    return found


TRUE = TypeAdapter(bool)


def rest_to(url: str, secret_key: str = "sb_secret_abc") -> Rest:
    values = {
        "supabase_url": url, "supabase_publishable_key": "sb_publishable_abc", "supabase_secret_key": secret_key,
        "credentials_keys": new_key(),
    }  # fmt: skip
    return Rest(Settings.model_validate(values))


def answer_true(connection: socket.socket, _: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\ntrue")


def test_a_legacy_secret_key_goes_into_both_headers_a_new_one_into_one() -> None:
    """Supabase: the legacy key is a JWT, and PostgREST takes the role from it; a new one is no token."""
    with server(answer_true) as (url, seen):
        for key in (LEGACY_KEY, "sb_secret_abc"):
            assert rest_to(url, key).call_as_service(Deadline.within(5), "f", TRUE) is True
    legacy, new = seen
    assert (legacy["apikey"], legacy["authorization"]) == (LEGACY_KEY, f"Bearer {LEGACY_KEY}")
    assert new["apikey"] == "sb_secret_abc"
    assert "authorization" not in new


def test_a_user_is_called_for_with_the_publishable_key_and_their_token() -> None:
    with server(answer_true) as (url, seen):
        rest_to(url).as_user("a.b.c").rpc("f", {}).execute()
    assert (seen[0]["apikey"], seen[0]["authorization"]) == ("sb_publishable_abc", "Bearer a.b.c")
    assert (seen[0]["content-profile"], json.loads(seen[0]["content-length"])) == ("pagerduty", 2)


def dribbling(beginning: bytes, drop: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Answers a few bytes now and then, without end."""

    def answer(connection: socket.socket, over: threading.Event) -> None:
        try:
            connection.sendall(beginning)
            while not over.wait(0.1):
                connection.sendall(drop)
        except OSError:
            return

    return answer


@pytest.mark.parametrize(
    ("beginning", "drop"),
    [
        (b"", b""),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", b" "),
    ],
    ids=["nothing", "headers", "body"],
)
def test_a_deadline_holds_in_total_not_for_each_read(beginning: bytes, drop: bytes) -> None:
    with server(dribbling(beginning, drop)) as (url, _):
        rest, started = rest_to(url), time.monotonic()
        deadline = Deadline.within(0.6)
        with pytest.raises(httpx.TimeoutException):
            rest.call_as_service(deadline, "f", TRUE)
        assert 0.5 < time.monotonic() - started < 1.5
        with pytest.raises(httpx.TimeoutException):
            rest.call_as_service(deadline, "f", TRUE)
        assert time.monotonic() - started < 1.5, "nothing is left for another call"
