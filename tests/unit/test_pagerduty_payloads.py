"""Reading deliveries: families, ids, times, what is refused, and what is tolerated."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.pagerduty.events import PING, V3_NAMES, V3_TYPES, Event, InvalidEvent
from service.pagerduty.fields import moment, web_url
from service.pagerduty.mapping import ingest_record
from service.pagerduty.payloads import MAX_DEPTH, NothingUsable, NotJSON, parse
from tests.unit.pagerduty_examples import AGENT, body, delivery, v3

INCIDENT = {
    "id": "PGR0VU2",
    "type": "incident",
    "title": "A bump",
    "html_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
    "service": {"id": "PF9KMXH", "summary": "API Service", "html_url": "https://acme.pagerduty.com/services/PF9KMXH"},
}


def only(document: Any) -> Event:
    (event,) = parse(body(document))
    assert isinstance(event, Event)
    return event


def messages(*entries: Any) -> bytes:
    return body({"messages": list(entries)})


def documented(**changes: Any) -> dict[str, Any]:
    message = {"id": "m1", "type": "incident.triggered", "data": {"incident": INCIDENT}}
    return {"messages": [message | changes]}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"event"',
        b"3",
        b"{",
        b'{"event": {}} x',
        b'{"event": NaN}',
        b'{"event": {"id": Infinity}}',
        b'{"event": {"id": -Infinity}}',
        b'{"event": "\xff"}',
        '{"event": {"id": "é"}}'.encode("latin-1"),
        '{"event": {}}'.encode("utf-16"),
        b'{"event": "\x00"}',
        b"\x00",
        b"[" * 100_000,
        b'{"event":' * 100_000,
        b'{"event":' + b"[" * 150 + b"]" * 150 + b"}",
    ],
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(NotJSON) as refusal:
        parse(raw)
    assert str(refusal.value).startswith("The body is ")


@pytest.mark.parametrize(
    "document", [{}, {"event": None}, {"event": "x"}, {"messages": []}, {"messages": {}}, {"messages": None}]
)
def test_a_body_without_any_event_is_refused(document: Any) -> None:
    with pytest.raises(NothingUsable, match=r"holds no event"):
        parse(body(document))


def test_nesting_is_allowed_up_to_the_limit() -> None:
    # The body, the event and its data are three levels.
    deep: Any = 1
    for _ in range(MAX_DEPTH - 3):
        deep = [deep]
    assert only({"event": {"event_type": "incident.triggered", "data": {"x": deep}}}).known
    with pytest.raises(NotJSON):
        parse(body({"event": {"event_type": "incident.triggered", "data": {"x": [deep]}}}))


def test_a_byte_order_mark_is_tolerated() -> None:
    (event,) = parse(b"\xef\xbb\xbf" + body(documented()))
    assert isinstance(event, Event)


def test_one_bad_message_does_not_spoil_the_rest() -> None:
    good = documented()["messages"][0]
    found = parse(messages(7, good, {"id": "m2"}, {"type": ""}, {"id": "m3", "type": 5}, good | {"id": "m4"}))
    assert [type(entry) for entry in found] == [InvalidEvent, Event, InvalidEvent, InvalidEvent, InvalidEvent, Event]
    assert found[0] == InvalidEvent(0, "the message is not an object", None, 7)
    assert found[2] == InvalidEvent(2, "the message names no event type under `event` or `type`", "m2", {"id": "m2"})
    assert isinstance(found[3], InvalidEvent)
    assert str(found[3].event_id).startswith("sha256:")


def test_a_v3_event_without_type_is_invalid() -> None:
    assert parse(body({"event": {"id": "e1", "data": {}}})) == [
        InvalidEvent(0, "the event has no event_type", "e1", {"id": "e1", "data": {}})
    ]


def test_at_most_a_hundred_messages_are_taken() -> None:
    message = documented()["messages"][0]
    assert len(parse(messages(*[message] * 100))) == 100
    found = parse(messages(*[message] * 250))
    assert len(found) == 101
    assert found[-1] == InvalidEvent(
        100, "150 more messages than the 100 that one delivery may hold were left out", None, None
    )


@pytest.mark.parametrize(("written", "normal"), V3_NAMES.items())
def test_types_of_v1_and_v2_get_the_names_of_v3(written: str, normal: str) -> None:
    v2 = only({"messages": [{"event": written, "incident": INCIDENT}]})
    v1 = only({"messages": [{"type": written, "data": {"incident": {"id": "P1", "trigger_summary_data": {}}}}]})
    assert (v2.family, v2.type, v2.known) == ("v2", normal, True)
    assert (v1.family, v1.type, v1.known) == ("v1", normal, True)


@pytest.mark.parametrize("event_type", sorted(V3_TYPES))
def test_documented_types_are_known(event_type: str) -> None:
    assert only(v3(event_type, INCIDENT)).known


def test_unknown_types_are_kept_in_lower_case_and_bounded() -> None:
    event = only(v3("Incident.Teleported" + "x" * 500, INCIDENT))
    assert event.type.startswith("incident.teleportedxxx")
    assert len(event.type) == 100
    assert not event.known


def test_a_ping_is_its_own_type() -> None:
    event = only(v3(PING, {"message": "Hello from your friend Pagey!", "type": "ping"}))
    assert event.is_ping
    assert event.known
    assert event.incident is None


def test_an_old_type_with_a_title_is_the_documented_form() -> None:
    assert only(documented(type="incident.trigger")).family == "documented"
    untitled = {"id": "P1", "status": "triggered"}
    assert only(documented(type="incident.trigger", data={"incident": untitled})).family == "v1"


@pytest.mark.parametrize("bad_id", [None, True, "", "  ", "x" * 256, "nul\x00", "e\x1b1", {"id": 1}])
def test_a_message_without_usable_id_gets_one_of_its_content(bad_id: Any) -> None:
    one, again = only(documented(id=bad_id)), only(documented(id=bad_id))
    other = only(documented(id=bad_id, created_on="2025-01-15T12:00:00Z"))
    assert one.id == again.id != other.id
    assert one.id.startswith("sha256:")
    assert len(one.id) == 71


def test_an_id_of_content_does_not_depend_on_order_and_space() -> None:
    one = b'{"event": {"event_type": "incident.triggered", "data": {"id": "P1", "type": "incident"}}}'
    other = b'{"event":{"data":{"type":"incident","id":"P1"},"event_type":"incident.triggered"}}'
    (first,), (second,) = parse(one), parse(other)
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert first.id == second.id


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2020-10-02T18:45:22.169Z", datetime(2020, 10, 2, 18, 45, 22, 169000, UTC)),
        ("2016-02-22T13:07:55-08:00", datetime(2016, 2, 22, 21, 7, 55, tzinfo=UTC)),
        ("2025-01-15 12:00:00", datetime(2025, 1, 15, 12, tzinfo=UTC)),
        ("2025-01-15T12:00:00.123456789Z", datetime(2025, 1, 15, 12, 0, 0, 123456, UTC)),
        ("Wed, 15 Jan 2025 12:00:00 +0000", datetime(2025, 1, 15, 12, tzinfo=UTC)),
        (1736942400, datetime(2025, 1, 15, 12, tzinfo=UTC)),
        (1736942400.5, datetime(2025, 1, 15, 12, 0, 0, 500000, UTC)),
        (1736942400000, datetime(2025, 1, 15, 12, tzinfo=UTC)),
        ("1999-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59-23:00", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("2999-01-01T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
        ("2025-13-45", None),
        ("9" * 1000, None),
        (True, None),
        (-1e300, None),
        (10**90, None),
        (None, None),
        ([], None),
    ],
)
def test_times_are_tolerant_and_never_nonsense(written: Any, expected: datetime | None) -> None:
    assert moment(written) == expected


def test_a_time_ahead_counts_as_the_time_of_arrival() -> None:
    now = datetime(2025, 1, 15, tzinfo=UTC)
    assert moment((now - timedelta(seconds=1)).isoformat(), now) == now - timedelta(seconds=1)
    assert moment((now + timedelta(hours=23)).isoformat(), now) == now
    assert moment((now + timedelta(hours=25)).isoformat(), now) is None


def test_occurred_at_falls_back_to_created_on() -> None:
    created = datetime(2024, 2, 1, tzinfo=UTC)
    later = {"created_on": created.isoformat()}
    assert only(v3("incident.triggered", INCIDENT, occurred_at="nonsense", **later)).occurred_at == created
    assert only(v3("incident.triggered", INCIDENT, occurred_at=None)).occurred_at is None


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://acme.pagerduty.com/incidents/P1", True),
        ("HTTP://localhost:8080/x?y=1#z", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//acme.pagerduty.com/x", False),
        ("https:///x", False),
        ("https://[::1", False),
        ("https://a b", False),
        ("https://a/\n", False),
        ("https:\\\\a", False),
        ("https://a/\u202etxt", False),
        ("https://a/" + "x" * 2048, False),
        ("", False),
        (5, False),
    ],
)
def test_only_web_urls_survive(url: Any, kept: bool) -> None:
    assert web_url(url) == (url if kept else None)
    incident = only(v3("incident.triggered", INCIDENT | {"html_url": url})).incident
    assert incident is not None
    assert incident.html_url == (url if kept else None)


@pytest.mark.parametrize(
    ("event_type", "status"),
    [
        ("incident.triggered", "triggered"),
        ("incident.unacknowledged", "triggered"),
        ("incident.reopened", "triggered"),
        ("incident.acknowledged", "acknowledged"),
        ("incident.resolved", "resolved"),
        ("incident.reassigned", None),
        ("incident.annotated", None),
    ],
)
def test_a_missing_status_is_what_the_event_implies(event_type: str, status: str | None) -> None:
    for written in (None, 5, "weird"):
        incident = only(v3(event_type, INCIDENT | {"status": written})).incident
        assert incident is not None
        assert incident.status == status


@pytest.mark.parametrize(
    ("event_type", "believed"),
    [
        # One that is made for its maker is born acknowledged, and one may be over by the time that it is told of.
        ("incident.triggered", {"triggered", "acknowledged", "resolved"}),
        ("incident.unacknowledged", {"triggered"}),
        ("incident.reopened", {"triggered", "acknowledged"}),
        ("incident.acknowledged", {"acknowledged"}),
        ("incident.resolved", {"resolved"}),
        ("incident.reassigned", {"triggered", "acknowledged", "resolved"}),
    ],
)
def test_a_status_that_cannot_be_after_the_event_is_not_believed(event_type: str, believed: set[str]) -> None:
    for written in ("triggered", "acknowledged", "resolved"):
        incident = only(v3(event_type, INCIDENT | {"status": written})).incident
        assert incident is not None
        assert (incident.status == written) is (written in believed)
        assert believed >= {incident.status}


def test_a_reference_may_be_null() -> None:
    event = only(v3("incident.annotated", {"incident": None, "type": "incident_note", "content": "Hm"}))
    assert event.incident is None
    assert event.detail == "Hm"


def test_strings_are_bounded() -> None:
    long = "x" * 20_000
    person, policy = {"summary": long}, {"summary": long}
    changes = {
        "title": long,
        "description": "y" * 30_000,
        "assignees": [person],
        "escalation_policy": policy,
        "priority": policy,
    }
    event = only(v3("incident.triggered", INCIDENT | changes | {"incident_key": long}, agent={"summary": long}))
    incident = event.incident
    assert incident is not None
    assert (incident.title, incident.description) == ("x" * 1023 + "…", "y" * 19_999 + "…")
    named = (incident.priority, incident.escalation_policy, incident.assignees[0], incident.incident_key)
    assert set(named) | {event.agent_name} == {"x" * 254 + "…"}


def test_an_id_that_would_have_to_be_cut_is_absent() -> None:
    incident = only(v3("incident.triggered", INCIDENT | {"id": "P" * 256})).incident
    assert incident is not None
    assert (incident.id, incident.title) == (None, "A bump")


@pytest.mark.parametrize(
    ("written", "kept"),
    [(7, 7), (0, 0), (-1, None), (2**31, None), (True, None), ("7", 7), ("#7", None), (7.0, 7), (7.5, None)],
)
def test_numbers_of_incidents_fit_a_database_integer(written: Any, kept: int | None) -> None:
    incident = only(v3("incident.triggered", INCIDENT | {"number": written})).incident
    assert incident is not None
    assert incident.number == kept


def test_what_jsonb_cannot_hold_is_replaced() -> None:
    raw = (
        b'{"event": {"id": "e1", "event_type": "incident.triggered", "k\\u0000": "a\\u0000b", "s": "\\ud800x",'
        b'"pair": "\\ud83d\\ude00", "huge": 1e999, "long": ' + b"9" * 5000 + b', "plain": [1, 2.5, true, null]}}'
    )
    (event,) = parse(raw)
    assert isinstance(event, Event)
    assert event.payload["k\ufffd"] == "a\ufffdb"
    assert event.payload["s"] == "\ufffdx"
    assert event.payload["pair"] == "\U0001f600"
    assert event.payload["huge"] == "1e999"
    assert event.payload["long"] == "9" * 5000
    assert event.payload["plain"] == [1, 2.5, True, None]
    json.dumps(event.payload, allow_nan=False).encode()


def test_integration_keys_are_found_at_every_level() -> None:
    service = {
        "id": "S",
        "integration_key": "k5",
        "integrations": [{"id": "I1", "integration_key": "k6"}, {"id": "I2"}, None, 3],
    }
    incident = INCIDENT | {"service": service, "service_key": "k4"}
    message = {
        "type": "incident.triggered",
        "integration_key": "k1",
        "routing_key": "k2",
        "data": {"incident": incident, "service_key": "k3", "routing_key": 7},
    }
    event = only({"messages": [message], "integration_key": "k0"})
    assert set(event.integration_keys) == {"k0", "k1", "k2", "k3", "k4", "k5", "k6", "7", "I1", "I2", "S"}
    assert ingest_record(event, None, ["header", "k1", ""])["integration_keys"][:2] == ["header", "k1"]


def test_keys_of_one_message_are_not_those_of_another() -> None:
    sent: list[Any] = [{"type": "incident.triggered", "integration_key": key, "data": {}} for key in ("a", "b")]
    found = parse(messages(*sent))
    assert [entry.integration_keys for entry in found if isinstance(entry, Event)] == [("a",), ("b",)]


def test_the_number_of_integration_keys_is_bounded() -> None:
    service = {"id": "S", "integrations": [{"id": f"I{n}"} for n in range(500)]}
    event = only(v3("incident.triggered", INCIDENT | {"service": service}, integration_key="own"))
    assert len(event.integration_keys) == 50
    assert "own" in event.integration_keys
    assert "S" in event.integration_keys
    assert len(ingest_record(event, None, ["extra"])["integration_keys"]) == 50
    assert "extra" in ingest_record(event, None, ["extra"])["integration_keys"]


DETAILS: list[tuple[str, dict[str, Any], str | None]] = [
    ("incident.priority_updated", INCIDENT | {"priority": {"summary": "P1"}}, "P1"),
    ("incident.priority_updated", INCIDENT | {"priority": None}, "none"),
    ("incident.priority_updated", INCIDENT, None),
    ("incident.incident_type.changed", INCIDENT | {"incident_type": {"name": "major"}}, "major"),
    ("incident.reassigned", INCIDENT | {"assignees": [{"summary": "Ann"}, {"summary": "Bob"}]}, "Ann, Bob"),
    ("incident.escalated", INCIDENT | {"assignees": []}, None),
    ("incident.delegated", INCIDENT | {"escalation_policy": {"summary": "Second line"}}, "Second line"),
    ("incident.resolved", INCIDENT | {"resolve_reason": {"incident": {"summary": "Other"}}}, "merged into Other"),
    ("incident.annotated", {"content": "cut", "trimmed": True}, "cut…"),
    ("incident.annotated", {"content": " two\n lines\t"}, "two lines"),
    ("incident.status_update_published", {"message": "On it", "trimmed": False}, "On it"),
    ("incident.conference_bridge.updated", {"conference_url": "javascript:x", "conference_numbers": []}, None),
    ("incident.conference_bridge.updated", {"conference_url": None, "conference_numbers": []}, "none"),
    ("incident.service_updated", INCIDENT | {"service": {"id": "PLEDG", "summary": "Ledger"}}, "Ledger"),
    (
        "incident.responder.added",
        {"user": None, "escalation_policy": {"summary": "DBAs"}, "state": "pending"},
        "DBAs (pending)",
    ),
    (
        "incident.responder.replied",
        {"user": {"summary": "Maeve"}, "state": "declined", "message": "Ill"},
        "Maeve (declined): Ill",
    ),
    ("incident.responder.replied", {"message": "Ill"}, "Ill"),
    (
        "incident.role.assigned",
        {
            "incident_role_assignments": [
                {"role": {"summary": "Lead"}, "assignee": None, "old_assignee": {"summary": "Ann"}}
            ]
        },
        "Lead no longer to Ann",
    ),
    ("incident.task.completed", {"summary": "Tidy up", "status": "done"}, "Tidy up (done)"),
    (
        "incident.task.updated",
        {"summary": "Tidy up", "assignees": [{"summary": "Ann"}, {"summary": "Bob"}]},
        "Tidy up, for Ann, Bob",
    ),
    ("incident.workflow.completed", {"summary": "Run 1", "incident_workflow": None}, "Run 1"),
    ("incident.action_invocation.terminated", {"action": None, "state": "completed"}, "completed"),
    (
        "incident.custom_field_values.updated",
        {"changed_custom_fields": [{"id": "F", "name": "env", "value": "old"}]},
        "env (was old)",
    ),
    (
        "incident.custom_field_values.updated",
        {
            "changed_custom_fields": [
                {"id": 6, "name": "env", "value": ["a", 2]},
                {"id": "G", "name": "up", "value": None},
            ],
            "custom_fields": [{"id": "G", "value": True}, {"id": "6", "value": []}],
        },
        "env: a, 2 → empty; up: empty → yes",
    ),
    ("incident.triggered", INCIDENT, None),
]


@pytest.mark.parametrize(("event_type", "data", "detail"), DETAILS)
def test_details(event_type: str, data: dict[str, Any], detail: str | None) -> None:
    assert only(v3(event_type, data)).detail == detail


def test_the_note_of_v2_is_in_its_log_entry() -> None:
    entry = {"agent": AGENT, "channel": {"type": "note", "summary": "Looking into it"}}
    event = only({"messages": [{"event": "incident.annotate", "log_entries": [entry], "incident": INCIDENT}]})
    assert (event.type, event.agent_name, event.detail) == ("incident.annotated", "Tenex Engineer", "Looking into it")


def test_v1_names_nobody_who_did_something_else() -> None:
    """After a reassignment, whoever changed the status last did so earlier."""
    assert only(delivery("v1-05-incident-assign")).agent_name is None
    assert only(delivery("v1-04-incident-resolve")).agent_name == "Wiley Jacobson"
