"""The whole product on this machine: PostgreSQL, the gateway, PagerDuty's sandbox, the service.

`make run` and the tests start the same thing. With SUPABASE_URL and its keys in the environment, a real project takes
the place of everything but the service and the sandbox.
"""

import errno
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import httpx

from devstack import pagerduty, processes
from devstack.keys import Keys
from devstack.migrate import apply_migrations, apply_seed, exposed_schemas
from devstack.ports import StackError, choose_ports
from devstack.postgres import SUPERUSER, Cluster, PostgresError, embedded_bin_dir, free_port, stop_server
from service.crypto import new_key

ROOT = Path(__file__).parents[1]
DEMO_PASSWORD = "pagerduty"  # noqa: S105 -- the seed's, and its people exist nowhere else
DEMO_PEOPLE = (
    ("olivia@acme.test", "Olivia Owner", "owner of Acme"),
    ("adam@acme.test", "Adam Admin", "admin of Acme"),
    ("rita@acme.test", "Rita Responder", "responder at Acme"),
    ("victor@acme.test", "Victor Viewer", "viewer at Acme"),
    ("gina@globex.test", "Gina Owner", "owner of Globex"),
    ("gus@globex.test", "Gus Responder", "responder at Globex"),
    ("sam@example.test", "Sam of Both", "responder at Acme, admin of Globex"),
)
SANDBOX_KEYS = (
    (pagerduty.FULL_ACCESS_KEY, "may read and write"),
    (pagerduty.READ_ONLY_KEY, "may only read"),
    (pagerduty.EU_KEY, "belongs to the EU region"),
    (pagerduty.RATE_LIMITED_KEY, "is over its rate limit"),
    (pagerduty.UNAVAILABLE_KEY, "finds PagerDuty down"),
)
_MIN_FREE_BYTES = 300 * 1024 * 1024
_READY_WITHIN = 60.0  # seconds


def take(state_dir: Path) -> TextIO:
    """Takes a state directory, until the file is closed, and stops what a run that was killed left running in it.

    Raises StackError if a living run has it.
    """
    held = processes.lock(state_dir)
    if held is None:
        raise StackError(f"A `make run` is at work in {state_dir}: stop it first (ctrl-C), or take another PORT.")
    for process in processes.marked(state_dir):
        processes.end(process)
    stop_server(state_dir / "postgres")
    return held


