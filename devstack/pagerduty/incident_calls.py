"""REST: incidents, their notes, their log."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from devstack.pagerduty.account import public, reference
from devstack.pagerduty.calls import Answer, Call, as_object
from devstack.pagerduty.clock import parsed
from devstack.pagerduty.errors import Refused, invalid, not_found
from devstack.pagerduty.incidents import Actor
from devstack.pagerduty.store import Document

MOST_AT_ONCE = 250
_STATUSES = ("triggered", "acknowledged", "resolved")
_TITLE_LIMIT = 1024
_NOTE_LIMIT = 65_535


def list_incidents(call: Call) -> Answer:
    found = call.account.all("incident", lambda i: _is_wanted(call, i) and _within(call, i["created_at"]))
    if call.query.get("sort_by", "").startswith("created_at:desc"):
        found.reverse()
    return 200, call.page("incidents", found, public)


def get_incident(call: Call) -> Answer:
    return 200, {"incident": public(call.addressed("incident"))}


def create_incident(call: Call) -> Answer:
    given, actor = call.given("incident"), call.actor()
    if given.get("type") != "incident":
        raise invalid("Type must be incident")
    if given.get("assignments") and given.get("escalation_policy"):
        raise invalid("Only one of assignments and escalation_policy may be given")
    key = given.get("incident_key")
    if key is not None and (not isinstance(key, str) or not 1 <= len(key) <= 255):
        raise invalid("Incident key must have 1 to 255 characters")
    service = call.found("service", _id(given.get("service")))
    if not call.sees(service):
        raise Refused(403, "Access Denied")
    made = call.incidents.trigger(
        service, _text(given, "title", _TITLE_LIMIT), actor,
        details=as_object(given.get("body")).get("details"), urgency=_urgency(given.get("urgency", "high")),
        priority=_priority(call, given.get("priority")), key=key, assignees=_assignees(call, given.get("assignments")),
        policy=_policy(call, given.get("escalation_policy")),
        bridge=given.get("conference_bridge"),
        incident_type=as_object(given.get("incident_type")).get("name") or "incident_default",
    )  # fmt: skip
    return 201, {"incident": public(made)}


def update_incident(call: Call) -> Answer:
    incident = call.addressed("incident")
    _update(call, incident, call.given("incident"), call.actor())
    return 200, {"incident": public(incident)}


def update_incidents(call: Call) -> Answer:
    given, actor = as_object(call.body).get("incidents"), call.actor()
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise invalid("incidents is required")
    if len(given) > MOST_AT_ONCE:
        raise Refused(413, "Request Entity Too Large", f"At most {MOST_AT_ONCE} incidents can be updated at a time")
    updated = []
    for one in given:
        incident = call.account.get("incident", one.get("id"))
        if incident is None or not call.sees(incident):
            raise not_found()
        _update(call, incident, one, actor)
        updated.append(incident)
    return 200, {
        "incidents": [public(one) for one in updated],
        "limit": MOST_AT_ONCE,
        "offset": 0,
        "more": False,
        "total": None,
    }


def snooze(call: Call) -> Answer:
    incident, seconds = call.addressed("incident"), as_object(call.body).get("duration")
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise invalid("Duration must be a number")
    call.incidents.snooze(incident, seconds, call.actor())
    return 201, {"incident": public(incident)}


def merge(call: Call) -> Answer:
    target, actor = call.addressed("incident"), call.actor()
    sources = as_object(call.body).get("source_incidents")
    if not isinstance(sources, list) or not sources:
        raise invalid("source_incidents is required")
    call.incidents.merge(target, [call.found("incident", _id(source)) for source in sources], actor)
    return 200, {"incident": reference(target)}


def list_notes(call: Call) -> Answer:
    return 200, {"notes": call.addressed("incident")["_notes"]}


def add_note(call: Call) -> Answer:
    incident, content = call.addressed("incident"), _text(call.given("note"), "content", _NOTE_LIMIT)
    return 200, {"note": call.incidents.add_note(incident, content, call.actor())}


def edit_note(call: Call) -> Answer:
    incident, note, content = call.addressed("incident"), _note(call), _text(call.given("note"), "content", _NOTE_LIMIT)
    return 200, {"note": call.incidents.edit_note(incident, note, content, call.actor())}


def delete_note(call: Call) -> Answer:
    call.incidents.delete_note(call.addressed("incident"), _note(call), Actor(None, "api"))
    return 204, None


def request_responders(call: Call) -> Answer:
    """The requester is named in the body, not by `From`."""
    incident = call.addressed("incident")
    body = as_object(call.body)
    requester, targets = call.found("user", body.get("requester_id")), body.get("responder_request_targets")
    if not isinstance(targets, list) or not targets:
        raise invalid("responder_request_targets is required")
    found = []
    for target in targets:
        named = as_object(as_object(target).get("responder_request_target"))
        kind = str(named.get("type", "")).removesuffix("_reference")
        if kind not in ("user", "escalation_policy"):
            raise invalid("A responder request's target is a user_reference or an escalation_policy_reference")
        found.append(call.found(kind, named.get("id")))
    return 200, {"responder_request": call.incidents.ask(incident, found, _text(body, "message", 1000), requester)}


def publish(call: Call) -> Answer:
    incident = call.addressed("incident")
    body = as_object(call.body)
    subject = body.get("subject")
    update = call.incidents.publish(incident, _text(body, "message", 1000), subject and str(subject), call.actor())
    return 200, {"status_update": update}


def field_values(call: Call) -> Answer:
    return 200, {"custom_fields": call.incidents.field_values(call.addressed("incident"))}


def set_field_values(call: Call) -> Answer:
    incident, given = (
        call.addressed("incident"),
        as_object(call.body).get("custom_fields"),
    )
    if not isinstance(given, list) or not given:
        raise invalid("custom_fields is required")
    values = [(_field(call, as_object(one)), as_object(one).get("value")) for one in given]
    user = call.account.get("user", call.key.user)
    call.incidents.set_fields(incident, values, Actor(user, "api"))
    return 201, {"custom_fields": call.incidents.field_values(incident)}


def log_of_incident(call: Call) -> Answer:
    incident = call.addressed("incident")
    return 200, _log(call, call.account.all("log_entry", lambda entry: entry["incident"]["id"] == incident["id"]))


def log(call: Call) -> Answer:
    """The whole account's, newest first: the only list that knows everything that was changed."""
    return 200, _log(call, call.account.all("log_entry"))


