"""What each of PagerDuty's event types does here: the one place that decides.

`python -m service.pagerduty.effects > docs/event-types.md` writes the page about it. The database is told the decisions
with each event (`loud`, `recorded`, `told_status`, `settles`, `names_service` of an `IngestRecord`) and knows no type.

The types are those of PagerDuty: Webhooks overview, event types of V3. V2's and V1's have V3's names here.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from service.vocabulary import PagerDutyStatus

Loudness = Literal["loud", "quiet", "recorded"]
#: What an event tells anew of an incident to which its data only refers (`service/pagerduty/settled.py`).
Settles = Literal["bridge", "custom_fields", "incident_type", "responder", "roles"]

SERVICE_TYPES = "service."  # how the types of events about services begin


@dataclass(frozen=True, slots=True)
class Effect:
    """What an event of one type does.

    `loudness`: loud rings; quiet changes the row, and rings only if nobody has heard of the incident before; recorded
    never rings. `did`, `to` and `alone` are how it is told: "<did> by <agent>: <detail>", or with `to`, "<did> <to>
    <detail> by <agent>"; where PagerDuty names nobody who did it, "<did>: <alone>". `detail` says what the detail is.

    `is_incident`: its data is the incident itself, and describes it as it is then; that of the others refers to it.
    `statuses`: those that it may say the incident has after it, the first where it says none of them; without any, a
    status in it is a snapshot, which may be older than what is known. `settles`: what it tells anew beside that.
    `names_service`: the incidents of the service follow its name. `field` names all that in the row, for people.
    """

    loudness: Loudness
    did: str
    to: str | None = None
    alone: str | None = None
    detail: str | None = None
    is_incident: bool = False
    statuses: tuple[PagerDutyStatus, ...] = ()
    settles: Settles | None = None
    names_service: bool = False
    field: str | None = None


def _incident(
    loudness: Loudness,
    did: str,
    field: str,
    *statuses: PagerDutyStatus,
    to: str | None = None,
    alone: str | None = None,
    detail: str | None = None,
) -> Effect:
    """The data is the incident itself."""
    return Effect(loudness, did, to, alone, detail, is_incident=True, statuses=statuses, field=field)


# Loud is what calls for somebody: nobody has it (triggered, reopened, no longer acknowledged), or those who were called
# did not come (escalated). Quiet is what people do about it. Recorded is what machines and settings do.
EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {
        # An incident that is made for its maker is born acknowledged (PagerDuty: POST /incidents), and one may be over
        # by the time that it is told of.
        "incident.triggered": _incident(
            "loud", "Triggered", "status", "triggered", "acknowledged", "resolved",
        ),
        "incident.acknowledged": _incident(
            "quiet", "Acknowledged", "status, acknowledged by", "acknowledged",
        ),
        # PagerDuty has no event for the end of a snooze: it ends in this one, as a time to acknowledge does.
        "incident.unacknowledged": _incident(
            "loud", "No longer acknowledged", "status, acknowledged by (nobody)", "triggered",
            alone="its snooze, or the time to work on it, is over",
        ),
        "incident.reassigned": _incident("quiet", "Reassigned", "assignees", to="to", detail="who has it now"),
        "incident.delegated": _incident(
            "quiet", "Delegated", "escalation policy, assignees", to="to", detail="the escalation policy",
        ),
        "incident.escalated": _incident("loud", "Escalated", "assignees", to="to", detail="who has it now"),
        "incident.priority_updated": _incident(
            "quiet", "Priority changed", "priority (or none)", to="to", detail="the priority, or none",
        ),
        "incident.service_updated": _incident("quiet", "Service changed", "service", to="to", detail="the service"),
        # Setting a resolved incident to acknowledged reopens it, too (PagerDuty: PUT /incidents).
        "incident.reopened": _incident("loud", "Reopened", "status", "triggered", "acknowledged"),
        "incident.resolved": _incident(
            "quiet", "Resolved", "status, into which one it was merged", "resolved",
            detail="of a merge, into which incident, with its link",
        ),
        "incident.incident_type.changed": Effect(
            "quiet", "Incident type changed", to="to", detail="the type", is_incident=True, settles="incident_type",
            field="type",
        ),
        "incident.annotated": Effect("quiet", "Note added", detail="the note"),
        "incident.status_update_published": Effect("quiet", "Status update", detail="the update"),
        "incident.conference_bridge.updated": Effect(
            "quiet", "Conference bridge updated", detail="link and numbers, or none", settles="bridge",
            field="conference link and numbers (or none)",
        ),
        "incident.custom_field_values.updated": Effect(
            "quiet", "Custom fields changed", detail="each, from what to what", settles="custom_fields",
            field="its custom fields (or none)",
        ),
        "incident.responder.added": Effect(
            "quiet", "Responder requested", detail="who, the answer so far, the message", settles="responder",
            field="the responder and the answer",
        ),
        "incident.responder.replied": Effect(
            "quiet", "Responder replied", detail="who, the answer, the message", settles="responder",
            field="the responder and the answer",
        ),
        "incident.role.assigned": Effect(
            "quiet", "Role assigned", detail="each role, and to whom or no longer to whom", settles="roles",
            field="who has the role (or nobody)",
        ),
        "incident.task.created": Effect("quiet", "Task created", detail="the task, its state, whose it is"),
        "incident.task.updated": Effect("quiet", "Task updated", detail="the task, its state, whose it is"),
        "incident.task.completed": Effect("quiet", "Task completed", detail="the task, its state, whose it is"),
        "incident.workflow.started": Effect("recorded", "Workflow started", detail="the workflow"),
        "incident.workflow.completed": Effect("recorded", "Workflow completed", detail="the workflow"),
        "incident.action_invocation.created": Effect(
            "recorded", "Automation action started", detail="the action, its state, the link of its report",
        ),
        "incident.action_invocation.updated": Effect(
            "recorded", "Automation action updated", detail="the action, its state, the link of its report",
        ),
        "incident.action_invocation.terminated": Effect(
            "recorded", "Automation action ended", detail="the action, its state, the link of its report",
        ),
        "service.created": Effect("recorded", "Service created", names_service=True, field="the service's name"),
        "service.updated": Effect("recorded", "Service updated", names_service=True, field="the service's name"),
        "service.deleted": Effect("recorded", "Service deleted"),
        "service.custom_field_values.updated": Effect(
            "recorded", "Service's custom fields changed", detail="each, from what to what",
        ),
    }
)  # fmt: skip


def is_loud(event_type: str) -> bool:
    """It rings, where it tells anything new."""
    return event_type in EFFECTS and EFFECTS[event_type].loudness == "loud"


def is_recorded(event_type: str) -> bool:
    """It never rings, not even as the first of its subject."""
    return event_type in EFFECTS and EFFECTS[event_type].loudness == "recorded"


def is_about_service(event_type: str) -> bool:
    """Its subject is a service, and no incident of it. New types of PagerDuty's are told apart, too."""
    return event_type.startswith(SERVICE_TYPES)