@dataclass
class Stack:
    """A running product.

    `ports` fixes ports by name, as `choose_ports` takes them.
    `watch_pages` bundles the pages again whenever a source of theirs changes.
    `environment` goes to the service on top of what the stack sets. `postgres_settings` go to the server,
    `realtime_settings` to the stand-in for Realtime (the fields of its Settings).
    """

    state_dir: Path
    ports: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    postgres_settings: tuple[str, ...] = ()
    realtime_settings: Mapping[str, float] = field(default_factory=dict)
    watch_pages: bool = False
    progress: Callable[[str], None] = lambda _: None
    _processes: dict[str, processes.Server] = field(default_factory=dict)
    _lock: TextIO | None = None
    cluster: Cluster | None = None
    config: dict[str, int | str] = field(default_factory=dict)

    @property
    def service_url(self) -> str:
        return f"http://localhost:{self.config['service_port']}"

    @property
    def supabase_url(self) -> str:
        return str(self.config["supabase_url"])

    @property
    def publishable_key(self) -> str:
        return str(self.config["publishable_key"])

    @property
    def secret_key(self) -> str:
        return str(self.config["secret_key"])

    @property
    def database_dsn(self) -> str:
        """As role `postgres`."""
        return str(self.config["database_dsn"])

    @property
    def is_embedded(self) -> bool:
        return self.cluster is not None

    def start(self) -> None:
        """Starts everything and returns when it answers. Raises StackError, having stopped what had started."""
        try:
            self._start()
        except BaseException as error:
            self.stop()
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise StackError(f"The disk is full: {self.state_dir} needs some 300 MB.") from None
            if isinstance(error, PostgresError):
                raise StackError(str(error)) from None
            raise

    def stop(self) -> None:
        """Stops what was started, the service first, so that it never meets a missing database."""
        for name in ("pages", "service", "gateway", "postgrest", "pagerduty"):
            self.stop_process(name)
        if self.cluster is not None:
            self.cluster.stop()
        if self._lock is not None:
            self._lock.close()

    def stop_process(self, name: str) -> None:
        """Stops one of the processes: pages, service, gateway, postgrest, pagerduty."""
        process = self._processes.pop(name, None)
        if process is not None:
            process.stop()

    def dead_process(self) -> str | None:
        """The name of a process that ended by itself, if any did."""
        return next((name for name, process in self._processes.items() if process.has_ended()), None)

    def _start(self) -> None:
        self.state_dir.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self.state_dir).free < _MIN_FREE_BYTES:
            raise StackError(f"The disk is nearly full: {self.state_dir} needs some 300 MB.")
        self._lock = take(self.state_dir)
        self.config |= choose_ports(self.ports, self.state_dir / "ports.json")
        self._spawn_server("pagerduty")  # it needs nothing, and is ready by the time that it is needed
        if os.environ.get("SUPABASE_URL"):
            self._use_project()
        else:
            self._start_postgres()
            self._start_gateway()
        self.start_service()
        self._wait("pagerduty", f"http://127.0.0.1:{self.config['pagerduty_port']}/", any_status=True)
        if self.watch_pages:
            self._spawn("pages", ["node", "service/web/build.mjs", "--watch"], dict(os.environ))

    def _use_project(self) -> None:
        names = ("SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY")
        missing = [name for name in names if not os.environ.get(name)]
        if missing:
            raise StackError(f"SUPABASE_URL is set, so a real project is used: set {' and '.join(missing)} too.")
        self.config |= {
            "supabase_url": os.environ["SUPABASE_URL"].rstrip("/"),
            "publishable_key": os.environ["SUPABASE_PUBLISHABLE_KEY"],
            "secret_key": os.environ["SUPABASE_SECRET_KEY"],
            "database_dsn": os.environ.get("SUPABASE_DB_URL", ""),
        }

    def _start_postgres(self) -> None:
        self.progress("Starting PostgreSQL")
        port = int(self.config["postgres_port"])
        self.cluster = Cluster(self.state_dir / "postgres", port, embedded_bin_dir(), self.postgres_settings)
        self.cluster.start()
        self.cluster.install_platform()
        self.config |= {
            "database_dsn": self.cluster.dsn("postgres"),
            "authenticator_dsn": self.cluster.dsn("authenticator"),
            "auth_dsn": self.cluster.dsn("supabase_auth_admin"),
            "superuser_dsn": self.cluster.dsn(SUPERUSER),
        }
        self.progress("Applying migrations and the seed")
        apply_migrations(self.database_dsn)
        apply_seed(self.database_dsn)

    def _start_gateway(self) -> None:
        url = f"http://localhost:{self.config['supabase_port']}"
        keys_file = self.state_dir / "keys.json"
        keys = Keys.load_or_create(keys_file, f"{url}/auth/v1")
        self.config |= {
            "supabase_url": url,
            "keys_file": str(keys_file),
            "publishable_key": keys.publishable_key,
            "secret_key": keys.secret_key,
        }
        if os.environ.get("REALTIME_URL"):
            self.config["realtime_url"] = os.environ["REALTIME_URL"]
        postgrest = os.environ.get("POSTGREST_BIN") or shutil.which("postgrest")
        if postgrest:
            self._start_postgrest(postgrest, keys)
        self.progress("Starting the gateway")
        self._spawn_server("gateway")
        self._wait("gateway", f"http://127.0.0.1:{self.config['supabase_port']}/health")

    def _start_postgrest(self, binary: str, keys: Keys) -> None:
        """A real PostgREST in the place of the stand-in, configured as Supabase configures it."""
        port = free_port()
        self.progress(f"Starting {binary}")
        environment = {
            "PGRST_DB_URI": str(self.config["authenticator_dsn"]),
            "PGRST_DB_SCHEMAS": ",".join(exposed_schemas()),
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_DB_MAX_ROWS": "1000",
            "PGRST_JWT_SECRET": json.dumps(keys.verification_jwks()),
            "PGRST_SERVER_HOST": "127.0.0.1",
            "PGRST_SERVER_PORT": str(port),
        }
        self.config["postgrest_url"] = f"http://127.0.0.1:{port}"
        self._spawn("postgrest", [binary], {**os.environ, **environment})
        self._wait("postgrest", f"http://127.0.0.1:{port}/", any_status=True)

    def _spawn_server(self, name: str) -> None:
        config_file = self.state_dir / f"{name}.json"
        config_file.touch(mode=0o600)
        config_file.write_text(json.dumps({**self.config, "realtime_settings": dict(self.realtime_settings)}))
        self._spawn(name, [sys.executable, "-m", "devstack.servers", name, str(config_file)], dict(os.environ))

    def start_service(self) -> None:
        """Starts the service, as production does: with gunicorn."""
        self.progress("Starting the service")
        port = self.config["service_port"]
        command = [
            sys.executable, "-m", "gunicorn", "service:create_app()", "--bind", f"127.0.0.1:{port}",
            "--worker-class", "gthread", "--threads", "16", "--graceful-timeout", "3", "--log-level", "warning",
            "--no-control-socket",
        ]  # fmt: skip
        self._spawn("service", command, {**os.environ, **self.service_environment(), **self.environment})
        self._wait("service", f"http://127.0.0.1:{port}/healthz")

    def service_environment(self) -> dict[str, str]:
        """The settings of the service, as README's "To production" lists them."""
        sandbox = f"http://localhost:{self.config['pagerduty_port']}"
        people = [
            {"email": email, "password": DEMO_PASSWORD, "name": name, "what": what} for email, name, what in DEMO_PEOPLE
        ]
        environment = {
            "SUPABASE_URL": self.supabase_url,
            "SUPABASE_PUBLISHABLE_KEY": self.publishable_key,
            "SUPABASE_SECRET_KEY": self.secret_key,
            "CREDENTIALS_KEYS": os.environ.get("CREDENTIALS_KEYS") or self._credentials_key(),
            "PUBLIC_URL": os.environ.get("PUBLIC_URL") or self.service_url,
            "PAGERDUTY_API_URL_US": f"{sandbox}/us",
            "PAGERDUTY_API_URL_EU": f"{sandbox}/eu",
        }
        if self.is_embedded:
            environment["DEMO_PEOPLE"] = json.dumps(people)
        return environment

    def _credentials_key(self) -> str:
        file = self.state_dir / "credentials.key"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(new_key())
        return file.read_text()

    def _spawn(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        log = self.state_dir / f"{name}.log"
        marked = {**environment, processes.MARK: str(self.state_dir)}
        self._processes[name] = processes.Server(command, log, marked)

    def _wait(self, name: str, url: str, *, any_status: bool = False) -> None:
        deadline = time.monotonic() + _READY_WITHIN
        with httpx.Client(timeout=2) as client:
            while time.monotonic() < deadline:
                if self._processes[name].has_ended():
                    raise StackError(f"The {name} ended while starting: {self._last_lines(name)}")
                try:
                    response = client.get(url)
                    if any_status or response.is_success:
                        return
                except httpx.HTTPError:
                    pass
                time.sleep(0.05)
        raise StackError(f"The {name} did not answer within {_READY_WITHIN:.0f} s: {self._last_lines(name)}")

    def _last_lines(self, name: str) -> str:
        lines = (self.state_dir / f"{name}.log").read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:]) or "it said nothing"
