"""The design's mapping table, field by field and for each payload family; titles, bodies, records."""

from typing import Any

import pytest

from service.pagerduty.events import V3_TYPES, Event, InvalidEvent
from service.pagerduty.incidents import OWN_LABELS
from service.pagerduty.mapping import FieldMapping, ingest_record, notification
from service.pagerduty.payloads import parse
from tests.unit.pagerduty_examples import body, v3
from tests.unit.records import incident_told

TITLE, TEXT, SERVICE, URL = "Disk full", "90 % of /var is used", "Storage", "https://acme.pagerduty.com/incidents/PINC"


def _v3(status: Any, urgency: Any, description: Any) -> dict[str, Any]:
    incident = {
        "id": "PINC",
        "type": "incident",
        "title": TITLE,
        "status": status,
        "urgency": urgency,
        "html_url": URL,
        "service": {"id": "PSVC", "summary": SERVICE},
        "number": 12,
        "priority": {"summary": "P2"},
        "assignees": [{"summary": "Ann"}, {"summary": "Bob"}],
        "escalation_policy": {"summary": "Default"},
        "created_at": "2025-01-15T12:00:00Z",
    }
    return v3("incident.reassigned", incident)


def _v2(status: Any, urgency: Any, description: Any) -> dict[str, Any]:
    incident = {
        "id": "PINC",
        "title": TITLE,
        "description": description,
        "status": status,
        "urgency": urgency,
        "html_url": URL,
        "service": {"id": "PSVC", "name": SERVICE, "summary": "another name"},
        "incident_number": 12,
        "priority": {"summary": "P2"},
        "assignments": [{"assignee": {"summary": "Ann"}}, {"assignee": {"summary": "Bob"}}],
        "escalation_policy": {"summary": "Default"},
        "created_at": "2025-01-15T12:00:00Z",
    }
    return {"messages": [{"id": "m", "event": "incident.assign", "incident": incident}]}


def _v1(status: Any, urgency: Any, description: Any) -> dict[str, Any]:
    incident = {
        "id": "PINC",
        "trigger_summary_data": {"subject": TITLE, "description": description},
        "status": status,
        "urgency": urgency,
        "html_url": URL,
        "service": {"id": "PSVC", "name": SERVICE},
        "incident_number": 12,
        "priority": {"name": "P2"},
        "assigned_to": [{"object": {"name": "Ann"}}, {"object": {"name": "Bob"}}],
        "escalation_policy": {"name": "Default"},
        "created_on": "2025-01-15T12:00:00Z",
    }
    return {"messages": [{"id": "m", "type": "incident.assign", "data": {"incident": incident}}]}


def _documented(status: Any, urgency: Any, description: Any) -> dict[str, Any]:
    document = _v3(status, urgency, description)
    incident = document["event"]["data"] | {"description": description}
    return {"messages": [{"id": "m", "type": "incident.reassigned", "data": {"incident": incident}}]}


FAMILIES = {"v3": _v3, "v2": _v2, "v1": _v1, "documented": _documented}


def event_of(document: Any) -> Event:
    (event,) = parse(body(document))
    assert isinstance(event, Event)
    return event


def prefill(family: str, status: Any = "triggered", urgency: Any = "high", description: Any = TEXT) -> dict[str, Any]:
    event = event_of(FAMILIES[family](status, urgency, description))
    assert event.family == family
    shown = notification(event)
    assert shown is not None
    assert isinstance(shown["prefill"], dict)
    return shown["prefill"]


@pytest.mark.parametrize("family", FAMILIES)
class TestMappingTable:
    def test_title(self, family: str) -> None:
        assert prefill(family)["title"] == "[PagerDuty] Disk full"

    def test_description_and_metadata(self, family: str) -> None:
        written = TITLE if family == "v3" else TEXT
        assert prefill(family)["description"] == (
            f"{written}\n\nService: Storage\nUrgency: high\nPriority: P2\nStatus: triggered\nNumber: #12\n"
            f"Assigned to: Ann, Bob\nEscalation policy: Default\nOpened at: 2025-01-15 12:00:00 UTC\nLink: {URL}"
        )

    def test_without_description_it_is_the_title(self, family: str) -> None:
        assert prefill(family, description=None)["description"].startswith("Disk full\n\nService: Storage\n")

    @pytest.mark.parametrize(
        ("urgency", "level"),
        [("high", "high"), ("low", "medium"), (None, "medium"), ("weird", "medium"), (5, "medium")],
    )
    def test_criticality_and_urgency(self, family: str, urgency: Any, level: str) -> None:
        found = prefill(family, urgency=urgency)
        assert (found["criticality"], found["urgency"]) == (level, level)

    @pytest.mark.parametrize(
        ("status", "mapped"),
        [
            ("triggered", "open"),
            ("acknowledged", "investigating"),
            ("resolved", "resolved"),
            (None, "open"),
            (1, "open"),
        ],
    )
    def test_status(self, family: str, status: Any, mapped: str) -> None:
        assert prefill(family, status=status)["status"] == mapped

    def test_customer(self, family: str) -> None:
        assert prefill(family)["customer"] == "Storage"

    def test_tags_have_pagerdutys_own_level(self, family: str) -> None:
        assert prefill(family, urgency="low")["tags"] == [
            "source:pagerduty",
            "service:Storage",
            "urgency:low",
            "pagerduty-id:PINC",
        ]

    def test_identity(self, family: str) -> None:
        found = prefill(family)
        assert (found["pagerduty_incident_id"], found["pagerduty_url"]) == ("PINC", URL)