def tells_status(event_type: str) -> bool:
    """A status in it is the incident's new one, and no mere snapshot."""
    return event_type in EFFECTS and bool(EFFECTS[event_type].statuses)


def status_after(event_type: str, said: str | None) -> str | None:
    """The incident's status after an event whose payload says `said`; what cannot be after it is not believed."""
    statuses = EFFECTS[event_type].statuses if event_type in EFFECTS else ()
    return said if said in statuses or not statuses else statuses[0]


def _told(effect: Effect) -> str:
    """How the timeline tells it, with what differs in italics."""
    if effect.to:
        return f"{effect.did} {effect.to} *{effect.detail}* by *whom*"
    if effect.alone:
        return f"{effect.did} by *whom*; where nobody did it: “{effect.did}: {effect.alone}”"
    return f"{effect.did} by *whom*" + (f": *{effect.detail}*" if effect.detail else "")


_HEAD = """\
# What each event type does

Written by `python -m service.pagerduty.effects > docs/event-types.md`, from the table in
`service/pagerduty/effects.py`, which decides it: change that one.

- **loud**: where it tells anything new, it rings, moves the row to the top of the bell and makes it unread.
- **quiet**: it changes what the row shows. It rings only where it is the first that is heard of an incident that is not
  resolved.
- **recorded**: it stands in the history, and never rings, not even as the first.

Whatever its loudness, an event of an incident is a line in the history of the incident's row and on the timeline of the
incident that is linked to it; the first event of an incident, or of a service, makes the row. An event that carries the
whole incident (✓) describes the row anew; of the others, the row follows only in what is named here, and the form that
an incident is filled in with does, too. What happened later counts, whatever arrives first. A filter makes any event
quiet, and one of an unknown incident a mere record ([architecture](architecture.md#the-database)).

| event type | how loud | whole | the row follows in | timeline and history |
| --- | --- | --- | --- | --- |
"""


def page() -> str:
    """docs/event-types.md."""
    return _HEAD + "".join(f"| {' | '.join(_cells(name))} |\n" for name in EFFECTS)


def _cells(event_type: str) -> tuple[str, ...]:
    effect = EFFECTS[event_type]
    whole = "✓" if effect.is_incident else ""
    return f"`{event_type}`", effect.loudness, whole, effect.field or "", _told(effect)


if __name__ == "__main__":
    sys.stdout.write(page())
