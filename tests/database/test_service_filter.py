"""The filter by service, and what the settings say of what is ignored."""

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.database.database import Database, Organization
from tests.database.events import at, event, note
from tests.database.twins import TwinnedDatabase

LEDGER = {"id": "PLEDG", "type": "service_reference", "summary": "Ledger"}
HIDDEN, TOLD = ("ignored", "service_not_taken"), ("created", None)
#: Of a subject that is known: its row changes either way.
QUIET, UPDATED = ("updated", "service_not_taken"), ("updated", None)


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


def _outcomes(database: Database, organization: Organization, *events: Any) -> list[tuple[str, str | None]]:
    return [(outcome["outcome"], outcome.get("reason")) for outcome in database.ingest(organization, *events)]


def _get(database: Database, organization: Organization, user: str) -> dict[str, Any]:
    [row] = database.run_as(user, "select pagerduty.get_integration(%s) as found", (organization.id,))
    found: dict[str, Any] = row["found"]
    return found


# Who is told ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (["PSVC001"], TOLD), (["Checkout API"], TOLD), (["psvc001"], TOLD), (["CHECKOUT api"], TOLD),
        (["PLEDG", "PSVC001"], TOLD), (["Ledger", "Checkout API"], TOLD), (None, TOLD),
        (["PLEDG"], HIDDEN), (["Ledger", "Status Page"], HIDDEN), (["Checkout"], HIDDEN), (["PSVC00%"], HIDDEN),
        (["Checkout_API"], HIDDEN), (["Checkout API v2"], HIDDEN),
    ],
    ids=str,
)  # fmt: skip
def test_an_id_or_a_name_picks_a_service(database: Database, acme: Organization, chosen: Any, expected: Any) -> None:
    _set(database, acme, services=chosen)
    assert _outcomes(database, acme, event()) == [expected]
    count = "select count(*) from pagerduty.notifications where organization_id = %s"
    assert database.value(count, (acme.id,)) == (1 if expected is TOLD else 0)


@pytest.mark.parametrize(
    "named", [{"id": "PSVC001", "name": None}, {"id": None, "name": "Checkout API"}], ids=["id", "name"]
)
def test_what_is_remembered_of_a_service_completes_it(
    database: Database, acme: Organization, named: dict[str, Any]
) -> None:
    half = {**event(incident_id="P9"), "service": named}
    for chosen in ("PSVC001", "Checkout API"):
        _set(database, acme, services=[chosen])
        is_known = chosen in named.values()
        incident = {**half["incident"], "id": f"P of {chosen}"}
        one = {**half, "event_id": f"of {chosen}", "subject": chosen, "incident": incident}
        assert _outcomes(database, acme, one) == [TOLD if is_known else HIDDEN]
    database.ingest(acme, event(incident_id="P9"))
    for chosen in ("PSVC001", "Checkout API"):
        _set(database, acme, services=[chosen])
        assert _outcomes(database, acme, {**half, "event_id": f"later of {chosen}"}) == [UPDATED]
    other = {name: value and "Ledger" for name, value in named.items()}
    assert _outcomes(database, acme, {**half, "event_id": "of another", "service": other}) == [QUIET]


def test_an_event_of_a_service_is_filtered_by_it(database: Database, acme: Organization) -> None:
    _set(database, acme, services=["Ledger"])
    updated = event("service.updated")
    shown = {"title": "Ledger", "body": "Service updated", "described": {"title": "Ledger"}}
    about = {**updated, "incident": None, "subject": "service:PLEDG", "notification": shown}
    named = {"id": "PLEDG", "name": "Ledger"}
    assert _outcomes(database, acme, {**about, "service": named}) == [TOLD]
    other = {
        **about,
        "event_id": "other",
        "subject": "service:PSVC001",
        "service": {"id": "PSVC001", "name": "Checkout API"},
    }
    assert _outcomes(database, acme, other) == [HIDDEN]


