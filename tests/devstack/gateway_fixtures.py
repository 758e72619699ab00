"""A running gateway for tests: a scratch database with two users and small policies, served by uvicorn."""

import contextlib
import math
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import bcrypt
import httpx
import psycopg
import pytest
import uvicorn

from devstack.gateway import GatewayConfig, create_server
from devstack.keys import Keys
from devstack.postgres import SUPERUSER, Cluster
from devstack.realtime import Settings

#: Refusals come at once, and nothing is too much.
QUICK = Settings(
    refusal_delay=0.05, connect_refusal_delay=0.05, max_events_per_second=math.inf, max_joins_per_second=math.inf
)
ANNA = "11111111-1111-1111-1111-111111111111"
BEN = "22222222-2222-2222-2222-222222222222"
PASSWORD = "correct horse battery staple"

SCHEMA = """
create table public.notes (
  id bigint generated always as identity primary key,
  owner uuid not null default auth.uid(),
  body text not null
);
alter table public.notes enable row level security;
grant select, insert, update, delete on public.notes to authenticated;
create policy own on public.notes to authenticated using (owner = (select auth.uid()));

-- What the recording ran with: one's own topic, and rooms, may be heard; rooms but one may be spoken in.
create policy hear on realtime.messages for select to authenticated
  using (
    extension = 'broadcast'
    and ((select realtime.topic()) = 'user:' || (select auth.uid()) or (select realtime.topic()) like 'room:%')
  );
create policy speak on realtime.messages for insert to authenticated
  with check ((select realtime.topic()) like 'room:%' and (select realtime.topic()) <> 'room:readonly');
"""
USER = """
insert into auth.users (
  instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at
)
values (
  '00000000-0000-0000-0000-000000000000', %(id)s::uuid, 'authenticated', 'authenticated', %(email)s, %(hash)s,
  %(confirmed)s,
  '{"provider": "email", "providers": ["email"]}', '{"name": "Somebody"}', now(), now()
)
"""
IDENTITY = """
insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
values (
  %(id)s::text, %(id)s::text::uuid, jsonb_build_object('sub', %(id)s::text, 'email', %(email)s::text), 'email',
  now(), now(), now()
)
"""


@dataclass(frozen=True)
class Database:
    """A scratch database."""

    cluster: Cluster
    name: str

    def dsn(self, user: str = SUPERUSER) -> str:
        return self.cluster.dsn(user, self.name)

    def execute(self, query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Runs one statement as the superuser, committed."""
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            ran = connection.execute(query, parameters)
            return ran.fetchall() if ran.description else []

    def add_user(self, email: str, confirmed: bool = True, user_id: str | None = None) -> str:
        """A user whose password is PASSWORD; their id."""
        user_id = user_id or str(uuid.uuid4())
        values = {
            "id": user_id,
            "email": email,
            "hash": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode(),
            "confirmed": "2026-01-01 00:00:00+00" if confirmed else None,
        }
        self.execute(USER, values)
        self.execute(IDENTITY, values)
        return user_id

    def send(self, topic: str, event: str = "greet", payload: str = '{"hello": "world"}', private: bool = True) -> None:
        """realtime.send."""
        self.execute("select realtime.send(%s::jsonb, %s, %s, %s)", (payload, event, topic, private))


@dataclass(frozen=True)
class Gateway:
    """A gateway that answers at `url`."""

    url: str
    keys: Keys
    database: Database

    @property
    def websocket_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/realtime/v1/websocket"

    def client(self, key: str | None = None, **headers: str) -> httpx.Client:
        """An HTTP client that sends the publishable key, or another."""
        sent = {"apikey": self.keys.publishable_key if key is None else key, **headers}
        return httpx.Client(base_url=self.url, headers={name: value for name, value in sent.items() if value})

    def token(self, user_id: str = ANNA, lifetime: float = 3600, **claims: Any) -> str:
        """An access token of our making; a claim that is None is left out."""
        now = int(time.time())
        made = {"sub": user_id, "role": "authenticated", "aud": "authenticated", "iat": now, "exp": now + int(lifetime)}
        made["jti"] = str(uuid.uuid4())
        made.update(claims)
        return self.keys.sign({name: value for name, value in made.items() if value is not None})


@contextlib.contextmanager
def serve(server: uvicorn.Server, listening: socket.socket) -> Iterator[uvicorn.Server]:
    """Runs a server on a socket, in a thread, until the block ends."""
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    wait_until(lambda: server.started or not thread.is_alive())
    assert server.started, "the server did not start"
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(timeout=20)


def bound_socket() -> tuple[socket.socket, str]:
    """A socket on a free port of loopback, and the URL it will answer at."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    return listening, f"http://127.0.0.1:{listening.getsockname()[1]}"


def wait_until(condition: Callable[[], object], timeout: float = 20) -> None:
    """Returns when the condition holds; fails after the timeout (seconds)."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come about"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def scratch_database(embedded_cluster: Cluster) -> Iterator[Database]:
    """A database with the platform, two users and the policies above."""
    name = f"gateway_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(embedded_cluster.dsn(SUPERUSER, "template1"), autocommit=True) as connection:
        connection.execute(f"create database {name} template postgres strategy file_copy")
    database = Database(embedded_cluster, name)
    database.execute(SCHEMA)
    database.add_user("anna@example.com", user_id=ANNA)
    database.add_user("ben@example.com", user_id=BEN)
    yield database
    with psycopg.connect(embedded_cluster.dsn(SUPERUSER, "template1"), autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def start_gateway(scratch_database: Database) -> Callable[..., contextlib.AbstractContextManager[Gateway]]:
    """Starts a gateway with other settings than the shared one's."""

    @contextlib.contextmanager
    def start(settings: Settings | None = None, **config: Any) -> Iterator[Gateway]:
        listening, url = bound_socket()
        keys = config.pop("keys", None) or Keys.create(f"{url}/auth/v1")
        values: dict[str, Any] = {
            "public_url": url,
            "authenticator_dsn": scratch_database.dsn("authenticator"),
            "auth_dsn": scratch_database.dsn("supabase_auth_admin"),
            "realtime_dsn": scratch_database.dsn(),
            "keys": keys,
            "realtime_settings": settings or QUICK,
        }
        with serve(create_server(GatewayConfig(**(values | config))), listening):
            yield Gateway(url, keys, scratch_database)

    return start


@pytest.fixture(scope="session")
def gateway(start_gateway: Callable[..., contextlib.AbstractContextManager[Gateway]]) -> Iterator[Gateway]:
    """The gateway that most tests share; it answers refusals at once."""
    with start_gateway() as running:
        yield running
