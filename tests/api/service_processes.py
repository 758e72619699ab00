"""More processes of the service beside the stack's own, with other settings, and a proxy between one and Supabase."""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from devstack.postgres import free_port
from devstack.processes import Watchdog
from devstack.stack import ROOT, Stack, service_command

_HOP_BY_HOP = {"connection", "transfer-encoding", "content-encoding", "content-length", "host", "keep-alive"}


def wait_for(condition: Callable[[], Any], seconds: float = 10, what: str = "the condition") -> Any:
    """The first true answer of `condition`; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    tick = threading.Event()
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        tick.wait(0.03)


@dataclass
class ServiceProcess:
    """gunicorn with the service, as the stack starts it, but with settings of its own."""

    stack: Stack
    log_file: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def start(self) -> None:
        command = [*service_command(self.port), "--graceful-timeout", "1"]
        with self.log_file.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **self.stack.service_environment(), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._watchdog = Watchdog(self.process.pid)
        wait_for(self._answers, 30, "the service's first answer")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self._watchdog.dismiss()

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).is_success
        except httpx.HTTPError:
            return False


@dataclass
class Proxy:
    """Stands between a service and Supabase: counts requests, and can delay, break or swallow them.

    `behaviour` gets a path and answers "pass", "hang" (take the request, never answer), "dribble" (answer, a byte now
    and then, without end), an HTTP status to answer, the body of a 200, or both.
    """

    target: str
    behaviour: Callable[[str], str | int | bytes | tuple[int, bytes]] = lambda _: "pass"
    requests: list[str] = field(default_factory=list)

    def start(self) -> None:
        self._released = threading.Event()
        self._client = httpx.Client(base_url=self.target, timeout=20, headers={"Accept-Encoding": "identity"})
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        """Lets everything through again, and forgets what was counted."""
        self.behaviour = lambda _: "pass"
        self._released.set()
        self._released = threading.Event()
        self.requests.clear()

    def stop(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._client.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: Proxy


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.proxy.requests.append(f"{self.command} {self.path.partition('?')[0]}")
        match self.server.proxy.behaviour(self.path):
            case "hang":
                self.server.proxy._released.wait(30)
                self.close_connection = True
            case "dribble":
                self._dribble()
            case bytes(told):
                self._answer(200, [("Content-Type", "application/json")], told)
            case (int(status), bytes(told)):
                self._answer(status, [("Content-Type", "application/json")], told)
            case int(status):
                self._answer(status, [("Content-Type", "text/plain")], b"broken")
            case _:
                self._pass_on(body)

    def _pass_on(self, body: bytes) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        given = self.server.proxy._client.request(self.command, self.path, content=body, headers=headers)
        kept = [(name, value) for name, value in given.headers.items() if name not in _HOP_BY_HOP]
        self._answer(given.status_code, kept, given.content)

    do_GET = do_POST = do_PATCH = do_DELETE = do_HEAD = handle_any

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _dribble(self) -> None:
        self.send_response_only(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(OSError):
            while not self.server.proxy._released.wait(0.2):
                self.wfile.write(b" ")

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""
