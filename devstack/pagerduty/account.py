"""One PagerDuty account: its users, teams, services and policies, and how PagerDuty refers to each of them."""

import secrets
from collections.abc import Callable
from typing import Any

from devstack.pagerduty.clock import Clock
from devstack.pagerduty.store import Document, Store

SUBDOMAIN = "sandbox"
USER_EMAIL = "earline.greenholt@example.com"

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
# Where each kind is in the REST API and in the web app.
_PATHS = {
    "user": "users", "team": "teams", "service": "services", "escalation_policy": "escalation_policies",
    "schedule": "schedules", "priority": "priorities", "incident": "incidents", "log_entry": "log_entries",
    "webhook_subscription": "webhook_subscriptions",
}  # fmt: skip
_USERS = (
    ("PXPGF42", "Earline Greenholt", USER_EMAIL, "admin"),
    ("POLIVIA", "Olivia Owner", "olivia@acme.test", "owner"),
    ("PRITA01", "Rita Responder", "rita@acme.test", "limited_user"),
    ("PSAM001", "Sam of Both", "sam@example.test", "limited_user"),
    ("PNIGHT1", "Nadia Night", "nadia.night@example.com", "limited_user"),
)
_PRIORITIES = (("PPRIO01", "P1", "The house is on fire"), ("PPRIO02", "P2", "A room is"), ("PPRIO03", "P3", "Smoke"))


class Account:
    """An account of a region, with people and services from the start. Its name is its region's, or one of its own."""

    def __init__(self, name: str, region: str, subdomain: str, store: Store, clock: Clock) -> None:
        self.name, self.region, self.store, self.clock = name, region, store, clock
        self.subdomain = subdomain
        self.host = f"{subdomain}.eu.pagerduty.com" if region == "eu" else f"{subdomain}.pagerduty.com"
        self.api = "https://api.eu.pagerduty.com" if region == "eu" else "https://api.pagerduty.com"
        if not self.all("user"):
            self._fill()

    def kind(self, kind: str) -> str:
        return f"{self.name}:{kind}"

    def all(self, kind: str, wanted: Callable[[Document], bool] = lambda _: True) -> list[Document]:
        return [document for document in self.store.all(self.kind(kind)) if wanted(document)]

    def get(self, kind: str, document_id: Any) -> Document | None:
        return self.store.get(self.kind(kind), document_id) if isinstance(document_id, str) else None

    def put(self, kind: str, *documents: Document) -> None:
        self.store.put(self.kind(kind), *documents)

    def user_of(self, email: str) -> Document | None:
        return next(iter(self.all("user", lambda user: user["email"].lower() == email.lower())), None)

    def add_user(self, name: str, email: str) -> Document:
        """A user more; one with the same address is that user."""
        known = self.user_of(email)
        if known:
            return known
        user = self._user(None, name, email, "limited_user", [])
        self.put("user", user)
        return user

    def made(self, kind: str, summary: str | None, document_id: str | None = None, /, **fields: Any) -> Document:
        """A document as the REST API shows one; it is not kept yet."""
        made_id = document_id or "P" + "".join(secrets.choice(_ALPHABET) for _ in range(6))
        path = _PATHS.get(kind, f"{kind}s")
        return {
            "id": made_id,
            "type": kind,
            "summary": summary,
            "self": f"{self.api}/{path}/{made_id}",
            "html_url": f"https://{self.host}/{path}/{made_id}",
            **fields,
        }

    def _fill(self) -> None:
        team = self.made("team", "Storefront", "PTEAM01", name="Storefront", description="The shop")
        users = [
            self._user(user_id, name, email, role, [team] if user_id in ("PRITA01", "PSAM001") else [])
            for user_id, name, email, role in _USERS
        ]
        schedules = [
            self.made("schedule", name, schedule_id, name=name, _user=user_id, _hours=hours)
            for schedule_id, name, user_id, hours in (
                ("PSCHED1", "Days", "PRITA01", 12), ("PSCHED2", "Nights", "PNIGHT1", 24),
            )
        ]  # fmt: skip
        policies = [
            self._policy("PEPOL01", "Storefront first", [team], [schedules[0]], [users[4]], [users[0]]),
            self._policy("PEPOL02", "Operations", [], [schedules[1]], [users[1]]),
        ]
        services = [
            self._service("PSERV01", "Checkout", policies[0], [team]),
            self._service("PSERV02", "Search", policies[0], [team]),
            self._service("PSERV03", "Billing", policies[1], []),
        ]
        self.put("team", team)
        self.put("user", *users)
        self.put("schedule", *schedules)
        self.put("escalation_policy", *policies)
        self.put("service", *services)
        self.put("priority", *(self.made("priority", name, i, name=name, description=d) for i, name, d in _PRIORITIES))
        self.put("incident_type", *(self._type(name) for name in ("incident_default", "major")))
        self.put(
            "field", self._field("PFIELD1", "environment", "Environment"), self._field("PFIELD2", "region", "Region")
        )

    def _user(self, user_id: str | None, name: str, email: str, role: str, teams: list[Document]) -> Document:
        return self.made(
            "user", name, user_id, name=name, email=email, role=role, time_zone="Etc/UTC", job_title=None,
            description=None, teams=[reference(team) for team in teams], contact_methods=[], notification_rules=[],
        )  # fmt: skip

    def _policy(self, policy_id: str, name: str, teams: list[Document], *levels: list[Document]) -> Document:
        rules = [
            {
                "id": f"{policy_id[:6]}{number}",
                "escalation_delay_in_minutes": 30,
                "targets": [reference(t) for t in targets],
            }
            for number, targets in enumerate(levels, 1)
        ]
        return self.made(
            "escalation_policy", name, policy_id, name=name, description=None, num_loops=0, escalation_rules=rules,
            services=[], teams=[reference(team) for team in teams],
        )  # fmt: skip

    def _service(self, service_id: str, name: str, policy: Document, teams: list[Document]) -> Document:
        return self.made(
            "service", name, service_id, name=name, description=None, status="active",
            created_at="2026-01-01T00:00:00Z",
            escalation_policy=reference(policy), teams=[reference(team) for team in teams], integrations=[],
            alert_creation="create_alerts_and_incidents",
        )  # fmt: skip

    def _type(self, name: str) -> Document:
        display = "Base incident" if name == "incident_default" else name.capitalize()
        return self.made("incident_type", display, name=name, display_name=display, enabled=True)

    def _field(self, field_id: str, name: str, display: str) -> Document:
        return self.made(
            "field", display, field_id, name=name, display_name=display, data_type="string", field_type="single_value",
            description=None, default_value=None, enabled=True, incident_type="incident_default", field_options=None,
            created_at="2026-01-01T00:00:00Z", updated_at="2026-01-01T00:00:00Z",
        )  # fmt: skip


def reference(document: Document) -> Document:
    """`{"id", "type": "…_reference", "summary", "self", "html_url"}`: how one thing names another."""
    kind = document["type"].removesuffix("_reference")
    return {name: document.get(name) for name in ("id", "summary", "self", "html_url")} | {"type": f"{kind}_reference"}


def public(document: Document) -> Document:
    """Without what is the sandbox's own."""
    return {name: value for name, value in document.items() if not name.startswith("_")}
