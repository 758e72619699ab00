"""A PostgREST, the stand-in or a real one, over a scratch database with the schema of the recorded cases."""

import contextlib
import os
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, LiteralString

import httpx
import jwt
import psycopg
import uvicorn
from psycopg.sql import SQL, Identifier

from devstack import postgrest, rest
from devstack.asgi import server_config
from devstack.keys import Keys
from devstack.postgres import SUPERUSER, Cluster, free_port

DATA = Path(__file__).parents[1] / "data" / "postgrest"
SECRET = "a secret that only these tests sign their tokens with"
KEYS = replace(Keys.create("https://rest.test"), jwt_secret=SECRET)
AUDIENCE = "authenticated"
USER1, USER2 = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
ACME, BETA = "aaaaaaaa-0000-0000-0000-000000000001", "bbbbbbbb-0000-0000-0000-000000000002"
#: Where Debian has PostgreSQL 15.
FIFTEEN = Path("/usr/lib/postgresql/15/bin/initdb")
#: A real PostgREST, where there is one.
POSTGREST = postgrest.find_program()


def token(role: str, sub: str | None = None, *, expires_in: int = 3600, secret: str = SECRET) -> str:
    """A signed access token."""
    claims = {"role": role, "aud": AUDIENCE, "exp": int(time.time()) + expires_in}
    return jwt.encode({**claims, "sub": sub} if sub else claims, secret, algorithm="HS256")


#: The callers of the recorded cases.
TOKENS = {
    "user1": token("authenticated", USER1),
    "user2": token("authenticated", USER2),
    "service": token("service_role"),
    "expired": token("authenticated", USER1, expires_in=-3600),
    "forged": token("authenticated", USER1, secret="another secret, of somebody who would like to come in"),
    "badrole": token("nobody_knows_this_role"),
    "garbage": "abc.def",
}


def authorization(caller: str) -> dict[str, str]:
    """The headers that a caller sends; none for `anon`."""
    return {"Authorization": f"Bearer {TOKENS[caller]}"} if caller in TOKENS else {}


@contextlib.contextmanager
def scratch(cluster: Cluster, *more: str) -> Iterator[str]:
    """A database with the schema of the recorded cases, and more files of SQL; dropped in the end."""
    name = f"rest_{uuid.uuid4().hex[:12]}"
    _administer(cluster, "create database {} template template0", name)  # to which nobody is ever connected
    _administer(cluster, "alter database {} set timezone to 'UTC'", name)
    try:
        with psycopg.connect(cluster.dsn(SUPERUSER, name)) as connection:
            for file in ("schema.sql", *more):
                connection.execute((DATA / file).read_bytes())
        yield name
    finally:
        _administer(cluster, "drop database {} with (force)", name)


def _administer(cluster: Cluster, statement: LiteralString, database: str) -> None:
    """On a connection of its own, since no database is copied while somebody is connected to it."""
    with psycopg.connect(cluster.dsn(SUPERUSER, "template1"), autocommit=True) as connection:
        connection.execute(SQL(statement).format(Identifier(database)))


@contextlib.contextmanager
def serve_app(app: Any) -> Iterator[str]:
    """Serves an ASGI application on a free port, in a thread; its URL."""
    # With its protocol named, or asyncio leaves Nagle's algorithm on and every answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # from now on who connects waits for the server, however long that takes to start
    server = uvicorn.Server(server_config(app, lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=30)
        listener.close()


@contextlib.contextmanager
def serve_stand_in(cluster: Cluster, database: str, **settings: Any) -> Iterator[str]:
    """The stand-in over a database, set up as the recorded server was; its URL."""
    settings = {"allow_tx_override": True, "audience": AUDIENCE, **settings}
    with serve_app(rest.create_app(cluster.dsn("authenticator", database), KEYS.read, **settings)) as url:
        yield url


@contextlib.contextmanager
def serve_postgrest(cluster: Cluster, database: str) -> Iterator[str]:
    """A real PostgREST over a database; its URL."""
    port, admin_port = free_port(), free_port()
    settings = postgrest.settings(cluster.dsn("authenticator", database), KEYS, ("public",), port, admin_port)
    recorded_with = {"PGRST_DB_TX_END": "commit-allow-override", "PGRST_JWT_AUD": AUDIENCE}
    with subprocess.Popen([str(POSTGREST)], env={**os.environ, **settings, **recorded_with}) as process:
        try:
            wait_until_ready(f"http://127.0.0.1:{admin_port}/ready", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Waits until PostgREST says that it has read its schema cache."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, timeout=5).status_code == 200:
                return
        threading.Event().wait(0.05)
    raise AssertionError("PostgREST did not become ready")
