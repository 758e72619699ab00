"""The outbox: turns between organizations, one thing at a time of each, leases, versions, and what is an echo."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.database.database import Database, Organization
from tests.database.events import event, note
from tests.database.twins import TwinnedDatabase

INCIDENT = "PINC001"
KEY = '{"api_key": {"sealed": "sealed", "last4": "abcd"}}'


@pytest.fixture
def database(twins: TwinnedDatabase) -> Database:
    # What another test has left in the queue would have its turn here.
    twins.rows("select pgmq.purge_queue('pagerduty')")
    return twins


def connected(database: Database) -> tuple[Organization, str]:
    """An organization with a key, and its incident that is linked to PagerDuty's."""
    made = database.organization()
    database.run_as(made["admin"], "select pagerduty.save_integration(%s, '{}', %s)", (made.id, KEY))
    return made, database.link(made, made["responder"], database.notify(made, event(incident_id=INCIDENT)))


def move(database: Database, organization: Organization, incident: str, status: str) -> None:
    statement = "update pagerduty.incidents set status = %s where id = %s"
    database.run_as(organization["responder"], statement, (status, incident))


def comment(database: Database, organization: Organization, incident: str, body: str) -> None:
    statement = "insert into pagerduty.incident_updates (incident_id, organization_id, body) values (%s, %s, %s)"
    database.run_as(organization["responder"], statement, (incident, organization.id, body))


def claim(database: Database) -> Any:
    """What a worker is given; null where nobody waits."""
    for _ in range(20):
        [row] = database.run_as(None, "select pagerduty.claim_outbox(60) as job", role="service_role")
        if row["job"] != {}:
            return row["job"]
    raise AssertionError("a worker would ask for ever")


def finish(database: Database, job: dict[str, Any], acted_as: str | None = "rita@example.test") -> None:
    statement = "select pagerduty.finish_outbox(%s, %s, %s)"
    database.run_as(None, statement, (job["id"], job["version"], acted_as), role="service_role")


def states(database: Database, organization: Organization) -> list[tuple[str, str, str]]:
    rows = database.rows(
        "select thing, wanted, state from pagerduty.outbox where organization_id = %s order by created_at",
        (organization.id,),
    )
    return [(row["thing"], row["wanted"], row["state"]) for row in rows]


def test_one_thing_at_a_time_and_turns_between_organizations(database: Database) -> None:
    (many, busy), (few, quiet) = connected(database), connected(database)
    for number in range(3):
        comment(database, many, busy, f"{number}")
    comment(database, few, quiet, "mine")
    first, second = claim(database), claim(database)
    assert [(job["organization_id"], job["wanted"]) for job in (first, second)] == [(many.id, "0"), (few.id, "mine")]
    assert claim(database) is None, "each has one on its way"
    finish(database, first)
    third = claim(database)
    finish(database, second)
    finish(database, third)
    fourth = claim(database)
    assert [job["wanted"] for job in (third, fourth)] == ["1", "2"]
    finish(database, fourth)
    assert claim(database) is None
    assert {state for _, _, state in states(database, many) + states(database, few)} == {"sent"}


def test_a_job_has_what_is_needed_and_of_its_organization_alone(database: Database) -> None:
    acme, incident = connected(database)
    database.rows(
        "update pagerduty.integrations set acting_email = 'a@example.test' where organization_id = %s", (acme.id,)
    )
    move(database, acme, incident, "investigating")
    job = claim(database)
    expected = {
        "organization_id": acme.id, "thing": "status", "wanted": "acknowledged", "attempts": 1, "api_key": "sealed",
        "pagerduty_incident_id": INCIDENT, "actor_email": f"{acme['responder']}@example.test",
        "default_email": "a@example.test", "region": "us", "is_on": True,
    }  # fmt: skip
    assert {name: job[name] for name in expected} == expected


def test_an_address_that_is_not_proved_acts_as_nobody(database: Database) -> None:
    acme, incident = connected(database)
    database.rows("update auth.users set email_confirmed_at = null where id = %s", (acme["responder"],))
    move(database, acme, incident, "investigating")
    assert claim(database)["actor_email"] is None


