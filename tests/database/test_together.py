"""Webhooks that wait at the same moment are taken in one call and one commit; none of them harms its neighbours."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.database.database import Database, Organization, webhook
from tests.database.events import event
from tests.database.twins import TwinnedDatabase

LOCK_NOT_AVAILABLE = "55P03"
# Takes what no event may be: another error than the kinds that make an event invalid.
BROKEN = """
create function pagerduty_private.break_down() returns trigger language plpgsql as
$$ begin raise 'broken' using errcode = 'XX001'; end $$;
create trigger broken before insert on pagerduty.events for each row when (new.event_id = 'BROKEN')
execute function pagerduty_private.break_down()
"""


@pytest.fixture
def database(twins: TwinnedDatabase) -> Database:
    return twins


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


@pytest.fixture
def globex(database: Database) -> Organization:
    return database.organization()


def of(database: Database, organization: Organization, *events: Any) -> dict[str, Any]:
    return webhook(organization.token, database.version(organization), list(events))


def titles(database: Database, organization: Organization) -> list[str]:
    told = database.rows(
        "select title from pagerduty.notifications where organization_id = %s order by seq", (organization.id,)
    )
    return [row["title"] for row in told]


def test_answers_stand_in_the_order_of_the_webhooks(
    database: Database, acme: Organization, globex: Organization
) -> None:
    """Whichever order the locks are taken in."""
    owners = [acme, globex, acme, globex, globex, acme]
    sent = [of(database, one, event(event_id=f"E{n}", incident_id=f"P{n}")) for n, one in enumerate(owners)]
    answers = database.ingest_webhooks(sent)
    assert [answer["organization_id"] for answer in answers] == [one.id for one in owners]
    assert [answer["outcomes"][0]["event_id"] for answer in answers] == [f"E{n}" for n in range(6)]
    assert {answer["outcomes"][0]["outcome"] for answer in answers} == {"created"}


def test_a_delivery_and_its_repetition_in_one_call(database: Database, acme: Organization) -> None:
    sent = of(database, acme, event(event_id="SAME"))
    first, second = database.ingest_webhooks([sent, sent])
    assert (first["outcomes"][0]["outcome"], second["outcomes"][0]["outcome"]) == ("created", "duplicate")


def test_unknown_and_stale_ones_are_told_apart(database: Database, acme: Organization) -> None:
    stale = webhook(acme.token, database.version(acme) + 1, [event(event_id="STALE")])
    unknown = webhook("nobodys-token-nobodys-token-nobodys", 1, [event(event_id="UNKNOWN")])
    answers = database.ingest_webhooks([unknown, stale, of(database, acme, event())])
    assert [answer["status"] for answer in answers] == ["unknown", "stale", "done"]
    assert len(titles(database, acme)) == 1


def test_none_at_all(database: Database) -> None:
    assert database.ingest_webhooks([]) == []


def test_one_that_cannot_be_stored_is_invalid_and_its_neighbours_are_taken(
    database: Database, acme: Organization, globex: Organization
) -> None:
    poison = event(event_id="POISON")
    poison["notification"]["described"]["urgency"] = "apocalyptic"
    good = event(event_id="GOOD", incident_id="P2")
    mixed, other = database.ingest_webhooks([of(database, acme, poison, good), of(database, globex, event())])
    assert [outcome["outcome"] for outcome in mixed["outcomes"]] == ["invalid", "created"]
    assert other["outcomes"][0]["outcome"] == "created"


def test_one_that_meets_an_error_is_failed_whole_and_its_neighbours_are_taken(
    database: Database, acme: Organization, globex: Organization
) -> None:
    database.connection.execute(BROKEN.encode())
    try:
        broken = of(database, acme, event(event_id="BEFORE", incident_id="P2"), event(event_id="BROKEN"))
        beside = of(database, acme, event(event_id="BESIDE", incident_id="P3"))
        answers = database.ingest_webhooks([broken, beside, of(database, globex, event())])
        assert [answer["status"] for answer in answers] == ["failed", "done", "done"]
        assert answers[0]["code"] == "XX001"
        assert len(titles(database, acme)) == 1, "nothing of the one that failed"
        # Alone, it is an error as any other: the service answers 503.
        with pytest.raises(psycopg.Error, match="broken"):
            database.ingest_webhooks([broken])
    finally:
        database.connection.execute(b"drop function pagerduty_private.break_down cascade")


def test_who_waits_for_a_lock_does_not_hold_up_the_others(
    database: Database, acme: Organization, globex: Organization
) -> None:
    """Somebody changes one integration and takes long; the other's webhook is answered meanwhile."""
    webhooks = [of(database, acme, event()), of(database, globex, event())]
    with database.connect() as holder, holder.transaction():
        holder.execute("select from pagerduty.integrations where organization_id = %s for update", (acme.id,))
        held, taken = database.ingest_webhooks(webhooks)
        assert (held["status"], held["code"], taken["status"]) == ("failed", LOCK_NOT_AVAILABLE, "done")
    assert titles(database, globex)
    assert not titles(database, acme)


@pytest.mark.one_postgres
def test_calls_at_once_never_wait_in_a_circle(database: Database, acme: Organization, globex: Organization) -> None:
    """Each call holds webhooks of both organizations, in one order and in the other."""
    calls = 40
    start = threading.Barrier(4)

    def send(sender: int) -> list[str]:
        statuses = []
        with database.connect() as connection:
            start.wait()
            for number in range(calls):
                both = [
                    of_version(one, event(event_id=f"E{sender}-{number}", incident_id=f"P{sender}-{number}"))
                    for one in ((acme, globex) if sender % 2 else (globex, acme))
                ]
                answers = connection.execute(
                    "select pagerduty.ingest_webhooks(%s::jsonb) as answers", (json.dumps(both),)
                ).fetchall()[0]["answers"]
                statuses += [answer["status"] for answer in answers]
        return statuses

    versions = {one.id: database.version(one) for one in (acme, globex)}

    def of_version(organization: Organization, *events: Any) -> dict[str, Any]:
        return webhook(organization.token, versions[organization.id], list(events))

    with ThreadPoolExecutor(4) as pool:
        statuses = [status for sender in pool.map(send, range(4)) for status in sender]
    assert statuses == ["done"] * calls * 8
    for one in (acme, globex):
        assert len(titles(database, one)) == calls * 4
