"""What is particular to one event: the note, the responder, the field that changed.

Each function takes the event's data (V3: `event.data`; V1 and the documented form: `data`; V2: the whole message) and
the incident, and answers a line of text, or None when the payload does not say.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from service.pagerduty.events import Incident
from service.pagerduty.fields import identifier, name, name_or_id, names, obj, objects, one_line, shorten, text, web_url
from service.pagerduty.incidents import conference_numbers, conference_url, log_entry
from service.pagerduty.prose import said

DETAIL_LIMIT = 9000  # what is around it in a comment's 10,000 fits as well
_VALUE_LIMIT = 200
_MOST = 20

Data = dict[str, Any]


def detail(event_type: str, data: Data, incident: Incident | None) -> str | None:
    """The event's own text on one line, at most 9,000 characters."""
    describe = _DETAILS.get(event_type)
    found = describe(data, incident) if describe else None
    return (shorten(one_line(found), DETAIL_LIMIT) or None) if found else None


def _assignees(data: Data, incident: Incident | None) -> str | None:
    """To whom it just went: V1's and V2's incident may still list those who had it before."""
    newly = names(log_entry(data).get("assignees")) or names(obj(data.get("incident")).get("assigned_to_user"))
    return ", ".join((newly or (incident.assignees if incident else ()))[:_MOST])


def _escalation_policy(_: Data, incident: Incident | None) -> str | None:
    return incident.escalation_policy if incident else None


def _priority(data: Data, incident: Incident | None) -> str | None:
    return (incident.priority if incident else None) or ("none" if data.get("priority", "") is None else None)


def _service(_: Data, incident: Incident | None) -> str | None:
    return (incident.service_name or incident.service_id) if incident else None


def _incident_type(data: Data, _: Incident | None) -> str | None:
    return name_or_id(data.get("incident_type"))


def _resolution(_: Data, incident: Incident | None) -> str | None:
    return f"merged into {incident.merged_into}" if incident and incident.merged_into else None


def _written(data: Data, key: str) -> str | None:
    found = text(data.get(key), DETAIL_LIMIT)
    return found + "…" if found and data.get("trimmed") is True else found


def _note(data: Data, _: Incident | None) -> str | None:
    # V2 has the note in its log entry's channel.
    for entry in objects(data.get("log_entries")):
        channel = obj(entry.get("channel"))
        found = text(channel.get("content"), DETAIL_LIMIT) or text(channel.get("summary"), DETAIL_LIMIT)
        if found:
            return found
    return _written(data, "content")


def _status_update(data: Data, _: Incident | None) -> str | None:
    return _written(data, "message")


def _conference_bridge(data: Data, _: Incident | None) -> str | None:
    known = [conference_url(data), *conference_numbers(data)[:_MOST]]
    told = ", ".join(part for part in known if part)
    return told or ("none" if data.get("conference_url", "") is None else None)


def _responder(data: Data, _: Incident | None) -> str | None:
    who = name(data.get("user")) or name(data.get("escalation_policy"))
    state = text(data.get("state"), 50)
    message = text(data.get("message"), DETAIL_LIMIT)
    whom = f"{who or 'a responder'} ({state})" if state else who
    return ": ".join(part for part in (whom, message) if part)


def _roles(data: Data, _: Incident | None) -> str | None:
    return "; ".join(filter(None, map(_role, objects(data.get("incident_role_assignments"))[:_MOST])))


def _role(assignment: Data) -> str | None:
    role = name(assignment.get("role"))
    to, before = name(assignment.get("assignee")), name(assignment.get("old_assignee"))
    if to:
        return f"{role or 'a role'} to {to}"
    return f"{role or 'a role'} no longer to {before}" if before else role


def _task(data: Data, _: Incident | None) -> str | None:
    whose = ", ".join(names(data.get("assignees"))[:_MOST])
    told = _with_state(name(data), data.get("status"))
    return f"{told}, for {whose}" if told and whose else told


def _workflow(data: Data, _: Incident | None) -> str | None:
    return name(data.get("incident_workflow")) or name(data)


def _action(data: Data, _: Incident | None) -> str | None:
    told, report = _with_state(name(data.get("action")), data.get("state")), web_url(data.get("html_url"))
    return ": ".join(filter(None, (told, report)))


def _with_state(what: str | None, state: Any) -> str | None:
    known = text(state, 50)
    return f"{what} ({known})" if what and known else what or known


def _custom_fields(data: Data, _: Incident | None) -> str | None:
    """In PagerDuty's examples `changed_custom_fields` holds what a field was before, `custom_fields` what it is now."""
    now = {identifier(field.get("id")): field for field in objects(data.get("custom_fields"))}
    changed = objects(data.get("changed_custom_fields"))[:_MOST]
    told = (_change(field, now.get(identifier(field.get("id")))) for field in changed)
    return "; ".join(filter(None, told))


def _change(field: Data, current: Data | None) -> str | None:
    label = name(current) or name_or_id(field)
    before, after = said(field.get("value"), _VALUE_LIMIT), said((current or {}).get("value"), _VALUE_LIMIT)
    if not label or not (before or after):
        return label
    if current is None:
        return f"{label} (was {before})"
    return f"{label}: {before or 'empty'} → {after or 'empty'}" if before != after else f"{label}: {after}"


_DETAILS: Mapping[str, Callable[[Data, Incident | None], str | None]] = MappingProxyType(
    {
        "incident.reassigned": _assignees,
        "incident.escalated": _assignees,
        "incident.delegated": _escalation_policy,
        "incident.priority_updated": _priority,
        "incident.service_updated": _service,
        "incident.incident_type.changed": _incident_type,
        "incident.resolved": _resolution,
        "incident.annotated": _note,
        "incident.status_update_published": _status_update,
        "incident.conference_bridge.updated": _conference_bridge,
        "incident.responder.added": _responder,
        "incident.responder.replied": _responder,
        "incident.role.assigned": _roles,
        "incident.task.created": _task,
        "incident.task.updated": _task,
        "incident.task.completed": _task,
        "incident.workflow.started": _workflow,
        "incident.workflow.completed": _workflow,
        "incident.action_invocation.created": _action,
        "incident.action_invocation.updated": _action,
        "incident.action_invocation.terminated": _action,
        "incident.custom_field_values.updated": _custom_fields,
        "service.custom_field_values.updated": _custom_fields,
    }
)
