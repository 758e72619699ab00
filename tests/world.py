"""People and organizations for tests: made fresh, so that tests share a database without sharing data."""

import json
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import bcrypt
import httpx
import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from devstack.auth import session_body
from devstack.keys import Keys
from devstack.sessions import USER, Session
from devstack.stack import Stack
from service.pagerduty.signatures import sign

#: PostgREST is asked for our schema.
PROFILE = {"Accept-Profile": "pagerduty", "Content-Profile": "pagerduty"}
PASSWORD = "correct horse battery"
_HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()

_INSERT_USER = """
insert into auth.users (
  instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data,
  created_at, updated_at, confirmation_token, recovery_token, email_change, email_change_token_new
)
values (
  '00000000-0000-0000-0000-000000000000', %(id)s, 'authenticated', 'authenticated', %(email)s, %(hash)s, now(),
  '{"provider": "email", "providers": ["email"]}', jsonb_build_object('name', %(name)s::text), now(), now(),
  '', '', '', ''
)
"""
_INSERT_IDENTITY = """
insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
values (
  %(id)s::text, %(id)s::uuid, jsonb_build_object('sub', %(id)s::text, 'email', %(email)s::text), 'email',
  now(), now(), now()
)
"""


_INSERT_SESSION = """
insert into auth.sessions (id, user_id, created_at, updated_at, aal)
values (gen_random_uuid(), %s, now(), now(), 'aal1')
returning *
"""
_INSERT_REFRESH_TOKEN = """
insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, session_id)
values ('00000000-0000-0000-0000-000000000000', %s, %s, false, now(), now(), %s)
"""


@dataclass
class Person:
    """A user who can sign in."""

    world: "World" = field(repr=False)
    id: str
    email: str
    name: str
    organization_id: str | None = None

    @property
    def stack(self) -> Stack:
        return self.world.stack

    @cached_property
    def session(self) -> dict[str, Any]:
        """Signed in: access_token, refresh_token, …, as Auth answers them."""
        return self.world.sign_in(self)

    @property
    def token(self) -> str:
        return str(self.session["access_token"])

    @cached_property
    def api(self) -> httpx.Client:
        """The service, as this person and for their (first) organization."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if self.organization_id:
            headers["X-Organization-Id"] = self.organization_id
        return httpx.Client(base_url=self.stack.service_url, headers=headers, timeout=20)

    @cached_property
    def rest(self) -> httpx.Client:
        """Supabase's REST API, as this person."""
        return httpx.Client(
            base_url=f"{self.stack.supabase_url}/rest/v1",
            headers={"apikey": self.stack.publishable_key, "Authorization": f"Bearer {self.token}", **PROFILE},
            timeout=20,
        )


