"""Servers end with whoever started them, and only what is a stack's own is ever ended."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from devstack import processes
from devstack.postgres import Cluster, embedded_bin_dir, free_port
from devstack.processes import MARK, ROOT, Server
from tests.api.service_processes import wait_for

STARTS_A_SERVER = """
import pathlib, sys
from devstack import processes
processes.PATIENCE = 0.3
server = processes.Server(["sh", "-c", sys.argv[1]], pathlib.Path("/dev/null"))
print("started", flush=True)
sys.stdin.read()
"""
STARTS_POSTGRES = """
import pathlib, sys
from devstack.postgres import Cluster, embedded_bin_dir, free_port
cluster = Cluster(pathlib.Path(sys.argv[1]), free_port(), embedded_bin_dir(), ("fsync=off",))
cluster.start()
print("started", flush=True)
sys.stdin.read()
"""


@contextmanager
def started_by(
    script: str, argument: str, complete: Callable[[list[psutil.Process]], bool] = bool
) -> Iterator[list[psutil.Process]]:
    """What a Python process with that script has started, once it is `complete`; the process is then killed."""
    command = [sys.executable, "-c", script, argument]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "started\n"
        try:
            found = list[psutil.Process]()

            def are_there() -> bool:
                found[:] = psutil.Process(starter.pid).children(recursive=True)
                return complete(found)

            wait_for(are_there, what="what it starts")
            yield found
        finally:
            starter.kill()


@contextmanager
def asleep(**environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for its end, which comes with the end of the test."""
    with subprocess.Popen(["sleep", "1000"], env={**os.environ, **environment}, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def all_end(started: list[psutil.Process]) -> bool:
    """Whether they end by themselves; if not, they are ended."""
    _, alive = psutil.wait_procs(started, timeout=30)
    for process in alive:
        process.kill()
    return not alive


@pytest.mark.parametrize("server", ["sleep 1000 & exec sleep 1000", "trap '' TERM INT HUP; sleep 1000 & sleep 1000"])
def test_a_server_ends_with_its_starter_and_all_that_it_started(server: str) -> None:
    def both(found: list[psutil.Process]) -> bool:
        return len([process for process in found if process.name() == "sleep"]) == 2

    with started_by(STARTS_A_SERVER, server, both) as started:
        pass
    assert all_end(started)


def test_postgres_ends_with_its_starter_in_good_order(tmp_path: Path, new_data_dir: Callable[[Path], None]) -> None:
    data = tmp_path / "data"
    new_data_dir(data)
    with started_by(STARTS_POSTGRES, str(data)) as started:
        assert len(started) > 2
    assert all_end(started)
    assert "database system is shut down" in (data / "server.log").read_text().splitlines()[-1]


def test_a_watchdog_that_is_dismissed_ends_nothing() -> None:
    with asleep() as process:
        processes.Watchdog(process.pid).dismiss()
        assert process.poll() is None


def test_a_server_that_stops_leaves_nothing(tmp_path: Path) -> None:
    server = Server(
        ["sh", "-c", "sleep 1000 & exec sleep 1000"], tmp_path / "log", {"PATH": "/usr/bin:/bin", MARK: "x"}
    )
    started = [process for process in psutil.Process().children(recursive=True) if process.environ().get(MARK) == "x"]
    assert started
    server.stop()
    assert all_end(started)


def test_what_is_left_is_known_by_its_state_directory(tmp_path: Path) -> None:
    with asleep(**{MARK: str(tmp_path)}) as own, asleep(**{MARK: f"{tmp_path}/other"}), asleep():
        assert [process.pid for process in processes.marked(tmp_path)] == [own.pid]


def test_a_state_directory_is_one_runs_at_a_time(tmp_path: Path) -> None:
    held = processes.lock(tmp_path)
    assert held is not None
    assert processes.lock(tmp_path) is None
    held.close()
    again = processes.lock(tmp_path)
    assert again is not None
    again.close()


def test_a_number_that_is_a_strangers_by_now_is_not_postgres(
    tmp_path: Path, new_data_dir: Callable[[Path], None]
) -> None:
    cluster = Cluster(tmp_path / "data", free_port(), embedded_bin_dir())
    new_data_dir(cluster.data_dir)
    with asleep() as stranger:
        (cluster.data_dir / "postmaster.pid").write_text(f"{stranger.pid}\n{cluster.data_dir}\n")
        cluster.stop()
        assert stranger.poll() is None
        cluster.start()
        cluster.stop()
        assert stranger.poll() is None
