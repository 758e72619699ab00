"""A database to test in: people and organizations made for one test, and statements run as PostgREST runs them."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from devstack.postgres import Cluster

Connection = psycopg.Connection[dict[str, Any]]


ROLES = ("owner", "admin", "responder", "viewer")


def webhook(token: str | None, version: int, events: Any) -> dict[str, Any]:
    """One of what ingest_webhooks() takes."""
    return {"token": token, "settings_version": version, "events": events}


@contextmanager
def scratch(cluster: Cluster, *, before: str = "", template: str = "postgres") -> Iterator[str]:
    """The URL of a new database (Cluster.scratch); `before` is SQL to run in it first, as `postgres`."""
    with cluster.scratch(template) as url:
        if before:
            with psycopg.connect(url) as prepared:
                prepared.execute(before.encode())
        yield url


@dataclass
class Organization:
    """An organization with its integration; `people` are user ids by name, at first one for each role."""

    id: str
    token: str
    people: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.people[name]


class Database:
    """A connection as `postgres`, and what tests do with a database."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.connection = self.connect()
        self._organizations: list[str] = []
        self._users: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def connect(self) -> Connection:
        """Another connection, in autocommit mode; the caller closes it."""
        return psycopg.connect(self.dsn, autocommit=True, row_factory=dict_row)

    def rows(self, statement: str, parameters: Any = None) -> list[dict[str, Any]]:
        """What a statement answers, run as `postgres`."""
        cursor = self.connection.execute(statement.encode(), parameters)
        return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, parameters: Any = None) -> Any:
        """The first column of the only row."""
        [row] = self.rows(statement, parameters)
        return next(iter(row.values()))

    # People ------------------------------------------------------------------------------------------------------

    def user(self, name: str = "Somebody", *, email: str | None = None, verified: bool = True, **metadata: Any) -> str:
        """Makes a user of no organization; answers the id. The address is <id>@example.test, unless given."""
        user_id = str(uuid.uuid4())
        self.rows(
            "insert into auth.users (id, aud, role, email, email_confirmed_at, raw_app_meta_data, raw_user_meta_data)"
            " values (%s, 'authenticated', 'authenticated', %s, case when %s then now() end, '{}', %s)",
            (user_id, email or f"{user_id}@example.test", verified, Jsonb({"name": name, **metadata})),
        )
        self._users.append(user_id)
        return user_id

    def organization(self, roles: Sequence[str] = ROLES, *, enabled: bool = True) -> Organization:
        """Makes an organization with a member for each role, and an integration."""
        organization_id = self.value("insert into pagerduty.organizations (name) values ('Test') returning id::text")
        self._organizations.append(organization_id)
        token = self.value(
            "insert into pagerduty.integrations (organization_id, enabled) values (%s, %s) returning webhook_token",
            (organization_id, enabled),
        )
        made = Organization(organization_id, token)
        for role in roles:
            made.people[role] = self.join(made, role)
        return made

    def join(self, organization: Organization, role: str, user_id: str | None = None) -> str:
        """Makes a user (a new one, unless given) a member; answers the id."""
        user_id = user_id or self.user(role.capitalize())
        self.rows(
            "insert into pagerduty.memberships (organization_id, user_id, role) values (%s, %s, %s)",
            (organization.id, user_id, role),
        )
        return user_id

    def topic(self, organization: Organization) -> str:
        """The present realtime topic of an organization."""
        return str(self.value("select topic from pagerduty.organizations where id = %s", (organization.id,)))

    def adopt(self, *organizations: str) -> None:
        """Has organizations that the test made otherwise deleted with the others."""
        self._organizations += organizations

    def clean_up(self) -> None:
        """Deletes the organizations and users that were made here."""
        self.rows("delete from pagerduty.organizations where id = any (%s::uuid[])", (self._organizations,))
        self.rows("delete from auth.users where id = any (%s::uuid[])", (self._users,))
        self._organizations.clear()
        self._users.clear()

    # As PostgREST does -------------------------------------------------------------------------------------------

    @contextmanager
    def acting(
        self,
        user_id: str | None = None,
        role: str = "authenticated",
        connection: Connection | None = None,
        **claims: Any,
    ) -> Iterator[Callable[..., list[dict[str, Any]]]]:
        """One transaction as a role, with a user's claims; gives a function that runs a statement in it.

        The transaction is committed at the end, rolled back on an error.
        """
        used = connection or self.connection
        if user_id:
            claims = {"sub": user_id, "aud": "authenticated", **claims}
        with used.transaction():
            used.execute("select set_config('request.jwt.claims', %s, true)", (json.dumps({"role": role, **claims}),))
            used.execute(f"set local role {role}".encode())

            def run(statement: str, parameters: Any = None) -> list[dict[str, Any]]:
                cursor = used.execute(statement.encode(), parameters)
                return cursor.fetchall() if cursor.description else []

            yield run

    def run_as(self, user_id: str | None, statement: str, parameters: Any = None, **how: Any) -> list[dict[str, Any]]:
        """One statement in a transaction of its own, as a signed-in user."""
        with self.acting(user_id, **how) as run:
            return run(statement, parameters)

    def refusal(self, user_id: str | None, statement: str, parameters: Any = None, **how: Any) -> str | None:
        """The SQLSTATE with which a statement is refused to a user; None if it is not."""
        try:
            self.run_as(user_id, statement, parameters, **how)
        except psycopg.Error as error:
            return error.sqlstate
        return None

    # PagerDuty ---------------------------------------------------------------------------------------------------

    def version(self, organization: Organization) -> int:
        """The integration's settings_version."""
        version: int = self.value(
            "select settings_version from pagerduty.integrations where organization_id = %s", (organization.id,)
        )
        return version

    def call_ingest(
        self, token: str | None, version: int, events: Any, connection: Connection | None = None, *, count: bool = False
    ) -> dict[str, Any]:
        """One webhook for the ingest function; answers what became of it."""
        [answer] = self.ingest_webhooks([webhook(token, version, events)], connection, count=count)
        return answer

    def ingest_webhooks(
        self, webhooks: Sequence[dict[str, Any]], connection: Connection | None = None, *, count: bool = False
    ) -> list[dict[str, Any]]:
        """The ingest function, called as the service does."""
        [row] = self.run_as(
            None,
            "select pagerduty.ingest_webhooks(%s, %s) as answers",
            (Jsonb(webhooks), count),
            role="service_role",
            connection=connection,
        )
        answers: list[dict[str, Any]] = row["answers"]
        return answers

    def ingest(self, organization: Organization, *events: Any, connection: Connection | None = None) -> list[Any]:
        """Sends events to an organization; answers their outcomes."""
        answer = self.call_ingest(organization.token, self.version(organization), list(events), connection)
        assert answer["status"] == "done"
        outcomes: list[Any] = answer["outcomes"]
        return outcomes

    def notify(self, organization: Organization, event: dict[str, Any]) -> str:
        """Sends one event; answers the id of the notification that it made or changed."""
        [outcome] = self.ingest(organization, event)
        assert outcome["outcome"] in ("created", "updated"), outcome
        return str(outcome["notification_id"])

    def link(
        self, organization: Organization, user_id: str, notification: str, *, status: str | None = None,
        filled: str = "triggered", connection: Connection | None = None,
    ) -> str:  # fmt: skip
        """Makes an incident from a notification, as the form does; answers its id.

        `filled` is PagerDuty's status with which the form was filled in, `status` the one that the user left there.
        """
        columns = ["organization_id", "title", "notification_id", "pagerduty_status", *(["status"] if status else [])]
        values = [organization.id, "From the form", notification, filled, *([status] if status else [])]
        [row] = self.run_as(
            user_id,
            f"insert into pagerduty.incidents ({', '.join(columns)}) values ({', '.join(['%s'] * len(values))})"
            " returning id::text",
            values,
            connection=connection,
        )
        return str(row["id"])

    def incident(self, incident_id: str) -> dict[str, Any]:
        [row] = self.rows("select * from pagerduty.incidents where id = %s", (incident_id,))
        return row

    def status_of(self, incident_id: str) -> str:
        return str(self.incident(incident_id)["status"])

    def timeline(self, incident_id: str) -> list[tuple[str, str | None, str | None]]:
        """An incident's timeline: (kind, status before, status after)."""
        rows = self.rows(
            "select kind, status_from::text, status_to::text from pagerduty.incident_updates"
            " where incident_id = %s order by created_at",
            (incident_id,),
        )
        return [(row["kind"], row["status_from"], row["status_to"]) for row in rows]

    # At once -----------------------------------------------------------------------------------------------------

    def in_turn(
        self, first: Callable[[Connection], Any], second: Callable[[Connection], Any], *, keep: bool = True
    ) -> tuple[Any, Any]:
        """Runs `first` in a transaction and starts `second`, which has to wait for it; the answers (or error) of both.

        The transaction of `first` is committed, or with keep=False rolled back, when `second` is seen to wait.
        """
        waits = "select 1 from pg_stat_activity where pid = %s and wait_event_type = 'Lock'"
        with self.connect() as one, self.connect() as other, self.connect() as watcher, ThreadPoolExecutor(1) as pool:
            with one.transaction(force_rollback=not keep):
                made = first(one)
                running = pool.submit(second, other)
                deadline = time.monotonic() + 30
                while not watcher.execute(waits.encode(), (other.info.backend_pid,)).fetchall():
                    assert not running.done(), f"it did not wait: {running.exception() or running.result()}"
                    assert time.monotonic() < deadline, "it neither waits nor ends"
            try:
                return made, running.result(timeout=30)
            except psycopg.Error as error:
                return made, error

    def at_once(self, *tasks: Callable[[Connection], Any]) -> list[Any]:
        """Runs tasks in threads, each with a connection of its own, let go together; their answers or errors."""
        barrier = threading.Barrier(len(tasks), timeout=30)

        def run(task: Callable[[Connection], Any]) -> Any:
            with self.connect() as connection:
                barrier.wait()
                try:
                    return task(connection)
                except psycopg.Error as error:
                    return error

        with ThreadPoolExecutor(len(tasks)) as pool:
            return list(pool.map(run, tasks))