def test_what_is_changed_again_is_told_again(database: Database) -> None:
    acme, incident = connected(database)
    move(database, acme, incident, "investigating")
    job = claim(database)
    move(database, acme, incident, "resolved")
    finish(database, job)
    assert states(database, acme) == [("status", "resolved", "waiting")]
    again = claim(database)
    assert (again["wanted"], again["version"]) == ("resolved", job["version"] + 1)


def test_what_a_killed_worker_had_is_the_next_one_s_when_its_lease_is_over(database: Database) -> None:
    acme, incident = connected(database)
    move(database, acme, incident, "investigating")
    killed = claim(database)
    assert claim(database) is None
    database.rows("update pgmq.q_pagerduty set vt = now() - interval '1 second'")
    again = claim(database)
    assert (again["id"], again["attempts"]) == (killed["id"], 2)


def test_a_pause_is_the_organization_s_and_ends_with_another_key(database: Database) -> None:
    (acme, incident), (other, elsewhere) = connected(database), connected(database)
    move(database, acme, incident, "investigating")
    job = claim(database)
    pause = "select pagerduty.defer_outbox(%s, %s, 'pause', 'refused', 3600)"
    database.run_as(None, pause, (job["id"], job["version"]), role="service_role")
    comment(database, acme, incident, "waits, too")
    comment(database, other, elsewhere, "goes on")
    theirs = claim(database)
    assert theirs["organization_id"] == other.id
    assert claim(database) is None
    database.run_as(acme["admin"], "select pagerduty.save_integration(%s, '{}', %s)", (acme.id, KEY))
    assert claim(database)["organization_id"] == acme.id


def test_what_has_no_integration_any_more_is_given_up_and_not_asked_for_ever(database: Database) -> None:
    acme, incident = connected(database)
    move(database, acme, incident, "investigating")
    database.rows("delete from pagerduty.integrations where organization_id = %s", (acme.id,))
    assert claim(database)["is_on"] is False


def told(kind: str, **fields: Any) -> Any:
    return event(kind, INCIDENT, **fields)


def noted(text: str, at: str, *, trimmed: bool) -> Any:
    found = note(INCIDENT, occurred_at=at)
    found["payload"]["data"] |= {"content": text, "trimmed": trimmed}
    return found


def now(database: Database) -> datetime:
    found: datetime = database.value("select clock_timestamp()")
    return found


def entries(database: Database, incident: str) -> list[str]:
    rows = database.rows(
        "select body from pagerduty.incident_updates where incident_id = %s and kind = 'pagerduty' order by created_at",
        (incident,),
    )
    return [row["body"] for row in rows][1:]  # the first is the alert that it was made of


def status(database: Database, incident: str) -> str:
    return str(database.value("select status::text from pagerduty.incidents where id = %s", (incident,)))


@pytest.mark.parametrize("is_quick", [True, False], ids=["before the answer", "after it"])
def test_pagerduty_s_event_of_what_it_was_told_is_no_news_once(database: Database, is_quick: bool) -> None:
    acme, incident = connected(database)
    move(database, acme, incident, "investigating")
    job = claim(database)
    if not is_quick:
        finish(database, job)
    at = now(database)
    acknowledged = told("incident.acknowledged", occurred_at=at.isoformat())
    database.ingest(acme, acknowledged)
    assert (entries(database, incident), status(database, incident)) == ([], "investigating")


def test_what_pagerduty_had_already_leaves_no_echo_to_come(database: Database) -> None:
    acme, incident = connected(database)
    move(database, acme, incident, "investigating")
    finish(database, claim(database), acted_as=None)  # somebody had acknowledged it there
    sent = now(database)
    database.ingest(acme, told("incident.unacknowledged", occurred_at=(sent + timedelta(seconds=1)).isoformat()))
    database.ingest(acme, told("incident.acknowledged", occurred_at=(sent + timedelta(seconds=2)).isoformat()))
    assert len(entries(database, incident)) == 2


def test_what_somebody_does_there_later_is_no_echo(database: Database) -> None:
    acme, incident = connected(database)
    move(database, acme, incident, "investigating")
    finish(database, claim(database))
    database.rows(
        "update pagerduty.outbox set attempted_at = attempted_at - interval '1 hour',"
        " sent_at = sent_at - interval '1 hour' where organization_id = %s", (acme.id,),
    )  # fmt: skip
    database.ingest(acme, told("incident.acknowledged", occurred_at=now(database).isoformat()))
    assert len(entries(database, incident)) == 1


