"""A small fake in the place of a real Realtime: what the stack and the gateway must do for one can be seen from it."""

import contextlib
import os
import subprocess
import threading
from pathlib import Path
from typing import Self
from urllib.parse import quote

import jwt
import psycopg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from devstack.postgres import STAND_IN_REALTIME, embedded_bin_dir
from tests.devstack.gateway_fixtures import bound_socket, serve, wait_until

_PUBLICATION = "supabase_realtime_messages_publication"  # Realtime's own name for it
_IS_EMPTY = """
    select not exists (select from pg_class where relnamespace = 'realtime'::regnamespace)
      and not exists (select from pg_proc where pronamespace = 'realtime'::regnamespace)
      and to_regnamespace('pagerduty') is null
"""


class FakeRealtime:
    """It starts as Realtime does, once its settings are written: makes the schema, reads the log, then listens.

    `seen` has (host, path, query) of each request, but for pings; `found_empty` whether nothing was in the schema
    before it, and nothing of ours in the database. `log` is the file with what the database told it.
    """

    def __init__(self, settings_file: Path) -> None:
        self._socket, self.url = bound_socket()
        self._settings_file = settings_file
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.log = settings_file.with_name("wal.log")
        self.settings: dict[str, str] = {}
        self.reader: subprocess.Popen[bytes] | None = None
        self.found_empty = False
        self.seen: list[tuple[str, str, str]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        if self.reader is not None:
            self.reader.kill()
            self.reader.wait()

    def stop(self) -> None:
        """It does not answer any more; its connection to the database stays."""
        self._stopping.set()
        self._thread.join(timeout=20)

    def _run(self) -> None:
        while not (self._settings_file.exists() and self._settings_file.read_text().endswith("RLIMIT_NOFILE=10000\n")):
            if self._stopping.wait(0.05):
                return
        for line in self._settings_file.read_text().splitlines():
            name, _, self.settings[name] = line.partition("=")
        self._make_schema()
        self.read_log("--create-slot")
        routes = [
            Route("/api/ping", self._ping),
            Route("/api/broadcast", self._broadcast, methods=["POST"]),
            WebSocketRoute("/socket/websocket", self._websocket),
        ]
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="warning"))
        with serve(server, self._socket):
            self._stopping.wait()

    @property
    def dsn(self) -> str:
        """The database that its settings name."""
        named = {name: quote(value) for name, value in self.settings.items() if name.startswith("DB_")}
        return "postgresql://{DB_USER}:{DB_PASSWORD}@{DB_HOST}:{DB_PORT}/{DB_NAME}".format(**named)

    def _make_schema(self) -> None:
        """What its migrations leave: the stand-in's schema without how that is told of rows."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            self.found_empty = connection.execute(_IS_EMPTY).fetchone() == (True,)
            made = STAND_IN_REALTIME.read_text().partition("create function realtime.notify_message")[0]
            connection.execute(made.encode())
            connection.execute(f"create publication {_PUBLICATION} for table realtime.messages".encode())

    def read_log(self, *options: str) -> None:
        """Has the database's log streamed to a file; returns when that has begun."""
        command = [
            str(embedded_bin_dir() / "pg_recvlogical"), *options, "--start", "--slot", "fake", "-P", "pgoutput",
            "-o", "proto_version=1", "-o", f"publication_names={_PUBLICATION}", "-F", "0", "-f", str(self.log),
            "-h", self.settings["DB_HOST"], "-p", self.settings["DB_PORT"], "-U", self.settings["DB_USER"],
            "-d", self.settings["DB_NAME"],
        ]  # fmt: skip
        environment = {**os.environ, "PGPASSWORD": self.settings["DB_PASSWORD"]}
        self.reader = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            streaming = "select 1 from pg_stat_replication where state = 'streaming'"
            wait_until(lambda: connection.execute(streaming).fetchone())

    def _note(self, request: HTTPConnection) -> None:
        self.seen.append((request.headers["host"], request.url.path, request.url.query))

    async def _ping(self, request: Request) -> Response:
        tenant = request.headers["host"].partition(".")[0]
        if tenant != self.settings["SELF_HOST_TENANT_NAME"]:
            return JSONResponse({"message": "Tenant not found in database"}, status_code=401)
        return JSONResponse({"message": "Success"})

    async def _broadcast(self, request: Request) -> Response:
        self._note(request)
        claims = self._claims(request.headers["authorization"].removeprefix("Bearer "))
        return JSONResponse(claims, status_code=202)

    async def _websocket(self, websocket: WebSocket) -> None:
        self._note(websocket)
        await websocket.accept()
        await websocket.send_json(self._claims(websocket.query_params["apikey"]))
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await websocket.send_text(await websocket.receive_text())

    def _claims(self, token: str) -> object:
        """Of a token that the secret signed, which is all that it was told."""
        return jwt.decode(token, self.settings["API_JWT_SECRET"], algorithms=["HS256"])
