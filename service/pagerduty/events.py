"""What PagerDuty's webhooks say, in one shape for all payload families."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from service.pagerduty.effects import EFFECTS, is_about_service, tells_status

Family = Literal["v3", "v2", "v1", "documented"]

PING = "pagey.ping"

#: What is documented (PagerDuty: Webhooks overview); what each does is said in `service/pagerduty/effects.py`.
V3_TYPES = frozenset(EFFECTS)

# V1 and V2 speak in the present tense; these are V3's names for the same events.
V3_NAMES = {
    "incident.trigger": "incident.triggered",
    "incident.acknowledge": "incident.acknowledged",
    "incident.unacknowledge": "incident.unacknowledged",
    "incident.resolve": "incident.resolved",
    "incident.assign": "incident.reassigned",
    "incident.escalate": "incident.escalated",
    "incident.delegate": "incident.delegated",
    "incident.annotate": "incident.annotated",
}


@dataclass(frozen=True, slots=True)
class Service:
    """A PagerDuty service, as far as the payload describes it."""

    id: str | None
    name: str | None
    html_url: str | None


@dataclass(frozen=True, slots=True)
class Incident:
    """A PagerDuty incident, as far as the payload describes it.

    Events about notes, tasks and the like carry only a reference to it: then no more than `id`, `title` and `html_url`
    are known. `title`, names and `custom_fields` (label and value) are lines; `description` has every text about the
    incident other than its title, what the monitoring tool sent included, on several lines. `client` is that tool;
    `merged_into` the incident, with its link, that it was merged into.
    """

    id: str | None
    number: int | None
    title: str | None
    description: str | None
    status: str | None
    urgency: str | None
    priority: str | None
    incident_type: str | None
    service_id: str | None
    service_name: str | None
    assignees: tuple[str, ...]
    teams: tuple[str, ...]
    escalation_policy: str | None
    conference_url: str | None
    conference_numbers: tuple[str, ...]
    custom_fields: tuple[tuple[str, str], ...]
    client: str | None
    client_url: str | None
    merged_into: str | None
    created_at: datetime | None
    html_url: str | None
    incident_key: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `type` has V3's names in every family; `payload` is the event or message as it came, fit for jsonb.

    `known` says that the type is one that PagerDuty documents (`pagey.ping` included); `service` is the one that the
    event belongs to, the subject of `service.*` events; other events have an `incident` unless they name neither;
    `detail` is what is particular to the event, such as a note's content; `settled` are the lines, (label, value), of
    the incident's description that it tells anew (`service/pagerduty/settled.py`).
    """

    id: str
    family: Family
    type: str
    known: bool
    occurred_at: datetime | None
    agent_name: str | None
    incident: Incident | None
    service: Service | None
    detail: str | None
    settled: tuple[tuple[str, str | None], ...]
    payload: Any
    integration_keys: tuple[str, ...]

    @property
    def is_about_service(self) -> bool:
        """Its subject is a service, and no incident of it."""
        return is_about_service(self.type)

    @property
    def told_status(self) -> str | None:
        """The status that the event says the incident now has; None if it says something else (a note, a priority)."""
        return self.incident.status if self.incident and tells_status(self.type) else None

    @property
    def is_ping(self) -> bool:
        """A subscription's test delivery (PagerDuty: POST /webhook_subscriptions/{id}/ping)."""
        return self.type == PING


@dataclass(frozen=True, slots=True)
class InvalidEvent:
    """A message that cannot be used: its place in the delivery, and why."""

    index: int
    reason: str
    event_id: str | None
    payload: Any
