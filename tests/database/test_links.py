"""Our incident and PagerDuty's: made of a notification, attached to one later, deleted."""

import uuid
from typing import Any

import pytest

from tests.database.database import Connection, Database, Organization
from tests.database.events import at, event, note
from tests.database.test_realtime_rls import messages
from tests.database.twins import TwinnedDatabase

pytestmark = pytest.mark.one_postgres

NOT_FOUND, CONFLICT, REFUSED, TAKEN = "PT404", "PT409", "42501", "23505"
LINK = "select * from pagerduty.link_notification(%s, %s)"


@pytest.fixture
def database(twins: TwinnedDatabase) -> Database:
    return twins


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


def _incident(database: Database, organization: Organization) -> str:
    """An incident that was made without PagerDuty."""
    insert = "insert into pagerduty.incidents (organization_id, title) values (%s, 'Ours') returning id::text"
    [row] = database.run_as(organization["responder"], insert, (organization.id,))
    return str(row["id"])


def _attach(database: Database, organization: Organization, incident: str, notification: str) -> dict[str, Any]:
    [row] = database.run_as(organization["responder"], LINK, (incident, notification))
    return row


def _seqs(database: Database, notification: str) -> tuple[int, int]:
    [row] = database.rows("select seq, loud_seq from pagerduty.notifications where id = %s", (notification,))
    return row["seq"], row["loud_seq"]


def _told(database: Database, organization: Organization) -> list[dict[str, Any]]:
    return messages(database, database.topic(organization), "notification")


def test_a_linked_incident_changes_its_notification_quietly(database: Database, acme: Organization) -> None:
    globex = database.organization()
    theirs, notification = database.notify(globex, event()), database.notify(acme, event())
    before, untouched = _seqs(database, notification), _seqs(database, theirs)
    incident = database.link(acme, acme["responder"], notification)
    linked = _seqs(database, notification)
    assert linked[0] > before[0]
    assert linked[1] == before[1]
    last = _told(database, acme)[-1]
    assert (last["id"], last["incident_id"], last["loud"]) == (notification, incident, False)
    database.rows("delete from pagerduty.incidents where id = %s", (incident,))
    assert _seqs(database, notification)[0] > linked[0]
    last = _told(database, acme)[-1]
    assert (last["id"], last["incident_id"]) == (notification, None)
    assert _seqs(database, theirs) == untouched
    assert len(_told(database, globex)) == 1


def test_the_past_is_on_the_timeline(database: Database, acme: Organization) -> None:
    """With every text, in its order, and once."""
    globex = database.organization()
    database.ingest(globex, event(title="Of others"), {**note(), "headline": "Note added: of others"})
    first = database.notify(acme, at(0))
    texts = ("Do not restart the primary", "Back by 02:00")
    for minute, text in enumerate(texts, 1):
        database.ingest(acme, {**note(occurred_at=f"2026-11-23T10:0{minute}:00Z"), "headline": text})
    incident = database.link(acme, acme["responder"], first)
    lines = "select kind, body from pagerduty.incident_updates where incident_id = %s order by created_at, id"
    told = [(row["kind"], row["body"]) for row in database.rows(lines, (incident,))]
    assert told == [("pagerduty", "Triggered"), *(("pagerduty", text) for text in texts), ("created", "")]


def test_an_incident_that_exists_is_attached(database: Database, acme: Organization) -> None:
    notification = database.notify(acme, at(0))
    database.ingest(acme, at(5, "acknowledged"))
    incident = _incident(database, acme)
    row = _attach(database, acme, incident, notification)
    assert (str(row["notification_id"]), row["pagerduty_incident_id"]) == (notification, "PINC001")
    assert row["pagerduty_url"] == "https://acme.pagerduty.com/incidents/PINC001"
    assert (row["pagerduty_status"], row["pagerduty_status_at"].minute) == ("acknowledged", 5)
    assert row["status"] == "open", "until PagerDuty tells another"
    assert [kind for kind, _, _ in database.timeline(incident)] == ["pagerduty", "pagerduty", "created"]
    assert _attach(database, acme, incident, notification)["id"] == row["id"], "again"
    assert len(database.timeline(incident)) == 3
    ahead = {**event("incident.resolved"), "occurred_at": None}
    [outcome] = database.ingest(acme, ahead)
    assert (outcome["incident_id"], database.status_of(incident)) == (incident, "resolved")


def test_what_cannot_be_attached(database: Database, acme: Organization) -> None:
    first, second = database.notify(acme, event(incident_id="P1")), database.notify(acme, event(incident_id="P2"))
    linked = database.link(acme, acme["responder"], first)
    incident = _incident(database, acme)
    assert database.refusal(acme["responder"], LINK, (incident, first)) == TAKEN
    assert database.refusal(acme["responder"], LINK, (linked, second)) == CONFLICT
    assert database.refusal(acme["responder"], LINK, (incident, str(uuid.uuid4()))) == NOT_FOUND
    assert database.refusal(acme["responder"], LINK, (str(uuid.uuid4()), second)) == NOT_FOUND
    assert database.refusal(acme["viewer"], LINK, (incident, second)) == REFUSED
    database.rows("update pagerduty.notifications set recipients = '{}' where id = %s", (second,))
    assert database.refusal(acme["responder"], LINK, (incident, second)) == NOT_FOUND, "not addressed to them"
    assert database.incident(incident)["pagerduty_incident_id"] is None


def test_a_notification_of_no_incident_cannot_be_attached(database: Database, acme: Organization) -> None:
    made = event("service.updated")
    shown = {**made["notification"], "prefill": None, "described": {"title": "Ledger"}}
    service = database.notify(acme, {**made, "incident": None, "subject": "service:P", "notification": shown})
    assert database.refusal(acme["responder"], LINK, (_incident(database, acme), service)) == NOT_FOUND


def test_nothing_of_another_organization_is_linked(database: Database, acme: Organization) -> None:
    globex = database.organization()
    ours, theirs = database.notify(acme, event()), database.notify(globex, event())
    incident = _incident(database, acme)
    assert database.refusal(globex["owner"], LINK, (incident, theirs)) == NOT_FOUND
    assert database.refusal(globex["owner"], LINK, (incident, ours)) == NOT_FOUND
    both = database.join(acme, "responder", globex["owner"])
    assert database.refusal(both, LINK, (incident, theirs)) == NOT_FOUND
    assert database.refusal(both, LINK, (incident, ours)) is None


def test_an_event_that_waits_for_the_link_moves_the_incident(database: Database, acme: Organization) -> None:
    notification, incident = database.notify(acme, at(0)), _incident(database, acme)
    late = {**event("incident.acknowledged"), "occurred_at": None}

    def attach(connection: Connection) -> Any:
        return database.run_as(acme["responder"], LINK, (incident, notification), connection=connection)

    _, outcomes = database.in_turn(attach, lambda connection: database.ingest(acme, late, connection=connection))
    assert outcomes[0]["incident_id"] == incident
    assert database.status_of(incident) == "investigating"
