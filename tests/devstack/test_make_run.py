"""`make run`, `make reset` and what they say, as a person at a terminal meets them."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import httpx
import psutil
import psycopg

from devstack.postgres import embedded_bin_dir, free_port
from devstack.processes import MARK, Watchdog

ROOT = Path(__file__).parents[2]
#: The embedded stack starts, whatever project the environment names: nothing else of it is passed on.
NEEDED = ("PATH", "HOME")


class Run:
    """A `make run` whose lines can be waited for."""

    def __init__(self, state: Path, port: int, **environment: str) -> None:
        self.port = port
        self.process = subprocess.Popen(
            ["make", "--no-print-directory", "run", f"PORT={port}", f"STATE_DIR={state}"],
            cwd=ROOT,
            env={name: os.environ[name] for name in NEEDED if name in os.environ} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._watchdog = Watchdog(self.process.pid)
        self.lines: list[str] = []
        self._queue: Queue[str | None] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line)
        self._queue.put(None)

    def until(self, words: str) -> str:
        """Waits for a line with these words; answers all that was printed."""
        while True:
            line = self._queue.get(timeout=90)
            assert line is not None, f"ended without {words!r}: {''.join(self.lines)}"
            self.lines.append(line)
            if words in line:
                return "".join(self.lines)

    def interrupt(self) -> int:
        """Ctrl-C: the terminal sends it to the whole group; answers the exit status of make."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(timeout=60)

    def kill(self, *, watchdogs: bool = False) -> list[psutil.Process]:
        """Kills what make started, as the kernel does when memory is short; answers what that had started."""
        (python,) = psutil.Process(self.process.pid).children()
        started = python.children(recursive=True)
        guards, servers = ([p for p in started if ("watchdog" in p.cmdline()) is guards] for guards in (True, False))
        for process in (*(guards if watchdogs else ()), python):
            process.kill()
        assert self.process.wait(timeout=30) != 0
        return servers

    def close(self) -> None:
        """Stops it, if it runs."""
        if self.process.poll() is None:
            self.interrupt()
        self._watchdog.dismiss()

    @property
    def ports(self) -> list[int]:
        """The ports it printed."""
        return [int(port) for port in set(re.findall(r"(?:localhost|127\.0\.0\.1):(\d+)", "".join(self.lines)))]


@contextmanager
def running(state: Path, port: int, **environment: str) -> Iterator[Run]:
    run = Run(state, port, **environment)
    try:
        yield run
    finally:
        run.close()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def reset(state: Path) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", "reset", f"STATE_DIR={state}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def all_end(processes: list[psutil.Process]) -> bool:
    """Whether they end by themselves; if not, they are ended."""
    _, alive = psutil.wait_procs(processes, timeout=30)
    for process in alive:
        process.kill()
    return bool(processes) and not alive


def test_it_runs_says_what_to_do_and_stops_everything(tmp_path: Path, new_data_dir: Callable[[Path], None]) -> None:
    with running(tmp_path, free_port()) as run:
        said = run.until("ctrl-C stops everything")
        assert f"Ready: http://localhost:{run.port}" in said
        for email in ("olivia@acme.test", "victor@acme.test", "sam@example.test"):
            assert email in said
        assert "sandbox-full-access" in said
        curl = said[said.index("curl -X POST") : said.index("Supabase:")].strip()
        answer = subprocess.run(["sh", "-c", curl], capture_output=True, text=True, check=True).stdout
        assert '"outcome":"created"' in answer
        (address,) = re.findall(r"Database: (\S+)", said)
        with psycopg.connect(address, passfile="/nonexistent") as connection:
            assert connection.execute("select count(*) from pagerduty.organizations").fetchone() == (2,)
        assert len(run.ports) == 4
        assert all(listens(port) for port in run.ports)
        # Killed with all that watches over its servers: they are left, and in nobody's way.
        left = run.kill(watchdogs=True)
        assert all(listens(port) for port in run.ports)

    # A second time: quickly, with what was there, and with the same addresses.
    with running(tmp_path, run.port) as again:
        again.until("ctrl-C stops everything")
        assert all_end(left)
        assert sorted(again.ports) == sorted(run.ports)
        assert again.lines.count("  Applying migrations and the seed …\n") == 1

        # Beside it, another one, which is killed: all that it started ends by itself.
        port = free_port()
        new_data_dir(tmp_path / f"run-{port}" / "postgres")  # the first run has shown that it makes one
        with running(tmp_path, port) as beside:
            beside.until("ctrl-C stops everything")
            assert not set(beside.ports) & set(again.ports)
            assert httpx.get(f"http://localhost:{beside.port}/healthz").status_code == 200
            assert all_end(beside.kill())
            assert not any(listens(port) for port in beside.ports)
            assert not (tmp_path / f"run-{port}" / "postgres" / "postmaster.pid").exists()

        # While it runs, it is neither started again nor emptied.
        with running(tmp_path, again.port) as taken:
            assert "Cannot run: A `make run` is at work" in taken.until("at work")
            assert taken.process.wait(timeout=30) != 0
            assert "Traceback" not in "".join(taken.lines)
        refused = reset(tmp_path)
        assert refused.returncode != 0
        assert f"run-{run.port}" in refused.stdout
        assert httpx.get(f"http://localhost:{again.port}/healthz").status_code == 200

        assert again.interrupt() in (0, 2, 130, -signal.SIGINT)  # make itself may end by the signal
        assert not any(listens(port) for port in again.ports)
        assert not (tmp_path / f"run-{run.port}" / "postgres" / "postmaster.pid").exists()


