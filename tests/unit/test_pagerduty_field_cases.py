"""Inputs from the field that came out wrong once, with what is right, and others of their kind."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.pagerduty.mapping import IngestRecord, ingest_record
from service.pagerduty.payloads import parse
from tests.unit.pagerduty_examples import body
from tests.unit.records import incident_told

MIRA = {"id": "PM", "type": "user_reference", "summary": "Mira Oduya"}
LEDGER = {"id": "PLEDG", "type": "service_reference", "summary": "Ledger"}
TITLE, URL = "Ledger writes time out", "https://ex.pagerduty.com/incidents/QHOLD1"
REFERENCE = {"id": "QHOLD1", "type": "incident_reference", "summary": TITLE, "html_url": URL}
INCIDENT = {
    "id": "QHOLD1",
    "type": "incident",
    "html_url": URL,
    "number": 71,
    "status": "triggered",
    "title": TITLE,
    "urgency": "high",
    "service": LEDGER,
    "assignees": [MIRA],
    "priority": None,
    "teams": [],
    "conference_bridge": None,
    "resolve_reason": None,
}
DETAILS = "p99 14 s since deploy 4711"
V2_INCIDENT = {
    "id": "QHOLD3",
    "incident_number": 72,
    "title": TITLE,
    "description": TITLE,
    "status": "triggered",
    "urgency": "high",
    "service": {"id": "PLEDG", "name": "Ledger"},
}


def v3(event_type: str, data: Any, **changes: Any) -> dict[str, Any]:
    event = {
        "id": "e1",
        "event_type": event_type,
        "resource_type": "incident",
        "occurred_at": "2026-11-25T01:00:00Z",
        "agent": MIRA,
        "client": None,
        "data": data,
    }
    return {"event": event | changes}


def triggered(**changes: Any) -> dict[str, Any]:
    return v3("incident.triggered", INCIDENT | changes)


def about(kind: str, **data: Any) -> dict[str, Any]:
    """The data of an event that only refers to its incident."""
    return {"type": kind, "incident": REFERENCE, **data}


def v2(channel: Any = None, **message: Any) -> dict[str, Any]:
    entry = {
        "type": "trigger_log_entry",
        "agent": {"type": "service_reference", "id": "PLEDG", "summary": "Ledger"},
        "channel": channel,
    }
    sent = {
        "id": "m3",
        "event": "incident.trigger",
        "created_on": "2026-11-25T01:00:00Z",
        "log_entries": [entry],
        "incident": V2_INCIDENT,
    }
    return {"messages": [sent | message]}


def record(document: Any) -> IngestRecord:
    (event,) = parse(body(document))
    return ingest_record(event, None)


def incident(document: Any) -> dict[str, Any]:
    found = incident_told(record(document))
    assert found is not None
    return found


def shown(document: Any) -> dict[str, Any]:
    notification = record(document)["notification"]
    assert notification is not None
    return notification


def prefill(document: Any) -> dict[str, Any]:
    found = shown(document)["prefill"]
    assert isinstance(found, dict)
    return found


def written(document: Any) -> str:
    """What people wrote and tools sent: the description without PagerDuty's metadata."""
    return str(prefill(document)["description"]).partition("\n\nService: Ledger\n")[0]


def told(document: Any, label: str) -> str | None:
    """A line of the metadata."""
    lines = str(prefill(document)["description"]).splitlines()
    return next((line.removeprefix(f"{label}: ") for line in lines if line.startswith(f"{label}: ")), None)


# What an event is called ----------------------------------------------------------------------------------------------


def test_v3_names_its_service_as_the_only_key() -> None:
    assert record(triggered())["integration_keys"] == ["PLEDG"]


NOTE = about("incident_note", id="PN1", content="Do not restart the primary, replica is behind", trimmed=False)
UPDATE = about("incident_status_update", id="PS", message="Back by 02:00", trimmed=False)
BRIDGE = about(
    "incident_conference_bridge",
    conference_url="https://meet.example/1",
    conference_numbers=[{"label": "US", "number": "+1 555 0100"}, {"label": "", "number": 5550101}],
)


