"""What becomes of a received event: once, whatever happens, and as the organization's settings say."""

import json
import uuid
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from service.pagerduty.mapping import ingest_record
from service.pagerduty.payloads import parse
from tests.database.database import Database, Organization
from tests.database.events import at, event, note
from tests.database.twins import TwinnedDatabase

EXAMPLES = sorted((Path(__file__).parents[1] / "data" / "pagerduty").glob("*.json"))


@pytest.fixture
def database(twins: TwinnedDatabase) -> TwinnedDatabase:
    return twins


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


def _set(database: Database, organization: Organization, **settings: Any) -> None:
    database.run_as(
        organization["owner"], "select pagerduty.save_integration(%s, %s)", (organization.id, Jsonb(settings))
    )


def _outcomes(outcomes: list[Any]) -> list[tuple[str, str | None]]:
    return [(outcome["outcome"], outcome.get("reason")) for outcome in outcomes]


def _recorded(database: Database, organization: Organization) -> list[dict[str, Any]]:
    return database.rows(
        "select * from pagerduty.events where organization_id = %s order by received_at, event_id",
        (organization.id,),
    )


def _notifications(database: Database, organization: Organization) -> list[dict[str, Any]]:
    return database.rows(
        "select * from pagerduty.notifications where organization_id = %s order by created_at", (organization.id,)
    )


def test_an_event_becomes_a_notification(database: Database, acme: Organization) -> None:
    sent = event(event_id="E1", title="Disk full", urgency="low")
    [outcome] = database.ingest(acme, {**sent, "delivery_id": "D1"})
    [made] = _notifications(database, acme)
    assert outcome == {"event_id": "E1", "outcome": "created", "notification_id": str(made["id"])}
    assert (made["title"], made["urgency"], made["service_name"]) == ("Disk full", "low", "Checkout API")
    assert (made["pagerduty_incident_id"], made["pagerduty_status"]) == ("PINC001", "triggered")
    assert made["pagerduty_url"] == "https://acme.pagerduty.com/incidents/PINC001"
    assert made["prefill"] == sent["notification"]["prefill"]
    assert made["body"] == sent["notification"]["body"]
    assert made["recipients"] is None
    [recorded] = _recorded(database, acme)
    assert recorded["notification_id"] == made["id"]
    assert (recorded["headline"], recorded["is_loud"]) == ("Triggered", True)
    assert (made["event_type"], made["events"], made["is_quiet"]) == ("incident.triggered", 1, False)
    assert made["seq"] == made["loud_seq"] > 0
    assert (recorded["event_id"], recorded["delivery_id"], recorded["family"]) == ("E1", "D1", "v3")
    assert (recorded["outcome"], recorded["reason"], recorded["deliveries"]) == ("created", None, 1)
    assert (recorded["pagerduty_incident_id"], recorded["summary"]) == ("PINC001", "Disk full")
    assert recorded["payload"] == sent["payload"]
    assert recorded["occurred_at"] == made["occurred_at"]
    assert recorded["occurred_at"].isoformat() == sent["occurred_at"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)
def test_every_documented_payload_is_stored_as_it_is(database: Database, acme: Organization, example: Path) -> None:
    found = json.loads(example.read_text())
    if "messages" not in found and "event" not in found:  # bare event data
        wrapped = {"id": "E1", "event_type": "incident.annotated", "resource_type": "incident", "data": found}
        found = {"event": wrapped | {"occurred_at": "2026-11-23T10:00:00Z"}}
    events = [ingest_record(one, "D1") for one in parse(json.dumps(found).encode())]
    assert events
    outcomes = database.ingest(acme, *events)
    assert {outcome["outcome"] for outcome in outcomes} <= {"created", "updated"}
    notifications = {made["subject"]: made for made in _notifications(database, acme)}
    first = {one["subject"]: one["notification"] for one in reversed(events)}
    assert set(notifications) == set(first)
    alone = [name for name in first if [one["subject"] for one in events].count(name) == 1]
    assert [(notifications[name]["title"], notifications[name]["prefill"]) for name in alone] == [
        (first[name]["title"], first[name]["prefill"]) for name in alone
    ]
    prefilled = {made["id"]: made["prefill"] for made in notifications.values() if made["prefill"]}
    for notification, prefill in prefilled.items():  # what the form sends is accepted
        link = (
            "insert into pagerduty.incidents"
            " (organization_id, notification_id, title, description, criticality, urgency, status, customer, tags)"
            " values (%(org)s, %(notification)s, %(title)s, %(description)s, %(criticality)s, %(urgency)s, %(status)s,"
            " %(customer)s, %(tags)s) on conflict do nothing"
        )
        refusal = database.refusal(acme["responder"], link, {**prefill, "org": acme.id, "notification": notification})
        assert refusal is None


