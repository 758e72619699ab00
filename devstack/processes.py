"""The servers of a stack: none outlives whoever started it, however that ended.

Beside each server stands a watchdog: a shell that waits for the end of a pipe whose other end nobody holds but the
starter, and ends the server then. What is left all the same (somebody killed the watchdogs, too) is found by the mark
that servers carry in their environment, for by its number a process may be a stranger by then.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

import psutil

ROOT = Path(__file__).parents[1]
#: The mark: an environment variable whose value is the state directory.
MARK = "DEVSTACK_STATE"
PATIENCE = 5.0  # seconds from the polite signal to the last one

# Arguments: the process group, the polite signal, the last one, tenths of seconds between them.
_WATCHDOG = """
read -r nothing
kill "-$2" "-$1" || exit 0
tenths=0
while kill -0 "-$1"; do
  [ "$tenths" -lt "$4" ] || { kill "-$3" "-$1"; exit 0; }
  sleep 0.1
  tenths=$((tenths + 1))
done
"""


class Watchdog:
    """Ends a process group (by the id of its leader) as soon as the process that made this has ended."""

    def __init__(self, group: int, polite: int = signal.SIGTERM, last: int = signal.SIGKILL) -> None:
        arguments = (str(number) for number in (group, int(polite), int(last), int(PATIENCE * 10)))
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG, "watchdog", *arguments],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """From now on nothing is ended."""
        self._shell.kill()
        self._shell.communicate()


class Server:
    """A running server, in a session of its own: ctrl-C reaches the stack alone, which stops the rest in order.

    Its output is added to the file `log`. `polite` is the signal that asks it to stop, `last` the one that makes it.
    """

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None,
        *, polite: int = signal.SIGTERM, last: int = signal.SIGKILL,
    ) -> None:  # fmt: skip
        self._signals = polite, last
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._watchdog = Watchdog(self._process.pid, polite, last)

    def has_ended(self) -> bool:
        """Whether it stopped by itself."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """Returns when it has stopped; nothing happens if it had before."""
        if not self.has_ended():
            end(psutil.Process(self._process.pid), *self._signals)
            self._process.wait()
        self._watchdog.dismiss()

    def kill(self) -> None:
        """Ends it and what it started, at once and unasked, as a machine does that loses its power."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._process.pid)
            all_of_it = [process, *process.children(recursive=True)]
            for one in all_of_it:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            psutil.wait_procs(all_of_it, timeout=PATIENCE)
        self._process.wait()
        self._watchdog.dismiss()


def end(process: psutil.Process, polite: int = signal.SIGTERM, last: int = signal.SIGKILL) -> None:
    """Asks a process to end and waits, then makes whatever is left of it and of its group end."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(polite)
    _wait_for_end(process)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, last)
    _wait_for_end(process)


def _wait_for_end(process: psutil.Process) -> None:
    """Waits until a process has ended, even if nobody has asked for its status yet, but no longer than PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    with contextlib.suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.02)


def marked(state_dir: Path) -> list[psutil.Process]:
    """The processes that carry the mark of this state directory."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # ended by now, or somebody else's
            if process.environ().get(MARK) == str(state_dir):
                found.append(process)
    return found


def lock(state_dir: Path) -> TextIO | None:
    """Takes the state directory for this process until it ends or closes the file; None if a living one has it."""
    file = (state_dir / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