@pytest.mark.parametrize(
    ("event_type", "data", "headline"),
    [
        ("incident.triggered", INCIDENT, "Triggered by Mira Oduya"),
        ("incident.resolved", INCIDENT | {"status": "resolved"}, "Resolved by Mira Oduya"),
        ("incident.annotated", NOTE, f"Note added by Mira Oduya: {NOTE['content']}"),
        ("incident.status_update_published", UPDATE, "Status update by Mira Oduya: Back by 02:00"),
        (
            "incident.conference_bridge.updated",
            BRIDGE,
            "Conference bridge updated by Mira Oduya: https://meet.example/1, US: +1 555 0100, 5550101",
        ),
        (
            "incident.responder.added",
            about("incident_responder", user={"summary": "Maeve"}, state="pending", message="Need you"),
            "Responder requested by Mira Oduya: Maeve (pending): Need you",
        ),
        (
            "incident.resolved",
            INCIDENT | {"resolve_reason": {"type": "merge_resolve_reason", "incident": {"id": "QOTHER"}}},
            "Resolved by Mira Oduya: merged into QOTHER",
        ),
    ],
)
def test_what_happened_is_said_in_body_and_timeline(event_type: str, data: Any, headline: str) -> None:
    found = record(v3(event_type, data))
    assert found["headline"] == headline
    assert found["notification"] is not None
    assert found["notification"]["title"] == TITLE
    assert found["notification"]["body"].split(" · ")[0] == headline


def test_a_long_note_is_on_the_timeline_in_whole() -> None:
    content = "word " * 1700 + "end"
    assert str(record(v3("incident.annotated", NOTE | {"content": content}))["headline"]).endswith(content)


# Times ----------------------------------------------------------------------------------------------------------------


def test_a_late_delivery_keeps_the_time_when_it_happened() -> None:
    happened = datetime.now(UTC) - timedelta(hours=9)
    found = record(v3("incident.triggered", INCIDENT, occurred_at=happened.isoformat()))
    assert found["occurred_at"] == happened.isoformat()


@pytest.mark.parametrize("ahead", [timedelta(seconds=5), timedelta(hours=20)])
def test_a_clock_ahead_counts_as_arrival(ahead: timedelta) -> None:
    before = datetime.now(UTC)
    found = record(v3("incident.triggered", INCIDENT, occurred_at=(before + ahead).isoformat()))
    assert before <= datetime.fromisoformat(str(found["occurred_at"])) <= datetime.now(UTC)


def test_one_happening_under_two_ids_is_told_alike() -> None:
    """Two subscriptions of one service: what the database joins them by is the same in both."""
    one, other = (record(v3("incident.triggered", INCIDENT, id=event_id)) for event_id in ("sub-a", "sub-b"))
    for found in (one, other):
        del found["event_id"], found["payload"]
    assert one == other


def test_one_happening_by_two_families_is_told_alike() -> None:
    """A V2 extension beside a V3 subscription, as during a migration from one to the other."""
    of_v2 = record(v2(incident=V2_INCIDENT | {"id": "QHOLD1", "incident_number": 71, "html_url": URL}))
    of_v3 = record(triggered())
    assert incident_told(of_v2) == incident_told(of_v3)
    assert (of_v2["event_type"], of_v2["occurred_at"]) == (of_v3["event_type"], of_v3["occurred_at"])


# Nothing to show ------------------------------------------------------------------------------------------------------