# Once -----------------------------------------------------------------------------------------------------------------


def test_a_batch_with_one_event_twice(database: Database, acme: Organization) -> None:
    twice, other = event(event_id="E1"), event(event_id="E2", incident_id="P2")
    outcomes = database.ingest(acme, twice, other, twice)
    assert _outcomes(outcomes) == [("created", None), ("created", None), ("duplicate", None)]
    assert outcomes[2]["notification_id"] == outcomes[0]["notification_id"]
    assert len(_notifications(database, acme)) == 2
    assert [row["deliveries"] for row in _recorded(database, acme)] == [2, 1]


def test_an_event_that_comes_again(database: Database, acme: Organization) -> None:
    first = database.notify(acme, event(event_id="E1"))
    database.run_as(acme["viewer"], "select pagerduty.read_all_notifications(%s)", (acme.id,))
    [again] = database.ingest(acme, event(event_id="E1", title="Changed on the way"))
    assert (again["outcome"], again["notification_id"]) == ("duplicate", first)
    [made] = _notifications(database, acme)
    assert made["title"] == "Checkout is down"
    count = "select pagerduty.count_unread_notifications(%s) as count"
    assert database.run_as(acme["viewer"], count, (acme.id,)) == [{"count": 0}]


def test_an_event_that_was_ignored_comes_again(database: Database, acme: Organization) -> None:
    _set(database, acme, enabled=False)
    assert _outcomes(database.ingest(acme, event(event_id="E1"))) == [("ignored", "integration_disabled")]
    [again] = database.ingest(acme, event(event_id="E1"))
    assert (again["outcome"], again.get("notification_id")) == ("duplicate", None)


def test_two_organizations_have_ids_of_their_own(database: Database, acme: Organization) -> None:
    globex = database.organization()
    same = event(event_id="E1")
    assert _outcomes(database.ingest(acme, same)) == [("created", None)]
    assert _outcomes(database.ingest(globex, same)) == [("created", None)]
    assert len(_notifications(database, acme)) == len(_notifications(database, globex)) == 1


@pytest.mark.parametrize("batch", [1, 3])
def test_ten_at_once_make_one_of_each(database: TwinnedDatabase, acme: Organization, batch: int) -> None:
    for _ in range(3):
        events = [event(event_id=f"E{(name := uuid.uuid4().hex)}", incident_id=f"P{name}") for _ in range(batch)]
        before = len(_notifications(database, acme))
        database.poise(acme, *events)
        results = database.at_once(
            *[lambda connection, e=events: database.ingest(acme, *e, connection=connection)] * 10
        )
        assert not [result for result in results if isinstance(result, psycopg.Error)]
        for position in range(batch):
            outcomes = sorted(result[position]["outcome"] for result in results)
            assert outcomes == ["created"] + ["duplicate"] * 9
            assert len({result[position]["notification_id"] for result in results}) == 1
        assert len(_notifications(database, acme)) == before + batch
    assert {row["deliveries"] for row in _recorded(database, acme)} == {10}


