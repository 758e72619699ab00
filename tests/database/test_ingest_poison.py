"""Events that the database cannot store: they are recorded as invalid, spoil nothing beside them, and never raise."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.database.database import Database, Organization
from tests.database.events import at, event
from tests.database.twins import TwinnedDatabase


@pytest.fixture
def database(twins: TwinnedDatabase) -> Database:
    return twins


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


def _changed(path: str, value: Any) -> dict[str, Any]:
    """A good event with one value replaced: `path` is like notification.title."""
    made = event(event_id="POISON", incident_id="PPOISON")
    *outer, last = path.split(".")
    target: Any = made
    for key in outer:
        target = target[key]
    target[last] = value
    return made


POISONS = {
    "title too long": _changed("notification.described.title", "x" * 1101),
    "title long enough to break the summary": _changed("notification.title", "x" * 1090),
    "empty title": _changed("notification.described.title", ""),
    "title an object": _changed("notification.described.title", {"x": "y" * 2000}),
    "body too long": _changed("notification.body", "x" * 2001),
    "no body": _changed("notification.body", None),
    "unknown urgency": _changed("notification.described.urgency", "apocalyptic"),
    "urgency a number": _changed("notification.described.urgency", 5),
    "url of a script": _changed("notification.described.pagerduty_url", "javascript:alert(1)"),
    "url too long": _changed("notification.described.pagerduty_url", "https://x/" + "y" * 3000),
    "prefill a list": _changed("notification.prefill", [1]),
    "prefill a text": _changed("notification.prefill", "text"),
    "unknown status": _changed("told_status", "exploded"),
    "incident id too long": _changed("incident.id", "P" * 256),
    "incident id a list": _changed("incident.id", ["P"] * 200),
    "service name too long": _changed("notification.described.service_name", "x" * 256),
    "number a text": _changed("notification.described.number", "seven"),
    "number out of range": _changed("notification.described.number", 2**31),
    "priority too long": _changed("notification.described.priority", "x" * 256),
    "assignees a text": _changed("notification.described.assignees", "Mira"),
    "assignee too long": _changed("notification.described.assignees", ["x" * 256]),
    "bridge a script": _changed("notification.described.conference_url", "javascript:alert(1)"),
    "written too long": _changed("notification.described.written", "x" * 20_001),
    "facts a text": _changed("notification.facts", "facts"),
    "no subject": _changed("subject", None),
    "subject too long": _changed("subject", "x" * 321),
    "headline too long": _changed("headline", "x" * 10_001),
    "agent's name too long": _changed("agent_name", "x" * 256),
    "loud is no truth value": _changed("loud", "perhaps"),
    "time that is none": _changed("occurred_at", "yesterday-ish"),
    "time out of range": _changed("occurred_at", "999999-12-31T00:00:00Z"),
    "time a number": _changed("occurred_at", 10**30),
    "month 13": _changed("occurred_at", "2026-13-01T00:00:00Z"),
    "known is no truth value": _changed("known", "perhaps"),
    "unknown family": _changed("family", "v9"),
    "type too long": _changed("event_type", "incident." + "x" * 300),
    "no type": _changed("event_type", None),
    "delivery id too long": _changed("delivery_id", "d" * 301),
    "event id too long": _changed("event_id", "e" * 301),
    "event id huge": _changed("event_id", "é" * 100_000),
    "event id empty": _changed("event_id", ""),
}


@pytest.mark.parametrize("poison", POISONS)
def test_a_poisonous_event_is_recorded_and_the_others_are_taken(
    database: Database, acme: Organization, poison: str
) -> None:
    after = event(event_id="after", incident_id="PAFTER")
    outcomes = database.ingest(acme, event(event_id="before"), POISONS[poison], after)
    assert [outcome["outcome"] for outcome in outcomes] == ["created", "invalid", "created"]
    assert outcomes[1]["reason"]
    assert "notification_id" not in outcomes[1]
    recorded = database.rows(
        "select * from pagerduty.events where organization_id = %s and outcome = 'invalid'", (acme.id,)
    )
    assert len(recorded) == 1
    assert recorded[0]["reason"] == outcomes[1]["reason"]
    assert recorded[0]["payload"] == POISONS[poison]["payload"]
    titles = "select title from pagerduty.notifications where organization_id = %s"
    assert len(database.rows(titles, (acme.id,))) == 2


@pytest.mark.parametrize("poison", ["title too long", "event id too long", "time that is none"])
def test_a_poisonous_event_that_comes_again_is_a_duplicate(database: Database, acme: Organization, poison: str) -> None:
    assert database.ingest(acme, POISONS[poison])[0]["outcome"] == "invalid"
    assert database.ingest(acme, POISONS[poison])[0]["outcome"] == "duplicate"


def test_a_poisonous_event_leaves_no_half_of_itself(database: Database, acme: Organization) -> None:
    """It fails after its notification was changed: that and the linked incident show nothing of it."""
    incident = database.link(acme, acme["responder"], database.notify(acme, at(0)))
    broken = {**at(5, "resolved"), "headline": "x" * 10_001}
    [outcome] = database.ingest(acme, broken)
    assert outcome["outcome"] == "invalid"
    assert database.incident(incident)["status"] == "open"
    [row] = database.rows("select * from pagerduty.notifications where organization_id = %s", (acme.id,))
    assert (row["pagerduty_status"], row["events"]) == ("triggered", 1)
    resolved = "select count(*) from realtime.messages where topic = %s and payload::text like '%%resolved%%'"
    assert database.value(resolved, (database.topic(acme),)) == 0


NOT_EVENTS: list[Any] = [None, True, 5, 1.5, "text", "", [], [[]], {}, {"event": {}}, [{"event_id": "E1"}]]


@pytest.mark.parametrize("thing", NOT_EVENTS, ids=repr)
def test_what_is_no_event_at_all(database: Database, acme: Organization, thing: Any) -> None:
    outcomes = database.ingest(acme, thing, event())
    assert outcomes[0]["outcome"] in ("invalid", "ignored")
    assert outcomes[1]["outcome"] == "created"


def test_the_services_own_invalid_events_are_recorded(database: Database, acme: Organization) -> None:
    invalid = {"event_id": None, "invalid": "a message without an event", "payload": {"messages": [5]}, "family": None}
    outcomes = database.ingest(acme, invalid, invalid)
    assert [outcome["outcome"] for outcome in outcomes] == ["invalid", "invalid"]
    assert outcomes[0]["reason"] == "a message without an event"
    long = database.ingest(acme, {**invalid, "invalid": "x" * 5000})
    assert long[0]["outcome"] == "invalid"


def test_a_large_payload_is_kept(database: Database, acme: Organization) -> None:
    nested: Any = "deep"
    for _ in range(100):
        nested = [nested]
    payload = {"nested": nested, "long": "x" * 1_000_000, "many": list(range(10_000)), "🧨": "☃\u2028"}
    [outcome] = database.ingest(acme, {**event(), "payload": payload})
    assert outcome["outcome"] == "created"
    kept = database.value("select payload from pagerduty.events where organization_id = %s", (acme.id,))
    assert kept == payload


# Whatever shape the values take: an answer for each event, in order, and the good one is taken.
_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
_ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)
_PATHS = [
    *event(),
    *(f"notification.{key}" for key in event()["notification"]),
    *(f"notification.described.{key}" for key in event()["notification"]["described"]),
    *(f"incident.{key}" for key in event()["incident"]),
]


@pytest.mark.one_postgres  # the poisons above are tried on every major
@settings(
    max_examples=60, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)  # fmt: skip
@given(changes=st.lists(st.tuples(st.sampled_from(_PATHS), _ANY), min_size=1, max_size=3, unique_by=lambda c: c[0]))
def test_any_value_anywhere_is_answered(database: Database, changes: list[tuple[str, Any]]) -> None:
    acme = database.organization(["owner"])
    odd = event(event_id="ODD")
    for path, value in sorted(changes, key=lambda change: change[0], reverse=True):  # the inner ones first
        *outer, last = path.split(".")
        target: Any = odd
        for key in outer:
            target = target[key]
        target[last] = value
    outcomes = database.ingest(acme, odd, event(event_id="GOOD", incident_id="PGOOD"))
    assert [outcome.get("event_id") for outcome in outcomes][1:] == ["GOOD"]
    assert outcomes[1]["outcome"] == "created"
    assert outcomes[0]["outcome"] in ("created", "ignored", "invalid")
    recorded = database.rows("select outcome from pagerduty.events where organization_id = %s", (acme.id,))
    assert len(recorded) == 2
    database.clean_up()