def test_what_names_no_service_is_of_none_that_is_chosen(database: Database, acme: Organization) -> None:
    _set(database, acme, services=["PSVC001"])
    unnamed = event(incident_id="P7", service=None)
    without = {key: value for key, value in event(incident_id="P8").items() if key != "service"}
    assert _outcomes(database, acme, note(), unnamed, without) == [HIDDEN] * 3


def test_all_filters_must_let_an_event_through(database: Database, acme: Organization) -> None:
    _set(database, acme, services=["PSVC001"], integration_key="PSVC001", event_types=["incident.triggered"])
    assert _outcomes(database, acme, event()) == [TOLD]
    _set(database, acme, services=["PLEDG"])
    assert _outcomes(database, acme, event()) == [QUIET]
    assert _outcomes(database, acme, event(incident_id="P2")) == [HIDDEN]
    _set(database, acme, integration_key="0a1b2c3d4e5f60718293a4b5c6d7e8f9")
    assert _outcomes(database, acme, event(incident_id="P2")) == [("ignored", "integration_key_mismatch")]
    resolved = at(9, "resolved", incident_id="P2")
    assert _outcomes(database, acme, resolved) == [("ignored", "event_type_not_taken")]


def test_notes_follow_the_remembered_service_of_their_incident(database: Database, acme: Organization) -> None:
    """Whether or not anybody was told of it, and in their own organization only."""
    globex = database.organization()
    _set(database, acme, services=["Checkout API"])
    database.ingest(globex, event())
    assert _outcomes(database, acme, note()) == [HIDDEN], "only another organization knows the incident"
    _set(database, acme, event_types=["incident.annotated"])
    assert _outcomes(database, acme, event()) == [("ignored", "event_type_not_taken")]
    assert _outcomes(database, acme, note(), note(), note("PINC002")) == [TOLD, UPDATED, HIDDEN]


def test_an_incident_that_changes_its_service(database: Database, acme: Organization) -> None:
    """By PagerDuty's clock: what comes late does not bring the service of before back."""
    database.ingest(acme, at(1), {**at(5, service=LEDGER), "event_type": "incident.service_updated"})
    _set(database, acme, services=["Ledger"])
    late = at(3, "acknowledged")
    assert _outcomes(database, acme, note(occurred_at="2026-11-23T10:06:00Z"), late) == [UPDATED, QUIET]
    assert _outcomes(database, acme, note(occurred_at="2026-11-23T10:07:00Z")) == [UPDATED]


# What is seen ---------------------------------------------------------------------------------------------------------


def test_services_that_were_seen_are_offered_to_owners_and_admins(database: Database, acme: Organization) -> None:
    globex = database.organization()
    database.ingest(globex, event(service={"id": "PELSE", "summary": "Elsewhere"}))
    _set(database, acme, services=["nothing"])
    renamed = {"id": "PLEDG", "type": "service_reference", "summary": "accounts"}
    events = [event(), event(service=LEDGER), event(service=renamed), event("pagey.ping"), note("PINC009")]
    database.ingest(acme, *events, {**event(incident_id="P3"), "service": {"id": None, "name": "By name only"}})
    expected = [
        {"id": "PLEDG", "name": "accounts"}, {"id": None, "name": "By name only"},
        {"id": "PSVC001", "name": "Checkout API"},
    ]  # fmt: skip
    for role in ("owner", "admin"):
        assert _get(database, acme, acme[role])["admin"]["seen_services"] == expected
    seen = "select pagerduty_private.seen_services(%s) as seen"
    for user in (acme["responder"], acme["viewer"], globex["owner"]):
        assert database.run_as(user, seen, (acme.id,)) == [{"seen": []}]


# Health ---------------------------------------------------------------------------------------------------------------


def _recent(database: Database, organization: Organization, name: str = "owner") -> dict[str, Any]:
    found: dict[str, Any] = _get(database, organization, organization[name])["recent_events"]
    return found