def test_seq_grows_in_the_order_of_commits(database: Database, acme: Organization) -> None:
    """A reader who asks for what changed since the last change they have misses none, however many write at once."""
    changed = "select id, seq from pagerduty.notifications where organization_id = %s and seq > %s order by seq"
    newest, seen = 0, dict[str, int]()

    def send(connection: Any) -> None:
        for number in range(10):
            database.ingest(acme, event(), event(incident_id=f"P{number}"), connection=connection)

    def watch(connection: Any) -> None:
        nonlocal newest
        for _ in range(60):
            for row in connection.execute(changed, (acme.id, newest)).fetchall():
                seen[row["id"]] = newest = row["seq"]

    assert database.at_once(send, send, send, send, watch) == [None] * 5
    with database.connect() as connection:  # whatever came after the last look
        watch(connection)
    assert seen == {row["id"]: row["seq"] for row in _notifications(database, acme)}
    assert len(seen) == 11
    assert {row["seq"] for row in _notifications(database, acme)} <= set(range(1, 81))


# Settings -------------------------------------------------------------------------------------------------------------


def test_a_disabled_integration_records_and_ignores(database: Database, acme: Organization) -> None:
    _set(database, acme, enabled=False)
    assert _outcomes(database.ingest(acme, event())) == [("ignored", "integration_disabled")]
    assert _notifications(database, acme) == []
    [recorded] = _recorded(database, acme)
    assert (recorded["outcome"], recorded["reason"]) == ("ignored", "integration_disabled")
    assert recorded["payload"] is not None


def test_event_types_are_filtered(database: Database, acme: Organization) -> None:
    _set(database, acme, event_types=["incident.triggered", "incident.resolved"])
    sent = [at(0), at(1, "acknowledged"), at(2, "resolved"), note(), event("incident.brand_new"), event("pagey.ping")]
    assert _outcomes(database.ingest(acme, *sent)) == [
        ("created", None), ("updated", "event_type_not_taken"), ("updated", None), ("updated", "event_type_not_taken"),
        ("ignored", "unknown_event_type"), ("ignored", "ping"),
    ]  # fmt: skip
    [made] = _notifications(database, acme)
    assert (made["pagerduty_status"], made["events"], made["event_type"]) == ("resolved", 4, "incident.triggered")
    assert len(_recorded(database, acme)) == 6
    assert _outcomes(database.ingest(acme, at(3, "acknowledged", incident_id="P2"))) == [
        ("ignored", "event_type_not_taken")
    ]


def test_a_ping_and_unknown_types_are_no_alerts(database: Database, acme: Organization) -> None:
    sent = [event("pagey.ping"), event("incident.brand_new"), event("weather.changed")]
    assert _outcomes(database.ingest(acme, *sent)) == [
        ("ignored", "ping"), ("ignored", "unknown_event_type"), ("ignored", "unknown_event_type"),
    ]  # fmt: skip


def test_the_integration_key_picks_one_service(database: Database, acme: Organization) -> None:
    _set(database, acme, integration_key="PSVC001")
    other = {"id": "PSVC002", "type": "service_reference", "summary": "Another"}
    assert _outcomes(database.ingest(acme, event(incident_id="P2", service=other))) == [
        ("ignored", "integration_key_mismatch")
    ]
    assert _outcomes(database.ingest(acme, event())) == [("created", None)]
    assert _outcomes(database.ingest(acme, {**event(), "integration_keys": ["x", "PSVC001"]})) == [("updated", None)]
    assert _outcomes(database.ingest(acme, {**event(incident_id="P3"), "integration_keys": []})) == [
        ("ignored", "integration_key_mismatch")
    ]
    without = {key: value for key, value in event(incident_id="P4").items() if key != "integration_keys"}
    assert _outcomes(database.ingest(acme, without)) == [("ignored", "integration_key_mismatch")]


