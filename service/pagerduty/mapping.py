"""From a PagerDuty event to what the product shows: the notification, the prefilled incident, a line of its timeline.

What fills in which field is data (`FieldMapping`), so that an organization can have its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypedDict

from service.pagerduty.effects import EFFECTS, is_loud, is_recorded
from service.pagerduty.events import Event, Incident, InvalidEvent, Service
from service.pagerduty.fields import clean_text, identifier, one_line, shorten
from service.pagerduty.incidents import CONFERENCE_LINK, CONFERENCE_NUMBER, INCIDENT_TYPE
from service.pagerduty.payloads import MAX_INTEGRATION_KEYS
from service.pagerduty.settled import Fact
from service.vocabulary import COMMENT_LIMIT, DESCRIPTION_LIMIT, ID_LIMIT, TITLE_LIMIT

BODY_LIMIT = 1000
HEADLINE_LIMIT = COMMENT_LIMIT
# What happened may take this much of a body, so that the service and the urgency after it always fit.
_HEADLINE_IN_BODY = 700
# PagerDuty's metadata may take this much of a description, and the names in a line of it this much.
_METADATA_LIMIT = DESCRIPTION_LIMIT // 2
_NAMES_LIMIT = 2000

# Facts of which a description that does not have them says that there is none.
_CHANGING = frozenset({"Priority", "Assigned to", "Merged into"})


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """How a PagerDuty incident fills in the product's incident. Words that a table lacks become the `unknown_` ones."""

    title_prefix: str = "[PagerDuty] "
    criticality: Mapping[str, str] = field(default_factory=lambda: {"high": "high", "low": "medium"})
    unknown_criticality: str = "medium"
    urgency: Mapping[str, str] = field(default_factory=lambda: {"high": "high", "low": "medium"})
    unknown_urgency: str = "medium"
    status: Mapping[str, str] = field(
        default_factory=lambda: {"triggered": "open", "acknowledged": "investigating", "resolved": "resolved"}
    )
    unknown_status: str = "open"


DEFAULT_MAPPING = FieldMapping()


def notification(event: Event, mapping: FieldMapping = DEFAULT_MAPPING) -> dict[str, Any] | None:
    """What the bell shows: `title` (≤ 1024), `body` (one line, ≤ 1000) and `prefill`, and what they are made of.

    None for `pagey.ping`, for event types that are not known, and where there is nothing to show: neither an incident
    nor a service. `prefill` is None when the event is about a service. `described` has what the event says of its
    subject, named as the columns of `pagerduty.notifications`, and `facts` the lines of its description, as pairs:
    with them, a later event completes what an earlier one told. `settles` are those lines that it tells anew
    although it only refers to the incident; a null value: there is no such line any more.
    """
    subject = event.service if event.is_about_service else event.incident
    if event.type not in EFFECTS or subject is None:
        return None
    incident = event.incident
    facts = _facts(event)
    return {
        "title": _title(event),
        "body": _body(event),
        "prefill": _prefill(incident, facts, mapping) if incident else None,
        "described": _described(incident, event.service) if incident else _described_service(event.service),
        "facts": facts,
        "settles": list(event.settled),
    }


def _described(incident: Incident, service: Service | None) -> dict[str, Any]:
    return {
        "title": incident.title,
        "number": incident.number,
        "pagerduty_incident_id": incident.id,
        "urgency": incident.urgency,
        "priority": incident.priority,
        "service_id": service.id if service else incident.service_id,
        "service_name": service.name if service else incident.service_name,
        "assignees": list(incident.assignees),
        "conference_url": incident.conference_url,
        "pagerduty_url": incident.html_url,
        "written": incident.description,
    }


def _described_service(service: Service | None) -> dict[str, Any]:
    return {
        "title": _service_title(service),
        "service_id": service.id if service else None,
        "service_name": service.name if service else None,
        "pagerduty_url": service.html_url if service else None,
    }


def subject(event: Event) -> str:
    """What the event is about, in one word: events of one subject make one notification."""
    if event.is_about_service and event.service:
        return f"service:{event.service.id or event.service.name}"
    if event.incident and event.incident.id:
        return f"incident:{event.incident.id}"
    return f"event:{event.id}"


class IncidentRecord(TypedDict):
    """The PagerDuty incident that an event is about, as far as it is known."""

    id: str | None
    title: str | None
    status: str | None
    service_name: str | None
    key: str | None


class ServiceRecord(TypedDict):
    """The PagerDuty service that an event belongs to, as far as the event names it."""

    id: str | None
    name: str | None