def test_reset_stops_what_was_left(tmp_path: Path) -> None:
    state = tmp_path / "run-3000"
    state.mkdir()
    with subprocess.Popen(["sleep", "1000"], env={**os.environ, MARK: str(state)}) as left:
        try:
            assert reset(tmp_path).returncode == 0
            assert left.poll() == -signal.SIGTERM
        finally:
            left.kill()
    assert not state.exists()


def test_a_strangers_port_is_left_to_the_stranger(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        with running(tmp_path, port) as run:
            assert f"Cannot run: Port {port} is taken" in run.until("taken")
            assert run.process.wait(timeout=30) != 0
        assert listens(port)


def test_it_ends_with_make(tmp_path: Path) -> None:
    """Of a project that does not answer, since nothing but the processes matters."""
    project = {"SUPABASE_URL": "http://127.0.0.1:1", "SUPABASE_PUBLISHABLE_KEY": "sb", "SUPABASE_SECRET_KEY": "sb"}
    with running(tmp_path, free_port(), **project) as run:
        run.until("ctrl-C stops everything")
        started = psutil.Process(run.process.pid).children(recursive=True)
        run.process.kill()
        assert all_end(started)


def test_as_root_without_user_namespaces_below_a_folder_that_is_roots_alone(tmp_path: Path) -> None:
    """A plain container: `unshare` is refused, and the server's user could not enter /root."""
    tools, closed = tmp_path / "tools", tmp_path / "closed"
    tools.mkdir()
    (tools / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (tools / "unshare").chmod(0o755)
    closed.mkdir(mode=0o700)
    package = embedded_bin_dir().parents[1]
    for folder in package.parent.glob(f"{package.name}*"):  # its libraries stand beside it
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    programs = closed / embedded_bin_dir().relative_to(package.parent)
    script = (
        "import sys, pathlib; from devstack.postgres import Cluster, free_port;"
        "cluster = Cluster(pathlib.Path(sys.argv[1]), free_port(), pathlib.Path(sys.argv[2]));"
        "cluster.start(); print(cluster.data_dir.owner()); cluster.stop(); cluster.start(); cluster.stop()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(closed / "data"), str(programs)],
        cwd=ROOT, env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == ("nobody" if os.geteuid() == 0 else closed.owner())


def test_a_bad_port_gets_one_sentence(tmp_path: Path) -> None:
    for port in ("many", "70000"):
        run = subprocess.run(
            ["make", "--no-print-directory", "run", f"PORT={port}", f"STATE_DIR={tmp_path}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert run.returncode != 0
        assert "orts" in run.stdout
        assert "Traceback" not in run.stdout + run.stderr


def test_a_missing_node_gets_one_sentence(tmp_path: Path) -> None:
    """In a checkout whose packages are not installed yet, on a machine without Node."""
    checkout, tools = tmp_path / "checkout", tmp_path / "tools"
    (checkout / "service/web").mkdir(parents=True)
    (checkout / ".venv").mkdir()
    tools.mkdir()
    shutil.copy(ROOT / "Makefile", checkout)
    for name in ("requirements-dev.lock", "service/web/package-lock.json"):
        (checkout / name).touch()
    (checkout / ".venv/ready").touch()
    for tool in ("sh", "make", "echo", "env"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    run = subprocess.run(
        ["make", "--no-print-directory", "run"], cwd=checkout, env={"PATH": str(tools)}, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert "Node 20 or newer" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


def test_help_lists_the_commands() -> None:
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(f"make {target}" in said for target in ("run", "test", "reset", "lint"))
