"""What an event tells anew of an incident that it only refers to: its bridge, a custom field, a role.

PagerDuty describes an incident as a whole after most changes. After these the data is about one thing of it, and says
how that is now, or that there is none of it (PagerDuty: Webhooks overview, event data types).
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from service.pagerduty.effects import EFFECTS, Settles
from service.pagerduty.fields import NAME_LIMIT, identifier, name, name_or_id, objects, shorten, text
from service.pagerduty.incidents import (
    CONFERENCE_LINK,
    CONFERENCE_NUMBER,
    INCIDENT_TYPE,
    MAX_CUSTOM_FIELDS,
    VALUE_LIMIT,
    conference_numbers,
    conference_url,
    custom_field_label,
)
from service.pagerduty.prose import said

Json = dict[str, Any]
Fact = tuple[str, str | None]


def settled(event_type: str, data: Json) -> tuple[Fact, ...]:
    """Lines of the incident's description as they are after the event, each once; None: there is no such line."""
    settles = EFFECTS[event_type].settles if event_type in EFFECTS else None
    found = dict(_READ[settles](data)) if settles else {}
    return tuple((shorten(label, NAME_LIMIT), value or None) for label, value in found.items())


def _bridge(data: Json) -> Iterator[Fact]:
    if "conference_url" in data:
        yield CONFERENCE_LINK, conference_url(data)
    if "conference_numbers" in data or "conference_number" in data:
        yield CONFERENCE_NUMBER, ", ".join(conference_numbers(data))


def _custom_fields(data: Json) -> Iterator[Fact]:
    """`changed_custom_fields` hold what was; what is not among `custom_fields` any more has no value."""
    now = objects(data.get("custom_fields"))[:MAX_CUSTOM_FIELDS]
    before = objects(data.get("changed_custom_fields"))[:MAX_CUSTOM_FIELDS]
    called = {identifier(field.get("id")): label for field in before if (label := custom_field_label(field))}
    yield from ((label, None) for label in called.values())
    for field in now:
        if label := called.get(identifier(field.get("id"))) or custom_field_label(field):
            yield label, said(field.get("value"), VALUE_LIMIT)


def _incident_type(data: Json) -> Iterator[Fact]:
    if found := name_or_id(data.get("incident_type")):
        yield INCIDENT_TYPE, found


def _responder(data: Json) -> Iterator[Fact]:
    if who := name(data.get("user")) or name(data.get("escalation_policy")):
        yield f"Responder {who}", text(data.get("state"), NAME_LIMIT) or "requested"


def _roles(data: Json) -> Iterator[Fact]:
    for assignment in objects(data.get("incident_role_assignments"))[:MAX_CUSTOM_FIELDS]:
        if role := name(assignment.get("role")):
            yield f"Role {role}", name(assignment.get("assignee"))


_READ: Mapping[Settles, Callable[[Json], Iterator[Fact]]] = MappingProxyType(
    {
        "bridge": _bridge,
        "custom_fields": _custom_fields,
        "incident_type": _incident_type,
        "responder": _responder,
        "roles": _roles,
    }
)
