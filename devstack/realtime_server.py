"""A real Realtime in the place of the stand-in: what it must be told, and what is waited for before going on.

Its names and its order are Realtime's own (its ENVS.md, run.sh and seeds): started with SEED_SELF_HOST it makes its
tenant and, in the tenant's database, schema `realtime`, before it listens. docs/real-servers.md has the steps.
"""

import contextlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
from psycopg.conninfo import conninfo_to_dict

from devstack.ports import StackError

#: It reads the log of logical changes. A commit that nobody waits for gets there up to 0.2 s later.
POSTGRES_SETTINGS = ("wal_level=logical", "synchronous_commit=on")
MIN_SECRET = 32  # characters, as Supabase's servers want
#: What our migrations use of it.
_MADE = """
    select to_regclass('realtime.messages') is not null
      and to_regprocedure('realtime.topic()') is not null
      and to_regprocedure('realtime.send(jsonb, text, text, boolean)') is not null
"""
_IS_STAND_INS = "select to_regprocedure('realtime.notify_message()') is not null"
_IS_MADE_BY_ANOTHER = "select to_regclass('realtime.messages') is not null and not (" + _IS_STAND_INS + ")"


def tenant_host(tenant: str) -> str:
    """The host that a request for a tenant names: Realtime takes its first label."""
    return f"{tenant}.localhost"


@dataclass(frozen=True)
class RealtimeServer:
    """A Realtime that somebody else starts: its own root, its tenant, and what that verifies tokens with."""

    url: str
    tenant: str
    jwt_secret: str

    @classmethod
    def named_in(cls, environment: Mapping[str, str]) -> "RealtimeServer | None":
        """The one that REALTIME_URL, REALTIME_TENANT and SUPABASE_JWT_SECRET name, if any. Raises StackError."""
        url = environment.get("REALTIME_URL", "").rstrip("/")
        if not url:
            return None
        secret = environment.get("SUPABASE_JWT_SECRET", "")
        if len(secret) < MIN_SECRET:
            raise StackError(
                "REALTIME_URL is set, so a real Realtime is used: set SUPABASE_JWT_SECRET, which it must know, too, to"
                f" {MIN_SECRET} characters or more."
            )
        return cls(url, environment.get("REALTIME_TENANT") or "realtime-dev", secret)

    def write_settings(self, file: Path, dsn: str) -> None:
        """Writes what it is to be started with, a variable a line (`docker run --env-file`), for its owner's eyes only.

        `dsn` is a superuser's, in the database that it serves.
        """
        database = conninfo_to_dict(dsn)
        settings = {
            "PORT": urlsplit(self.url).port or 80,
            "DB_HOST": database["host"],
            "DB_PORT": database["port"],
            "DB_USER": database["user"],
            "DB_PASSWORD": database.get("password", ""),
            "DB_NAME": database["dbname"],
            "DB_AFTER_CONNECT_QUERY": "SET search_path TO _realtime",
            "DB_ENC_KEY": secrets.token_hex(8),
            "SECRET_KEY_BASE": secrets.token_hex(32),
            "METRICS_JWT_SECRET": secrets.token_hex(16),
            "API_JWT_SECRET": self.jwt_secret,
            "SELF_HOST_TENANT_NAME": self.tenant,
            "SEED_SELF_HOST": "true",
            "RUN_JANITOR": "true",
            "APP_NAME": "realtime",
            "DNS_NODES": "''",
            "ERL_AFLAGS": "-proto_dist inet_tcp",
            "RLIMIT_NOFILE": 10000,
        }
        file.touch(mode=0o600)
        file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))

    def wait(self, dsn: str, within: float) -> None:
        """Returns when it has made its schema and answers for its tenant. Raises StackError after `within` seconds."""
        deadline = time.monotonic() + within
        while what := self._missing_schema(dsn) or self._missing_answer():
            if time.monotonic() > deadline:
                raise StackError(f"Realtime was waited for {within:.0f} s: {what}.")
            time.sleep(0.2)

    def _missing_schema(self, dsn: str) -> str | None:
        if _asked(dsn, _MADE):
            return None
        where = conninfo_to_dict(dsn)
        return (
            "it has not made realtime.messages, realtime.topic() and realtime.send() in database"
            f" {where['dbname']} at {where['host']}:{where['port']}"
        )

    def _missing_answer(self) -> str | None:
        url = f"{self.url}/api/ping"
        try:
            answer = httpx.get(url, headers={"host": tenant_host(self.tenant)}, timeout=2, trust_env=False)
        except httpx.HTTPError as error:
            return f"{url} does not answer ({error})"
        return None if answer.is_success else f"{url} answers {answer.status_code} for the tenant {self.tenant}"


def check_maker(dsn: str, real: bool) -> None:
    """Raises StackError if schema `realtime` was made by the stand-in and a real one is to use it, or the reverse."""
    if _asked(dsn, _IS_STAND_INS if real else _IS_MADE_BY_ANOTHER):
        made, wanted = ("the stand-in", "a real Realtime") if real else ("a real Realtime", "the stand-in")
        raise StackError(
            f"The schema realtime of this database was made by {made}, and {wanted} is to use it:"
            " run `make reset` first, or run on another port (make run PORT=3001)."
        )


def detach(dsn: str) -> None:
    """Ends what reads the database's log: PostgreSQL stops only when that is done, and Realtime never is."""
    with contextlib.suppress(psycopg.Error), psycopg.connect(dsn, autocommit=True, connect_timeout=2) as connection:
        connection.execute("select pg_terminate_backend(pid) from pg_stat_replication")


def _asked(dsn: str, question: str) -> bool:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
        return bool(row and row[0])