NOTHING = {
    "no data": {"messages": [{"id": "m1", "type": "incident.triggered"}]},
    "V3 without data": {"event": {"id": "e1", "event_type": "incident.triggered", "agent": None}},
    "service null": {"event": {"id": "e2", "event_type": "service.updated", "agent": None, "data": None}},
    "V2 without incident": {"messages": [{"id": "m1", "event": "incident.trigger", "incident": None}]},
    "V2 of a service": {"messages": [{"id": "m1", "event": "service.updated", "service": None}]},
    "empty incident": {"messages": [{"id": "m1", "type": "incident.resolved", "data": {"incident": {}}}]},
    "a state of nothing": v3("incident.acknowledged", {"type": "incident", "status": "acknowledged", "title": " \x07"}),
    "empty service": v3("service.created", {"type": "service", "id": "", "summary": None}),
    "note to nothing": v3("incident.annotated", {"id": "PN1", "type": None, "incident": None, "content": "Hm"}),
    "null references": v3("incident.task.created", {"id": "PT", "incident": {"id": None, "summary": ""}}),
}


@pytest.mark.parametrize("case", NOTHING)
def test_neither_incident_nor_service_is_nothing_to_show(case: str) -> None:
    found = record(NOTHING[case])
    assert (found["known"], found["invalid"]) == (True, None)
    assert (found["notification"], found["incident"], found["headline"]) == (None, None, None)


@pytest.mark.parametrize(
    ("document", "title"),
    [
        (v3("incident.triggered", {"id": "QHOLD1"}), "PagerDuty incident QHOLD1"),
        (v3("incident.triggered", {"id": "QHOLD1", "number": 71}), "PagerDuty incident #71"),
        (v3("incident.triggered", {"service": LEDGER}), "PagerDuty incident on Ledger"),
        (v3("incident.triggered", {"html_url": URL}), "PagerDuty incident"),
        (v3("incident.annotated", {"incident": 998877, "content": "Hm"}), "PagerDuty incident 998877"),
        (v3("service.updated", {"id": "PLEDG", "summary": "Ledger"}), "Ledger"),
        (v3("service.deleted", {"service": {"id": "PLEDG"}}), "PagerDuty service PLEDG"),
        (
            {"messages": [{"type": "service.updated", "data": {"id": "PLEDG", "name": "Ledger"}}]},
            "Ledger",
        ),
    ],
)
def test_whatever_is_known_is_shown(document: Any, title: str) -> None:
    assert shown(document)["title"] == title


def test_an_incident_without_id_has_its_service_and_status() -> None:
    document = v3("incident.acknowledged", {"service": LEDGER, "status": "acknowledged", "urgency": "low"})
    assert incident(document) == {
        "id": None,
        "number": None,
        "title": None,
        "url": None,
        "status": "acknowledged",
        "urgency": "low",
        "service_id": "PLEDG",
        "service_name": "Ledger",
    }


def test_references_in_the_log_entry_count() -> None:
    entry = {
        "incident": REFERENCE | {"summary": f"[#71] {TITLE}"},
        "service": LEDGER,
        "teams": [{"summary": "Payments core"}],
        "created_at": "2026-11-25T01:00:00Z",
    }
    found = record(v2(incident=None, log_entries=[entry], created_on=None))
    assert incident_told(found) == {
        "id": "QHOLD1",
        "number": 71,
        "title": TITLE,
        "url": URL,
        "status": "triggered",
        "urgency": None,
        "service_id": "PLEDG",
        "service_name": "Ledger",
    }
    assert found["occurred_at"] == "2026-11-25T01:00:00+00:00"
    assert found["integration_keys"] == ["PLEDG"]
    assert told(v2(incident=None, log_entries=[entry]), "Teams") == "Payments core"


def test_the_log_entry_completes_only_its_own_incident_and_service() -> None:
    entry = {"incident": REFERENCE | {"summary": "Another"}, "service": LEDGER | {"id": "POTHER", "summary": "Other"}}
    sent = {"id": "QHOLD3", "service": {"id": "PLEDG", "summary": None}}
    found = incident(v2(incident=sent, log_entries=[entry]))
    assert (found["id"], found["title"], found["url"]) == ("QHOLD3", None, None)
    assert (found["service_id"], found["service_name"]) == ("PLEDG", None)
    same = incident(v2(incident=sent | {"id": "QHOLD1"}, log_entries=[{"incident": REFERENCE, "service": LEDGER}]))
    assert (same["title"], same["service_name"]) == (TITLE, "Ledger")


