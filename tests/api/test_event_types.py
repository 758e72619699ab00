"""Each of PagerDuty's event types through the API: does it ring, what of the row follows, what does the timeline say?

docs/event-types.md has the table; what is asserted is written out here once more. A second organization holds the same
ids, is sent nothing, and must not change.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from service.pagerduty.events import V3_TYPES
from tests.world import Organization, World, v3

TITLE = "Checkout is down"
ACME = "https://acme.pagerduty.com"
LAURA = {"id": "PLAURA", "type": "user_reference", "summary": "Laura Haley", "html_url": f"{ACME}/users/PLAURA"}
SERVICE = {"id": "PSVC001", "type": "service_reference", "summary": "Checkout API"}


def ref(kind: str, summary: str | None, number: str = "P1") -> dict[str, Any]:
    return {"id": number, "type": f"{kind}_reference", "summary": summary, "html_url": f"{ACME}/{kind}s/{number}"}


REFERENCE = ref("incident", TITLE, "PINC001")
MAEVE = ref("user", "Maeve")


@dataclass
class Case:
    """An event about a known incident (`data` are changes of it) or with data of its own (`refers`, which see)."""

    loudness: str
    line: str
    data: dict[str, Any] = field(default_factory=dict)
    refers: bool = False
    row: dict[str, Any] = field(default_factory=dict)
    #: Lines that the prefilled description has afterwards, and how one that it has not begins.
    has: tuple[str, ...] = ()
    lacks: str = "\0"
    before: tuple[str, ...] = ()
    agent: dict[str, Any] | None = field(default_factory=lambda: LAURA)
    status: str = "open"


def responder(state: str, message: str) -> dict[str, Any]:
    policy = ref("escalation_policy", "The Policy")
    return {"type": "incident_responder", "incident": REFERENCE, "user": MAEVE, "escalation_policy": policy,
            "message": message, "state": state}  # fmt: skip


def task(status: str) -> dict[str, Any]:
    return {"type": "incident_task", "incident": {**REFERENCE, "summary": None}, "id": "PTASK", "name": "Call the bank",
            "summary": "Call the bank", "status": status, "assignees": [MAEVE]}  # fmt: skip


def workflow() -> dict[str, Any]:
    return {"type": "incident_workflow_instance", "incident": REFERENCE, "id": "PRUN", "summary": "Run 7",
            "incident_workflow": ref("incident_workflow", "Open a channel"), "service": SERVICE}  # fmt: skip


REPORT = f"{ACME}/rundeck-actions/actions/A1/invocations/I1/report"


def invocation(state: str) -> dict[str, Any]:
    return {"type": "incident_action_invocation", "incident": REFERENCE, "id": "I1", "html_url": REPORT,
            "action": ref("action", "Restart"), "state": state}  # fmt: skip


def custom_field(number: str, name: str, value: Any) -> dict[str, Any]:
    return {"id": number, "type": "field_value", "data_type": "string", "field_type": "single_value", "name": name,
            "namespace": "incidents", "value": value}  # fmt: skip


RENAMED = {"id": "PSVC001", "type": "service", "summary": "Payments", "html_url": f"{ACME}/services/PSVC001"}
OTHER = {**ref("incident", "[#34] Ledger is down", "PINC034"), "html_url": f"{ACME}/incidents/PINC034"}

CASES: dict[str, Case] = {
    "incident.triggered": Case(
        "loud", "Triggered by Laura Haley", before=("acknowledged",),
        row={"pagerduty_status": "triggered", "acknowledged_by": None},
    ),
    "incident.acknowledged": Case(
        "quiet", "Acknowledged by Laura Haley", status="investigating",
        row={"pagerduty_status": "acknowledged", "acknowledged_by": "Laura Haley"}, has=("Status: acknowledged",),
    ),
    "incident.unacknowledged": Case(
        "loud", "No longer acknowledged: its snooze, or the time to work on it, is over", agent=None,
        before=("acknowledged",), row={"pagerduty_status": "triggered", "acknowledged_by": None},
    ),
    "incident.reassigned": Case(
        "quiet", "Reassigned to Maeve by Laura Haley", {"assignees": [MAEVE]}, row={"assignees": ["Maeve"]},
        has=("Assigned to: Maeve",),
    ),
    "incident.delegated": Case(
        "quiet", "Delegated to Second line by Laura Haley",
        {"escalation_policy": ref("escalation_policy", "Second line"), "assignees": [MAEVE]},
        row={"assignees": ["Maeve"]}, has=("Escalation policy: Second line",),
    ),
    "incident.escalated": Case(
        "loud", "Escalated to Maeve", {"assignees": [MAEVE]}, row={"assignees": ["Maeve"]}, agent=SERVICE,
    ),
    "incident.priority_updated": Case(
        "quiet", "Priority changed to P1 by Laura Haley", {"priority": ref("priority", "P1")}, row={"priority": "P1"},
        has=("Priority: P1",),
    ),
    "incident.service_updated": Case(
        "quiet", "Service changed to Ledger by Laura Haley", {"service": ref("service", "Ledger", "PLEDG")},
        row={"service_id": "PLEDG", "service_name": "Ledger"}, has=("Service: Ledger",), lacks="Service: Checkout",
    ),
    "incident.reopened": Case(
        "loud", "Reopened by Laura Haley", {"status": "resolved"}, before=("resolved",),
        row={"pagerduty_status": "triggered"}, has=("Status: triggered",),
    ),
    "incident.resolved": Case(
        "quiet", f"Resolved by Laura Haley: merged into #34 Ledger is down: {ACME}/incidents/PINC034",
        {"resolve_reason": {"type": "merge_resolve_reason", "incident": OTHER}}, status="resolved",
        row={"pagerduty_status": "resolved"}, has=(f"Merged into: #34 Ledger is down: {ACME}/incidents/PINC034",),
    ),
    "incident.incident_type.changed": Case(
        "quiet", "Incident type changed to major by Laura Haley", {"incident_type": {"name": "major"}},
        has=("Type: major",),
    ),
    "incident.annotated": Case(
        "quiet", "Note added by Laura Haley: Replica is behind",
        {"type": "incident_note", "incident": REFERENCE, "id": "PN", "content": "Replica is behind", "trimmed": False},
        refers=True, lacks="Replica",
    ),
    "incident.status_update_published": Case(
        "quiet", "Status update by Laura Haley: Back by 02:00",
        {"type": "incident_status_update", "incident": REFERENCE, "id": "PU", "message": "Back by 02:00"},
        refers=True, lacks="Back",
    ),
    "incident.conference_bridge.updated": Case(
        "quiet", "Conference bridge updated by Laura Haley: https://meet.example.test/2, +1-555-0100",
        {"type": "incident_conference_bridge", "incident": REFERENCE, "conference_url": "https://meet.example.test/2",
         "conference_numbers": [{"label": "", "number": "+1-555-0100"}]},
        refers=True, row={"conference_url": "https://meet.example.test/2"},
        has=("Conference link: https://meet.example.test/2", "Conference number: +1-555-0100"),
        lacks="Conference link: https://meet.example.test/1",
    ),
    "incident.custom_field_values.updated": Case(
        "quiet", "Custom fields changed by Laura Haley: region: empty → EU; tier: gold → empty",
        {"type": "incident_field_values", "incident": {**REFERENCE, "summary": None},
         "custom_fields": [custom_field("PF1", "region", "EU"), custom_field("PF2", "tier", None)],
         "changed_custom_fields": [custom_field("PF1", "region", None), custom_field("PF2", "tier", "gold")]},
        refers=True, has=("region: EU",), lacks="tier",
    ),
    "incident.responder.added": Case(
        "quiet", "Responder requested by Laura Haley: Maeve (pending): Please help",
        responder("pending", "Please help"), refers=True, has=("Responder Maeve: pending",),
    ),
    "incident.responder.replied": Case(
        "quiet", "Responder replied by Laura Haley: Maeve (joined): On my way", responder("joined", "On my way"),
        refers=True, has=("Responder Maeve: joined",),
    ),
    "incident.role.assigned": Case(
        "quiet", "Role assigned by Laura Haley: Commander to Maeve",
        {"type": "incident_role_assignment", "incident_role_assignments": [
            {"id": "R1", "type": "role_assignment_reference", "status": "active", "incident": REFERENCE,
             "assignee": MAEVE, "old_assignee": None, "role": ref("role", "Commander")}]},
        refers=True, has=("Role Commander: Maeve",),
    ),
    "incident.task.created": Case(
        "quiet", "Task created by Laura Haley: Call the bank (todo), for Maeve", task("todo"), refers=True,
    ),
    "incident.task.updated": Case(
        "quiet", "Task updated by Laura Haley: Call the bank (todo), for Maeve", task("todo"), refers=True,
    ),
    "incident.task.completed": Case(
        "quiet", "Task completed by Laura Haley: Call the bank (done), for Maeve", task("done"), refers=True,
    ),
    "incident.workflow.started": Case(
        "recorded", "Workflow started by Laura Haley: Open a channel", workflow(), refers=True,
    ),
    "incident.workflow.completed": Case("recorded", "Workflow completed: Open a channel", workflow(), True, agent=None),
    "incident.action_invocation.created": Case(
        "recorded", f"Automation action started by Laura Haley: Restart (created): {REPORT}", invocation("created"),
        refers=True,
    ),
    "incident.action_invocation.updated": Case(
        "recorded", f"Automation action updated: Restart (running): {REPORT}", invocation("running"), True, agent=None,
    ),
    "incident.action_invocation.terminated": Case(
        "recorded", f"Automation action ended: Restart (completed): {REPORT}", invocation("completed"), True,
        agent=None,
    ),
    "service.created": Case(
        "recorded", "Service created by Laura Haley", RENAMED, True, {"service_name": "Payments"},
        has=("Service: Payments",), lacks="Service: Checkout",
    ),
    "service.updated": Case(
        "recorded", "Service updated by Laura Haley", RENAMED, True, {"service_name": "Payments"},
        has=("Service: Payments",), lacks="Service: Checkout",
    ),
    "service.deleted": Case(
        "recorded", "Service deleted by Laura Haley", {**RENAMED, "summary": "Deleted"}, True,
        {"service_name": "Checkout API"},
    ),
    "service.custom_field_values.updated": Case(
        "recorded", "Service's custom fields changed by Laura Haley: tier: 2 → 1",
        {"type": "service_field_values", "service": {**SERVICE, "summary": None},
         "custom_fields": [custom_field("PF3", "tier", "1")],
         "changed_custom_fields": [custom_field("PF3", "tier", "2")]},
        True, {"service_name": "Checkout API"}, lacks="tier: 1",
    ),
}  # fmt: skip


def event(event_type: str, minute: int, agent: Any = None, **incident: Any) -> dict[str, Any]:
    bridge = {"conference_url": "https://meet.example.test/1", "conference_number": None}
    fields = [custom_field("PF2", "tier", "gold")]
    sent = v3(
        event_type, occurred_at=f"2026-11-23T10:{minute:02}:00Z",
        **{"conference_bridge": bridge, "custom_fields": fields, **incident},
    )  # fmt: skip
    sent["event"] |= {"agent": agent, "resource_type": event_type.partition(".")[0]}
    return sent


def sent_of(event_type: str) -> dict[str, Any]:
    """The webhook of a case, ten minutes after the incident began."""
    case = CASES[event_type]
    sent = event(event_type, 10, case.agent, **({} if case.refers else case.data))
    if case.refers:
        sent["event"]["data"] = case.data
    return sent


def take(organization: Organization, sent: dict[str, Any]) -> dict[str, Any]:
    answer = organization.send(sent)
    assert answer.status_code == 202, answer.text
    [outcome] = answer.json()["outcomes"]
    return dict(outcome)


def rows(organization: Organization) -> list[dict[str, Any]]:
    return list(organization.responder.api.get("/api/notifications?view=all").json()["items"])


def the_row(organization: Organization) -> dict[str, Any]:
    [row] = [row for row in rows(organization) if row["pagerduty_incident_id"]]
    return row


def history(organization: Organization, row_id: str) -> list[dict[str, Any]]:
    """Newest first."""
    return list(organization.responder.api.get(f"/api/notifications/{row_id}/events").json()["items"])


def timeline(organization: Organization, incident_id: str) -> list[dict[str, Any]]:
    items = organization.responder.api.get(f"/api/incidents/{incident_id}/updates").json()["items"]
    return sorted(items, key=lambda update: str(update["created_at"]))


def start(organization: Organization, before: tuple[str, ...]) -> str:
    """The incident is known, linked and read; answers ours."""
    take(organization, event("incident.triggered", 0))
    for minute, status in enumerate(before, 1):
        take(organization, event(f"incident.{status}", minute, MAEVE))
    api, row = organization.responder.api, the_row(organization)
    made = api.post("/api/incidents", json={"notification_id": row["id"]})
    assert made.status_code == 201, made.text
    api.post(f"/api/notifications/{row['id']}/read", json={"up_to": row["loud_seq"]}).raise_for_status()
    return str(made.json()["id"])


def state(organization: Organization, incident: str) -> list[Any]:
    """All that a member sees of an organization."""
    seen = rows(organization)
    ours = organization.responder.api.get(f"/api/incidents/{incident}").json()
    return [seen, [history(organization, row["id"]) for row in seen], timeline(organization, incident), ours]


@pytest.fixture
def globex(world: World) -> Organization:
    """Another organization with the same ids."""
    return world.organization("Globex")


def test_no_type_is_left_out() -> None:
    assert CASES.keys() == V3_TYPES


@pytest.mark.parametrize("event_type", CASES)
def test_what_it_does_to_a_known_incident(acme: Organization, globex: Organization, event_type: str) -> None:
    case = CASES[event_type]
    incident, theirs = (start(organization, case.before) for organization in (acme, globex))
    before, elsewhere, told = the_row(acme), state(globex, theirs), timeline(acme, incident)
    about_service = event_type.startswith("service.")

    outcome = take(acme, sent_of(event_type))

    assert outcome["outcome"] == ("created" if about_service else "updated")
    row, is_loud = the_row(acme), case.loudness == "loud"
    assert (row["unread"], row["loud_seq"] > before["loud_seq"]) == (is_loud, is_loud)
    newest = history(acme, outcome["notification_id"])[0]
    assert (newest["event_type"], newest["headline"], newest["is_loud"]) == (event_type, case.line, is_loud)
    # What the case does not name stays.
    shown = ("pagerduty_status", "acknowledged_by", "assignees", "priority", "service_id", "service_name",
             "conference_url", "title", "urgency")  # fmt: skip
    assert {name: row[name] for name in shown} == {**{name: before[name] for name in shown}, **case.row}
    lines = row["prefill"]["description"].splitlines()
    assert set(case.has) <= set(lines)
    assert not any(line.startswith(case.lacks) for line in lines)
    assert row["prefill"]["customer"] == row["service_name"]
    assert f"service:{row['service_name']}" in row["prefill"]["tags"]
    new = timeline(acme, incident)[len(told) :]
    assert [update["body"] for update in new] == ([] if about_service else [case.line])
    assert acme.responder.api.get(f"/api/incidents/{incident}").json()["status"] == case.status
    assert state(globex, theirs) == elsewhere


@pytest.mark.parametrize("event_type", CASES)
def test_what_it_does_as_the_first(acme: Organization, globex: Organization, event_type: str) -> None:
    """Of an incident that is not over somebody is told, but never by what machines and settings do."""
    case = CASES[event_type]
    assert take(acme, sent_of(event_type))["outcome"] == "created"
    [row] = rows(acme)
    rings = case.loudness != "recorded" and event_type != "incident.resolved"
    assert (row["unread"], row["is_quiet"]) == (rings, not rings)
    assert acme.responder.api.get("/api/notifications/unread-count").json()["count"] == int(rings)
    assert row["body"].startswith(case.line)
    if row["prefill"]:
        assert set(case.has) <= set(row["prefill"]["description"].splitlines())
    assert rows(globex) == []


# What happened later counts, whatever arrives first -------------------------------------------------------------------


def bridge(minute: int, url: str | None) -> dict[str, Any]:
    sent = event("incident.conference_bridge.updated", minute, LAURA)
    data = {"type": "incident_conference_bridge", "incident": REFERENCE}
    sent["event"]["data"] = {**data, "conference_url": url, "conference_numbers": []}
    return sent


def described(acme: Organization) -> list[str]:
    lines: list[str] = the_row(acme)["prefill"]["description"].splitlines()
    return lines


@pytest.mark.parametrize("last", ["https://meet.example.test/9", None])
@pytest.mark.parametrize("late", ["bridge", "incident"])
def test_a_later_bridge_stands_against_what_is_older(acme: Organization, late: str, last: str | None) -> None:
    older = bridge(7, "https://meet.example.test/7") if late == "bridge" else event("incident.acknowledged", 7)
    for sent in (event("incident.triggered", 0), bridge(8, last), older):
        take(acme, sent)
    assert the_row(acme)["conference_url"] == last
    links = [line for line in described(acme) if line.startswith("Conference link")]
    assert links == ([f"Conference link: {last}"] if last else [])
    # And a later description against the bridge.
    take(acme, event("incident.priority_updated", 9))
    assert the_row(acme)["conference_url"] == "https://meet.example.test/1"
    assert "Conference link: https://meet.example.test/1" in described(acme)
    take(acme, bridge(8, "https://meet.example.test/8"))
    assert the_row(acme)["conference_url"] == "https://meet.example.test/1"


def test_a_responders_answer_stands_against_an_older_request(acme: Organization) -> None:
    take(acme, event("incident.triggered", 0))
    for minute, name, data in ((6, "replied", responder("joined", "Here")), (5, "added", responder("pending", "Help"))):
        sent = event(f"incident.responder.{name}", minute, LAURA)
        sent["event"]["data"] = data
        take(acme, sent)
    assert [line for line in described(acme) if line.startswith("Responder")] == ["Responder Maeve: joined"]


def test_who_gives_a_role_back_has_it_no_more(acme: Organization) -> None:
    for minute, before, after in ((1, None, MAEVE), (2, MAEVE, None)):
        sent = event("incident.role.assigned", minute, LAURA)
        given = {"role": ref("role", "Commander"), "assignee": after, "old_assignee": before, "incident": REFERENCE}
        sent["event"]["data"] = {"type": "incident_role_assignment", "incident_role_assignments": [given]}
        take(acme, sent)
        assert ("Role Commander: Maeve" in described(acme)) is (after is not None)
    assert (
        "Role assigned by Laura Haley: Commander no longer to Maeve"
        in history(acme, the_row(acme)["id"])[0]["headline"]
    )


def test_a_custom_field_with_the_name_of_a_line_of_ours_is_told_apart(acme: Organization) -> None:
    take(acme, event("incident.triggered", 0))
    sent = event("incident.custom_field_values.updated", 1, LAURA)
    sent["event"]["data"] = {"type": "incident_field_values", "incident": REFERENCE, "changed_custom_fields": [],
                             "custom_fields": [custom_field("PF9", "Conference link", "see wiki")]}  # fmt: skip
    take(acme, sent)
    assert the_row(acme)["conference_url"] == "https://meet.example.test/1"
    assert {"Conference link: https://meet.example.test/1", "Conference link (field): see wiki"} <= set(described(acme))


def test_what_was_merged_and_is_reopened_is_merged_no_more(acme: Organization) -> None:
    merged = {"resolve_reason": {"type": "merge_resolve_reason", "incident": OTHER}}
    for sent in (event("incident.triggered", 0), event("incident.resolved", 1, **merged)):
        take(acme, sent)
    assert any(line.startswith("Merged into: #34") for line in described(acme))
    take(acme, event("incident.reopened", 2))
    assert not any(line.startswith("Merged") for line in described(acme))


# A service's name -----------------------------------------------------------------------------------------------------


def test_a_services_name_goes_to_its_incidents_that_are_not_over(acme: Organization) -> None:
    for number, kind, service in (
        ("P1", "triggered", SERVICE), ("P2", "resolved", SERVICE), ("P3", "triggered", ref("service", "Ledger", "PL")),
    ):  # fmt: skip
        sent = event(f"incident.{kind}", 0, service=service)
        sent["event"]["data"]["id"] = number
        take(acme, sent)
    take(acme, sent_of("service.updated"))
    names = {row["pagerduty_incident_id"]: row["service_name"] for row in rows(acme)}
    assert names == {"P1": "Payments", "P2": "Checkout API", "P3": "Ledger", None: "Payments"}
    [told] = [row for row in rows(acme) if row["pagerduty_incident_id"] == "P1"]
    newest = acme.responder.api.get("/api/notifications", params={"changed_since": told["seq"] - 1}).json()["items"]
    assert "P1" in [row["pagerduty_incident_id"] for row in newest], "who catches up reads it"
    assert len(acme.responder.api.get("/api/notifications?view=all&service=payments").json()["items"]) == 2


def test_an_older_name_does_not_come_back(acme: Organization) -> None:
    take(acme, event("incident.priority_updated", 20))
    take(acme, sent_of("service.updated"))
    assert the_row(acme)["service_name"] == "Checkout API"
