"""What happens to incidents: each happening changes one, leaves a log entry, and is told to the subscriptions."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from devstack.pagerduty.account import Account, public, reference
from devstack.pagerduty.clock import parsed, precise, stamp
from devstack.pagerduty.errors import invalid
from devstack.pagerduty.store import Document

MOST_NOTES = 2000
MOST_SECONDS_OF_SNOOZE = 604_800
#: Longer ones are cut in webhooks, which then say so.
NOTE_IN_WEBHOOK = 500

Emit = Callable[[str, Document, Document | None, Document | None, datetime], None]


@dataclass(frozen=True)
class Actor:
    """Who does something: a user (None: nobody, or PagerDuty itself), and through what: "website", "api", "timeout".

    `is_told`: whether webhooks name the user as their agent.
    """

    user: Document | None
    through: str = "website"
    is_told: bool = True

    @property
    def who(self) -> Document | None:
        return reference(self.user) if self.user else None

    @property
    def agent(self) -> Document | None:
        return self.who if self.is_told else None


PAGERDUTY = Actor(None, "timeout")


class Incidents:
    """The incidents of one account.

    `emit(event type, data, incident, agent, at)` tells the subscriptions.
    `equal_note_ids`: whether a note's id in a webhook is the one that the REST API answered (not documented).
    """

    def __init__(self, account: Account, emit: Emit, equal_note_ids: Callable[[], bool]) -> None:
        self._account, self._emit, self._equal_note_ids = account, emit, equal_note_ids

    def trigger(
        self, service: Document, title: str, actor: Actor, *, details: Any = None, urgency: str = "high",
        priority: Document | None = None, key: str | None = None, assignees: Sequence[Document] = (),
        policy: Document | None = None, incident_type: str = "incident_default", bridge: Document | None = None,
    ) -> Document:  # fmt: skip
        """A new incident.

        One that is assigned to its own creator is born acknowledged and pages nobody. With the key of an open incident
        of that service there is none: raises Refused.
        """
        taken = key and self._account.all(
            "incident",
            lambda i: i["incident_key"] == key and i["service"]["id"] == service["id"] and i["status"] != "resolved",
        )
        if taken:
            raise invalid("Open incident already exists with that dedup key")
        now = self._account.clock.now()
        policy = policy or self._account.get("escalation_policy", service["escalation_policy"]["id"]) or {}
        people = list(assignees) or self.on_call(policy, 1)
        mine = bool(assignees) and actor.user is not None and [user["id"] for user in people] == [actor.user["id"]]
        number = len(self._account.all("incident")) + 1
        told = {"details": details} if details else {}
        incident = self._account.made(
            "incident", f"[#{number}] {title}", f"Q{secrets.token_hex(6).upper()}",
            incident_number=number, title=title, created_at=stamp(now), updated_at=stamp(now),
            status="acknowledged" if mine else "triggered", incident_key=key or secrets.token_hex(16),
            service=reference(service), assignments=[_assignment(user, now) for user in people],
            assigned_via="direct_assignment" if assignees else "escalation_policy", last_status_change_at=stamp(now),
            last_status_change_by=actor.who or reference(service), resolved_at=None, urgency=urgency,
            alert_counts={"all": 0, "triggered": 0, "resolved": 0}, is_mergeable=True, pending_actions=[],
            incident_type={"name": incident_type}, escalation_policy=reference(policy), teams=service["teams"],
            acknowledgements=[{"at": stamp(now), "acknowledger": actor.who}] if mine else [],
            priority=priority and public(priority), resolve_reason=None, conference_bridge=bridge,
            incidents_responders=[], responder_requests=[], body={"type": "incident_body", **told},
            _level=1, _notes=[], _fields={}, _snoozed_until=None,
        )  # fmt: skip
        entry = self._log(incident, "trigger", actor, now, channel={"type": actor.through, **told})
        incident["first_trigger_log_entry"] = reference(entry)
        self._account.put("incident", incident)
        self._tell("incident.triggered", incident, actor, now)
        return incident

    def acknowledge(self, incident: Document, actor: Actor) -> None:
        """Acknowledges, and assigns it to whoever does. Reopens a resolved one."""
        if incident["status"] == "resolved":
            self.reopen(incident, actor)
        if incident["status"] == "acknowledged" and actor.who in [
            a["acknowledger"] for a in incident["acknowledgements"]
        ]:
            return
        now = self._change(incident, actor, status="acknowledged")
        if actor.user:
            incident["assignments"] = [_assignment(actor.user, now)]
            incident["acknowledgements"].append({"at": stamp(now), "acknowledger": actor.who})
        self._happened("acknowledge", "incident.acknowledged", incident, actor, now)

    def unacknowledge(self, incident: Document, actor: Actor = PAGERDUTY) -> None:
        """Back to triggered: by hand, or because a snooze or an acknowledgement has run out."""
        if incident["status"] != "acknowledged":
            return
        now = self._change(
            incident, actor, status="triggered", acknowledgements=[], _snoozed_until=None, pending_actions=[]
        )
        self._happened("unacknowledge", "incident.unacknowledged", incident, actor, now)

    def resolve(self, incident: Document, actor: Actor, resolution: str = "", reason: Document | None = None) -> None:
        """The resolution lands in the log entry only."""
        if incident["status"] == "resolved":
            return
        now = self._account.clock.now()
        self._change(
            incident, actor, status="resolved", resolved_at=stamp(now), assignments=[], acknowledgements=[],
            pending_actions=[], resolve_reason=reason, _snoozed_until=None,
        )  # fmt: skip
        self._log(incident, "resolve", actor, now, **({"note": resolution} if resolution else {}))
        self._account.put("incident", incident)
        self._tell("incident.resolved", incident, actor, now)

    def reopen(self, incident: Document, actor: Actor) -> None:
        if incident["status"] != "resolved":
            return
        policy = self._account.get("escalation_policy", incident["escalation_policy"]["id"]) or {}
        now = self._account.clock.now()
        people = [_assignment(user, now) for user in self.on_call(policy, 1)]
        self._change(
            incident, actor, status="triggered", resolved_at=None, resolve_reason=None, assignments=people,
            _level=1, _reopened_at=stamp(now),
        )  # fmt: skip
        self._happened("trigger", "incident.reopened", incident, actor, now)

    def reassign(self, incident: Document, users: Sequence[Document], actor: Actor) -> None:
        now = self._change(incident, actor, assigned_via="direct_assignment")
        incident["assignments"] = [_assignment(user, now) for user in users]
        entry = {"assignees": [reference(user) for user in users]}
        self._happened("assign", "incident.reassigned", incident, actor, now, **entry)

    def escalate(self, incident: Document, level: int, actor: Actor) -> None:
        """To a level of its policy. Raises Refused where the policy has none of that number."""
        policy = self._account.get("escalation_policy", incident["escalation_policy"]["id"]) or {}
        if not 1 <= level <= len(policy.get("escalation_rules", [])):
            raise invalid("Escalation level is not one of the escalation policy's")
        now = self._change(incident, actor, _level=level, assigned_via="escalation_policy")
        incident["assignments"] = [_assignment(user, now) for user in self.on_call(policy, level)]
        self._happened("escalate", "incident.escalated", incident, actor, now)

    def delegate(self, incident: Document, policy: Document, actor: Actor) -> None:
        now = self._change(
            incident, actor, escalation_policy=reference(policy), _level=1, assigned_via="escalation_policy"
        )
        incident["assignments"] = [_assignment(user, now) for user in self.on_call(policy, 1)]
        self._happened("delegate", "incident.delegated", incident, actor, now, escalation_policy=reference(policy))

    def set_priority(self, incident: Document, priority: Document | None, actor: Actor) -> None:
        before = incident["priority"]
        if (before and before["id"]) == (priority and priority["id"]):
            return
        now = self._change(incident, actor, priority=priority and public(priority))
        self._field_changed(
            incident, "priority", before and before["summary"], priority and priority["summary"], actor, now
        )
        self._tell("incident.priority_updated", incident, actor, now)

    def set_text(self, incident: Document, name: str, value: Any, actor: Actor) -> None:
        """The title or the urgency: PagerDuty has no webhook for either."""
        before = incident[name]
        if before == value:
            return
        now = self._change(incident, actor, **{name: value})
        incident["summary"] = f"[#{incident['incident_number']}] {incident['title']}"
        if name == "urgency":
            self._log(incident, "urgency_change", actor, now)
            self._account.put("incident", incident)
        else:
            self._field_changed(incident, name, before, value, actor, now)

    def set_service(self, incident: Document, service: Document, actor: Actor) -> None:
        before = incident["service"]["summary"]
        if incident["service"]["id"] == service["id"]:
            return
        now = self._change(incident, actor, service=reference(service), teams=service["teams"])
        self._field_changed(incident, "service", before, service["summary"], actor, now)
        self._tell("incident.service_updated", incident, actor, now)

    def set_type(self, incident: Document, name: str, actor: Actor) -> None:
        before = incident["incident_type"]["name"]
        if before == name:
            return
        now = self._change(incident, actor, incident_type={"name": name})
        self._field_changed(incident, "incident_type", before, name, actor, now)
        self._tell("incident.incident_type.changed", incident, actor, now)

    def set_bridge(self, incident: Document, bridge: Document, actor: Actor) -> None:
        if incident["conference_bridge"] == bridge:
            return
        now = self._change(incident, actor, conference_bridge=bridge)
        self._field_changed(incident, "conference_bridge", None, bridge.get("conference_url"), actor, now)
        numbers = [{"label": "", "number": bridge["conference_number"]}] if bridge.get("conference_number") else []
        data = {"conference_numbers": numbers, "conference_url": bridge.get("conference_url")}
        self._tell_of(incident, "incident.conference_bridge.updated", "incident_conference_bridge", data, actor, now)

    def set_fields(self, incident: Document, values: Sequence[tuple[Document, Any]], actor: Actor) -> None:
        """Custom fields, as pairs of a field and its new value."""
        before = [self.field_value(field, incident["_fields"].get(field["id"])) for field, _ in values]
        now = self._change(
            incident, actor, _fields=incident["_fields"] | {field["id"]: value for field, value in values}
        )
        self._log(incident, "custom_field_value_change", actor, now, changeset=[field["name"] for field, _ in values])
        self._account.put("incident", incident)
        data = {"custom_fields": self.field_values(incident), "changed_custom_fields": before}
        self._tell_of(incident, "incident.custom_field_values.updated", "incident_field_values", data, actor, now)

    def field_values(self, incident: Document) -> list[Document]:
        return [self.field_value(field, incident["_fields"].get(field["id"])) for field in self._account.all("field")]

    def field_value(self, field: Document, value: Any) -> Document:
        told = ("id", "name", "display_name", "data_type", "field_type", "description")
        return {name: field[name] for name in told} | {"type": "field_value", "value": value, "namespace": "incidents"}

    def snooze(self, incident: Document, seconds: int, actor: Actor) -> None:
        """Acknowledged until then; raises Refused for a resolved one."""
        if incident["status"] == "resolved":
            raise invalid("Incident is already resolved")
        if not 1 <= seconds <= MOST_SECONDS_OF_SNOOZE:
            raise invalid(f"Duration must be between 1 and {MOST_SECONDS_OF_SNOOZE}")
        if incident["status"] == "triggered":
            self.acknowledge(incident, actor)
        until = self._account.clock.now() + timedelta(seconds=seconds)
        pending = [{"type": "unacknowledge", "at": stamp(until)}]
        now = self._change(incident, actor, pending_actions=pending, _snoozed_until=precise(until))
        self._log(incident, "snooze", actor, now, channel={"type": actor.through, "duration": seconds})
        self._account.put("incident", incident)

    def wake_up(self) -> datetime | None:
        """Ends the snoozes that are over; answers when the next one is."""
        now, waiting = self._account.clock.now(), []
        for incident in self._account.all("incident", lambda i: i["_snoozed_until"] is not None):
            until = parsed(incident["_snoozed_until"])
            if until <= now:
                self.unacknowledge(incident)
            else:
                waiting.append(until)
        return min(waiting, default=None)

    def merge(self, target: Document, sources: Sequence[Document], actor: Actor) -> None:
        """Resolves the sources into the target, which must be open."""
        if target["status"] == "resolved":
            raise invalid("Cannot merge into a resolved incident")
        for source in sources:
            reason = {"type": "merge_resolve_reason", "incident": reference(target)}
            self.resolve(source, actor, reason=reason)

    def add_note(self, incident: Document, content: str, actor: Actor) -> Document:
        if len(incident["_notes"]) >= MOST_NOTES:
            raise invalid("The maximum number of notes for this incident has been reached")
        now = self._account.clock.now()
        note = {
            "id": f"N{secrets.token_hex(6).upper()}", "user": actor.who,
            "channel": {"summary": f"The PagerDuty {actor.through}"},
            "content": content, "created_at": stamp(now), "updated_at": stamp(now),
        }  # fmt: skip
        self._change(incident, actor, _notes=[*incident["_notes"], note])
        self._log(incident, "annotate", actor, now, channel={"type": "note", "summary": content}, note=content)
        self._account.put("incident", incident)
        told_id = note["id"] if self._equal_note_ids() else f"W{secrets.token_hex(6).upper()}"
        trimmed = len(content) > NOTE_IN_WEBHOOK
        data = {"id": told_id, "content": content[:NOTE_IN_WEBHOOK], "trimmed": trimmed}
        self._tell_of(incident, "incident.annotated", "incident_note", data, actor, now)
        return note

    def edit_note(self, incident: Document, note: Document, content: str, actor: Actor) -> Document:
        """No webhook tells of it, and no log entry."""
        edited = note | {"content": content, "updated_at": stamp(self._account.clock.now())}
        self._change(incident, actor, _notes=[edited if n["id"] == note["id"] else n for n in incident["_notes"]])
        return edited

    def delete_note(self, incident: Document, note: Document, actor: Actor) -> None:
        """As little is told of it."""
        self._change(incident, actor, _notes=[n for n in incident["_notes"] if n["id"] != note["id"]])

    def publish(self, incident: Document, message: str, subject: str | None, actor: Actor) -> Document:
        """A status update."""
        now = self._account.clock.now()
        update = {
            "id": f"U{secrets.token_hex(6).upper()}",
            "message": message,
            "created_at": stamp(now),
            "sender": actor.who,
        }
        if subject:
            update["subject"] = subject
        self._change(incident, actor)
        data = {"id": update["id"], "message": message[:NOTE_IN_WEBHOOK], "trimmed": len(message) > NOTE_IN_WEBHOOK}
        self._tell_of(incident, "incident.status_update_published", "incident_status_update", data, actor, now)
        return update

    def ask(self, incident: Document, targets: Sequence[Document], message: str, requester: Document) -> Document:
        """Requests responders: users, or whoever is on call for a policy."""
        now = self._account.clock.now()
        request: Document = {
            "id": f"R{secrets.token_hex(6).upper()}", "incident": reference(incident),
            "requester": reference(requester), "requested_at": stamp(now), "message": message,
        }  # fmt: skip
        asked = []
        for target in targets:
            for user in [target] if target["type"] == "user" else self.on_call(target, 1):
                responder = {"state": "pending", "user": reference(user), "incident": reference(incident),
                             "updated_at": stamp(now), "message": message, "requester": reference(requester),
                             "requested_at": stamp(now)}  # fmt: skip
                incident["incidents_responders"].append(responder)
                self._responder_told(
                    "incident.responder.added", incident, responder, target, Actor(requester, "api"), now
                )
            asked.append({"responder_request_target": reference(target)})
        request["responder_request_targets"] = asked
        self._change(incident, Actor(requester), responder_requests=[*incident["responder_requests"], request])
        return request

    def reply(self, incident: Document, user: Document, state: str) -> None:
        """A responder accepts or declines ("joined", "declined")."""
        now = self._account.clock.now()
        for responder in incident["incidents_responders"]:
            if responder["user"]["id"] == user["id"]:
                responder |= {"state": state, "updated_at": stamp(now)}
                self._responder_told("incident.responder.replied", incident, responder, user, Actor(user), now)
        self._change(incident, Actor(user))

    def on_call(self, policy: Document, level: int) -> list[Document]:
        """The users that a level of a policy pages now."""
        rules = policy.get("escalation_rules", [])
        targets = rules[level - 1]["targets"] if 1 <= level <= len(rules) else []
        found = []
        for target in targets:
            if target["type"] == "user_reference":
                found.append(self._account.get("user", target["id"]))
            else:
                schedule = self._account.get("schedule", target["id"])
                found.append(schedule and self._account.get("user", schedule["_user"]))
        return [user for user in found if user]

    def data(self, incident: Document) -> Document:
        """An incident as a V3 webhook carries it."""
        told = ("id", "self", "html_url", "status", "incident_key", "created_at", "title", "incident_type", "service",
                "escalation_policy", "teams", "urgency", "conference_bridge", "resolve_reason")  # fmt: skip
        return {name: incident[name] for name in told} | {
            "type": "incident",
            "number": incident["incident_number"],
            "assignees": [assignment["assignee"] for assignment in incident["assignments"]],
            "priority": reference(incident["priority"]) if incident["priority"] else None,
            "reopened_at": incident.get("_reopened_at"),
        }

    def _change(self, incident: Document, actor: Actor, **changes: Any) -> datetime:
        now = self._account.clock.now()
        if changes.get("status", incident["status"]) != incident["status"]:
            changes |= {"last_status_change_at": stamp(now), "last_status_change_by": actor.who or incident["service"]}
        incident |= changes | {"updated_at": stamp(now)}
        self._account.put("incident", incident)
        return now

    def _happened(self, entry: str, event: str, incident: Document, actor: Actor, now: datetime, **fields: Any) -> None:
        self._log(incident, entry, actor, now, **fields)
        self._account.put("incident", incident)
        self._tell(event, incident, actor, now)

    def _field_changed(self, incident: Document, name: str, old: Any, new: Any, actor: Actor, now: datetime) -> None:
        change = {"name": name, "old_value": old, "value": new or "", "namespace": "incidents", "id": name}
        channel = {"type": actor.through, "changeset": {"application_fields": [change]}}
        self._log(incident, "field_value_change", actor, now, channel=channel, changeset=[name])
        self._account.put("incident", incident)

    def _log(self, incident: Document, kind: str, actor: Actor, now: datetime, **fields: Any) -> Document:
        who = actor.user["summary"] if actor.user else "PagerDuty"
        entry = self._account.made(
            "log_entry", f"{kind.replace('_', ' ').capitalize()} by {who}",
            f"L{secrets.token_hex(8).upper()}", created_at=stamp(now), agent=actor.who or incident["service"],
            service=incident["service"], incident=reference(incident), teams=incident["teams"], contexts=[],
            event_details={"description": incident["title"]}, _at=precise(now),
            **({"channel": {"type": actor.through}} | fields),
        )  # fmt: skip
        entry["type"] = f"{kind}_log_entry"
        self._account.put("log_entry", entry)
        return entry

    def _tell(self, event: str, incident: Document, actor: Actor, now: datetime) -> None:
        self._emit(event, self.data(incident), incident, actor.agent, now)

    def _tell_of(self, incident: Document, event: str, kind: str, data: Document, actor: Actor, now: datetime) -> None:
        told = {"incident": reference(incident) | {"summary": incident["title"]}, "type": kind} | data
        self._emit(event, told, incident, actor.agent, now)

    def _responder_told(
        self, event: str, incident: Document, responder: Document, target: Document, actor: Actor, now: datetime
    ) -> None:
        policy = reference(target) if target["type"] == "escalation_policy" else None
        data = {name: responder[name] for name in ("user", "message", "state")} | {"escalation_policy": policy}
        self._tell_of(incident, event, "incident_responder", data, actor, now)


def _assignment(user: Document, at: datetime) -> Document:
    return {"at": stamp(at), "assignee": reference(user)}
