"""People and organizations for tests: made fresh, so that tests share a database without sharing data."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import bcrypt
import httpx
import psycopg

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


@dataclass
class Person:
    """A user who can sign in."""

    stack: Stack
    id: str
    email: str
    name: str
    organization_id: str | None = None

    @cached_property
    def session(self) -> dict[str, Any]:
        """Signed in by password: access_token, refresh_token, …"""
        answer = httpx.post(
            f"{self.stack.supabase_url}/auth/v1/token?grant_type=password",
            headers={"apikey": self.stack.publishable_key},
            json={"email": self.email, "password": PASSWORD},
        )
        assert answer.status_code == 200, answer.text
        session: dict[str, Any] = answer.json()
        return session

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
            return self.__dict__["people"][role]
        except KeyError:
            raise AttributeError(role) from None

    def send(self, payload: Any, *, secret: str | None = None, headers: dict[str, str] | None = None) -> httpx.Response:
        """Sends a webhook as PagerDuty does, signed if there is a secret."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        sent = {"Content-Type": "application/json", "User-Agent": "PagerDuty-Webhook/V3.0", **(headers or {})}
        if secret:
            sent["X-PagerDuty-Signature"] = sign(body, secret)
        url = f"{self.stack.service_url}/api/webhooks/pagerduty/{self.token}"
        return httpx.post(url, content=body, headers=sent, timeout=20)


@dataclass
class World:
    """Makes people and organizations in a stack's database."""

    stack: Stack

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection as role postgres, committed at the end."""
        with psycopg.connect(self.stack.database_dsn) as connection:
            yield connection

    def person(self, name: str = "Somebody") -> Person:
        """A user in no organization."""
        user_id = str(uuid.uuid4())
        email = f"{name.split()[0].lower()}-{user_id[:8]}@example.test"
        with self.database() as connection:
            values = {"id": user_id, "email": email, "hash": _HASH, "name": name}
            connection.execute(_INSERT_USER, values)
            connection.execute(_INSERT_IDENTITY, values)
        return Person(self.stack, user_id, email, name)

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
            made.people[role] = self.person(f"{role.capitalize()} of {name}")
            self.join(made, made.people[role], role)
        return made

    def join(self, organization: Organization, person: Person, role: str) -> None:
        """Makes a person a member."""
        person.organization_id = person.organization_id or organization.id
        with self.database() as connection:
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
