"""Two at once: what becomes of it is what would have become of one after the other."""

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.database.database import Connection, Database, Organization
from tests.database.events import at, event
from tests.database.twins import TwinnedDatabase

UNIQUE_VIOLATION = "23505"

# Locks and row versions are the same on every major.
pytestmark = pytest.mark.one_postgres


@pytest.fixture
def database(twins: TwinnedDatabase) -> TwinnedDatabase:
    return twins


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


# One waits for the other, in a known order ------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [True, False], ids=["committed", "rolled back"])
def test_the_same_event_while_it_is_being_stored(database: TwinnedDatabase, acme: Organization, keep: bool) -> None:
    sent = event()
    database.poise(acme, sent)

    def send(connection: Connection) -> Any:
        return database.ingest(acme, sent, connection=connection)[0]

    first, second = database.in_turn(send, send, keep=keep)
    assert (first["outcome"], second["outcome"]) == ("created", "duplicate" if keep else "created")
    assert (first["notification_id"] == second["notification_id"]) == keep
    made = database.rows("select id::text from pagerduty.notifications where organization_id = %s", (acme.id,))
    assert made == [{"id": second["notification_id"]}]


def test_one_webhook_of_an_organization_at_a_time(database: Database, acme: Organization) -> None:
    """So what is committed later has a greater seq."""
    first, second = database.in_turn(
        lambda connection: database.ingest(acme, event(), connection=connection),
        lambda connection: database.ingest(acme, event(incident_id="P2"), connection=connection),
    )
    order = database.rows(
        "select id::text from pagerduty.notifications where organization_id = %s order by seq", (acme.id,)
    )
    assert [row["id"] for row in order] == [first[0]["notification_id"], second[0]["notification_id"]]


def test_organizations_do_not_wait_for_each_other(database: Database, acme: Organization) -> None:
    globex = database.organization()
    with database.connect() as one, one.transaction(), database.connect() as other:
        other.execute("set lock_timeout = '1s'")
        database.ingest(acme, event(), connection=one)
        assert database.ingest(globex, event(), connection=other)


def test_a_webhook_that_waited_for_a_change_of_settings_is_stale(database: Database, acme: Organization) -> None:
    """It was verified with settings that are no more: those from before a signing secret was set."""
    version = database.version(acme)
    secret = Jsonb({"signing_secret": {"sealed": "sealed", "last4": "aled"}})
    save = "select pagerduty.save_integration(%s, '{}', %s)"
    _, answer = database.in_turn(
        lambda connection: database.run_as(acme["owner"], save, (acme.id, secret), connection=connection),
        lambda connection: database.call_ingest(acme.token, version, [event()], connection),
    )
    assert answer == {"status": "stale"}
    assert database.rows("select 1 from pagerduty.events where organization_id = %s", (acme.id,)) == []


def test_an_event_that_waits_for_the_form_moves_the_new_incident(database: Database, acme: Organization) -> None:
    notification = database.notify(acme, at(0))
    incident, outcomes = database.in_turn(
        lambda connection: database.link(acme, acme["responder"], notification, connection=connection),
        lambda connection: database.ingest(acme, at(5, "acknowledged"), connection=connection),
    )
    assert outcomes[0]["incident_id"] == incident
    assert database.status_of(incident) == "investigating"


def test_a_form_that_waits_for_an_event_starts_from_it(database: Database, acme: Organization) -> None:
    notification = database.notify(acme, at(0))
    outcomes, incident = database.in_turn(
        lambda connection: database.ingest(acme, at(5, "acknowledged"), connection=connection),
        lambda connection: database.link(acme, acme["responder"], notification, connection=connection),
    )
    assert "incident_id" not in outcomes[0]
    assert database.status_of(incident) == "investigating"
    heard = ("pagerduty", None, None)
    assert database.timeline(incident) == [heard, heard, ("created", None, "investigating")]


@pytest.mark.parametrize("keep", [True, False], ids=["committed", "rolled back"])
def test_the_second_to_save_the_form(database: Database, acme: Organization, keep: bool) -> None:
    """They are told that there is an incident already; or, if that came to nothing, theirs is the incident."""
    notification = database.notify(acme, at(0))
    first, second = database.in_turn(
        lambda connection: database.link(acme, acme["owner"], notification, connection=connection),
        lambda connection: database.link(acme, acme["responder"], notification, connection=connection),
        keep=keep,
    )
    made = database.rows("select id::text from pagerduty.incidents where organization_id = %s", (acme.id,))
    if keep:
        assert second.sqlstate == UNIQUE_VIOLATION
        assert made == [{"id": first}]
    else:
        assert made == [{"id": second}]


