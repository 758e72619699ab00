"""PagerDuty's log entries as the events that webhooks would have told of them (PagerDuty: Log Entries).

The log knows every change of an incident, but not of responders, roles, tasks, workflows, actions and status updates:
what a webhook lost of those is lost. What it knows beside the webhooks (who was notified, snoozes) is left out.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from service.pagerduty.events import InvalidEvent
from service.pagerduty.fields import identifier, moment, obj, objects, text
from service.pagerduty.mapping import IngestRecord, ingest_record
from service.pagerduty.payloads import NotJSON, parse
from service.vocabulary import COMMENT_LIMIT, ID_LIMIT, PagerDutyStatus

Json = dict[str, Any]


class LogRecord(IngestRecord):
    """An event of the log, as `pagerduty.heal_events` takes it."""

    log_entry_id: str


#: What one change writes besides: a new incident is assigned, and so is one that is escalated.
_TOGETHER = timedelta(seconds=2)
_MOST_IN_A_SECOND = 999  # changes of one incident, whose order is kept

_TYPES: Mapping[str, tuple[str, PagerDutyStatus | None]] = MappingProxyType(
    {
        "trigger_log_entry": ("incident.triggered", "triggered"),
        "acknowledge_log_entry": ("incident.acknowledged", "acknowledged"),
        "unacknowledge_log_entry": ("incident.unacknowledged", "triggered"),
        "resolve_log_entry": ("incident.resolved", "resolved"),
        "assign_log_entry": ("incident.reassigned", None),
        "escalate_log_entry": ("incident.escalated", None),
        "delegate_log_entry": ("incident.delegated", None),
        "annotate_log_entry": ("incident.annotated", None),
        "custom_field_value_change_log_entry": ("incident.custom_field_values.updated", None),
    }
)
_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "priority": "incident.priority_updated",
        "service": "incident.service_updated",
        "incident_type": "incident.incident_type.changed",
        "conference_bridge": "incident.conference_bridge.updated",
    }
)


def records_of(entries: Sequence[Json], scope: Mapping[str, Any]) -> list[LogRecord]:
    """The events that entries of a log tell, oldest first, of what a subscription covers.

    `entries` are newest first, as PagerDuty lists them, with their incidents and channels (`include[]`); `scope` is
    {"type": account, service or team, "id"}. What cannot be understood is left out.
    """
    dated = [(at, entry) for entry in reversed(entries) if (at := moment(entry.get("created_at")))]
    dated.sort(key=lambda pair: pair[0])
    changed: defaultdict[str | None, list[datetime]] = defaultdict(list)
    for at, entry in dated:
        if _kind(entry) in _TYPES and _kind(entry) not in ("assign_log_entry", "annotate_log_entry"):
            changed[_incident_id(entry)].append(at)
    return [
        record
        for at, entry in _in_order(dated)
        if _is_covered(entry, scope) and not _goes_with_another(at, entry, changed[_incident_id(entry)])
        for record in _records(at, entry)
    ]


def _in_order(dated: Iterable[tuple[datetime, Json]]) -> Iterator[tuple[datetime, Json]]:
    """The log tells whole seconds, and the order in them besides: it is kept by some microseconds."""
    seen: Counter[tuple[str | None, datetime]] = Counter()
    for at, entry in dated:
        place = _incident_id(entry), at
        yield at + timedelta(microseconds=min(seen[place], _MOST_IN_A_SECOND)), entry
        seen[place] += 1


def _kind(entry: Json) -> str:
    return text(entry.get("type"), ID_LIMIT) or ""


def _incident_id(entry: Json) -> str | None:
    return identifier(obj(entry.get("incident")).get("id"))


def _goes_with_another(at: datetime, entry: Json, changes: Iterable[datetime]) -> bool:
    return _kind(entry) == "assign_log_entry" and any(abs(at - other) <= _TOGETHER for other in changes)


def _is_covered(entry: Json, scope: Mapping[str, Any]) -> bool:
    incident = obj(entry.get("incident"))
    if scope.get("type") == "service":
        service = obj(incident.get("service")) or obj(entry.get("service"))
        return identifier(service.get("id")) == scope.get("id")
    if scope.get("type") == "team":
        teams = [*objects(incident.get("teams")), *objects(entry.get("teams"))]
        return scope.get("id") in [identifier(team.get("id")) for team in teams]
    return True


def _records(at: datetime, entry: Json) -> Iterator[LogRecord]:
    entry_id, incident = text(entry.get("id"), ID_LIMIT), obj(entry.get("incident"))
    if entry_id is None or not incident:
        return
    for number, (event_type, status) in enumerate(_happenings(entry)):
        log_entry_id = f"{entry_id}:{number}" if number else entry_id
        told = {
            "id": f"log:{log_entry_id}"[:ID_LIMIT],
            "event_type": event_type,
            "resource_type": "incident",
            "occurred_at": at.isoformat(),
            "agent": entry.get("agent"),
            "data": _data(event_type, status, entry, incident),
        }
        try:
            [event] = parse(json.dumps({"event": told}).encode())
        except NotJSON:  # nested too deep
            continue
        if isinstance(event, InvalidEvent):
            continue
        record = ingest_record(event, None)
        # What is over need not wake anybody any more.
        is_over = incident.get("status") == "resolved"
        yield {
            **record,
            "family": "log",
            "recorded": record["recorded"] or is_over,
            "log_entry_id": log_entry_id,
        }


def _happenings(entry: Json) -> Iterator[tuple[str, PagerDutyStatus | None]]:
    kind = _kind(entry)
    if kind == "field_value_change_log_entry":
        changeset = entry.get("changeset")
        named = changeset if isinstance(changeset, list) else []
        yield from ((_FIELDS[name], None) for name in named if isinstance(name, str) and name in _FIELDS)
    elif kind == "trigger_log_entry" and _is_reopening(entry):
        yield "incident.reopened", "triggered"
    elif kind in _TYPES:
        yield _TYPES[kind]


def _is_reopening(entry: Json) -> bool:
    """An incident is triggered once; what triggers it later reopens it."""
    first = identifier(obj(obj(entry.get("incident")).get("first_trigger_log_entry")).get("id"))
    return first is not None and first != identifier(entry.get("id"))


def _data(event_type: str, status: PagerDutyStatus | None, entry: Json, incident: Json) -> Json:
    """V3's `event.data`. The incident in an entry is as it is now: only what the entry itself says is of its time."""
    reference = {key: incident.get(key) for key in ("id", "html_url", "self")}
    reference |= {"type": "incident_reference", "summary": incident.get("title") or incident.get("summary")}
    channel = obj(entry.get("channel"))
    if event_type == "incident.annotated":
        content = entry.get("note") or channel.get("content") or channel.get("summary")
        told = content[:COMMENT_LIMIT] if isinstance(content, str) else None
        return {"type": "incident_note", "incident": reference, "content": told, "trimmed": False}
    if event_type == "incident.conference_bridge.updated":
        bridge = obj(incident.get("conference_bridge"))
        number = bridge.get("conference_number")
        return {
            "type": "incident_conference_bridge",
            "incident": reference,
            "conference_url": bridge.get("conference_url"),
            "conference_numbers": [{"number": number}] if number else [],
        }
    if event_type == "incident.custom_field_values.updated":
        return {"type": "incident_field_values", "incident": reference}
    assigned = objects(entry.get("assignees")) or [
        obj(assignment.get("assignee")) for assignment in objects(incident.get("assignments"))
    ]
    data = incident | {
        "type": "incident",
        "number": incident.get("incident_number"),
        "assignees": assigned,
        "assignments": None,
    }
    if status:
        data["status"] = status
    if event_type == "incident.triggered":
        data["log_entries"] = [entry | {"incident": None}]
    return data