def test_notes_go_with_the_incident_that_they_are_about(database: Database, acme: Organization) -> None:
    """They name no service, so that no key could match."""
    globex = database.organization()
    _set(database, acme, integration_key="PSVC001")
    assert _outcomes(database.ingest(acme, note())) == [("ignored", "integration_key_mismatch")]
    database.ingest(globex, event())
    assert _outcomes(database.ingest(acme, note())) == [("ignored", "integration_key_mismatch")], "not ours"
    database.ingest(acme, event())
    assert _outcomes(database.ingest(acme, note())) == [("updated", None)]
    assert _outcomes(database.ingest(acme, note("PINC002"))) == [("ignored", "integration_key_mismatch")]


def test_a_note_is_completed_with_what_its_own_organization_knows(database: Database, acme: Organization) -> None:
    noted = database.notify(acme, note())
    [made] = _notifications(database, acme)
    assert (made["urgency"], made["service_name"]) == (None, None), "nothing was known yet"
    assert database.notify(acme, event(title="Disk full", urgency="low")) == noted
    assert database.notify(acme, note()) == noted
    [made] = _notifications(database, acme)
    assert (made["title"], made["urgency"], made["service_name"]) == ("Disk full", "low", "Checkout API")
    assert made["prefill"]["title"] == "[PagerDuty] Disk full"


def test_the_service_that_an_event_names_wins_over_a_remembered_one(database: Database, acme: Organization) -> None:
    database.ingest(acme, event(urgency="low"))
    database.notify(acme, note(service="Payments"))
    [made] = _notifications(database, acme)
    assert (made["service_name"], made["prefill"]["customer"], made["urgency"]) == ("Payments", "Payments", "low")
    assert "Service: Payments" in made["prefill"]["description"]
    assert "Checkout API" not in made["prefill"]["description"]


@pytest.mark.parametrize(
    "sent",
    [
        {"messages": [{"id": "E1", "type": "incident.triggered"}]},
        {"event": {"id": "E1", "event_type": "incident.triggered", "occurred_at": "2026-11-25T01:00:00Z"}},
        {"event": {"id": "E1", "event_type": "service.updated", "data": None}},
        {"event": {"id": "E1", "event_type": "incident.annotated", "data": {"incident": None, "content": "Hm"}}},
    ],
)
def test_an_event_with_nothing_to_show_is_recorded(
    database: Database, acme: Organization, sent: dict[str, Any]
) -> None:
    [parsed] = parse(json.dumps(sent).encode())
    assert _outcomes(database.ingest(acme, ingest_record(parsed, None))) == [("ignored", "nothing_to_show")]
    [recorded] = _recorded(database, acme)
    assert (recorded["event_id"], recorded["outcome"], recorded["reason"]) == ("E1", "ignored", "nothing_to_show")
    assert _notifications(database, acme) == []


def test_an_incident_without_id_keeps_its_service_and_status(database: Database, acme: Organization) -> None:
    database.notify(acme, event("incident.acknowledged", incident_id="with\ttab"))
    [made] = _notifications(database, acme)
    assert (made["pagerduty_incident_id"], made["pagerduty_status"]) == (None, "acknowledged")
    assert made["service_name"] == "Checkout API"


def test_an_incident_whose_id_is_a_number_is_resolved(database: Database, acme: Organization) -> None:
    first, later = event(incident_id=998877), at(9, "resolved", incident_id="998877")  # type: ignore[arg-type]
    incident = database.link(acme, acme["responder"], database.notify(acme, first))
    [outcome] = database.ingest(acme, later)
    assert outcome["incident_id"] == incident


def test_the_service_learns_how_many_were_told(database: Database, acme: Organization) -> None:
    answer = database.call_ingest(acme.token, database.version(acme), [event()], count=True)
    assert (answer["organization_id"], answer["recipients"]) == (acme.id, 4)
    assert database.call_ingest(acme.token, database.version(acme), [event()])["recipients"] is None


def test_no_events_no_outcomes(database: Database, acme: Organization) -> None:
    assert database.ingest(acme) == []