class IngestRecord(TypedDict):
    """What the database's ingest function (`pagerduty.ingest_webhooks`) takes for one event.

    `delivery_id` is PagerDuty's X-Webhook-Id; `occurred_at` is ISO 8601; `notification` is that of `notification()`;
    `told_status` is the incident's new status, if the event tells one (`incident.status` may be a mere snapshot);
    `loud` says that its type calls for somebody, `recorded` that it never rings, `names_service` that the incidents of
    its service follow the name (`service/pagerduty/effects.py` decides); `headline` is what happened, with every text
    of it, in one line, for the notification's history and the linked incident's timeline; `invalid` is the
    reason why the event cannot be used.
    """

    event_id: str | None
    delivery_id: str | None
    family: str | None
    event_type: str | None
    known: bool
    loud: bool
    recorded: bool
    names_service: bool
    subject: str | None
    agent_name: str | None
    occurred_at: str | None
    payload: Any
    integration_keys: list[str]
    service: ServiceRecord | None
    incident: IncidentRecord | None
    told_status: str | None
    notification: dict[str, Any] | None
    headline: str | None
    invalid: str | None


def ingest_record(
    event: Event | InvalidEvent, delivery_id: str | None, extra_integration_keys: Sequence[str] = ()
) -> IngestRecord:
    """The record of one event; `extra_integration_keys` are keys found outside the body."""
    delivery = shorten(clean_text(delivery_id), ID_LIMIT) if delivery_id else None
    if isinstance(event, InvalidEvent):
        return _invalid_record(event, delivery, extra_integration_keys)
    return {
        "event_id": event.id,
        "delivery_id": delivery,
        "family": event.family,
        "event_type": event.type,
        "known": event.known,
        "loud": is_loud(event.type),
        "recorded": is_recorded(event.type),
        "names_service": event.type in EFFECTS and EFFECTS[event.type].names_service,
        "subject": subject(event),
        "agent_name": event.agent_name,
        "occurred_at": event.occurred_at.isoformat() if event.occurred_at else None,
        "payload": event.payload,
        "integration_keys": _joined_keys(event.integration_keys, extra_integration_keys),
        "service": _service_record(event.service),
        "incident": _incident_record(event.incident),
        "told_status": event.told_status,
        "notification": notification(event),
        "headline": headline(event),
        "invalid": None,
    }


def _invalid_record(event: InvalidEvent, delivery_id: str | None, integration_keys: Sequence[str]) -> IngestRecord:
    return {
        "event_id": event.event_id,
        "delivery_id": delivery_id,
        "family": None,
        "event_type": None,
        "known": False,
        "loud": False,
        "recorded": False,
        "names_service": False,
        "subject": None,
        "agent_name": None,
        "occurred_at": None,
        "payload": event.payload,
        "integration_keys": _joined_keys((), integration_keys),
        "service": None,
        "incident": None,
        "told_status": None,
        "notification": None,
        "headline": None,
        "invalid": event.reason,
    }


def _service_record(service: Service | None) -> ServiceRecord | None:
    return {"id": service.id, "name": service.name} if service else None


def _incident_record(incident: Incident | None) -> IncidentRecord | None:
    if incident is None:
        return None
    return {
        "id": incident.id,
        "title": incident.title,
        "status": incident.status,
        "service_name": incident.service_name,
        "key": incident.incident_key,
    }


def _joined_keys(keys: Sequence[str], extra: Sequence[str]) -> list[str]:
    # The extra ones come first, lest a payload full of keys crowd them out.
    known = [found for found in map(identifier, extra) if found]
    return list(dict.fromkeys([*known, *keys]))[:MAX_INTEGRATION_KEYS]


def headline(event: Event) -> str | None:
    """What happened and by whom, with every text of it, in one line; None where there is nothing to show."""
    if event.type not in EFFECTS or not (event.incident or event.service):
        return None
    return shorten(_headline(event), HEADLINE_LIMIT)


def _title(event: Event) -> str:
    if event.is_about_service:
        return _service_title(event.service)
    return _incident_title(event.incident)


def _service_title(service: Service | None) -> str:
    known = (service.name or (service.id and f"PagerDuty service {service.id}")) if service else None
    return known or "PagerDuty service"


def _incident_title(incident: Incident | None) -> str:
    return (incident and incident.title) or f"PagerDuty incident{_known_by(incident)}"


def _known_by(incident: Incident | None) -> str:
    """What tells an incident without a title from others, best first: what people know it by, before its id."""
    if incident is None:
        return ""
    if incident.number is not None:
        return f" #{incident.number}"
    on_service = incident.service_name and f"on {incident.service_name}"
    known = incident.id or on_service
    return f" {known}" if known else ""


