"""The comparison with PagerDuty's log: each entry once, the tally, turns and leases of the worker."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.database.database import Database, Organization
from tests.database.events import at, event, note
from tests.database.twins import TwinnedDatabase

SAVE = "select pagerduty.save_subscription(%s, %s, %s) as saved"
KEY = {"api_key": {"sealed": "sealed", "last4": "abcd"}}
INTEGRATION = "select id from pagerduty.integrations where organization_id = %s"


@pytest.fixture
def database(twins: TwinnedDatabase) -> Database:
    # What another test has left due would have its turn here.
    twins.rows("delete from pagerduty_private.reconciliations")
    return twins


def connected(database: Database, scope: str = "account") -> Organization:
    made = database.organization()
    connect(database, made, scope)
    return made


def connect(database: Database, organization: Organization, scope: str = "account") -> None:
    database.run_as(
        organization["admin"], "select pagerduty.save_integration(%s, '{}', %s)", (organization.id, Jsonb(KEY))
    )
    subscription = {"id": "PSUBSCR", "scope": {"type": scope, "id": None, "name": "perhaps"}}
    database.run_as(organization["admin"], SAVE, (organization.id, Jsonb(subscription), Jsonb({})))


def of_log(number: int, told: dict[str, Any]) -> dict[str, Any]:
    """The same event as the log tells it."""
    entry = f"RLOG{number:03}"
    return told | {"event_id": f"log:{entry}", "family": "log", "log_entry_id": entry}


def heal(database: Database, organization: Organization, *events: dict[str, Any]) -> tuple[int, int]:
    """How many were confirmed, and how many healed."""
    statement = f"select pagerduty.heal_events(({INTEGRATION}), %s) as answer"
    [row] = database.run_as(None, statement, (organization.id, Jsonb(list(events))), role="service_role")
    return row["answer"]["confirmed"], row["answer"]["healed"]


def tally(database: Database, organization: Organization, person: str = "viewer") -> dict[str, Any] | None:
    statement = "select pagerduty.get_integration(%s) -> 'reconciliation' as found"
    [row] = database.run_as(organization[person], statement, (organization.id,))
    found: dict[str, Any] | None = row["found"]
    return found


def claim(database: Database) -> dict[str, Any] | None:
    [row] = database.run_as(None, "select pagerduty.claim_reconciliation(60) as due", role="service_role")
    found: dict[str, Any] | None = row["due"]
    return found


def finish(database: Database, due: dict[str, Any], state: str = "on", error: str | None = None) -> None:
    statement = "select pagerduty.finish_reconciliation(%s, %s, false, %s, 900)"
    database.run_as(None, statement, (due["integration_id"], state, error), role="service_role")


def received(database: Database, organization: Organization) -> list[tuple[str, str, str | None]]:
    rows = database.rows(
        "select family, event_type, log_entry_id from pagerduty.events where organization_id = %s order by received_at",
        (organization.id,),
    )
    return [(row["family"], row["event_type"], row["log_entry_id"]) for row in rows]


def test_each_entry_is_confirmed_or_healed_once(database: Database) -> None:
    acme, other = connected(database), connected(database)
    told, missed = at(0), at(5, "acknowledged")
    database.notify(acme, told)
    database.notify(other, missed)
    assert heal(database, acme, of_log(1, told), of_log(2, missed)) == (1, 1)
    assert heal(database, acme, of_log(1, told), of_log(2, missed)) == (0, 0)
    assert received(database, acme) == [
        ("v3", "incident.triggered", "RLOG001"),
        ("log", "incident.acknowledged", "RLOG002"),
    ]
    # Another organization that hears of the same incident has missed what it has missed.
    assert heal(database, other, of_log(1, told), of_log(2, missed)) == (1, 1)
    assert [(family, entry) for family, _, entry in received(database, other)] == [
        ("v3", "RLOG002"),
        ("log", "RLOG001"),
    ]
    counted = [(tally(database, one) or {}) for one in (acme, other)]
    assert [(one["changes"], one["healed"]) for one in counted] == [(2, 1), (2, 1)]


def test_what_happened_twice_within_seconds_is_two_of_each(database: Database) -> None:
    acme = connected(database)
    first = note(occurred_at="2026-11-23T10:00:01.200Z")
    second = note(occurred_at="2026-11-23T10:00:03.900Z") | {"headline": "Note added: another"}
    database.notify(acme, at(0))
    database.notify(acme, second)
    assert heal(database, acme, of_log(1, first), of_log(2, second)) == (1, 1)
    assert [family for family, kind, _ in received(database, acme) if kind == "incident.annotated"] == ["v3", "log"]


def test_a_webhook_that_comes_after_its_entry_repeats_it(database: Database) -> None:
    acme = connected(database)
    told = at(0)
    assert heal(database, acme, of_log(1, told)) == (0, 1)
    [outcome] = database.ingest(acme, told)
    assert (outcome["outcome"], outcome["reason"]) == ("updated", "healed_before")
    [counted] = database.run_as(
        acme["viewer"], "select pagerduty.get_integration(%s) -> 'recent_events' as found", (acme.id,)
    )
    assert (counted["found"]["received"], counted["found"]["repeated"]) == (1, 0)
    assert heal(database, acme, of_log(1, told)) == (0, 0)


def test_what_the_database_will_not_store_stops_nothing(database: Database) -> None:
    acme = connected(database)
    broken = of_log(1, event(event_id="broken")) | {"occurred_at": "no time at all"}
    with pytest.raises(Exception, match="no time at all"):
        heal(database, acme, broken)
    broken = of_log(1, event()) | {"family": "none of ours"}
    assert heal(database, acme, broken, of_log(2, at(1))) == (0, 2)
    assert heal(database, acme, broken, of_log(2, at(1))) == (0, 0)
    assert [entry for _, _, entry in received(database, acme)] == ["RLOG001", "RLOG002"]


def test_the_tally_begins_anew_on_mondays(database: Database) -> None:
    acme, other = connected(database), connected(database)
    for one in (acme, other):
        heal(database, one, of_log(1, at(0)))
    age = "update pagerduty_private.reconciliations set counted_since = now() - interval '8 days'"
    database.rows(f"{age} where organization_id = %s", (acme.id,))
    heal(database, acme, of_log(2, at(1, "acknowledged")))
    found = tally(database, acme) or {}
    assert (found["changes"], found["healed"]) == (1, 1)
    assert datetime.fromisoformat(found["since"]).astimezone(UTC).weekday() == 0
    assert (tally(database, other) or {})["changes"] == 1


def test_turns_and_leases(database: Database) -> None:
    acme, other = connected(database), connected(database)
    first, second = claim(database), claim(database)
    assert first is not None
    assert second is not None
    assert [due["organization_id"] for due in (first, second)] == [acme.id, other.id]
    assert claim(database) is None, "each is on its way"
    database.rows("update pagerduty_private.reconciliations set due_at = now() where organization_id = %s", (acme.id,))
    again = claim(database)
    assert again is not None
    assert again["organization_id"] == acme.id, "the lease of a worker that is gone is over"
    finish(database, again)
    finish(database, second, "gone", "It is not there.")
    assert claim(database) is None
    assert (tally(database, acme) or {})["subscription_state"] == "on"
    found = tally(database, other) or {}
    assert (found["subscription_state"], found["error"]) == ("gone", "It is not there.")


def test_who_asks_meanwhile_has_it_again(database: Database) -> None:
    acme, other = connected(database), connected(database)
    first, _ = claim(database), claim(database)
    assert first is not None
    statement = "select pagerduty.reconcile_now(%s) as found"
    assert database.run_as(acme["admin"], statement, (acme.id,)) == [{"found": True}]
    assert database.run_as(acme["responder"], statement, (acme.id,)) == [{"found": False}]
    assert database.run_as(other["admin"], statement, (acme.id,)) == [{"found": False}]
    finish(database, first)
    again = claim(database)
    assert again is not None
    assert again["organization_id"] == acme.id
    assert claim(database) is None


def test_nothing_is_asked_while_pagerduty_asked_to_wait(database: Database) -> None:
    acme, other = connected(database), connected(database)
    database.rows(
        "insert into pagerduty_private.outboxes (organization_id, paused_until) values (%s, now() + interval '1 hour')",
        (acme.id,),
    )
    due = claim(database)
    assert due is not None
    assert due["organization_id"] == other.id
    assert claim(database) is None
    # Another key is tried at once.
    finish(database, due, error="refused")
    connect_key = "select pagerduty.save_integration(%s, '{}', %s)"
    database.run_as(other["admin"], connect_key, (other.id, Jsonb(KEY)))
    again = claim(database)
    assert again is not None
    assert again["organization_id"] == other.id


def test_switched_off_it_is_not_compared(database: Database) -> None:
    acme = connected(database)
    database.run_as(acme["admin"], "select pagerduty.save_integration(%s, %s)", (acme.id, Jsonb({"enabled": False})))
    assert claim(database) is None


def test_to_connect_again_keeps_how_far_the_log_was_read(database: Database) -> None:
    acme, other = connected(database), connected(database)
    read_until = "select read_until from pagerduty_private.reconciliations where organization_id = %s"
    long_ago = "update pagerduty_private.reconciliations set read_until = '2026-11-01T00:00Z'"
    database.rows(long_ago)
    connect(database, acme)
    connect(database, other, "team")
    [kept], [begun] = database.rows(read_until, (acme.id,)), database.rows(read_until, (other.id,))
    assert kept["read_until"].isoformat().startswith(("2026-11-01", "2026-10-31"))
    assert begun["read_until"] - kept["read_until"] > timedelta(days=1), "of what it covers now, nothing was missed"
    summary = "select pagerduty_private.reconciliation_summary(%s) is not null as found"
    seen = [database.run_as(one["viewer"], summary, (acme.id,))[0]["found"] for one in (acme, other)]
    assert seen == [True, False]
    database.run_as(acme["admin"], SAVE, (acme.id, Jsonb(None), Jsonb({})))
    assert tally(database, acme) is None
    assert tally(database, other) is not None


def test_notes_are_compared_and_amended_of_one_integration(database: Database) -> None:
    (acme, other), ours = (connected(database), connected(database)), {}
    for one in (acme, other):
        ours[one.id] = database.link(one, one["responder"], database.notify(one, at(0)))
        database.ingest(one, note(occurred_at="2026-11-23T10:01:00Z"))
    look = f"select pagerduty.noted_incidents(({INTEGRATION}), 20) as found"
    [row] = database.run_as(None, look, (acme.id,), role="service_role")
    [noted] = row["found"]
    assert (noted["id"], noted["pagerduty_id"], len(noted["events"])) == (ours[acme.id], "PINC001", 1)
    [event_told] = noted["events"]
    assert event_told["headline"].startswith("Note added")
    changes = Jsonb([{"event_id": event_told["id"], "headline": "Note added: whole"}])
    amend = f"select pagerduty.amend_notes(({INTEGRATION}), %s)"
    bodies = "select body from pagerduty.incident_updates where organization_id = %s and body like 'Note added%%'"
    # It is no event of the other one's.
    database.run_as(None, amend, (other.id, changes), role="service_role")
    headline = "select headline from pagerduty.events where id = %s"
    assert database.rows(headline, (event_told["id"],)) == [{"headline": event_told["headline"]}]
    assert database.rows(bodies, (acme.id,)) == [{"body": event_told["headline"]}]
    database.run_as(None, amend, (acme.id, changes), role="service_role")
    assert [database.rows(bodies, (one.id,)) for one in (acme, other)] == [
        [{"body": "Note added: whole"}],
        [{"body": event_told["headline"]}],
    ]


def test_the_incident_that_was_not_looked_at_for_longest_comes_first(database: Database) -> None:
    acme = connected(database)
    for number in range(3):
        incident = f"PINC00{number}"
        database.link(acme, acme["responder"], database.notify(acme, event(incident_id=incident)))
        database.ingest(acme, note(incident))
    look = f"select pagerduty.noted_incidents(({INTEGRATION}), 2) as found"
    looked = [
        {one["pagerduty_id"] for one in database.run_as(None, look, (acme.id,), role="service_role")[0]["found"]}
        for _ in range(2)
    ]
    assert len(looked[0]) == len(looked[1]) == 2
    assert looked[0] | looked[1] == {"PINC000", "PINC001", "PINC002"}


@pytest.mark.parametrize(
    ("known", "missed", "stands"),
    [
        # The log tells whole seconds: what came at .7 of one may have come before what it has for that second.
        (("triggered", "10:00:05.700"), ("resolved", "10:00:05"), "resolved"),
        (("resolved", "10:00:05.700"), ("acknowledged", "10:00:05"), "resolved"),
        (("resolved", "10:00:05.700"), ("acknowledged", "10:00:06"), "acknowledged"),
        (("acknowledged", "10:00:05.700"), ("triggered", "10:00:04"), "acknowledged"),
        # Two of the log itself have their order.
        (("acknowledged", "10:00:05.000001"), ("triggered", "10:00:05.000002"), "triggered"),
    ],
)
def test_within_a_second_the_further_status_counts(
    database: Database, known: tuple[str, str], missed: tuple[str, str], stands: str
) -> None:
    acme = connected(database)
    (first, first_at), (second, second_at) = known, missed
    begun = event(occurred_at="2026-11-23T09:00:00Z")
    ours = database.link(acme, acme["responder"], database.notify(acme, begun))
    database.ingest(acme, at(0, first) | {"event_id": "known", "occurred_at": f"2026-11-23T{first_at}Z"})
    told = at(0, second) | {"occurred_at": f"2026-11-23T{second_at}Z"}
    assert heal(database, acme, of_log(1, told)) == (0, 1)
    assert database.incident(ours)["pagerduty_status"] == stands
