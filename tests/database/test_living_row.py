"""A notification is one living row: what an event changes in it, and what rings."""

from typing import Any

import pytest

from tests.database.database import Database, Organization
from tests.database.events import at, event, note
from tests.database.twins import TwinnedDatabase


@pytest.fixture
def database(twins: TwinnedDatabase) -> Database:
    return twins


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


def _rows(database: Database, organization: Organization) -> list[dict[str, Any]]:
    return database.rows(
        "select * from pagerduty.notifications where organization_id = %s order by loud_seq", (organization.id,)
    )


def _row(database: Database, organization: Organization) -> dict[str, Any]:
    [row] = _rows(database, organization)
    return row


def _rang(database: Database, organization: Organization) -> list[bool]:
    rang = "select is_loud from pagerduty.events where organization_id = %s order by received_at"
    return [row["is_loud"] for row in database.rows(rang, (organization.id,))]


def test_thirty_events_of_five_incidents_are_five_rows(database: Database, acme: Organization) -> None:
    kinds = ["triggered", "acknowledged", "priority_updated", "reassigned", "annotated", "resolved"]
    for minute, kind in enumerate(kinds):
        sent = [event(f"incident.{kind}", f"P{n}", occurred_at=f"2026-11-23T10:{minute:02}:00Z") for n in range(5)]
        database.ingest(acme, *sent)
    rows = _rows(database, acme)
    assert [row["pagerduty_incident_id"] for row in rows] == [f"P{n}" for n in range(5)]
    assert {(row["events"], row["pagerduty_status"], row["event_type"]) for row in rows} == {
        (6, "resolved", "incident.triggered")
    }
    assert sum(_rang(database, acme)) == 5


# What rings -----------------------------------------------------------------------------------------------------------

#: Events, minute by minute, and which of them ring.
LOUD = {
    "a life": (["triggered", "acknowledged", "resolved"], [True, False, False]),
    "reopened": (["triggered", "resolved", "reopened", "resolved"], [True, False, True, False]),
    "nobody has it any more": (["triggered", "acknowledged", "unacknowledged"], [True, False, True]),
    "escalated again and again": (["triggered", "escalated", "escalated"], [True, True, True]),
    "escalated when it is over": (["triggered", "resolved", "escalated"], [True, False, False]),
    "triggered twice": (["triggered", "triggered"], [True, False]),
    "small changes": (
        ["triggered", "priority_updated", "reassigned", "annotated", "responder.added", "custom_field_values.updated"],
        [True, False, False, False, False, False],
    ),
    "first heard of when it was acknowledged": (["acknowledged", "resolved"], [True, False]),
    "first heard of by a note": (["annotated", "annotated"], [True, False]),
    "first heard of by what a machine did": (["workflow.started", "annotated"], [False, False]),
    "first heard of when it was over": (["resolved", "annotated", "reopened"], [False, False, True]),
}


@pytest.mark.parametrize("name", LOUD)
def test_what_calls_for_somebody_rings(database: Database, acme: Organization, name: str) -> None:
    kinds, rang = LOUD[name]
    for minute, kind in enumerate(kinds):
        sent = {
            "resolved": at(minute, "resolved"),
            "annotated": note(occurred_at=f"2026-11-23T10:{minute:02}:00Z"),
        }.get(kind, event(f"incident.{kind}", occurred_at=f"2026-11-23T10:{minute:02}:00Z"))
        database.ingest(acme, sent)
    assert _rang(database, acme) == rang
    row = _row(database, acme)
    assert row["is_quiet"] == (not any(rang))
    assert row["events"] == len(kinds)
    assert (row["loud_seq"] == row["seq"]) == rang[-1]


def test_what_comes_late_rings_only_if_it_is_news(database: Database, acme: Organization) -> None:
    database.ingest(acme, at(0), at(9, "resolved"), event("incident.reopened", occurred_at="2026-11-23T10:05:00Z"))
    assert _rang(database, acme) == [True, False, False]
    assert _row(database, acme)["pagerduty_status"] == "resolved"


def test_a_quiet_change_moves_no_row_and_a_loud_one_does(database: Database, acme: Organization) -> None:
    database.ingest(acme, at(0, incident_id="P1"), at(0, incident_id="P2"), at(1, "acknowledged", incident_id="P1"))
    assert [row["pagerduty_incident_id"] for row in _rows(database, acme)] == ["P1", "P2"]
    loud = event("incident.unacknowledged", "P1", occurred_at="2026-11-23T10:02:00Z")
    database.ingest(acme, loud)
    first, last = _rows(database, acme)
    assert (first["pagerduty_incident_id"], last["pagerduty_incident_id"]) == ("P2", "P1")
    assert (last["event_type"], last["body"]) == ("incident.unacknowledged", loud["notification"]["body"])
    assert last["occurred_at"].minute == 2
    assert last["loud_at"] > last["created_at"]


