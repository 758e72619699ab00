"""`.ci/run` around a `make test` that is a few words long: how it ends, and what is left then."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
#: What tests may leave behind: a process, and one that does not care about SIGTERM.
LEFT, STUBBORN = "sleep 1000 &", "(trap '' TERM; exec sleep 1000) &"


@contextmanager
def ci(checkout: Path, test: str) -> Iterator[subprocess.Popen[str]]:
    """`.ci/run` in a checkout whose `make test` is that line of shell, once that has begun."""
    (checkout / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci/run", checkout / ".ci")
    (checkout / "Makefile").write_text(f"test:\n\t@echo begun >&2; {test}\n")
    tools = checkout / "tools"
    tools.mkdir()
    for tool in ("chromium-headless-shell", "apt-get", "sudo"):  # nothing is installed
        (tools / tool).symlink_to(shutil.which("true") or "true")
    path = f"{tools}:{os.environ['PATH']}"
    command = [checkout / ".ci/run"]
    environment = {**os.environ, "PATH": path}
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stderr is not None
        running.stderr.readline()
        try:
            yield running
        finally:
            running.kill()


def is_left(run: subprocess.Popen[str]) -> bool:
    """Whether anything runs in its session."""
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            # One that has ended, and that nobody has asked for its status yet, is none.
            if os.getsid(process.pid) == run.pid and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


@pytest.mark.parametrize(("left", "status"), [(LEFT, 0), (STUBBORN, 2)])
def test_it_answers_the_status_of_the_tests_and_leaves_no_process(tmp_path: Path, left: str, status: int) -> None:
    with ci(tmp_path / "checkout", f"{left} exit {status}") as run:
        assert run.wait(60) == status
        assert not is_left(run)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_ends_the_tests(tmp_path: Path, number: signal.Signals) -> None:
    with ci(tmp_path / "checkout", f"{LEFT} sleep 1000") as run:
        os.killpg(run.pid, number)  # as a terminal does
        assert run.wait(60) == 128 + number
        assert not is_left(run)
