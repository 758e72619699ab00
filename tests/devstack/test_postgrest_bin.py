"""With a program for PostgREST, the stack runs that: here one that is told nothing but what a real one is told."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from devstack.ports import USUAL, StackError
from devstack.postgres import free_port
from devstack.stack import ROOT, Stack
from tests.conftest import TEST_SETTINGS
from tests.world import World, v3

pytestmark = pytest.mark.usefixtures("no_project")


@pytest.fixture
def no_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded stack starts, whatever project the environment names."""
    for name in ("SUPABASE_URL", "REALTIME_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program, in the environment."""
    made = tmp_path / "postgrest"
    made.write_text(f"#!/bin/sh\ncd {ROOT}\nexec {sys.executable} -m tests.devstack.fake_postgrest\n")
    made.chmod(0o755)
    monkeypatch.setenv("POSTGREST_BIN", str(made))
    return made


@pytest.fixture
def stack(tmp_path: Path, program: Path, new_data_dir: Callable[[Path], None]) -> Iterator[Stack]:
    """A stack that was not started yet."""
    made = Stack(tmp_path / "stack", {name: free_port() for name in USUAL}, postgres_settings=TEST_SETTINGS)
    new_data_dir(made.state_dir / "postgres")
    yield made
    made.stop()


def test_the_main_job_goes_through_it(stack: Stack) -> None:
    stack.start()
    with World(stack) as world:
        acme = world.organization("Acme", ("owner", "responder"))
        assert acme.send(v3()).status_code == 202
        (listed,) = acme.responder.api.get("/api/notifications").json()["items"]
        made = acme.responder.api.post("/api/incidents", json=listed["prefill"])
        assert (made.status_code, made.json()["pagerduty_incident_id"]) == (201, listed["pagerduty_incident_id"])
        log = (stack.state_dir / "postgrest.log").read_text()
        for request in ("POST /rpc/ingest_webhooks", "POST /rpc/get_notifications", "POST /incidents"):
            assert request in log
        assert httpx.get(f"{stack.supabase_url}/health").status_code == 200

        stack.stop_process("postgrest")
        health = httpx.get(f"{stack.supabase_url}/health")
        assert (health.status_code, health.json()["problems"]) == (503, ["rest"])
        assert acme.responder.api.get("/api/notifications").status_code == 503


def test_a_program_that_ends_is_told_with_its_last_words(stack: Stack, program: Path) -> None:
    program.write_text("#!/bin/sh\necho no database for me\nexit 1\n")
    with pytest.raises(StackError, match="The postgrest ended while starting: no database for me"):
        stack.start()