def _headline(event: Event) -> str:
    """What happened and by whom, such as "Reassigned to Wiley Jacobson by Laura Haley"."""
    effect = EFFECTS[event.type]
    # A service that opened its own incident is named anyway.
    agent = event.agent_name if event.service is None or event.agent_name != event.service.name else None
    detail = event.detail or (effect.alone if agent is None else None)
    words = [effect.did]
    if effect.to and detail:
        words += [effect.to, detail]
    if agent:
        words += ["by", agent]
    told = " ".join(words)
    return one_line(f"{told}: {detail}" if detail and not effect.to else told)


def _body(event: Event) -> str:
    incident = event.incident
    parts = [
        shorten(_headline(event), _HEADLINE_IN_BODY),
        incident.service_name if incident else None,
        f"{incident.urgency} urgency" if incident and incident.urgency else None,
    ]
    return shorten(" · ".join(part for part in parts if part), BODY_LIMIT)


def _prefill(incident: Incident, facts: list[Fact], mapping: FieldMapping) -> dict[str, Any]:
    urgency, status = incident.urgency or "", incident.status or ""
    return {
        "title": _prefilled_title(incident, mapping.title_prefix),
        "description": _description(incident, facts),
        "criticality": mapping.criticality.get(urgency, mapping.unknown_criticality),
        "urgency": mapping.urgency.get(urgency, mapping.unknown_urgency),
        "status": mapping.status.get(status, mapping.unknown_status),
        "customer": incident.service_name or "",
        "tags": _tags(incident),
        "pagerduty_incident_id": incident.id,
        "pagerduty_url": incident.html_url,
    }


def _tags(incident: Incident) -> list[str]:
    known = (("service", incident.service_name), ("urgency", incident.urgency), ("pagerduty-id", incident.id))
    return ["source:pagerduty", *(f"{label}:{value}" for label, value in known if value)]


def _prefilled_title(incident: Incident, prefix: str) -> str:
    """The prefix stands once, though the title may be one that went from here to PagerDuty and came back."""
    title = incident.title or f"Incident{_known_by(incident)}"
    return shorten(title if title.lower().startswith(prefix.strip().lower()) else prefix + title, TITLE_LIMIT)


def _description(incident: Incident, facts: list[Fact]) -> str:
    """The description (without one: the title), a blank line, and PagerDuty's metadata; at most 20,000 characters."""
    block = shorten(_metadata(facts), _METADATA_LIMIT)
    written = incident.description or _incident_title(incident)
    return f"{shorten(written, DESCRIPTION_LIMIT - len(block) - 2)}\n\n{block}" if block else written


def _metadata(facts: list[Fact]) -> str:
    return "\n".join(f"{label}: {value}" for label, value in facts if value)


def _facts(event: Event) -> list[Fact]:
    """What is known of its incident, with what the event tells anew."""
    if event.incident is None:
        return []
    known, anew = _facts_of(event.incident), dict(event.settled)
    labels = {label for label, _ in known}
    replaced = [(label, anew.get(label, value)) for label, value in known]
    return replaced + [(label, value) for label, value in event.settled if value and label not in labels]


def _facts_of(incident: Incident) -> list[Fact]:
    """What is known, a label and a value each; None says that there is none of it (no priority, nobody).

    Custom fields come last: they are what may have to be cut.
    """
    is_described = incident.status is not None  # and not only referred to
    known = (
        ("Service", incident.service_name or incident.service_id),
        ("Urgency", incident.urgency),
        ("Priority", incident.priority),
        ("Status", incident.status),
        ("Number", f"#{incident.number}" if incident.number is not None else None),
        (INCIDENT_TYPE, incident.incident_type),
        ("Assigned to", shorten(", ".join(incident.assignees), _NAMES_LIMIT)),
        ("Teams", shorten(", ".join(incident.teams), _NAMES_LIMIT)),
        ("Escalation policy", incident.escalation_policy),
        (CONFERENCE_LINK, incident.conference_url),
        (CONFERENCE_NUMBER, shorten(", ".join(incident.conference_numbers), _NAMES_LIMIT)),
        ("Client", incident.client),
        ("Client link", incident.client_url),
        ("Merged into", incident.merged_into),
        ("Opened at", _readable(incident.created_at)),
        ("Link", incident.html_url),
        *incident.custom_fields,
    )
    return [(label, value or None) for label, value in known if value or (is_described and label in _CHANGING)]


def _readable(when: datetime | None) -> str | None:
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if when else None
