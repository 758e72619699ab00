"""A linked incident follows PagerDuty: where its status comes from, case by case. test_status_rules has the rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.database.database import Database, Organization
from tests.database.events import at, event, note
from tests.database.twins import TwinnedDatabase

# The order of events is decided by what SQL says, the same on every major; test_ingest runs it on each.
pytestmark = pytest.mark.one_postgres


@pytest.fixture
def database(twins: TwinnedDatabase) -> Database:
    return twins


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


def _set_status(database: Database, user: str, incident: str, status: str) -> None:
    database.run_as(user, "update pagerduty.incidents set status = %s where id = %s", (status, incident))


def test_an_incident_goes_through_its_life(database: Database, acme: Organization) -> None:
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    [acknowledged] = database.ingest(acme, at(5, "acknowledged"))
    assert acknowledged["incident_id"] == incident
    assert database.status_of(incident) == "investigating"
    database.ingest(acme, at(9, "resolved"))
    assert database.status_of(incident) == "resolved"
    assert database.timeline(incident) == [
        ("pagerduty", None, None),  # what was heard of it before
        ("created", None, "open"),
        ("pagerduty", "open", "investigating"),
        ("pagerduty", "investigating", "resolved"),
    ]
    rows = database.rows(
        "select body, author_id, event_id from pagerduty.incident_updates where incident_id = %s and kind = 'pagerduty'"
        " order by created_at",
        (incident,),
    )
    assert [row["body"] for row in rows] == ["Triggered", "Acknowledged", "Resolved"]
    assert all(row["author_id"] is None and row["event_id"] for row in rows)
    found = database.incident(incident)
    assert found["pagerduty_event_id"] == rows[-1]["event_id"]
    assert found["pagerduty_incident_id"] == "PINC001"
    assert str(found["created_by"]) == acme["responder"]


def test_an_older_event_is_told_but_moves_nothing(database: Database, acme: Organization) -> None:
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    database.ingest(acme, at(9, "resolved"))
    database.ingest(acme, at(5, "acknowledged"))
    assert database.status_of(incident) == "resolved"
    assert database.timeline(incident)[-1] == ("pagerduty", None, None)


def test_a_duplicate_moves_nothing(database: Database, acme: Organization) -> None:
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    acknowledged = at(5, "acknowledged")
    database.ingest(acme, acknowledged)
    _set_status(database, acme["responder"], incident, "resolved")
    database.ingest(acme, acknowledged)
    assert database.status_of(incident) == "resolved"
    assert len(database.timeline(incident)) == 4


def test_a_note_moves_nothing(database: Database, acme: Organization) -> None:
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    database.ingest(acme, note(occurred_at="2026-11-23T10:09:00Z"))
    assert database.status_of(incident) == "open"
    assert database.timeline(incident)[-1] == ("pagerduty", None, None)
    # It does not make a later-arriving event older than itself either.
    database.ingest(acme, at(5, "acknowledged"))
    assert database.status_of(incident) == "investigating"


@pytest.mark.parametrize("chosen", ["investigating", "resolved"])
@pytest.mark.parametrize("snapshot", ["triggered", "acknowledged", "resolved"])
def test_a_snapshot_moves_nothing(database: Database, acme: Organization, chosen: str, snapshot: str) -> None:
    """A change of priority tells no status, though it carries one."""
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    _set_status(database, acme["responder"], incident, chosen)
    database.ingest(acme, {**event("incident.priority_updated", status=snapshot), "occurred_at": None})
    assert database.status_of(incident) == chosen
    assert database.timeline(incident)[-1] == ("pagerduty", None, None)


def test_a_members_change_stands_until_pagerduty_has_news(database: Database, acme: Organization) -> None:
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    _set_status(database, acme["responder"], incident, "investigating")
    assert database.timeline(incident)[-1] == ("status", "open", "investigating")
    database.ingest(acme, at(3, "resolved"))
    assert database.status_of(incident) == "investigating", "PagerDuty's change is the older one"
    assert database.timeline(incident)[-1] == ("pagerduty", None, None)
    database.ingest(acme, _timeless("acknowledged"))
    assert database.timeline(incident)[-1] == ("pagerduty", None, None), "already there"
    database.ingest(acme, _timeless("resolved"))
    assert database.timeline(incident)[-1] == ("pagerduty", "investigating", "resolved")
    _set_status(database, acme["responder"], incident, "open")
    assert database.timeline(incident)[-1] == ("status", "resolved", "open")
    database.ingest(acme, _timeless("resolved"))
    assert database.status_of(incident) == "open", "that was known, and is no change"


def test_a_change_of_other_fields_is_no_change_of_the_status(database: Database, acme: Organization) -> None:
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    edit = "update pagerduty.incidents set title = 'New', status = status where id = %s"
    database.run_as(acme["responder"], edit, (incident,))
    database.ingest(acme, at(5, "acknowledged"))
    assert database.status_of(incident) == "investigating"


def test_at_one_time_the_further_status_counts(database: Database, acme: Organization) -> None:
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    told = []
    for status in ("triggered", "acknowledged", "triggered", "resolved", "acknowledged"):
        database.ingest(acme, at(5, status))
        told.append(database.status_of(incident))
    assert told == ["open", "investigating", "investigating", "resolved", "resolved"]


@pytest.mark.parametrize("is_linked_first", [True, False])
def test_a_clock_that_is_ahead_blocks_nothing(database: Database, acme: Organization, is_linked_first: bool) -> None:
    """A time in the future counts as the time of arrival."""
    ahead = (datetime.now(UTC) + timedelta(hours=20)).isoformat()
    notification = database.notify(acme, event(occurred_at=ahead))
    incident = database.link(acme, acme["responder"], notification) if is_linked_first else ""
    database.ingest(acme, event("incident.acknowledged", occurred_at=ahead))
    database.ingest(acme, event("incident.resolved", occurred_at=datetime.now(UTC).isoformat()))
    incident = incident or database.link(acme, acme["responder"], notification)
    assert database.status_of(incident) == "resolved"


def test_edits_are_on_the_timeline_with_their_author(database: Database, acme: Organization) -> None:
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    edit = "update pagerduty.incidents set title = 'New', status = 'resolved' where id = %s"
    database.run_as(acme["admin"], edit, (incident,))
    database.run_as(acme["admin"], "update pagerduty.incidents set title = title where id = %s", (incident,))
    rows = database.rows(
        "select kind, author_id::text from pagerduty.incident_updates where incident_id = %s", (incident,)
    )
    authors = {row["kind"]: row["author_id"] for row in rows}
    assert len(rows) == 4, "saving without a change is none"
    assert authors == {
        "pagerduty": None,
        "created": acme["responder"],
        "status": acme["admin"],
        "edited": acme["admin"],
    }


def test_another_organizations_events_move_nothing(database: Database, acme: Organization) -> None:
    globex = database.organization()
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    [outcome] = database.ingest(globex, at(9, "resolved"))
    assert "incident_id" not in outcome
    assert database.status_of(incident) == "open"


def test_events_that_are_not_taken_move_nothing(database: Database, acme: Organization) -> None:
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    database.run_as(acme["owner"], "select pagerduty.save_integration(%s, '{\"enabled\": false}')", (acme.id,))
    database.ingest(acme, at(9, "resolved"))
    assert database.status_of(incident) == "open"


FILTERS = {
    "event type": ({"event_types": ["incident.triggered"]}, "event_type_not_taken"),
    "key": ({"integration_key": "PSVC002"}, "integration_key_mismatch"),
    "service": ({"services": ["PSVC002"]}, "service_not_taken"),
}


@pytest.mark.parametrize("name", FILTERS)
def test_what_a_filter_hides_moves_the_incident(database: Database, acme: Organization, name: str) -> None:
    """It decides who is told, never what is known."""
    settings, reason = FILTERS[name]
    notification = database.notify(acme, at(0))
    database.run_as(acme["owner"], "select pagerduty.save_integration(%s, %s)", (acme.id, Jsonb(settings)))
    database.ingest(acme, at(5, "acknowledged"))
    incident = database.link(acme, acme["responder"], notification)
    assert database.status_of(incident) == "investigating", "hidden before it was linked"
    [outcome] = database.ingest(acme, at(9, "resolved", event_id="E9"))
    assert outcome == {
        "event_id": "E9", "outcome": "updated", "reason": reason,
        "notification_id": notification, "incident_id": incident,
    }  # fmt: skip
    assert database.timeline(incident) == [
        ("pagerduty", None, None),
        ("pagerduty", None, None),
        ("created", None, "investigating"),
        ("pagerduty", "investigating", "resolved"),
    ]
    database.ingest(acme, event("incident.priority_updated", occurred_at="2026-11-23T10:10:00Z"))
    assert database.timeline(incident)[-1] == ("pagerduty", None, None)
    [row] = database.rows("select * from pagerduty.notifications where organization_id = %s", (acme.id,))
    assert (row["pagerduty_status"], row["events"], row["event_type"]) == ("resolved", 4, "incident.triggered")
    assert row["loud_seq"] < row["seq"], "nobody was told"


# Without PagerDuty's time -----------------------------------------------------------------------------------------


def _timeless(status: str) -> dict[str, Any]:
    return {**event(f"incident.{status}"), "occurred_at": None}


def test_events_without_a_time_count_as_they_arrive(database: Database, acme: Organization) -> None:
    first = database.notify(acme, _timeless("triggered"))
    database.ingest(acme, _timeless("acknowledged"))
    incident = database.link(acme, acme["responder"], first)
    assert database.status_of(incident) == "investigating"
    database.ingest(acme, _timeless("resolved"), _timeless("triggered"), _timeless("resolved"))
    assert database.status_of(incident) == "resolved"


def test_an_event_without_a_time_that_had_to_wait_is_news_all_the_same(database: Database, acme: Organization) -> None:
    """Its transaction began before the one whose commit it waited for."""
    with database.connect() as waiting:
        with waiting.transaction():
            waiting.execute("select now()")
            incident = database.link(acme, acme["responder"], database.notify(acme, _timeless("triggered")))
            database.ingest(acme, _timeless("resolved"), connection=waiting)
        assert database.status_of(incident) == "resolved"


def test_a_members_change_counts_from_when_it_is_made(database: Database, acme: Organization) -> None:
    """Not from when its transaction began."""
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    with database.acting(acme["responder"]) as run:
        run("select now()")
        [between] = run("select clock_timestamp() as it")
        run("update pagerduty.incidents set status = 'resolved' where id = %s", (incident,))
    database.ingest(acme, event("incident.acknowledged", occurred_at=between["it"].isoformat()))
    assert database.status_of(incident) == "resolved"


# The form, late ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", ["open", "investigating", "resolved"])
def test_a_form_that_was_open_for_a_while(database: Database, acme: Organization, chosen: str) -> None:
    """Left as it was filled in, the status is PagerDuty's latest; one that the user chose stays."""
    notification = database.notify(acme, at(0))
    database.ingest(acme, at(5, "acknowledged"), at(9, "resolved"))
    incident = database.link(acme, acme["responder"], notification, status=chosen)
    assert database.status_of(incident) == ("resolved" if chosen == "open" else chosen)
    at_nine = datetime.fromisoformat("2026-11-23T10:09:00+00:00")
    assert database.incident(incident)["pagerduty_status_at"] == at_nine
    database.ingest(acme, at(7, "acknowledged"))
    assert database.status_of(incident) == ("resolved" if chosen == "open" else chosen), "older than the latest"