# Prefill loses nothing ------------------------------------------------------------------------------------------------


def test_v2_details_and_client_are_in_the_description() -> None:
    channel = {
        "type": "api",
        "summary": TITLE,
        "details": DETAILS,
        "client": "Watcher",
        "client_url": "https://watch.example/9",
    }
    assert prefill(v2(channel))["description"] == (
        f"{DETAILS}\n\nService: Ledger\nUrgency: high\nStatus: triggered\nNumber: #72\n"
        "Client: Watcher\nClient link: https://watch.example/9"
    )


def test_v3_bridge_teams_type_fields_and_body_are_in_the_description() -> None:
    document = triggered(
        teams=[{"id": "PT", "type": "team_reference", "summary": "Payments core"}],
        incident_type={"name": "major_incident"},
        custom_fields=[
            {"id": "PF", "name": "environment", "value": "prod-eu"},
            {"id": "PG", "name": "customer_impact", "display_name": "Customer impact", "value": ["EU", "US"]},
            {"id": "PH", "name": "unused", "value": None},
        ],
        conference_bridge={"conference_number": "+1 555 0100,,9#", "conference_url": "https://meet.example/1"},
        priority={"id": "P2", "type": "priority_reference", "summary": "P2"},
        body={"type": "incident_body", "details": DETAILS},
    )
    assert prefill(document)["description"] == (
        f"{DETAILS}\n\nService: Ledger\nUrgency: high\nPriority: P2\nStatus: triggered\nNumber: #71\n"
        "Type: major_incident\nAssigned to: Mira Oduya\nTeams: Payments core\n"
        "Conference link: https://meet.example/1\nConference number: +1 555 0100,,9#\n"
        f"Link: {URL}\nenvironment: prod-eu\nCustomer impact: EU, US"
    )


NESTED = {
    "service": "ledger-db",
    "p99": 14.5,
    "paging": True,
    "empty": None,
    "hosts": ["db1", "db2"],
    "query": {"text": "select 1;\nselect 2;", "rows": 0, "plan": {"node": {"cost": {"total": 1}}}},
}
OUTLINE = (
    "service: ledger-db\np99: 14.5\npaging: true\nhosts:\n  - db1\n  - db2\nquery:\n"
    "  text:\n    select 1;\n    select 2;\n  rows: 0\n  plan:\n    node:\n      cost:\n"
    '        {"total": 1}'
)


@pytest.mark.parametrize("details", [DETAILS, NESTED, [DETAILS], 4711])
@pytest.mark.parametrize("place", ["channel.details", "body.details", "body", "details", "description"])
def test_details_are_text_or_an_object_wherever_they_are(place: str, details: Any) -> None:
    outline = {"str": DETAILS, "dict": OUTLINE, "list": f"- {DETAILS}", "int": "4711"}[type(details).__name__]
    if place == "body" and isinstance(details, dict):
        details = {"type": "incident_body", "details": details}
    documents = {
        "channel.details": v2({"type": "api", "details": details}),
        "body.details": triggered(body={"type": "incident_body", "details": details}),
        "body": triggered(body=details),
        "details": triggered(details=details),
        "description": v2(incident=V2_INCIDENT | {"description": details}),
    }
    assert written(documents[place]) == outline


def test_every_text_stands_once() -> None:
    channel = {"summary": TITLE, "description": "Slow", "details": DETAILS, "body": DETAILS, "host": "db1"}
    document = v2(channel, incident=V2_INCIDENT | {"description": "Slow", "body": {"details": {"runbook": "r/1"}}})
    assert written(document) == f"Slow\n\nrunbook: r/1\n\n{DETAILS}\n\nhost: db1"