def test_what_is_not_known_is_left_out() -> None:
    shown = notification(event_of(v3("incident.annotated", {"incident": {"id": "P9"}, "content": "Hm"}, agent=None)))
    assert shown == {
        "title": "PagerDuty incident P9",
        "body": "Note added: Hm",
        "described": {
            "title": None,
            "number": None,
            "pagerduty_incident_id": "P9",
            "urgency": None,
            "priority": None,
            "service_id": None,
            "service_name": None,
            "assignees": [],
            "conference_url": None,
            "pagerduty_url": None,
            "written": None,
        },
        "facts": [],
        "settles": [],
        "prefill": {
            "title": "[PagerDuty] Incident P9",
            "description": "PagerDuty incident P9",
            "criticality": "medium",
            "urgency": "medium",
            "status": "open",
            "customer": "",
            "tags": ["source:pagerduty", "pagerduty-id:P9"],
            "pagerduty_incident_id": "P9",
            "pagerduty_url": None,
        },
    }


def test_an_organization_can_have_its_own_mapping() -> None:
    own = FieldMapping(
        title_prefix="PD: ", criticality={"high": "critical"}, status={"triggered": "new"}, unknown_urgency="low"
    )
    shown = notification(event_of(_v3("triggered", "high", None)), own)
    assert shown is not None
    found = shown["prefill"]
    assert (found["title"], found["criticality"], found["urgency"], found["status"]) == (
        "PD: Disk full",
        "critical",
        "high",
        "new",
    )


@pytest.mark.parametrize("event_type", sorted(V3_TYPES))
def test_every_documented_type_is_told_in_words(event_type: str) -> None:
    shown = notification(event_of(v3(event_type, {"id": "P1", "type": "incident", "title": "A bump"})))
    assert shown is not None
    assert shown["body"].endswith("by Tenex Engineer")
    assert shown["body"][0].isupper()


TELLING = {
    "incident.triggered": "triggered",
    "incident.unacknowledged": "triggered",
    "incident.reopened": "triggered",
    "incident.acknowledged": "acknowledged",
    "incident.resolved": "resolved",
}


@pytest.mark.parametrize("event_type", sorted(V3_TYPES))
def test_which_events_tell_a_status(event_type: str) -> None:
    """Those that change it, said or implied; any other carries a snapshot of the incident."""
    status = TELLING.get(event_type)
    incident = {"id": "P1", "type": "incident", "title": "A bump"}
    assert ingest_record(event_of(v3(event_type, incident)), None)["told_status"] == status
    carrying = {**incident, "status": status or "resolved"}
    assert ingest_record(event_of(v3(event_type, carrying)), None)["told_status"] == status


@pytest.mark.parametrize(("event_type", "told"), [("incident.resolve", "resolved"), ("incident.annotate", None)])
def test_older_families_tell_a_status_too(event_type: str, told: str | None) -> None:
    message = {"id": "m", "event": event_type, "incident": {"id": "P1", "title": "A bump", "status": "resolved"}}
    assert ingest_record(event_of({"messages": [message]}), None)["told_status"] == told


@pytest.mark.parametrize("event_type", ["pagey.ping", "incident.teleported", "service.painted", "x"])
def test_pings_and_unknown_types_notify_nobody(event_type: str) -> None:
    event = event_of(v3(event_type, {"id": "P1", "type": "incident", "title": "A bump"}))
    assert notification(event) is None
    record = ingest_record(event, None)
    assert (record["notification"], record["headline"], record["event_type"]) == (None, None, event_type)
    assert record["known"] is (event_type == "pagey.ping")


def test_the_body_is_one_line_with_room_for_service_and_urgency() -> None:
    data = {"incident": {"id": "P1"}, "service": {"summary": "Two\nlines"}, "content": "word\r\n\t" * 2000}
    shown = notification(event_of(v3("incident.annotated", data)))
    assert shown is not None
    assert shown["body"].startswith("Note added by Tenex Engineer: word word")
    assert shown["body"].endswith("… · Two lines")
    assert "\n" not in shown["body"]
    assert len(shown["body"]) <= 1000


