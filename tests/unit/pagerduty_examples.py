"""PagerDuty's documented payloads (tests/data/pagerduty) as the bodies of deliveries."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "data" / "pagerduty"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))

AGENT = {"id": "PLH1HKV", "type": "user_reference", "summary": "Tenex Engineer"}

# The event that each example of bare data belongs to.
TYPES_OF_BARE_DATA = {
    "v3-04-incident": "incident.triggered",
    "v3-05-incident-conference-bridge": "incident.conference_bridge.updated",
    "v3-06-incident-field-values": "incident.custom_field_values.updated",
    "v3-07-incident-note": "incident.annotated",
    "v3-08-incident-role-assignment": "incident.role.assigned",
    "v3-09-incident-status-update": "incident.status_update_published",
    "v3-10-incident-responder": "incident.responder.added",
    "v3-11-incident-task": "incident.task.created",
    "v3-12-incident-workflow-instance": "incident.workflow.started",
    "v3-13-service": "service.created",
    "v3-14-service-field-values": "service.custom_field_values.updated",
    "v3-15-incident-action-invocation": "incident.action_invocation.created",
}


def v3(event_type: str, data: Any, **changes: Any) -> dict[str, Any]:
    """Event data as a V3 delivery."""
    event = {
        "id": "01WRAPPED",
        "event_type": event_type,
        "resource_type": event_type.split(".")[0],
        "occurred_at": "2024-03-01T08:30:00Z",
        "agent": AGENT,
        "client": None,
        "data": data,
    }
    return {"event": event | changes}


def delivery(name: str) -> dict[str, Any]:
    """An example as the body of a delivery; bare event data is wrapped as V3."""
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return v3(TYPES_OF_BARE_DATA[name], document) if name in TYPES_OF_BARE_DATA else document


def body(document: Any) -> bytes:
    return json.dumps(document).encode()