def _log(call: Call, entries: list[Document]) -> Document:
    overview = call.query.get("is_overview") == "true"
    kept = [
        entry
        for entry in reversed(entries)
        if _within(call, entry["created_at"]) and not (overview and entry["type"] == "notify_log_entry")
    ]
    return call.page("log_entries", kept, lambda entry: _log_entry(call, entry))


def _log_entry(call: Call, entry: Document) -> Document:
    """With its incident and its channel where they are asked for; else it refers to them."""
    included = call.query.getlist("include[]")
    shown = public(entry)
    if "incidents" in included:
        shown["incident"] = public(call.account.get("incident", entry["incident"]["id"]) or entry["incident"])
    if "channels" not in included:
        shown["channel"] = {"type": entry["channel"]["type"]}
    return shown


def _within(call: Call, at: str) -> bool:
    try:
        since, until = (parsed(call.query[name]) if name in call.query else None for name in ("since", "until"))
    except ValueError:
        raise invalid("Since and until must be dates of ISO 8601") from None
    if call.query.get("date_range") == "all":
        return True
    return (since is None or parsed(at) >= since.replace(microsecond=0)) and (until is None or parsed(at) < until)


def _update(call: Call, incident: Document, given: Document, actor: Actor) -> None:
    """Applies what is given, in PagerDuty's names, one happening for each. Raises Refused for what it cannot be."""
    status = given.get("status")
    if status is not None and status not in _STATUSES:
        raise invalid("Status must be one of triggered, acknowledged, resolved")
    for name, update in _UPDATES.items():
        if name in given:
            update(call, incident, given, actor)
    does = call.incidents
    if status == "acknowledged":
        does.acknowledge(incident, actor)
    elif status == "resolved":
        does.resolve(incident, actor, str(given.get("resolution") or ""))
    elif status == "triggered" and incident["status"] == "resolved":
        does.reopen(incident, actor)
    elif status == "triggered":
        does.unacknowledge(incident, actor)


