"""What PagerDuty's webhooks say, in one shape for all payload families."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Family = Literal["v3", "v2", "v1", "documented"]

PING = "pagey.ping"
SERVICE_TYPES = "service."  # how the types of events about services begin

# PagerDuty: Webhooks overview, event types of V3.
V3_TYPES = frozenset(
    {
        "incident.triggered",
        "incident.acknowledged",
        "incident.unacknowledged",
        "incident.reassigned",
        "incident.delegated",
        "incident.escalated",
        "incident.priority_updated",
        "incident.service_updated",
        "incident.reopened",
        "incident.resolved",
        "incident.annotated",
        "incident.status_update_published",
        "incident.incident_type.changed",
        "incident.conference_bridge.updated",
        "incident.custom_field_values.updated",
        "incident.responder.added",
        "incident.responder.replied",
        "incident.role.assigned",
        "incident.task.created",
        "incident.task.updated",
        "incident.task.completed",
        "incident.workflow.started",
        "incident.workflow.completed",
        "incident.action_invocation.created",
        "incident.action_invocation.updated",
        "incident.action_invocation.terminated",
        "service.created",
        "service.updated",
        "service.deleted",
        "service.custom_field_values.updated",
    }
)

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

# The status that an incident has after an event, for payloads that do not say. Events of these types tell a status; in
# any other a status is a snapshot, which may be older than what is known.
IMPLIED_STATUS = {
    "incident.triggered": "triggered",
    "incident.unacknowledged": "triggered",
    "incident.reopened": "triggered",
    "incident.acknowledged": "acknowledged",
    "incident.resolved": "resolved",
}

# What calls for somebody: these ring, where they tell anything new. All others change what the bell shows, quietly.
LOUD_TYPES = frozenset({"incident.triggered", "incident.unacknowledged", "incident.reopened", "incident.escalated"})

# The data of these events is the incident itself; that of the others has a reference to it.
ABOUT_THE_INCIDENT = frozenset(
    {
        "incident.triggered",
        "incident.acknowledged",
        "incident.unacknowledged",
        "incident.reassigned",
        "incident.delegated",
        "incident.escalated",
        "incident.priority_updated",
        "incident.service_updated",
        "incident.reopened",
        "incident.resolved",
        "incident.incident_type.changed",
    }
)


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
    incident other than its title, what the monitoring tool sent included, on several lines. `client` is that tool.
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
    created_at: datetime | None
    html_url: str | None
    incident_key: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `type` has V3's names in every family; `payload` is the event or message as it came, fit for jsonb.

    `known` says that the type is one that PagerDuty documents (`pagey.ping` included); `service` is the one that the
    event belongs to, the subject of `service.*` events; other events have an `incident` unless they name neither;
    `detail` is what is particular to the event, such as a note's content.
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
    payload: Any
    integration_keys: tuple[str, ...]

    @property
    def is_about_service(self) -> bool:
        """Its subject is a service, and no incident of it."""
        return self.type.startswith(SERVICE_TYPES)

    @property
    def told_status(self) -> str | None:
        """The status that the event says the incident now has; None if it says something else (a note, a priority)."""
        return self.incident.status if self.incident and self.type in IMPLIED_STATUS else None

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