@pytest.mark.parametrize("place", ["channel", "body"])
def test_the_common_event_format_and_links(place: str) -> None:
    sent = {
        "details": DETAILS,
        "cef_details": {"details": {"host": "db1"}, "client": "Watcher", "client_url": "https://watch.example/9"},
        "contexts": [
            {"type": "link", "href": "https://runbook.example/4", "text": "Runbook"},
            {"type": "image", "src": "https://graph.example/4.png"},
            {"type": "link", "href": "javascript:x", "text": "No"},
        ],
    }
    document = v2(sent) if place == "channel" else triggered(body=sent)
    links = "Runbook: https://runbook.example/4\nhttps://graph.example/4.png"
    assert written(document) == f"{DETAILS}\n\nhost: db1\n\n{links}"
    assert told(document, "Client") == ("Watcher" if place == "channel" else None)


def test_v1_has_what_the_tool_sent_in_its_summary_data() -> None:
    summary_data = {"subject": TITLE, "HOSTNAME": "db1", "client": "Nagios", "client_url": "https://watch.example/9"}
    of_v1 = V2_INCIDENT | {"title": None, "description": None, "trigger_summary_data": summary_data}
    document = {"messages": [{"type": "incident.trigger", "data": {"incident": of_v1}}]}
    assert (shown(document)["title"], written(document)) == (TITLE, "HOSTNAME: db1")
    assert (told(document, "Client"), told(document, "Client link")) == ("Nagios", "https://watch.example/9")


@pytest.mark.parametrize(
    ("client", "name", "link"),
    [
        ({"name": "Watcher"}, "Watcher", None),
        ({"name": "Watcher", "url": "https://watch.example/9"}, "Watcher", "https://watch.example/9"),
        ("Watcher", "Watcher", None),
        ({"summary": "Watcher", "html_url": "javascript:x"}, "Watcher", None),
        (None, None, None),
    ],
)
def test_the_client_of_v3(client: Any, name: str | None, link: str | None) -> None:
    document = v3("incident.triggered", INCIDENT, client=client)
    assert (told(document, "Client"), told(document, "Client link")) == (name, link)


def test_a_note_on_the_log_entry_is_no_detail_of_the_alert() -> None:
    entry = {"type": "annotate_log_entry", "channel": {"type": "note", "summary": "Looking", "content": "Looking"}}
    document = v2(event="incident.annotate", log_entries=[entry])
    assert (written(document), record(document)["headline"]) == (TITLE, "Note added: Looking")


def test_events_that_only_refer_prefill_what_they_tell() -> None:
    bridge = v3("incident.conference_bridge.updated", BRIDGE)
    assert told(bridge, "Conference link") == "https://meet.example/1"
    assert told(bridge, "Conference number") == "US: +1 555 0100, 5550101"
    fields = about("incident_field_values", custom_fields=[{"id": "PF", "display_name": "Env", "value": {"value": 1}}])
    assert told(v3("incident.custom_field_values.updated", fields), "Env") == "1"


@pytest.mark.parametrize(
    ("title", "prefilled"),
    [
        (TITLE, f"[PagerDuty] {TITLE}"),
        (f"[PagerDuty] {TITLE}", f"[PagerDuty] {TITLE}"),
        (f"[pagerduty]{TITLE}", f"[pagerduty]{TITLE}"),
        (None, "[PagerDuty] Incident #71"),
        (503, "[PagerDuty] 503"),
    ],
)
def test_the_prefix_stands_once(title: Any, prefilled: str) -> None:
    assert prefill(triggered(title=title))["title"] == prefilled


def test_a_reference_without_a_name_is_told_by_its_id() -> None:
    document = triggered(
        teams=[{"id": "PT", "summary": None}], assignees=[{"id": 5}, MIRA], priority={"id": "P2"}, service={"id": 9}
    )
    found = str(prefill(document)["description"])
    for line in ("Service: 9", "Priority: P2", "Assigned to: 5, Mira Oduya", "Teams: PT"):
        assert line in found.splitlines()