def test_who_acknowledged_it(database: Database, acme: Organization) -> None:
    def by(name: str, sent: dict[str, Any]) -> dict[str, Any]:
        return {**sent, "agent_name": name}

    told = []
    for sent in (
        by("Rita", at(0)), by("Rita", at(1, "acknowledged")), by("Ali", event("incident.priority_updated")),
        by("Tim", at(3, "resolved")), by("Tim", event("incident.reopened", occurred_at="2026-11-23T10:04:00Z")),
        by("Ali", at(5, "acknowledged")), by("Zoe", at(2, "acknowledged")),
    ):  # fmt: skip
        database.ingest(acme, sent)
        told.append(_row(database, acme)["acknowledged_by"])
    assert told == [None, "Rita", "Rita", "Rita", None, "Ali", "Ali"]


# Two feeds ------------------------------------------------------------------------------------------------------------


def _v2(kind: str, occurred_at: str) -> dict[str, Any]:
    """The same happening as V2 tells it: with an id of its own, to the second."""
    return {**event(f"incident.{kind}", occurred_at=occurred_at), "family": "v2"}


@pytest.mark.parametrize("second", [event, _v2], ids=["two subscriptions", "V2 beside V3"])
def test_two_feeds_of_one_service_ring_once(database: Database, acme: Organization, second: Any) -> None:
    for minute, kind in enumerate(("triggered", "escalated", "acknowledged", "escalated")):
        exact, rough = f"2026-11-23T10:{minute:02}:07.914Z", f"2026-11-23T10:{minute:02}:07Z"
        database.ingest(acme, event(f"incident.{kind}", occurred_at=exact))
        twin = _v2(kind, rough) if second is _v2 else event(f"incident.{kind}", occurred_at=exact)
        database.ingest(acme, twin)
    assert _rang(database, acme) == [True, False, True, False, False, False, True, False]
    row = _row(database, acme)
    history = database.run_as(acme["viewer"], "select event_type from pagerduty.notification_events(%s)", (row["id"],))
    assert [line["event_type"] for line in history] == [
        "incident.escalated", "incident.acknowledged", "incident.escalated", "incident.triggered",
    ]  # fmt: skip


def test_the_settings_say_that_two_feeds_are_on(database: Database, acme: Organization) -> None:
    settings = "select pagerduty.get_integration(%s) -> 'recent_events' ->> 'repeated' as repeated"
    database.ingest(acme, at(0), at(1, "acknowledged"))
    assert database.run_as(acme["viewer"], settings, (acme.id,)) == [{"repeated": "0"}]
    database.ingest(acme, at(0), at(1, "acknowledged"))
    assert database.run_as(acme["viewer"], settings, (acme.id,)) == [{"repeated": "2"}]


def test_a_feed_that_was_switched_off_repeats_nothing(database: Database, acme: Organization) -> None:
    """What was ignored was told to nobody: its twin rings."""
    database.run_as(acme["owner"], "select pagerduty.save_integration(%s, '{\"enabled\": false}')", (acme.id,))
    database.ingest(acme, at(0))
    database.run_as(acme["owner"], "select pagerduty.save_integration(%s, '{\"enabled\": true}')", (acme.id,))
    database.ingest(acme, at(0))
    assert _rang(database, acme) == [False, True]


def test_two_organizations_ring_each_for_itself(database: Database, acme: Organization) -> None:
    globex, same = database.organization(), "2026-11-23T10:00:00Z"
    database.ingest(globex, event("incident.escalated", occurred_at=same))
    database.ingest(acme, event("incident.escalated", occurred_at=same))
    assert _rang(database, acme) == _rang(database, globex) == [True]


def test_two_notes_of_one_second_are_two(database: Database, acme: Organization) -> None:
    noted = {**note(), "headline": "Note added: one"}, {**note(), "headline": "Note added: two"}
    database.ingest(acme, at(0), *noted, {**note(), "headline": "Note added: two"})
    repeats = "select is_repeat from pagerduty.events where organization_id = %s order by received_at"
    assert [row["is_repeat"] for row in database.rows(repeats, (acme.id,))] == [False, False, False, True]


# What is known is not lost --------------------------------------------------------------------------------------------


def _described(minute: int, kind: str = "triggered", **details: Any) -> dict[str, Any]:
    return event(f"incident.{kind}", occurred_at=f"2026-11-23T10:{minute:02}:00Z", **details)


