"""Webhook bodies to events: recognises the four payload families a receiver meets and reads them tolerantly.

| family     | recognised by                                                            |
| ---------- | ------------------------------------------------------------------------ |
| v3         | an object under `event`                                                  |
| v2         | `messages[].event`                                                       |
| v1         | `messages[].type` and an incident with `trigger_summary_data`            |
| documented | `messages[].type` and an incident with a `title`                         |

New event types and fields appear over time: unknown ones are kept, never refused (PagerDuty: Webhooks overview).
"""

import hashlib
import json
import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from service.pagerduty.details import detail
from service.pagerduty.events import (
    IMPLIED_STATUS,
    PING,
    V3_NAMES,
    V3_TYPES,
    Event,
    Family,
    Incident,
    InvalidEvent,
    Service,
)
from service.pagerduty.fields import (
    NAME_LIMIT,
    choice,
    clean,
    deeper_than,
    identifier,
    moment,
    name,
    number,
    obj,
    objects,
    one_line,
    text,
    web_url,
)
from service.vocabulary import PAGERDUTY_STATUSES, URGENCIES

__all__ = ["Event", "InvalidEvent", "NotJSON", "NothingUsable", "parse"]

MAX_MESSAGES = 100
MAX_DEPTH = 100
MAX_INTEGRATION_KEYS = 50
MAX_ASSIGNEES = 20
TITLE_LIMIT = 1024
DESCRIPTION_LIMIT = 10_000
TYPE_LIMIT = 100
_NUMBER_LENGTH = 100

Json = dict[str, Any]


class NotJSON(ValueError):
    """The body is not a JSON document; the message says why."""


class NothingUsable(ValueError):
    """The body is JSON, but holds no event at all; the message says what was expected."""


def parse(body: bytes) -> list[Event | InvalidEvent]:
    """The events of one delivery, one entry a message, in order.

    A message that cannot be used becomes an InvalidEvent and does not spoil the rest. A delivery may hold 100 messages;
    what goes beyond becomes one InvalidEvent that says how many were left out (PagerDuty sends nothing near it).
    Raises NotJSON and NothingUsable, and nothing else.
    """
    document = _load(body)
    if isinstance(document.get("event"), dict):
        return [_v3(document)]
    messages = document.get("messages")
    if not isinstance(messages, list) or not messages:
        raise NothingUsable(
            "The body holds no event: expected an object under `event` (V3) or a non-empty array under `messages`."
        )
    outer_keys = _integration_keys([document])
    found = [_message(index, message, outer_keys) for index, message in enumerate(messages[:MAX_MESSAGES])]
    left_out = len(messages) - MAX_MESSAGES
    if left_out > 0:
        reason = f"{left_out} more messages than the {MAX_MESSAGES} that one delivery may hold were left out"
        found.append(InvalidEvent(MAX_MESSAGES, reason, None, None))
    return found


def _load(body: bytes) -> Json:
    try:
        document = json.loads(
            body.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_int=_integer, parse_float=_float
        )
    except UnicodeDecodeError:
        raise NotJSON("The body is not valid UTF-8.") from None
    except RecursionError:
        raise NotJSON(f"The body is nested more than {MAX_DEPTH} levels deep.") from None
    except json.JSONDecodeError as error:
        raise NotJSON(f"The body is not valid JSON: {error.msg} at character {error.pos}.") from None
    if deeper_than(document, MAX_DEPTH):
        raise NotJSON(f"The body is nested more than {MAX_DEPTH} levels deep.")
    if not isinstance(document, dict):
        raise NotJSON("The body is not a JSON object.")
    return document


def _refuse_constant(word: str) -> None:
    raise NotJSON(f"The body is not valid JSON: {word} is no JSON number.")


def _integer(literal: str) -> int | str:
    # Python refuses to convert very long numbers, and jsonb has a limit too; their digits are kept as a string.
    return int(literal) if len(literal) <= _NUMBER_LENGTH else literal


def _float(literal: str) -> float | str:
    value = float(literal)
    return value if math.isfinite(value) and len(literal) <= _NUMBER_LENGTH else literal