def _is_wanted(call: Call, incident: Document) -> bool:
    """Whether an incident is what the query asks for; a query that does not ask about something takes all of it."""
    has = {
        "incident_key": [incident["incident_key"]],
        "service_ids[]": [incident["service"]["id"]],
        "team_ids[]": [team["id"] for team in incident["teams"]],
        "user_ids[]": [assignment["assignee"]["id"] for assignment in incident["assignments"]],
        "urgencies[]": [incident["urgency"]],
        "statuses[]": [incident["status"]],
    }
    asked = {name: call.query.getlist(name) for name in has}
    return all(not wanted or set(wanted) & set(has[name]) for name, wanted in asked.items())


def _set_priority(call: Call, incident: Document, given: Document, actor: Actor) -> None:
    call.incidents.set_priority(incident, _priority(call, given["priority"]), actor)


def _set_bridge(call: Call, incident: Document, given: Document, actor: Actor) -> None:
    call.incidents.set_bridge(incident, as_object(given["conference_bridge"]), actor)


def _delegate(call: Call, incident: Document, given: Document, actor: Actor) -> None:
    policy = call.found("escalation_policy", _id(given["escalation_policy"]))
    call.incidents.delegate(incident, policy, actor)


def _escalate(call: Call, incident: Document, given: Document, actor: Actor) -> None:
    level = given["escalation_level"]
    call.incidents.escalate(incident, level if isinstance(level, int) else 0, actor)


#: PagerDuty's names of what an update may change, but for the status, which comes last.
_UPDATES: Mapping[str, Callable[[Call, Document, Document, Actor], None]] = {
    "title": lambda c, i, given, a: c.incidents.set_text(i, "title", _text(given, "title", _TITLE_LIMIT), a),
    "urgency": lambda c, i, given, a: c.incidents.set_text(i, "urgency", _urgency(given["urgency"]), a),
    "priority": _set_priority,
    "service": lambda c, i, given, a: c.incidents.set_service(i, c.found("service", _id(given["service"])), a),
    "incident_type": lambda c, i, given, a: c.incidents.set_type(
        i, str(as_object(given["incident_type"]).get("name")), a
    ),
    "conference_bridge": _set_bridge,
    "escalation_policy": _delegate,
    "escalation_level": _escalate,
    "assignments": lambda c, i, given, a: c.incidents.reassign(i, _assignees(c, given["assignments"]), a),
}


def _note(call: Call) -> Document:
    notes = call.addressed("incident")["_notes"]
    found = next((note for note in notes if note["id"] == call.params["note_id"]), None)
    if found is None:
        raise not_found()
    return dict(found)


def _priority(call: Call, given: Any) -> Document | None:
    return call.found("priority", _id(given)) if given else None


def _field(call: Call, named: Document) -> Document:
    fields = call.account.all("field", lambda f: named.get("id") == f["id"] or named.get("name") == f["name"])
    if not fields:
        raise invalid("Field not found")
    return fields[0]


def _policy(call: Call, given: Any) -> Document | None:
    return call.found("escalation_policy", _id(given)) if given else None


def _assignees(call: Call, given: Any) -> Sequence[Document]:
    if not isinstance(given, list):
        return []
    return [call.found("user", _id(as_object(assignment).get("assignee"))) for assignment in given]


def _urgency(value: Any) -> str:
    if value not in ("high", "low"):
        raise invalid("Urgency must be high or low")
    return str(value)


def _text(given: Document, name: str, limit: int) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > limit:
        raise invalid(f"{name.capitalize()} must have 1 to {limit} characters")
    return value


def _id(value: Any) -> Any:
    return as_object(value).get("id")
