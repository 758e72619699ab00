"""PagerDuty events in the form in which the service hands them to the database."""

import json
from typing import Any, cast

from service.pagerduty.mapping import ingest_record
from service.pagerduty.payloads import parse
from tests.world import v3

STATUSES = {"triggered": "open", "acknowledged": "investigating", "resolved": "resolved"}


def event(event_type: str = "incident.triggered", incident_id: str = "PINC001", **details: Any) -> dict[str, Any]:
    """An event about an incident; `details` are those of tests.world.v3 (event_id, occurred_at, incident fields)."""
    [parsed] = parse(json.dumps(v3(event_type, incident_id, **details)).encode())
    return cast(dict[str, Any], ingest_record(parsed, None))  # plain, for tests to spoil


def at(minute: int, status: str = "triggered", **details: Any) -> dict[str, Any]:
    """An event that moves the incident to a status, at a minute past ten o'clock."""
    return event(f"incident.{status}", occurred_at=f"2026-11-23T10:{minute:02}:00Z", **details)


def note(incident_id: str = "PINC001", service: str | None = None, **details: Any) -> dict[str, Any]:
    """An event about an incident that does not tell its status, nor its service unless named, as those about notes."""
    body = v3("incident.annotated", incident_id, **details)
    body["event"]["data"] = {
        "incident": {"id": incident_id, "type": "incident_reference", "summary": "Checkout is down"},
        "id": "PNOTE01", "type": "incident_note", "content": "Looking into it",
        "service": {"id": "PSVC001", "summary": service} if service else None,
    }  # fmt: skip
    [parsed] = parse(json.dumps(body).encode())
    return cast(dict[str, Any], ingest_record(parsed, None))  # plain, for tests to spoil
