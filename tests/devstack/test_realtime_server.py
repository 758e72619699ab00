"""A real Realtime in the place of the stand-in, as far as that can be seen without one: the wiring, with a fake."""

import contextlib
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import httpx
import jwt
import psycopg
import pytest
from websockets.asyncio.client import connect as proxys_connect
from websockets.frames import Frame, Opcode
from websockets.protocol import Event
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websockets

from devstack.gateway import GatewayConfig, create_server
from devstack.ports import StackError
from devstack.postgres import SUPERUSER
from devstack.realtime_server import RealtimeServer, check_maker
from devstack.stack import DEMO_PASSWORD, Stack
from tests.conftest import new_stack
from tests.devstack.fake_realtime import FakeRealtime
from tests.devstack.gateway_fixtures import Database, Gateway, bound_socket, wait_until
from tests.devstack.realtime_client import SILENCE

StartGateway = Callable[..., contextlib.AbstractContextManager[Gateway]]
SECRET = "a secret that a person has chosen beforehand"
TENANT = "chosen-tenant"


@dataclass
class Running:
    """The tests' stack with a fake Realtime, and what the stack said while it started."""

    stack: Stack
    realtime: FakeRealtime
    said: list[str]

    def query(self, statement: str) -> object:
        """The one value that the superuser is answered."""
        assert self.stack.cluster is not None
        with psycopg.connect(self.stack.cluster.dsn(SUPERUSER), autocommit=True) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None


@pytest.fixture(scope="module")
def running(state_folder: Callable[[str], Path], new_data_dir: Callable[[Path, int], None]) -> Iterator[Running]:
    folder = state_folder("with-realtime")
    said: list[str] = []
    with FakeRealtime(folder / "realtime.env") as fake, pytest.MonkeyPatch.context() as environment:
        environment.delenv("SUPABASE_URL", raising=False)
        environment.setenv("REALTIME_URL", fake.url)
        environment.setenv("REALTIME_TENANT", TENANT)
        environment.setenv("SUPABASE_JWT_SECRET", SECRET)
        stack = new_stack(folder, new_data_dir)
        stack.progress = said.append
        stack.start()
        try:
            yield Running(stack, fake, said)
        finally:
            stack.stop()


def test_its_schema_is_empty_until_it_has_made_it_and_ours_comes_after(running: Running) -> None:
    assert running.realtime.found_empty
    waiting = f"Waiting until Realtime at {running.realtime.url} has made its schema"
    steps = [step.partition(" (")[0] for step in running.said]
    assert steps[:3] == ["Starting PostgreSQL", waiting, "Applying migrations and the seed"]
    assert str(running.stack.state_dir / "realtime.env") in running.said[1]
    policy = "select 1 from pg_policies where schemaname = 'realtime' and policyname = 'pagerduty: members listen'"
    assert running.query(policy) == 1


def test_its_settings_are_written_for_its_owner_alone(running: Running) -> None:
    file = running.stack.state_dir / "realtime.env"
    assert file.stat().st_mode & 0o077 == 0
    settings = running.realtime.settings
    assert settings["API_JWT_SECRET"] == SECRET
    assert settings["SELF_HOST_TENANT_NAME"] == TENANT
    assert running.realtime.url.endswith(f":{settings['PORT']}")


def test_the_database_tells_it_of_broadcasts(running: Running) -> None:
    assert running.query("show wal_level") == "logical"
    assert running.query("show synchronous_commit") == "on", "what nobody waits for comes late"
    running.query("""select realtime.send('{"marked": "by the test"}', 'e', 'room:log')""")
    wait_until(lambda: b"by the test" in running.realtime.log.read_bytes())


def test_it_is_reached_as_its_tenant_with_tokens_of_the_chosen_secret(running: Running) -> None:
    url, key = running.stack.supabase_url, running.stack.publishable_key
    with connect(f"{url.replace('http', 'ws', 1)}/realtime/v1/websocket?apikey={key}&vsn=2.0.0") as client:
        assert '"role":"anon"' in str(client.recv())
        client.send("hello")
        assert client.recv() == "hello"
    host, path, query = running.realtime.seen[-1]
    assert (host.partition(".")[0], path) == (TENANT, "/socket/websocket")
    assert query.endswith("&vsn=2.0.0")
    answer = httpx.post(f"{url}/realtime/v1/api/broadcast", headers={"apikey": key}, json={"messages": []})
    assert (answer.status_code, answer.json()["role"]) == (202, "anon")
    host, path, _ = running.realtime.seen[-1]
    assert (host.partition(".")[0], path) == (TENANT, "/api/broadcast")


def test_people_sign_in_with_tokens_of_the_chosen_secret(running: Running) -> None:
    person = {"email": "rita@acme.test", "password": DEMO_PASSWORD}
    key = {"apikey": running.stack.publishable_key}
    url = f"{running.stack.supabase_url}/auth/v1/token?grant_type=password"
    token = httpx.post(url, headers=key, json=person).json()["access_token"]
    assert jwt.decode(token, SECRET, algorithms=["HS256"], audience="authenticated")["email"] == person["email"]
    listed = httpx.get(f"{running.stack.service_url}/api/me", headers={"Authorization": f"Bearer {token}"})
    assert listed.status_code == 200


