"""A linked incident follows PagerDuty: the newest event decides, in whatever order events arrive."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.database.database import Database, Organization
from tests.database.events import STATUSES, at, event, note
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
        ("created", None, "open"),
        ("pagerduty", "open", "investigating"),
        ("pagerduty", "investigating", "resolved"),
    ]
    rows = database.rows(
        "select body, author_id, event_id from pagerduty.incident_updates where incident_id = %s and kind = 'pagerduty'"
        " order by created_at",
        (incident,),
    )
    assert [row["body"] for row in rows] == ["Acknowledged", "Resolved"]
    assert all(row["author_id"] is None and row["event_id"] for row in rows)
    found = database.incident(incident)
    assert found["pagerduty_event_id"] == rows[-1]["event_id"]
    assert found["pagerduty_incident_id"] == "PINC001"
    assert str(found["created_by"]) == acme["responder"]


# An arrival: minute, status. A step is one event, a note (which tells no status), or the form being saved.
_MINUTES = st.integers(0, 6)
_EVENTS = st.lists(st.tuples(_MINUTES, st.sampled_from([*STATUSES, "note"])), min_size=1, max_size=7)
_FEW = settings(
    max_examples=40, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)  # fmt: skip


def _newest(arrived: list[tuple[int, str]]) -> str | None:
    """The status that the newest event told; of several of one minute, the one that arrived last."""
    telling = [(minute, position, status) for position, (minute, status) in enumerate(arrived) if status != "note"]
    return max(telling)[2] if telling else None


def _send(database: Database, organization: Organization, minute: int, status: str) -> Any:
    sent = note(occurred_at=f"2026-11-23T10:{minute:02}:00Z") if status == "note" else at(minute, status)
    [outcome] = database.ingest(organization, sent)
    assert outcome["outcome"] == "created"
    return outcome


@_FEW
@given(arrivals=_EVENTS, data=st.data())
def test_the_newest_event_decides_whatever_the_order(
    database: Database, arrivals: list[tuple[int, str]], data: Any
) -> None:
    """Linked before, between or after: in the end the incident stands where the newest event says."""
    acme = database.organization(["responder", "owner"])
    linked_after = data.draw(st.integers(1, len(arrivals)), label="linked after")
    incident = ""
    for position, (minute, status) in enumerate(arrivals, start=1):
        outcome = _send(database, acme, minute, status)
        if position == linked_after:
            prefilled = {"note": "open", **STATUSES}[status]
            incident = database.link(acme, acme["responder"], outcome["notification_id"], status=prefilled)
        if incident:
            newest = _newest(arrivals[:position])
            assert database.status_of(incident) == (STATUSES[newest] if newest else "open")
    database.clean_up()


@_FEW
@given(arrivals=_EVENTS)
def test_all_in_one_webhook_is_the_same_as_one_by_one(database: Database, arrivals: list[tuple[int, str]]) -> None:
    acme = database.organization(["responder", "owner"])
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    batch = [
        note(occurred_at="2026-11-23T10:00:00Z") if status == "note" else at(minute, status)
        for minute, status in arrivals
    ]
    database.ingest(acme, *batch)
    newest = _newest([(0, "triggered"), *arrivals])
    assert newest is not None
    assert database.status_of(incident) == STATUSES[newest]
    told = [line for line in database.timeline(incident) if line[0] == "pagerduty"]
    assert len(told) == len(arrivals)
    database.clean_up()


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
    assert len(database.timeline(incident)) == 3


def test_a_note_moves_nothing(database: Database, acme: Organization) -> None:
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    _set_status(database, acme["responder"], incident, "resolved")
    database.ingest(acme, note(occurred_at="2026-11-23T10:09:00Z"))
    assert database.status_of(incident) == "resolved"
    assert database.timeline(incident)[-1] == ("pagerduty", None, None)
    # It does not make a later-arriving event older than itself either.
    database.ingest(acme, at(5, "acknowledged"))
    assert database.status_of(incident) == "investigating"


def test_a_members_change_stands_until_pagerduty_has_news(database: Database, acme: Organization) -> None:
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    _set_status(database, acme["responder"], incident, "investigating")
    assert database.timeline(incident)[-1] == ("status", "open", "investigating")
    database.ingest(acme, at(9, "resolved"))
    assert database.status_of(incident) == "resolved"
    assert database.timeline(incident)[-1] == ("pagerduty", "investigating", "resolved")
    _set_status(database, acme["responder"], incident, "open")
    assert database.timeline(incident)[-1] == ("status", "resolved", "open")
    database.ingest(acme, at(3, "acknowledged"))
    assert database.status_of(incident) == "open", "older than what was applied"


def test_edits_are_on_the_timeline_with_their_author(database: Database, acme: Organization) -> None:
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    edit = "update pagerduty.incidents set title = 'New', status = 'resolved' where id = %s"
    database.run_as(acme["admin"], edit, (incident,))
    database.run_as(acme["admin"], "update pagerduty.incidents set title = title where id = %s", (incident,))
    rows = database.rows(
        "select kind, author_id::text from pagerduty.incident_updates where incident_id = %s", (incident,)
    )
    authors = {row["kind"]: row["author_id"] for row in rows}
    assert len(rows) == 3, "saving without a change is none"
    assert authors == {"created": acme["responder"], "status": acme["admin"], "edited": acme["admin"]}


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
    incident = database.link(acme, acme["responder"], latest, status="open")
    assert database.status_of(incident) == "open"


def test_a_form_from_a_note_starts_where_pagerduty_stands(database: Database, acme: Organization) -> None:
    database.ingest(acme, at(0), at(5, "acknowledged"))
    noted = database.notify(acme, note(occurred_at="2026-11-23T10:06:00Z"))
    assert database.status_of(database.link(acme, acme["responder"], noted)) == "investigating"