@dataclass
class Organization:
    """An organization with its integration's webhook token (None without an integration)."""

    stack: Stack
    id: str
    name: str
    token: str | None = None
    people: dict[str, Person] = field(default_factory=dict)

    def __getattr__(self, role: str) -> Person:
        """The member with this role: acme.owner, acme.viewer, …"""
        try:
            found: Person = self.__dict__["people"][role]
        except KeyError:
            raise AttributeError(role) from None
        return found

    def topic_for(self, person: Person) -> str | None:
        """Its Realtime topic, as the API tells this person; None where they are no member."""
        told = person.api.get("/api/me").raise_for_status().json()["organizations"]
        return next((one["topic"] for one in told if one["id"] == self.id), None)

    def remove(self, person: Person) -> None:
        """The owner ends somebody's membership, as on the page of the members."""
        where = {"organization_id": f"eq.{self.id}", "user_id": f"eq.{person.id}"}
        self.owner.rest.delete("/memberships", params=where).raise_for_status()

    def send(self, payload: Any, *, secret: str | None = None, headers: dict[str, str] | None = None) -> httpx.Response:
        """Sends a webhook as PagerDuty does, signed if there is a secret."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        sent = {"Content-Type": "application/json", "User-Agent": "PagerDuty-Webhook/V3.0", **(headers or {})}
        if secret:
            sent["X-PagerDuty-Signature"] = sign(body, secret)
        url = f"{self.stack.service_url}/api/webhooks/pagerduty/{self.token}"
        return httpx.post(url, content=body, headers=sent, timeout=20)


class World:
    """Makes people and organizations in a stack's database."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._pool = ConnectionPool(stack.database_dsn, min_size=1, max_size=4, open=False)

    def __enter__(self) -> Self:
        self._pool.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection as role postgres, committed at the end."""
        with self._pool.connection() as connection:
            yield connection

    @cached_property
    def _keys(self) -> Keys:
        return Keys.load_or_create(Path(str(self.stack.config["keys_file"])), self._issuer)

    @property
    def _issuer(self) -> str:
        return f"{self.stack.supabase_url}/auth/v1"

    def sign_in(self, person: Person) -> dict[str, Any]:
        """A new session, which the embedded stack's Auth is not asked for: nine sign-ins a test would cost seconds."""
        if not self.stack.is_embedded:
            return self._sign_in_by_password(person)
        refresh_token = secrets.token_hex(6)
        with self.database() as connection, connection.cursor(row_factory=dict_row) as cursor:
            [row] = cursor.execute(_INSERT_SESSION, (person.id,)).fetchall()
            cursor.execute(_INSERT_REFRESH_TOKEN, (refresh_token, person.id, row["id"]))
            [user] = cursor.execute(USER + " where id = %s", (person.id,)).fetchall()
        return session_body(Session(row, user, refresh_token), self._keys, self._issuer, 3600)

    def _sign_in_by_password(self, person: Person) -> dict[str, Any]:
        answer = httpx.post(
            f"{self._issuer}/token?grant_type=password",
            headers={"apikey": self.stack.publishable_key},
            json={"email": person.email, "password": PASSWORD},
        )
        assert answer.status_code == 200, answer.text
        session: dict[str, Any] = answer.json()
        return session

    def person(self, name: str = "Somebody") -> Person:
        """A user in no organization."""
        with self.database() as connection:
            return self._person(connection, name)

    def _person(self, connection: psycopg.Connection[Any], name: str) -> Person:
        user_id = str(uuid.uuid4())
        email = f"{name.split()[0].lower()}-{user_id[:8]}@example.test"
        values = {"id": user_id, "email": email, "hash": _HASH, "name": name}
        connection.execute(_INSERT_USER, values)
        connection.execute(_INSERT_IDENTITY, values)
        return Person(self, user_id, email, name)

    def organization(
        self, name: str = "Test", roles: tuple[str, ...] = ("owner", "admin", "responder", "viewer"), *,
        integration: bool = True, enabled: bool = True,
    ) -> Organization:  # fmt: skip
        """An organization with a member of each role, and an integration."""
        made = Organization(self.stack, str(uuid.uuid4()), f"{name} {uuid.uuid4().hex[:6]}")
        with self.database() as connection:
            connection.execute("insert into pagerduty.organizations (id, name) values (%s, %s)", (made.id, made.name))
            if integration:
                row = connection.execute(
                    "insert into pagerduty.integrations (organization_id, enabled) values (%s, %s)"
                    " returning webhook_token",
                    (made.id, enabled),
                ).fetchone()
                assert row is not None
                made.token = row[0]
            for role in roles:
                made.people[role] = self._person(connection, f"{role.capitalize()} of {name}")
                self._join(connection, made, made.people[role], role)
        return made

    def join(self, organization: Organization, person: Person, role: str) -> None:
        """Makes a person a member."""
        with self.database() as connection:
            self._join(connection, organization, person, role)

    def _join(self, connection: psycopg.Connection[Any], organization: Organization, person: Person, role: str) -> None:
        person.organization_id = person.organization_id or organization.id
        connection.execute(
            "insert into pagerduty.memberships (organization_id, user_id, role) values (%s, %s, %s)",
            (organization.id, person.id, role),
        )


def v3(
    event_type: str = "incident.triggered", incident_id: str = "PINC001", *, event_id: str | None = None,
    occurred_at: str = "2026-11-23T10:00:00Z", **incident: Any,
) -> dict[str, Any]:  # fmt: skip
    """A V3 webhook payload about an incident."""
    status = {"incident.acknowledged": "acknowledged", "incident.resolved": "resolved"}.get(event_type, "triggered")
    reference = {"id": "PSVC001", "type": "service_reference", "summary": "Checkout API"}
    data = {
        "id": incident_id, "type": "incident", "number": 42, "status": status, "title": "Checkout is down",
        "html_url": f"https://acme.pagerduty.com/incidents/{incident_id}", "created_at": "2026-11-23T10:00:00Z",
        "service": reference, "assignees": [], "escalation_policy": None, "teams": [], "priority": None,
        "urgency": "high", "conference_bridge": None, "resolve_reason": None, "incident_key": "key", **incident,
    }  # fmt: skip
    return {
        "event": {
            "id": event_id or f"01{uuid.uuid4().hex[:24].upper()}", "event_type": event_type,
            "resource_type": "incident", "occurred_at": occurred_at, "agent": None, "client": None, "data": data,
        }
    }  # fmt: skip
