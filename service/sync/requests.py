"""How PagerDuty is asked for what a member wants of it (`pagerduty.ask_pagerduty`), however often it is tried.

Where PagerDuty shows what stands, that is read first, and only a difference is sent. What leaves no trace that could be
read is sent once: an attempt without an answer is told to the member, who looks there.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from service.pagerduty.account import LIMITED, Refused, segment
from service.pagerduty.fields import identifier, obj, objects, shorten, text
from service.pagerduty.incidents import TITLE_LIMIT
from service.sync.turn import CLOCKS, Created, Nobody, Overtaken, Turn, is_earlier, moment_of
from service.vocabulary import URL_LIMIT, OutboxThing

_DESCRIPTION_LIMIT = 10_000


def page(turn: Turn) -> str | None:
    """Makes an incident of ours in PagerDuty, with our id as its key (PagerDuty: POST /incidents)."""
    job = turn.job
    made = _by_key(turn) if job.attempts > 1 else None  # the attempt before may have arrived
    sender = None
    if made is None:
        sender = turn.sender()
        told = shorten(job.description or "", _DESCRIPTION_LIMIT)
        details = {"description": told} if told else {}
        incident = {
            "type": "incident",
            "title": shorten(job.title or "Incident", TITLE_LIMIT),
            "service": {"id": segment(str(_wanted(turn).get("service"))), "type": "service_reference"},
            "urgency": "high" if job.urgency in ("high", "critical") else "low",
            "incident_key": job.incident_id,
            "body": {
                "type": "incident_body",
                "details": details | {"link": f"{turn.home}/incidents/{job.incident_id}"},
            },
        }
        try:
            answer = turn.account.ask("POST", "/incidents", json={"incident": incident}, headers={"From": sender})
            made = obj(obj(answer).get("incident"))
        except Refused:
            made = _by_key(turn)  # there is an open one with this key
            if made is None:
                raise
    found_id = identifier(made.get("id"))
    if found_id is None:
        raise Nobody("PagerDuty gave an answer that cannot be understood.")
    turn.created = Created(found_id, text(made.get("html_url"), URL_LIMIT))
    return sender


def _by_key(turn: Turn) -> dict[str, Any] | None:
    params = {"incident_key": turn.job.incident_id, "date_range": "all", "limit": 1}
    answer = turn.account.ask("GET", "/incidents", params=params)
    found = objects(obj(answer).get("incidents"))
    return next((one for one in found if one.get("incident_key") == turn.job.incident_id), None)


def set_priority(turn: Turn) -> str | None:
    """One of the account's. PagerDuty's schema knows no way to take it away."""
    wanted = _wanted(turn).get("id")
    if identifier(obj(turn.incident().get("priority")).get("id")) == wanted:
        return None
    return turn.put({"priority": {"id": wanted, "type": "priority_reference"}})


def set_urgency(turn: Turn) -> str | None:
    wanted = _wanted(turn).get("urgency")
    return None if turn.incident().get("urgency") == wanted else turn.put({"urgency": wanted})


def escalate(turn: Turn) -> str | None:
    """To a level of its escalation policy. An incident does not say at which it is: its log says that it was."""
    if turn.job.attempts > 1:
        params = {"since": (turn.job.changed_at - CLOCKS).isoformat(), "limit": 100}
        answer = turn.account.ask("GET", f"{turn.path}/log_entries", params=params)
        if any(one.get("type") == "escalate_log_entry" for one in objects(obj(answer).get("log_entries"))):
            return None
    return turn.put({"escalation_level": _wanted(turn).get("level")})


def assign(turn: Turn) -> str | None:
    """To one or more users, in place of who has it."""
    wanted = [segment(str(one)) for one in _wanted(turn).get("users") or ()]
    assigned = [obj(one.get("assignee")).get("id") for one in objects(turn.incident().get("assignments"))]
    if set(assigned) == set(wanted):
        return None
    return turn.put({"assignments": [{"assignee": {"id": one, "type": "user_reference"}} for one in wanted]})


def snooze(turn: Turn) -> str | None:
    """Until so many seconds after it was wanted, whenever it is sent."""
    until = turn.job.changed_at + timedelta(seconds=int(_wanted(turn).get("seconds") or 0))
    left = int((until - datetime.now(UTC)).total_seconds())
    if left < 1:
        raise Overtaken("The snooze would be over by now.")
    if turn.job.attempts > 1:
        ends = (moment_of(one.get("at")) for one in objects(turn.incident().get("pending_actions")))
        if any(end and abs(end - until) < CLOCKS for end in ends):
            return None
    sender = turn.sender()
    turn.account.ask("POST", f"{turn.path}/snooze", json={"duration": left}, headers={"From": sender})
    return sender


def ask_responders(turn: Turn) -> str | None:
    wanted = _wanted(turn)
    message = str(wanted.get("message") or "")
    if turn.job.attempts > 1:
        requests = objects(turn.incident().get("responder_requests"))
        if any(
            one.get("message") == message and not is_earlier(one.get("requested_at"), turn.job.changed_at)
            for one in requests
        ):
            return None
    named = [(one, "user_reference") for one in wanted.get("users") or ()]
    named += [(one, "escalation_policy_reference") for one in wanted.get("policies") or ()]
    body = {
        "requester_id": turn.requester_id(),
        "message": message,
        "responder_request_targets": [
            {"responder_request_target": {"id": segment(str(one)), "type": kind}} for one, kind in named
        ],
    }
    sender = turn.sender()
    turn.account.ask("POST", f"{turn.path}/responder_requests", json=body, headers={"From": sender})
    return sender


def publish(turn: Turn) -> str | None:
    """A status update: PagerDuty does not say which there are."""
    if turn.job.attempts > 1 and turn.job.last_error != LIMITED:
        raise Overtaken("PagerDuty gave no answer: it may be published. Look there before you try again.")
    sender = turn.sender()
    body = {"message": _wanted(turn).get("message")}
    turn.account.ask("POST", f"{turn.path}/status_updates", json=body, headers={"From": sender})
    return sender


def _wanted(turn: Turn) -> dict[str, Any]:
    return obj(json.loads(turn.job.wanted))


REQUESTS: Mapping[OutboxThing, Callable[[Turn], str | None]] = MappingProxyType(
    {
        "incident": page,
        "priority": set_priority,
        "urgency": set_urgency,
        "escalation": escalate,
        "assignment": assign,
        "snooze": snooze,
        "responders": ask_responders,
        "status_update": publish,
    }
)