def test_names_in_place_of_references() -> None:
    document = triggered(
        service="Ledger", teams="Payments core", assignees=["Mira", "Bob"], priority="P2", incident_type="major"
    )
    assert prefill(document)["customer"] == "Ledger"
    labels = ("Teams", "Assigned to", "Priority", "Type")
    assert [told(document, label) for label in labels] == ["Payments core", "Mira, Bob", "P2", "major"]


@pytest.mark.parametrize(
    ("before", "after", "detail"),
    [
        ("staging", "prod", "Environment: staging → prod"),
        (None, "prod", "Environment: empty → prod"),
        ("staging", [], "Environment: staging → empty"),
        (None, None, "Environment"),
        ("", [], "Environment"),
        ({}, {"id": None}, "Environment"),
        ("prod", "prod", "Environment: prod"),
        ({"name": "EU"}, {"value": {"id": 7}}, 'Environment: EU → {"id": 7}'),
        (False, 0, "Environment: no → 0"),
    ],
)
def test_a_changed_field_says_what_changed(before: Any, after: Any, detail: str) -> None:
    data = about(
        "incident_field_values",
        changed_custom_fields=[{"id": 1, "name": "environment", "value": before}],
        custom_fields=[{"id": "1", "name": "environment", "display_name": "Environment", "value": after}],
    )
    found = record(v3("incident.custom_field_values.updated", data))
    assert found["headline"] == f"Custom fields changed by Mira Oduya: {detail}"


def test_what_is_cut_are_texts_and_never_the_identity() -> None:
    fields = [{"id": f"F{n}", "name": f"field {n}", "value": "v" * 2000} for n in range(100)]
    document = triggered(body={"details": "d" * 30_000}, custom_fields=fields)
    found = str(prefill(document)["description"])
    assert len(found) == 20_000
    assert (told(document, "Number"), told(document, "Link")) == ("#71", URL)
    assert written(document) == "d" * 9_997 + "…"


def test_a_title_that_had_to_be_cut_is_in_the_description() -> None:
    title = "t" * 3000
    assert written(triggered(title=title)) == title


# Titles, ids ----------------------------------------------------------------------------------------------------------


def test_a_title_is_one_line_without_control_characters() -> None:
    document = triggered(title="one\ntwo\x1b[31m\x07")
    found = record(document)
    assert found["notification"] is not None
    assert found["notification"]["title"] == incident(document)["title"] == "one two [31m"
    assert found["notification"]["prefill"]["title"] == "[PagerDuty] one two [31m"


def test_a_description_keeps_its_lines_and_loses_control_characters() -> None:
    document = triggered(body={"details": "one\r\n\ttwo\x1b[31m\x07\rthree\u2028four\n\n\nfive"})
    assert written(document) == "one\n\ttwo [31m \nthree\nfour\n\n\nfive"


@pytest.mark.parametrize("incident_id", [998877, 998877.0, "998877", " 998877 "])
def test_an_id_that_is_a_number_counts_as_its_digits(incident_id: Any) -> None:
    found = incident(triggered(id=incident_id))
    assert (found["id"], found["status"], found["service_name"]) == ("998877", "triggered", "Ledger")
    assert prefill(triggered(id=incident_id))["pagerduty_incident_id"] == "998877"
    reference = v3("incident.annotated", NOTE | {"incident": REFERENCE | {"id": incident_id}})
    assert incident(reference)["id"] == "998877"


@pytest.mark.parametrize("incident_id", [None, True, "", "Q\x1b1", "Q\nR", "Q" * 256, ["Q"], {"id": "Q"}])
def test_service_and_status_do_not_hang_on_the_id(incident_id: Any) -> None:
    assert incident(triggered(id=incident_id)) == incident(triggered()) | {"id": None}