def test_a_form_from_the_latest_notification_keeps_what_the_user_chose(database: Database, acme: Organization) -> None:
    database.notify(acme, at(0))
    latest = database.notify(acme, at(5, "acknowledged"))
    incident = database.link(acme, acme["responder"], latest, status="open", filled="acknowledged")
    assert database.status_of(incident) == "open"


def test_a_choice_in_the_form_is_a_members_change(database: Database, acme: Organization) -> None:
    chosen = database.link(acme, acme["responder"], database.notify(acme, at(0)), status="resolved")
    database.ingest(acme, at(5, "acknowledged"))
    assert database.status_of(chosen) == "resolved", "chosen after that"
    database.ingest(acme, _timeless("triggered"))
    assert database.status_of(chosen) == "open"


def test_a_form_from_a_note_as_it_was_filled_in(database: Database, acme: Organization) -> None:
    """A note is completed with the status that was known: PagerDuty may have moved on since."""
    database.ingest(acme, at(0), at(5, "acknowledged"))
    noted = database.notify(acme, note(occurred_at="2026-11-23T10:06:00Z"))
    database.ingest(acme, at(9, "resolved"))
    assert (
        database.status_of(database.link(acme, acme["responder"], noted, status="investigating", filled="acknowledged"))
        == "resolved"
    )


def test_a_form_from_a_note_starts_where_pagerduty_stands(database: Database, acme: Organization) -> None:
    database.ingest(acme, at(0), at(5, "acknowledged"))
    noted = database.notify(acme, note(occurred_at="2026-11-23T10:06:00Z"))
    assert database.status_of(database.link(acme, acme["responder"], noted)) == "investigating"