def test_what_was_given_up_has_no_echo(database: Database) -> None:
    acme, incident = connected(database)
    move(database, acme, incident, "investigating")
    job = claim(database)
    give_up = "select pagerduty.defer_outbox(%s, %s, 'dead', 'nobody')"
    database.run_as(None, give_up, (job["id"], job["version"]), role="service_role")
    database.ingest(acme, told("incident.acknowledged", occurred_at=now(database).isoformat()))
    assert len(entries(database, incident)) == 1


@pytest.mark.parametrize(
    ("text", "trimmed", "is_echo"),
    [
        ("ok, restarting it", False, True), ("ok", False, False), ("ok", True, True), ("", True, False),
        ("something else", False, False),
    ],
)  # fmt: skip
def test_a_note_is_an_echo_by_its_whole_text_unless_it_is_cut(
    database: Database, text: str, trimmed: bool, is_echo: bool
) -> None:
    acme, incident = connected(database)
    comment(database, acme, incident, "ok, restarting it")
    finish(database, claim(database))
    at = now(database).isoformat()
    database.ingest(acme, noted(text, at, trimmed=trimmed))
    assert len(entries(database, incident)) == (0 if is_echo else 1)


def test_what_pagerduty_changed_later_stands_and_is_not_told_back(database: Database) -> None:
    (acme, incident), (other, theirs) = connected(database), connected(database)
    for one, linked in ((acme, incident), (other, theirs)):
        move(database, one, linked, "investigating")
    database.ingest(acme, told("incident.resolved", occurred_at=now(database).isoformat()))
    assert database.status_of(incident) == "resolved"
    reason = "select last_error from pagerduty.outbox where organization_id = %s"
    assert states(database, acme) == [("status", "acknowledged", "dead")]
    assert database.rows(reason, (acme.id,)) == [
        {"last_error": "PagerDuty changed it later, to resolved: that stands."}
    ]
    job = claim(database)
    assert job
    assert job["organization_id"] == other.id
    assert claim(database) is None


def test_both_sides_are_equal_after_a_change_on_each_at_once(database: Database) -> None:
    """Ours is on its way while somebody resolves it there; PagerDuty hears of ours last, and that stands."""
    acme, incident = connected(database)
    move(database, acme, incident, "investigating")
    job = claim(database)
    database.ingest(acme, told("incident.resolved", occurred_at=now(database).isoformat()))
    assert database.status_of(incident) == "resolved"
    finish(database, job)
    database.ingest(acme, told("incident.acknowledged", occurred_at=now(database).isoformat()))
    assert database.status_of(incident) == "investigating"
    assert states(database, acme) == [("status", "acknowledged", "sent")]


def test_an_echo_is_no_news_while_a_later_change_is_to_be_told(database: Database) -> None:
    acme, incident = connected(database)
    move(database, acme, incident, "investigating")
    finish(database, claim(database))
    move(database, acme, incident, "resolved")
    job = claim(database)
    assert job["wanted"] == "resolved"
    at = now(database)
    database.ingest(acme, told("incident.acknowledged", occurred_at=at.isoformat()))
    assert (database.status_of(incident), entries(database, incident)) == ("resolved", [])
    finish(database, job)
    database.ingest(acme, told("incident.resolved", occurred_at=(at + timedelta(seconds=1)).isoformat()))
    assert (database.status_of(incident), entries(database, incident)) == ("resolved", [])
    # Each is said once: what somebody does there after that is theirs.
    later = (at + timedelta(seconds=10)).isoformat()
    database.ingest(acme, told("incident.acknowledged", occurred_at=later))
    assert (database.status_of(incident), len(entries(database, incident))) == ("investigating", 1)


def test_ten_thousand_of_one_keep_another_waiting_for_one(database: Database) -> None:
    (many, busy), (few, quiet) = connected(database), connected(database)
    database.rows(
        "insert into pagerduty.outbox (organization_id, incident_id, thing, wanted)"
        " select %s, %s, 'responders', number::text from generate_series(1, 10000) number",
        (many.id, busy),
    )
    comment(database, many, busy, "and one more")
    comment(database, few, quiet, "mine")
    assert [claim(database)["organization_id"] for _ in range(2)] == [many.id, few.id]