def test_an_organization_that_is_deleted_while_a_webhook_arrives(database: Database, acme: Organization) -> None:
    delete = "delete from pagerduty.organizations where id = %s"
    version = database.version(acme)
    _, answer = database.in_turn(
        lambda connection: connection.execute(delete.encode(), (acme.id,)).rowcount,
        lambda connection: database.call_ingest(acme.token, version, [event()], connection),
    )
    assert answer == {"status": "unknown"}


def test_an_organization_that_is_deleted_right_after_a_webhook(database: Database, acme: Organization) -> None:
    delete = "delete from pagerduty.organizations where id = %s"
    outcomes, deleted = database.in_turn(
        lambda connection: database.ingest(acme, event(), connection=connection),
        lambda connection: connection.execute(delete.encode(), (acme.id,)).rowcount,
    )
    assert (outcomes[0]["outcome"], deleted) == ("created", 1)
    assert database.rows("select 1 from pagerduty.events where organization_id = %s", (acme.id,)) == []


def test_two_admins_who_set_the_integration_up_at_once(database: Database, acme: Organization) -> None:
    """The later one wins, and neither is told that something failed."""
    database.rows("delete from pagerduty.integrations where organization_id = %s", (acme.id,))
    save = "select pagerduty.save_integration(%s, %s) as saved"
    first, second = database.in_turn(
        lambda connection: database.run_as(
            acme["owner"], save, (acme.id, Jsonb({"enabled": True, "region": "us"})), connection=connection
        ),
        lambda connection: database.run_as(
            acme["admin"], save, (acme.id, Jsonb({"region": "eu"})), connection=connection
        ),
    )
    assert first[0]["saved"]["region"] == "us"
    assert (second[0]["saved"]["region"], second[0]["saved"]["enabled"]) == ("eu", True)


# Let go together, again and again -----------------------------------------------------------------------------------


def test_saving_the_form_while_an_event_arrives_loses_nothing(database: Database) -> None:
    for _ in range(25):
        acme = database.organization(["responder", "owner"])
        notification = database.notify(acme, at(0))

        def save(connection: Connection, org: Organization = acme, notification: str = notification) -> str:
            return database.link(org, org["responder"], notification, connection=connection)

        def acknowledge(connection: Connection, org: Organization = acme) -> list[Any]:
            return database.ingest(org, at(5, "acknowledged"), connection=connection)

        incident, outcomes = database.at_once(save, acknowledge)
        assert isinstance(incident, str), incident
        assert isinstance(outcomes, list), outcomes
        assert database.status_of(incident) == "investigating"
        # Told on the timeline, unless the form already knew.
        is_told = outcomes[0].get("incident_id") == incident
        heard = ("pagerduty", None, None)
        assert database.timeline(incident) == (
            [heard, ("created", None, "open"), ("pagerduty", "open", "investigating")]
            if is_told
            else [heard, heard, ("created", None, "investigating")]
        )


def test_two_who_save_the_form_at_once_make_one_incident(database: Database) -> None:
    for _ in range(10):
        acme = database.organization(["owner", "admin", "responder"])
        notification = database.notify(acme, at(0))
        people = (acme["owner"], acme["admin"], acme["responder"])
        results = database.at_once(
            *(
                lambda connection, user=user, org=acme, of=notification: database.link(
                    org, user, of, connection=connection
                )
                for user in people
            )
        )
        problems = [result.sqlstate for result in results if isinstance(result, psycopg.Error)]
        assert problems == [UNIQUE_VIOLATION] * 2
        linked = "select count(*) from pagerduty.incidents where organization_id = %s"
        assert database.value(linked, (acme.id,)) == 1


def test_ones_own_status_change_and_an_event_at_once(database: Database) -> None:
    """Neither fails, neither is lost: the timeline has both, and the later of them is where the incident stands."""
    for _ in range(10):
        acme = database.organization(["responder", "owner"])
        incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))

        def change(connection: Connection, user: str = acme["responder"], incident: str = incident) -> None:
            statement = "update pagerduty.incidents set status = 'investigating' where id = %s"
            database.run_as(user, statement, (incident,), connection=connection)

        def resolve(connection: Connection, org: Organization = acme) -> None:
            resolved = {**event("incident.resolved"), "occurred_at": None}  # as it arrives
            database.ingest(org, resolved, connection=connection)

        assert database.at_once(change, resolve) == [None, None]
        lines = [line for line in database.timeline(incident) if line[0] != "created"]
        assert {kind for kind, _, _ in lines} == {"status", "pagerduty"}
        # An event that arrived before the member's change, but waited for it, is told and changes nothing.
        changes = [line for line in lines if line[2]]
        assert changes[-1][2] == database.status_of(incident)
        assert [line[1] for line in changes] == ["open", *(line[2] for line in changes)][:-1], "each says what it found"