def _v3(document: Json) -> Event | InvalidEvent:
    event: Json = clean(document["event"])
    event_id = identifier(document["event"].get("id")) or _digest(document["event"])
    event_type = _type(event.get("event_type"))
    if event_type is None:
        return InvalidEvent(0, "the event has no event_type", event_id, event)
    data = obj(event.get("data"))
    about_service = event_type.startswith("service.")
    service = _service(_v3_service(data) if about_service else data.get("service"))
    raw_incident = {} if about_service else _v3_incident(data)
    levels = [document, event, data, raw_incident, *_services(data, raw_incident)]
    times = [event.get("occurred_at"), event.get("created_on")]
    return _event("v3", event_id, event_type, times, event, data, raw_incident, service, _integration_keys(levels))


def _v3_service(data: Json) -> Any:
    """`service.*` events are about the service itself, except that custom field values carry a reference to it."""
    return data["service"] if isinstance(data.get("service"), dict) else data


def _v3_incident(data: Json) -> Json:
    """The incident itself, or the reference that notes, tasks and the like carry."""
    if data.get("type") == "incident":
        return data
    if isinstance(data.get("incident"), dict):
        return obj(data["incident"])
    for assignment in objects(data.get("incident_role_assignments")):
        if isinstance(assignment.get("incident"), dict):
            return obj(assignment["incident"])
    return data if isinstance(data.get("title"), str) else {}


def _message(index: int, raw: Any, outer_keys: tuple[str, ...]) -> Event | InvalidEvent:
    """One entry of `messages`: V2 names its event under `event`, V1 and the documented form under `type`."""
    message = clean(raw)
    if not isinstance(message, dict):
        return InvalidEvent(index, "the message is not an object", None, message)
    event_id = identifier(raw.get("id")) or _digest(raw)
    is_v2 = isinstance(message.get("event"), str)
    written_type = message["event"] if is_v2 else message.get("type")
    event_type = _type(written_type)
    if event_type is None:
        return InvalidEvent(index, "the message names no event type under `event` or `type`", event_id, message)
    data = message if is_v2 else obj(message.get("data"))
    raw_incident = obj(data.get("incident"))
    if not raw_incident:
        raw_incident = _v3_incident(data)
    family: Family = "v2" if is_v2 else _v1_or_documented(str(written_type), raw_incident)
    service = _service(raw_incident.get("service")) or _service(data.get("service"))
    levels = [message, data, raw_incident, *_services(data, raw_incident)]
    keys = tuple(dict.fromkeys((*_integration_keys(levels), *outer_keys)))[:MAX_INTEGRATION_KEYS]
    times = [message.get("created_on"), message.get("created_at"), message.get("occurred_at")]
    return _event(family, event_id, event_type, times, message, data, raw_incident, service, keys)


def _v1_or_documented(written_type: str, incident: Json) -> Family:
    if "trigger_summary_data" in incident:
        return "v1"
    in_present_tense = written_type.strip().lower() in V3_NAMES
    return "v1" if in_present_tense and "title" not in incident else "documented"


def _event(
    family: Family,
    event_id: str,
    event_type: str,
    times: list[Any],
    payload: Json,
    data: Json,
    raw_incident: Json,
    service: Service | None,
    integration_keys: tuple[str, ...],
) -> Event:
    incident = _incident(raw_incident, event_type, service)
    return Event(
        id=event_id,
        family=family,
        type=event_type,
        known=event_type in V3_TYPES or event_type == PING,
        occurred_at=_first_moment(times),
        agent_name=_agent(event_type, payload, data, raw_incident),
        incident=incident,
        service=service,
        detail=detail(event_type, data, incident),
        payload=payload,
        integration_keys=integration_keys,
    )


def _type(value: Any) -> str | None:
    found = text(value, TYPE_LIMIT)
    lowered = one_line(found).lower()[:TYPE_LIMIT] if found else None
    return V3_NAMES.get(lowered, lowered) if lowered else None