def test_a_schema_that_the_other_one_made_is_refused(running: Running, scratch_database: Database) -> None:
    with pytest.raises(StackError, match=r"made by a real Realtime, and the stand-in is to use it: run `make reset`"):
        check_maker(running.realtime.dsn, real=False)
    with pytest.raises(StackError, match="made by the stand-in, and a real Realtime is to use it"):
        check_maker(scratch_database.dsn(), real=True)
    check_maker(running.realtime.dsn, real=True)
    check_maker(scratch_database.dsn(), real=False)


def test_an_unknown_tenant_is_no_health(running: Running, start_gateway: StartGateway) -> None:
    with start_gateway(realtime_url=running.realtime.url, realtime_tenant="another") as gateway:
        answer = httpx.get(f"{gateway.url}/health")
    assert (answer.status_code, answer.json()["problems"]) == (503, ["realtime"])


def test_health_says_so_when_it_is_down(running: Running) -> None:
    health = f"{running.stack.supabase_url}/health"
    assert httpx.get(health).json() == {"status": "ok", "problems": []}
    running.realtime.stop()
    answer = httpx.get(health)
    assert (answer.status_code, answer.json()["problems"]) == (503, ["realtime"])


def stalled(running: Running) -> subprocess.Popen[bytes]:
    """What reads the log, which it will not do any more."""
    reader = running.realtime.reader
    assert reader is not None
    reader.send_signal(signal.SIGSTOP)
    return reader


def assert_postgres_is_gone(running: Running) -> None:
    assert not (running.stack.state_dir / "postgres/postmaster.pid").exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(running.stack.config["postgres_port"]))) != 0


def test_the_stack_stops_at_once_though_its_log_is_read(running: Running) -> None:
    """PostgreSQL waits for whoever reads its log to have all of it; this one never will."""
    reader = stalled(running)
    began = time.monotonic()
    running.stack.stop()
    assert time.monotonic() - began < 15
    assert_postgres_is_gone(running)
    reader.kill()
    reader.wait()


def test_postgres_itself_waits_for_a_reader_no_longer_than_a_few_seconds(running: Running) -> None:
    """As when what was left of a killed run is stopped."""
    cluster = running.stack.cluster
    assert cluster is not None
    cluster.start()
    running.realtime.read_log()
    stalled(running)
    began = time.monotonic()
    cluster.stop()
    assert time.monotonic() - began < 15
    assert_postgres_is_gone(running)


def test_it_is_named_with_the_secret_that_it_must_know() -> None:
    assert RealtimeServer.named_in({}) is None
    environment = {"REALTIME_URL": "http://127.0.0.1:4000/"}
    for secret in ("", "too short"):
        with pytest.raises(StackError, match="set SUPABASE_JWT_SECRET"):
            RealtimeServer.named_in({**environment, "SUPABASE_JWT_SECRET": secret})
    named = RealtimeServer.named_in({**environment, "SUPABASE_JWT_SECRET": SECRET})
    assert named == RealtimeServer("http://127.0.0.1:4000", "realtime-dev", SECRET)


def test_waiting_in_vain_says_what_for(running: Running, scratch_database: Database) -> None:
    listening, nowhere = bound_socket()
    listening.close()
    absent = RealtimeServer(nowhere, TENANT, SECRET)
    template = scratch_database.cluster.dsn(SUPERUSER, "template1")  # nothing was ever made there
    with pytest.raises(StackError, match=r"waited for 0 s: it has not made realtime.messages.* in database template1"):
        absent.wait(template, within=0)
    with pytest.raises(StackError, match=r"/api/ping does not answer"):
        absent.wait(scratch_database.dsn(), within=0)


class Watched(ServerConnection):
    """A connection of a server that remembers the pings it was sent."""

    pings: ClassVar[list[Event]] = []

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and event.opcode is Opcode.PING:
            self.pings.append(event)
        super().process_event(event)


def until_it_speaks(client: ServerConnection) -> None:
    client.recv()


@pytest.fixture
def watching() -> Iterator[str]:
    """The URL of a server that says nothing and watches its connections."""
    with serve_websockets(until_it_speaks, "127.0.0.1", 0, create_connection=Watched) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        serving.join()


def test_the_gateway_pings_nobody(start_gateway: StartGateway, watching: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ping of its own would keep a silent socket open for ever."""
    defaults = proxys_connect.__init__.__kwdefaults__
    assert defaults is not None
    assert defaults["ping_interval"] == 20
    monkeypatch.setitem(defaults, "ping_interval", 0.02)
    with start_gateway(realtime_url=watching, realtime_tenant=TENANT) as gateway:
        address = f"{gateway.websocket_url}?apikey={gateway.keys.publishable_key}"
        with connect(address, ping_interval=None) as client:
            with pytest.raises(TimeoutError):
                client.recv(SILENCE)
            client.send("done")
        config = GatewayConfig(gateway.url, "", "", "", gateway.keys)
    assert Watched.pings == []
    assert create_server(config).config.ws_ping_interval is None
