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

from devstack import pagerduty, postgrest, processes
from devstack.keys import Keys
from devstack.migrate import apply_migrations, apply_seed, exposed_schemas
from devstack.ports import StackError, choose_ports
from devstack.postgres import SUPERUSER, Cluster, PostgresError, embedded_bin_dir, free_port, stop_server
from devstack.realtime_server import POSTGRES_SETTINGS, RealtimeServer, check_maker, detach
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
#: Slow clients wait in greenlets, which cost nothing; a thread each would be used up (docs/adr/0018).
GUNICORN = ("--worker-class", "gevent", "--worker-connections", "10000", "--keep-alive", "30")
_MIN_FREE_BYTES = 300 * 1024 * 1024
_READY_WITHIN = 60.0  # seconds


def service_command(port: int, python: str = sys.executable) -> list[str]:
    """The service, as README's "To production" starts it."""
    return [
        python, "-m", "gunicorn", "service:create_app()", "--bind", f"127.0.0.1:{port}", *GUNICORN,
        "--no-control-socket",
    ]  # fmt: skip


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
    `realtime_settings` to the stand-in for Realtime (the fields of its Settings). A real one is waited for as many
    seconds as `realtime_within` says.
    """

    state_dir: Path
    ports: Mapping[str, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    postgres_settings: tuple[str, ...] = ()
    realtime_settings: Mapping[str, float] = field(default_factory=dict)
    realtime_within: float = 300.0
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
        for name in ("pages", "worker", "service", "gateway", "postgrest", "pagerduty"):
            self.stop_process(name)
        if self.cluster is not None:
            if "realtime_url" in self.config:
                detach(self.cluster.dsn(SUPERUSER))
            self.cluster.stop()
        if self._lock is not None:
            self._lock.close()

    def stop_process(self, name: str) -> None:
        """Stops one of the processes: pages, worker, service, gateway, postgrest, pagerduty."""
        process = self._processes.pop(name, None)
        if process is not None:
            process.stop()

    def crash(self, name: str) -> None:
        """Kills one of worker, service, gateway, pagerduty and postgres, as a machine may, and starts it again."""
        if name == "postgres":
            assert self.cluster is not None
            self.cluster.crash()
            return
        self._processes.pop(name).kill()
        if name == "worker":
            self.start_worker()
        elif name == "service":
            self.start_service()
        else:
            self._spawn_server(name)
            port = self.config["supabase_port" if name == "gateway" else f"{name}_port"]
            self._wait(name, f"http://127.0.0.1:{port}/", any_status=True)

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
        self.start_worker()
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
        realtime = RealtimeServer.named_in(os.environ)
        self.progress("Starting PostgreSQL")
        port = int(self.config["postgres_port"])
        settings = (*self.postgres_settings, *(POSTGRES_SETTINGS if realtime else ()))
        self.cluster = Cluster(self.state_dir / "postgres", port, embedded_bin_dir(), settings)
        self.cluster.start()
        self.cluster.install_platform(stand_in_realtime=realtime is None)
        check_maker(self.cluster.dsn(SUPERUSER), real=realtime is not None)
        self.config |= {
            "database_dsn": self.cluster.dsn("postgres"),
            "authenticator_dsn": self.cluster.dsn("authenticator"),
            "auth_dsn": self.cluster.dsn("supabase_auth_admin"),
            "superuser_dsn": self.cluster.dsn(SUPERUSER),
        }
        if realtime:
            self._wait_for_realtime(realtime, self.cluster.dsn(SUPERUSER))
        self.progress("Applying migrations and the seed")
        apply_migrations(self.database_dsn)
        apply_seed(self.database_dsn)

    def _wait_for_realtime(self, realtime: RealtimeServer, dsn: str) -> None:
        self.config |= {"realtime_url": realtime.url, "realtime_tenant": realtime.tenant}
        settings = self.state_dir / "realtime.env"
        realtime.write_settings(settings, dsn)
        self.progress(f"Waiting until Realtime at {realtime.url} has made its schema (start it with {settings})")
        realtime.wait(dsn, self.realtime_within)

    def _start_gateway(self) -> None:
        url = f"http://localhost:{self.config['supabase_port']}"
        keys_file = self.state_dir / "keys.json"
        keys = Keys.load_or_create(keys_file, f"{url}/auth/v1", os.environ.get("SUPABASE_JWT_SECRET"))
        self.config |= {
            "supabase_url": url,
            "keys_file": str(keys_file),
            "publishable_key": keys.publishable_key,
            "secret_key": keys.secret_key,
        }
        if keys.algorithm == "HS256":
            self.config["jwt_secret"] = keys.jwt_secret
        program = postgrest.find_program()
        if program:
            self._start_postgrest(program, keys)
        self.progress("Starting the gateway")
        self._spawn_server("gateway")
        self._wait("gateway", f"http://127.0.0.1:{self.config['supabase_port']}/health")

    def _start_postgrest(self, program: str, keys: Keys) -> None:
        """A real PostgREST in the place of the stand-in."""
        port, admin_port = free_port(), free_port()
        self.progress(f"Starting {program}")
        dsn = str(self.config["authenticator_dsn"])
        settings = postgrest.settings(dsn, keys, exposed_schemas(), port, admin_port)
        self.config["postgrest_url"] = f"http://127.0.0.1:{port}"
        self._spawn("postgrest", [program], {**os.environ, **settings})
        self._wait("postgrest", f"http://127.0.0.1:{admin_port}/ready")

    def _spawn_server(self, name: str) -> None:
        config_file = self.state_dir / f"{name}.json"
        config_file.touch(mode=0o600)
        kept = {"pagerduty_file": str(self.state_dir / "pagerduty.sqlite")}
        settings = {"realtime_settings": dict(self.realtime_settings)}
        config_file.write_text(json.dumps({**self.config, **settings, **kept}))
        self._spawn(name, [sys.executable, "-m", "devstack.servers", name, str(config_file)], dict(os.environ))

    def start_service(self) -> None:
        """Starts the service, as production does: with gunicorn."""
        self.progress("Starting the service")
        port = int(self.config["service_port"])
        command = [*service_command(port), "--graceful-timeout", "3", "--log-level", "warning"]
        self._spawn("service", command, {**os.environ, **self.service_environment(), **self.environment})
        self._wait("service", f"http://127.0.0.1:{port}/healthz")

    def start_worker(self) -> None:
        """Starts the worker, which tells PagerDuty."""
        environment = {**os.environ, **self.service_environment(), **self.environment}
        self._spawn("worker", [sys.executable, "-m", "service", "worker"], environment)

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
        if "jwt_secret" in self.config:
            environment["SUPABASE_JWT_SECRET"] = str(self.config["jwt_secret"])
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