def _first(database: Database, organization: Organization, *, offset: int = 0) -> Any:
    """When an event was received, of those in order of time."""
    of = "select to_jsonb(received_at) from pagerduty.events where organization_id = %s order by received_at limit 1"
    return database.value(f"{of} offset {offset}", (organization.id,))


def test_what_is_ignored_is_counted_with_its_reasons(database: Database, acme: Organization) -> None:
    nothing: dict[str, Any] = {"received": 0, "ignored": 0, "invalid": 0, "repeated": 0, "since": None, "reasons": {}}
    assert _recent(database, acme) == nothing
    database.ingest(acme, event("pagey.ping"))
    assert _recent(database, acme) == nothing, "a ping says that it works"
    _set(database, acme, services=["Ledger"])
    database.ingest(acme, event(), event(), event("incident.brand_new"))
    since = _first(database, acme, offset=1)
    ignored = {"received": 3, "ignored": 3, "invalid": 0, "repeated": 0, "since": since,
               "reasons": {"service_not_taken": 2, "unknown_event_type": 1}}  # fmt: skip
    for role in ("owner", "viewer"):
        assert _recent(database, acme, role) == ignored
    database.ingest(acme, {**event(), "occurred_at": "never"}, event(service=LEDGER, incident_id="P2"))
    assert _recent(database, acme) == {**ignored, "received": 5, "invalid": 1}


def test_counting_starts_anew_with_other_filters(database: Database, acme: Organization) -> None:
    database.ingest(acme, event())
    _set(database, acme, region="eu")
    assert _recent(database, acme)["received"] == 1, "what is no filter leaves it alone"
    for change in ({"integration_key": "KEY"}, {"services": ["Ledger"]}, {"event_types": ["incident.resolved"]},
                   {"enabled": False}, {"enabled": True}, {"integration_key": None}):  # fmt: skip
        _set(database, acme, **change)
        assert _recent(database, acme)["received"] == 0, change
        database.ingest(acme, event())
        assert _recent(database, acme)["received"] == 1


def test_what_a_change_waited_for_was_taken_before_it(database: Database, acme: Organization) -> None:
    """A webhook that is committed while a change waits for its turn does not count among those after it."""
    save = 'select pagerduty.save_integration(%s, \'{"services": ["Ledger"]}\')'
    with database.connect() as connection, connection.transaction():
        connection.execute("select now()")  # a transaction's time is that of its first statement
        database.ingest(acme, event())
        database.run_as(acme["owner"], save, (acme.id,), connection=connection)
    assert _recent(database, acme)["received"] == 0


def test_a_week_and_a_thousand_events_are_counted(database: Database, acme: Organization) -> None:
    since = (
        "update pagerduty.integrations set filters_changed_at = now() - interval '1 year' where organization_id = %s"
    )
    database.rows(since, (acme.id,))
    old = """
    insert into pagerduty.events (
      organization_id, integration_id, event_id, family, event_type, outcome, reason, received_at
    )
    select organization_id, id, 'E' || n, 'v3', 'incident.triggered', 'ignored', 'service_not_taken',
      now() - n * %s::interval
    from pagerduty.integrations, generate_series(1, 1200) n where organization_id = %s
    """
    database.rows(old, ("1 hour", acme.id))
    assert _recent(database, acme)["received"] == 7 * 24 - 1
    database.rows("delete from pagerduty.events where organization_id = %s", (acme.id,))
    database.rows(old, ("1 minute", acme.id))
    assert _recent(database, acme)["reasons"] == {"service_not_taken": 1000}
    assert _recent(database, acme)["since"] == _first(database, acme, offset=200)


def test_another_organizations_events_are_not_counted(database: Database, acme: Organization) -> None:
    globex = database.organization()
    database.ingest(globex, event())
    assert _recent(database, acme)["received"] == 0
    count = "select pagerduty_private.recent_events(%s) ->> 'received' as received"
    assert database.run_as(globex["owner"], count, (globex.id,)) == [{"received": "1"}]
    for stranger in (acme["owner"], database.user()):
        assert database.run_as(stranger, count, (globex.id,)) == [{"received": "0"}]