def test_a_service_that_triggers_its_own_incident_is_named_once() -> None:
    service = {"id": "PSVC", "type": "service_reference", "summary": "API"}
    data = {"id": "P1", "type": "incident", "title": "A bump", "service": service}
    shown = notification(event_of(v3("incident.triggered", data, agent=service)))
    assert shown is not None
    assert shown["body"] == "Triggered · API"


def test_long_texts_fit_their_fields() -> None:
    incident = _v2("triggered", "high", "d" * 30_000)["messages"][0]["incident"] | {"title": "t" * 5_000}
    shown = notification(event_of({"messages": [{"event": "incident.trigger", "incident": incident}]}))
    assert shown is not None
    assert shown["title"] == "t" * 1023 + "…"
    assert shown["prefill"]["title"] == "[PagerDuty] " + "t" * 1023 + "…"
    description = shown["prefill"]["description"]
    assert len(description) == 20_000
    assert "d…\n\nService: Storage\n" in description
    assert description.endswith(f"Link: {URL}")


def test_the_record_of_an_invalid_event() -> None:
    assert ingest_record(InvalidEvent(3, "no good", "m3", {"a": 1}), "d-1", ["k"]) == {
        "event_id": "m3",
        "delivery_id": "d-1",
        "family": None,
        "event_type": None,
        "known": False,
        "loud": False,
        "recorded": False,
        "names_service": False,
        "subject": None,
        "agent_name": None,
        "occurred_at": None,
        "payload": {"a": 1},
        "integration_keys": ["k"],
        "service": None,
        "incident": None,
        "told_status": None,
        "notification": None,
        "headline": None,
        "invalid": "no good",
    }


@pytest.mark.parametrize(
    ("event_type", "data", "service"),
    [
        ("service.updated", {"type": "service", "id": "PSVC", "summary": SERVICE}, {"id": "PSVC", "name": SERVICE}),
        ("incident.annotated", {"incident": {"id": "P1"}, "service": {"id": "PSVC"}}, {"id": "PSVC", "name": None}),
        ("incident.annotated", {"incident": {"id": "P1"}, "content": "Hm"}, None),
    ],
)
def test_the_service_that_an_event_names(event_type: str, data: dict[str, Any], service: dict[str, Any] | None) -> None:
    assert ingest_record(event_of(v3(event_type, data)), None)["service"] == service


def test_an_incident_without_id_is_shown_but_cannot_be_linked() -> None:
    data = {"type": "incident", "title": "A bump", "urgency": "low", "service": {"id": "PSVC", "summary": SERVICE}}
    record = ingest_record(event_of(v3("incident.triggered", data)), None)
    assert incident_told(record) == {
        "id": None,
        "number": None,
        "title": "A bump",
        "url": None,
        "status": "triggered",
        "urgency": "low",
        "service_id": "PSVC",
        "service_name": SERVICE,
    }
    assert record["service"] == {"id": "PSVC", "name": SERVICE}
    assert record["notification"] is not None
    assert record["notification"]["title"] == "A bump"
    prefill = record["notification"]["prefill"]
    assert prefill is not None
    assert prefill["pagerduty_incident_id"] is None


def test_our_own_lines_are_told_from_custom_fields() -> None:
    """`OWN_LABELS` has the lines that a description of an incident may have, and no other."""
    incident = {
        "id": "P1", "type": "incident", "title": "A bump", "status": "resolved", "urgency": "high", "number": 7,
        "priority": {"summary": "P1"}, "incident_type": {"name": "major"}, "assignees": [{"summary": "Ann"}],
        "teams": [{"summary": "Ops"}], "escalation_policy": {"summary": "Default"}, "html_url": URL,
        "service": {"id": "PSVC", "summary": SERVICE}, "created_at": "2025-01-15T12:00:00Z",
        "conference_bridge": {"conference_url": "https://meet.example.test/1", "conference_number": "+1"},
        "resolve_reason": {"type": "merge_resolve_reason", "incident": {"id": "P2", "summary": "Other"}},
        "custom_fields": [{"id": "F1", "name": "Status", "value": "green"}],
    }  # fmt: skip
    client = {"name": "Watcher", "url": "https://watch.example.test/9"}
    shown = notification(event_of(v3("incident.resolved", incident, client=client)))
    assert shown is not None
    labels = [label for label, value in shown["facts"] if value]
    assert {*labels} - {"Status (field)"} == OWN_LABELS
    assert len(labels) == len(OWN_LABELS) + 1
