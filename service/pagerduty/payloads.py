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
from service.pagerduty.effects import is_about_service
from service.pagerduty.events import PING, V3_NAMES, V3_TYPES, Event, Family, InvalidEvent
from service.pagerduty.fields import clean, deeper_than, identifier, moment, name, obj, objects, one_line, text
from service.pagerduty.incidents import completed, described, incident_of, log_entry, reference, service_of
from service.pagerduty.settled import settled

__all__ = ["Event", "InvalidEvent", "NotJSON", "NothingUsable", "parse"]

MAX_MESSAGES = 100
MAX_DEPTH = 100
MAX_INTEGRATION_KEYS = 50
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
    found = [_message(index, message, document) for index, message in enumerate(messages[:MAX_MESSAGES])]
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
    event_id = identifier(event.get("id")) or _digest(document["event"])
    event_type = _type(event.get("event_type"))
    if event_type is None:
        return InvalidEvent(0, "the event has no event_type", event_id, event)
    data = obj(event.get("data"))
    incident = described(event_type, data)
    times = [event.get("occurred_at"), event.get("created_on")]
    return _event("v3", event_id, event_type, times, event, data, incident, document)


def _message(index: int, raw: Any, document: Json) -> Event | InvalidEvent:
    """One entry of `messages`: V2 names its event under `event`, V1 and the documented form under `type`."""
    message = clean(raw)
    if not isinstance(message, dict):
        return InvalidEvent(index, "the message is not an object", None, message)
    event_id = identifier(message.get("id")) or _digest(raw)
    is_v2 = isinstance(message.get("event"), str)
    written_type = message["event"] if is_v2 else message.get("type")
    event_type = _type(written_type)
    if event_type is None:
        return InvalidEvent(index, "the message names no event type under `event` or `type`", event_id, message)
    data = message if is_v2 else obj(message.get("data"))
    incident = reference(message.get("incident")) if is_v2 else described(event_type, data)
    family: Family = "v2" if is_v2 else _v1_or_documented(str(written_type), incident)
    times = [message.get("created_on"), message.get("created_at"), message.get("occurred_at")]
    return _event(family, event_id, event_type, times, message, data, incident, document)


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
    described_incident: Json,
    document: Json,
) -> Event:
    """The event of a `payload` in a `document`; its `data` is about the described incident."""
    about_service = is_about_service(event_type)
    raw = {} if about_service else completed(described_incident, data)
    # V2's data is the message, whose id is no service's.
    is_the_service = data.get("type") == "service" or (about_service and data is not payload)
    services = [*_services(data, raw), data if is_the_service else None]
    service = service_of(services)
    incident = None if about_service else incident_of(event_type, payload, data, raw, service)
    entry = log_entry(data)
    levels = [payload, data, raw, entry, obj(entry.get("channel")), *_with_their_ids(services), document]
    return Event(
        id=event_id,
        family=family,
        type=event_type,
        known=event_type in V3_TYPES or event_type == PING,
        occurred_at=_first_moment([*times, entry.get("created_at")]),
        agent_name=_agent(event_type, payload, data, raw),
        incident=incident,
        service=service,
        detail=detail(event_type, data, incident),
        settled=settled(event_type, data),
        payload=payload,
        integration_keys=_integration_keys(levels),
    )


def _type(value: Any) -> str | None:
    found = text(value, TYPE_LIMIT) if isinstance(value, str) else None
    lowered = one_line(found).lower()[:TYPE_LIMIT] if found else None
    return V3_NAMES.get(lowered, lowered) if lowered else None


def _digest(message: Any) -> str:
    """An id made from the content, so that a redelivery of a message without a usable id is still recognised."""
    canonical = json.dumps(message, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def _first_moment(values: Iterable[Any]) -> datetime | None:
    return next((found for found in map(moment, values) if found), None)


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


def _services(data: Json, incident: Json) -> list[Any]:
    """What refers to the service, best first."""
    return [incident.get("service"), data.get("service"), log_entry(data).get("service")]


def _with_their_ids(services: Iterable[Any]) -> list[Json]:
    return [{**service, "service_id": service.get("id")} for service in services if isinstance(service, dict)]


def _integration_keys(levels: Iterable[Json]) -> tuple[str, ...]:
    """Everything an integration key filter can match. V3 carries no key at all, so the service's id counts as one."""
    found: list[Any] = []
    for level in levels:
        found += [level.get(key) for key in ("integration_key", "routing_key", "service_key", "service_id")]
        for integration in objects(level.get("integrations")):
            found += [integration.get("id"), integration.get("integration_key")]
    return tuple(dict.fromkeys(key for key in map(identifier, found) if key))[:MAX_INTEGRATION_KEYS]