def _digest(message: Any) -> str:
    """An id made from the content, so that a redelivery of a message without a usable id is still recognised."""
    canonical = json.dumps(message, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def _first_moment(values: Iterable[Any]) -> datetime | None:
    return next((found for found in map(moment, values) if found), None)


def _service(raw: Any) -> Service | None:
    service = obj(raw)
    found = Service(identifier(service.get("id")), name(service), web_url(service.get("html_url")))
    return found if found.id or found.name else None


def _incident(raw: Json, event_type: str, service: Service | None) -> Incident | None:
    """The incident, or None when the payload gives neither its id nor a title."""
    summary = obj(raw.get("trigger_summary_data"))  # V1's title
    titles = (raw.get("title"), summary.get("subject"), summary.get("description"), raw.get("summary"))
    incident_id, title = identifier(raw.get("id")), _first_text(titles, TITLE_LIMIT)
    if incident_id is None and title is None:
        return None
    own_service = _service(raw.get("service")) or service
    return Incident(
        id=incident_id,
        number=_first_number(raw.get("number"), raw.get("incident_number")),
        title=title,
        description=_first_text((raw.get("description"), summary.get("description")), DESCRIPTION_LIMIT),
        status=choice(raw.get("status"), PAGERDUTY_STATUSES) or IMPLIED_STATUS.get(event_type),
        urgency=choice(raw.get("urgency"), URGENCIES),
        priority=name(raw.get("priority")),
        service_id=own_service.id if own_service else None,
        service_name=own_service.name if own_service else None,
        assignees=_assignees(raw),
        escalation_policy=name(raw.get("escalation_policy")),
        created_at=_first_moment((raw.get("created_at"), raw.get("created_on"))),
        html_url=web_url(raw.get("html_url")),
        incident_key=text(raw.get("incident_key"), NAME_LIMIT),
    )


def _first_text(values: Iterable[Any], limit: int) -> str | None:
    return next((found for found in (text(value, limit) for value in values) if found), None)


def _first_number(*values: Any) -> int | None:
    return next((found for found in map(number, values) if found is not None), None)


def _assignees(incident: Json) -> tuple[str, ...]:
    """Names from V3's `assignees`, V2's `assignments[].assignee`, V1's `assigned_to[].object` or `assigned_to_user`."""
    entries = [entry for key in ("assignees", "assignments", "assigned_to") for entry in objects(incident.get(key))]
    people = [obj(entry.get("assignee")) or obj(entry.get("object")) or entry for entry in entries]
    names = [name(person) for person in people or [obj(incident.get("assigned_to_user"))]]
    return tuple(dict.fromkeys(found for found in names if found))[:MAX_ASSIGNEES]


# Only after these events is the last change of status the event itself; after a reassignment it is an older one.
_STATUS_CHANGES = ("incident.acknowledged", "incident.unacknowledged", "incident.resolved")


def _agent(event_type: str, payload: Json, data: Json, incident: Json) -> str | None:
    """Who did it: V3's `agent`, V2's log entry's agent, else (V1) who changed the incident's status last."""
    candidates: list[Any] = [payload.get("agent"), data.get("agent")]
    candidates += [entry.get("agent") for entry in objects(data.get("log_entries"))[:1]]
    if event_type == "incident.resolved":
        candidates.append(incident.get("resolved_by_user"))
    if event_type in _STATUS_CHANGES:
        candidates.append(incident.get("last_status_change_by"))
    return next((found for found in map(name, candidates) if found), None)


def _services(data: Json, incident: Json) -> list[Json]:
    """The services an event belongs to, with their integrations; the data of V3's `service.*` events is one itself."""
    services = [obj(data.get("service")), obj(incident.get("service"))]
    if data.get("type") == "service":
        services.append(data)
    return [{**service, "service_id": service.get("id")} for service in services if service]


def _integration_keys(levels: Iterable[Json]) -> tuple[str, ...]:
    """Everything an integration key filter can match. V3 carries no key at all, so the service's id counts as one."""
    found: list[Any] = []
    for level in levels:
        found += [level.get(key) for key in ("integration_key", "routing_key", "service_key", "service_id")]
        for integration in objects(level.get("integrations")):
            found += [integration.get("id"), integration.get("integration_key")]
    return tuple(dict.fromkeys(key for key in map(identifier, found) if key))[:MAX_INTEGRATION_KEYS]