def test_a_later_description_wins_and_loses_nothing(database: Database, acme: Organization) -> None:
    body = {"type": "incident_body", "details": "replica lag 40 s\nrunbook: https://wiki.example.test/lag"}
    bridge = {"conference_url": "https://meet.example.test/1"}
    rita = [{"id": "PR", "type": "user_reference", "summary": "Rita"}]
    priority = {"id": "P2", "type": "priority_reference", "summary": "P2"}
    first = _described(0, body=body, conference_bridge=bridge, assignees=rita, priority=priority, title="Lag")
    database.ingest(acme, first, _described(5, "acknowledged", title="Lag on db-7", assignees=[], priority=None))
    row = _row(database, acme)
    description = row["prefill"]["description"]
    assert (row["title"], row["prefill"]["title"]) == ("Lag on db-7", "[PagerDuty] Lag on db-7")
    assert "replica lag 40 s\nrunbook: https://wiki.example.test/lag" in description
    assert "Conference link: https://meet.example.test/1" in description
    assert row["conference_url"] == "https://meet.example.test/1"
    assert "Status: acknowledged" in description
    assert row["prefill"]["status"] == "investigating"
    # Of these, nothing is a value too.
    assert (row["priority"], row["assignees"]) == (None, [])
    assert "Priority" not in description
    assert "Rita" not in description


def test_an_older_description_only_completes(database: Database, acme: Organization) -> None:
    details = {"type": "incident_body", "details": "what the tool sent"}
    newer, older = _described(5, "acknowledged", title="New", urgency="low"), _described(0, title="Old", body=details)
    database.ingest(acme, newer, older)
    row = _row(database, acme)
    assert (row["title"], row["urgency"], row["pagerduty_status"]) == ("New", "low", "acknowledged")
    assert row["prefill"]["title"] == "[PagerDuty] New"
    assert row["prefill"]["description"].startswith("what the tool sent\n\n")
    assert "Status: acknowledged" in row["prefill"]["description"]


@pytest.mark.parametrize("first", [0, 1], ids=["note first", "note last"])
def test_a_reference_changes_nothing_that_is_known(database: Database, acme: Organization, first: int) -> None:
    whole = event(title="Disk full", urgency="low", number=71)
    referring = note(occurred_at="2026-11-23T10:59:00Z")
    database.ingest(acme, *([referring, whole] if first == 0 else [whole, referring]))
    row = _row(database, acme)
    assert (row["title"], row["number"], row["urgency"]) == ("Disk full", 71, "low")
    assert row["prefill"] == whole["notification"]["prefill"]


def test_the_same_description_again_changes_no_word(database: Database, acme: Organization) -> None:
    """What the database makes of the parts is what the service made of them."""
    sent = _described(0, body={"details": "words"}, title="T" * 1024, teams=[{"id": "PT", "summary": "Ops"}])
    database.ingest(acme, sent)
    before = _row(database, acme)["prefill"]
    database.ingest(acme, {**sent, "event_id": "again"})
    assert _row(database, acme)["prefill"] == before == sent["notification"]["prefill"]


def test_what_is_too_long_together_is_cut(database: Database, acme: Organization) -> None:
    long = {"details": "x" * 30_000}
    fields = [{"id": f"F{n}", "display_name": f"Field {n}", "value": "y" * 1500} for n in range(20)]
    database.ingest(acme, _described(0, body=long), _described(1, custom_fields=fields), _described(2, "resolved"))
    description = _row(database, acme)["prefill"]["description"]
    assert len(description) <= 20_000
    assert "Status: resolved" in description


def test_services_have_rows_of_their_own(database: Database, acme: Organization) -> None:
    def about(name: str, event_type: str) -> dict[str, Any]:
        made = event(event_type)
        shown = {**made["notification"], "title": name, "body": "Service updated", "prefill": None, "facts": []}
        described = {"title": name, "service_id": "PSVC1", "service_name": name}
        return {**made, "incident": None, "subject": "service:PSVC1", "notification": {**shown, "described": described}}

    database.ingest(acme, about("Checkout", "service.created"), about("Checkout API", "service.updated"))
    row = _row(database, acme)
    assert (row["title"], row["service_name"], row["prefill"], row["pagerduty_incident_id"]) == (
        "Checkout API", "Checkout API", None, None,
    )  # fmt: skip
    assert _rang(database, acme) == [False, False], "settings call nobody"


def test_a_filter_hides_no_change_of_a_known_row(database: Database, acme: Organization) -> None:
    database.ingest(acme, at(0))
    only = 'select pagerduty.save_integration(%s, \'{"event_types": ["incident.annotated"]}\')'
    database.run_as(acme["owner"], only, (acme.id,))
    reopened = event("incident.reopened", occurred_at="2026-11-23T10:09:00Z")
    database.ingest(acme, at(5, "resolved"), reopened, at(6, incident_id="P2"))
    assert (_row(database, acme)["pagerduty_status"], _row(database, acme)["events"]) == ("triggered", 3)
    assert _rang(database, acme) == [True, False, False, False]
