"""Ways of reaching over the fence between organizations, and of learning what is not for one's role."""

import uuid
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.database.database import ROLES, Database, Organization
from tests.database.events import event

REFUSED = "42501"
NOT_FOUND = "PT404"
NO_SUCH_ROW = "23503"

# The matrix is asked on every major; these are ways around it, through the same policies.
pytestmark = pytest.mark.one_postgres


@pytest.fixture
def acme(database: Database) -> Organization:
    return database.organization()


@pytest.fixture
def globex(database: Database) -> Organization:
    return database.organization()


# Writing into another organization -----------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["incidents", "memberships", "integrations"])
def test_a_row_cannot_move_to_another_organization(
    database: Database, acme: Organization, globex: Organization, table: str
) -> None:
    """Not even by somebody who owns both."""
    both = database.join(globex, "owner", acme["owner"])
    database.link(acme, both, database.notify(acme, event()))
    statement = f"update pagerduty.{table} set organization_id = %s where organization_id = %s"
    assert database.refusal(both, statement, (globex.id, acme.id)) == REFUSED


@pytest.mark.parametrize("role", ROLES)
def test_no_role_writes_for_another_organization(
    database: Database, acme: Organization, globex: Organization, role: str
) -> None:
    user, incident = acme[role], database.link(globex, globex["owner"], database.notify(globex, event()))
    writes = (
        "insert into pagerduty.incidents (organization_id, title) values (%(org)s, 'Planted')",
        "insert into pagerduty.memberships (organization_id, user_id, role) values (%(org)s, %(user)s, 'viewer')",
        "insert into pagerduty.incident_updates (incident_id, organization_id, body)"
        " values (%(incident)s, %(org)s, 'x')",
        "insert into pagerduty.integrations (organization_id) values (%(org)s)",
        "select pagerduty.save_integration(%(org)s, '{\"enabled\": false}')",
        "select pagerduty.save_integration(%(org)s, '{}', '{\"api_key\": null}')",
        "select pagerduty.save_integration(%(org)s, '{}', '{}')",
        "select pagerduty_private.save_credentials(%(org)s, '{\"api_key\": null}')",
    )
    values = {"org": globex.id, "user": user, "incident": incident}
    for write in writes:
        assert database.refusal(user, write, values) == REFUSED, write
    untouched = "update pagerduty.incidents set title = 'Planted' where id = %s returning id"
    assert database.run_as(user, untouched, (incident,)) == []


def test_nobody_comments_on_another_organizations_incident_under_their_own_name(
    database: Database, acme: Organization, globex: Organization
) -> None:
    foreign = database.link(globex, globex["owner"], database.notify(globex, event()))
    comment = "insert into pagerduty.incident_updates (incident_id, organization_id, body) values (%s, %s, 'x')"
    assert database.refusal(acme["owner"], comment, (foreign, acme.id)) == REFUSED
    assert database.refusal(acme["owner"], comment, (foreign, globex.id)) == REFUSED
    # One who is in both may comment on either, but not mix them up.
    database.join(acme, "responder", globex["owner"])
    assert database.refusal(globex["owner"], comment, (foreign, acme.id)) == REFUSED
    assert database.refusal(globex["owner"], comment, (foreign, globex.id)) is None


def test_an_incident_is_made_from_a_notification_of_its_own_organization_only(
    database: Database, acme: Organization, globex: Organization
) -> None:
    foreign = database.notify(globex, event())
    insert = "insert into pagerduty.incidents (organization_id, title, notification_id) values (%s, 'x', %s)"
    assert database.refusal(acme["owner"], insert, (acme.id, foreign)) == NOT_FOUND
    assert database.refusal(acme["owner"], insert, (acme.id, str(uuid.uuid4()))) == NOT_FOUND
    both = database.join(acme, "owner", globex["owner"])
    assert database.refusal(both, insert, (acme.id, foreign)) == NOT_FOUND
    assert database.refusal(both, insert, (globex.id, foreign)) is None


def test_a_receipt_says_nothing_about_what_one_may_not_see(
    database: Database, acme: Organization, globex: Organization
) -> None:
    """A notification that exists elsewhere and one that does not exist are refused alike."""
    foreign = database.notify(globex, event())
    insert = "insert into pagerduty.receipts (notification_id, organization_id, seq, read) values (%s, %s, 1, true)"
    for organization in (acme, globex):
        assert database.refusal(acme["owner"], insert, (foreign, organization.id)) == REFUSED
        assert database.refusal(acme["owner"], insert, (str(uuid.uuid4()), organization.id)) == REFUSED
        for conflict in ("do nothing", "do nothing returning notification_id"):
            told = f"{insert} on conflict {conflict}"
            assert database.refusal(acme["owner"], told, (foreign, organization.id)) == REFUSED
    own = database.notify(acme, event())
    assert database.refusal(acme["owner"], insert, (own, globex.id)) == REFUSED, "not of that organization"
    assert database.refusal(acme["owner"], insert, (own, acme.id)) is None
    mark = "select id from pagerduty.mark_notifications(%s, %s::uuid[], 'read')"
    for organization in (acme, globex):
        found = database.run_as(acme["owner"], mark, (organization.id, [foreign, str(uuid.uuid4())]))
        assert found == [], "those that one may not see are left out"


def test_a_mark_is_ones_own_and_of_ones_own_organizations(
    database: Database, acme: Organization, globex: Organization
) -> None:
    insert = "insert into pagerduty.inbox_marks (organization_id, read_seq) values (%s, 5)"
    assert database.refusal(acme["owner"], insert, (globex.id,)) == REFUSED
    database.run_as(acme["owner"], insert, (acme.id,))
    move = "update pagerduty.inbox_marks set read_seq = 9 returning user_id::text"
    assert database.run_as(acme["admin"], move) == []
    assert database.run_as(acme["owner"], move) == [{"user_id": acme["owner"]}]
    left = "delete from pagerduty.memberships where organization_id = %s and user_id = %s"
    database.rows(left, (acme.id, acme["responder"]))
    assert database.refusal(acme["responder"], insert, (acme.id,)) == REFUSED


def test_reading_all_reads_ones_own_organization(database: Database, acme: Organization, globex: Organization) -> None:
    database.notify(acme, event())
    database.notify(globex, event())
    read = "select pagerduty.read_all_notifications(%s) as count"
    count = "select pagerduty.count_unread_notifications(%s) as count"
    assert database.run_as(acme["viewer"], read, (globex.id,)) == [{"count": 0}]
    assert database.run_as(acme["viewer"], count, (globex.id,)) == [{"count": 0}]
    assert database.run_as(acme["viewer"], count, (acme.id,)) == [{"count": 1}]
    assert database.run_as(acme["viewer"], read, (acme.id,)) == [{"count": 1}]
    assert database.run_as(acme["viewer"], read, (acme.id,)) == [{"count": 0}]
    assert database.run_as(acme["viewer"], count, (acme.id,)) == [{"count": 0}]
    assert database.run_as(acme["owner"], count, (acme.id,)) == [{"count": 1}], "reading is one's own"


LISTS = {
    "list": "select id::text from pagerduty.list_notifications(%s, 'all')",
    "changes": "select id::text from pagerduty.changed_notifications(%s, 0)",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_of_one_organization(database: Database, acme: Organization, globex: Organization, name: str) -> None:
    own, foreign = database.notify(acme, event()), database.notify(globex, event())
    assert database.run_as(acme["viewer"], LISTS[name], (acme.id,)) == [{"id": own}]
    assert database.run_as(acme["viewer"], LISTS[name], (globex.id,)) == []
    both = database.join(globex, "viewer", acme["viewer"])
    assert database.run_as(both, LISTS[name], (acme.id,)) == [{"id": own}]
    assert database.run_as(both, LISTS[name], (globex.id,)) == [{"id": foreign}]


def test_the_history_is_for_those_who_see_the_notification(
    database: Database, acme: Organization, globex: Organization
) -> None:
    own = database.notify(acme, event())
    history = "select headline from pagerduty.notification_events(%s)"
    for role in ROLES:
        assert database.run_as(acme[role], history, (own,)) == [{"headline": "Triggered"}]
    assert database.run_as(globex["owner"], history, (own,)) == []
    database.rows("update pagerduty.notifications set recipients = %s::uuid[] where id = %s", ([acme["viewer"]], own))
    assert database.run_as(acme["owner"], history, (own,)) == []
    assert database.run_as(acme["viewer"], history, (own,)) == [{"headline": "Triggered"}]


def test_the_history_by_place(database: Database, acme: Organization) -> None:
    minutes = [f"2026-11-23T10:{minute:02}:00Z" for minute in range(5)]
    database.ingest(acme, *[event("incident.escalated", occurred_at=minute) for minute in minutes])
    notification = database.value("select id::text from pagerduty.notifications where organization_id = %s", (acme.id,))
    page = "select id, occurred_at, received_at from pagerduty.notification_events(%s, %s, %s, 2)"
    found, before = list[int](), (None, None)
    for size in (2, 2, 1, 0):
        rows = database.run_as(acme["viewer"], page, (notification, *before))
        assert len(rows) == size
        found += [row["occurred_at"].minute for row in rows]
        before = (rows[-1]["received_at"], rows[-1]["id"]) if rows else before
    assert found == [4, 3, 2, 1, 0]


def test_the_unread_count_stops_at_its_limit(database: Database, acme: Organization) -> None:
    database.ingest(acme, *(event(incident_id=f"P{number}") for number in range(5)))
    count = "select pagerduty.count_unread_notifications(%s, 3) as count"
    assert database.run_as(acme["viewer"], count, (acme.id,)) == [{"count": 3}]


# Addressees, claims ---------------------------------------------------------------------------------------------------


def test_a_notification_for_some_is_seen_by_them_alone(
    database: Database, acme: Organization, globex: Organization
) -> None:
    notification = database.value(
        "insert into pagerduty.notifications"
        " (organization_id, subject, event_type, title, recipients, pagerduty_incident_id, seq, loud_seq)"
        " values (%s, 'incident:PFOR2', 'incident.triggered', 'For two', %s::uuid[], 'PFOR2', 1, 1) returning id::text",
        (acme.id, [acme["viewer"], acme["responder"], globex["owner"]]),
    )
    readers = {**{role: acme[role] for role in ROLES}, "stranger": globex["owner"]}
    for table in ("notifications", "notification_feed"):
        select = f"select id from pagerduty.{table} where id = %s"
        seen = {name for name, user in readers.items() if database.run_as(user, select, (notification,))}
        assert seen == {"viewer", "responder"}, "an addressee who is no member is none"
    for name, call in LISTS.items():
        seen = {name for name, user in readers.items() if database.run_as(user, call, (acme.id,))}
        assert seen == {"viewer", "responder"}, name
    count = "select pagerduty.count_unread_notifications(%s) as count"
    counts = {name: database.run_as(user, count, (acme.id,))[0]["count"] for name, user in readers.items()}
    assert {name for name, counted in counts.items() if counted} == {"viewer", "responder"}
    mark = "select id::text from pagerduty.mark_notifications(%s, %s::uuid[], 'read')"
    assert database.run_as(acme["owner"], mark, (acme.id, [notification])) == []
    assert database.run_as(acme["viewer"], mark, (acme.id, [notification])) == [{"id": notification}]
    link = "insert into pagerduty.incidents (organization_id, title, notification_id) values (%s, 'x', %s)"
    assert database.refusal(acme["owner"], link, (acme.id, notification)) == NOT_FOUND
    assert database.refusal(acme["responder"], link, (acme.id, notification)) is None


def test_a_notification_for_nobody_is_seen_by_nobody(database: Database, acme: Organization) -> None:
    database.rows(
        "insert into pagerduty.notifications (organization_id, subject, event_type, title, recipients, seq, loud_seq)"
        " values (%s, 'incident:P', 'incident.triggered', 'For nobody', '{}', 1, 1)",
        (acme.id,),
    )
    assert database.run_as(acme["owner"], "select id from pagerduty.notifications") == []


def test_claims_that_users_write_themselves_open_nothing(database: Database, acme: Organization) -> None:
    database.notify(acme, event())
    boasts: dict[str, Any] = {
        "organization_id": acme.id, "organizations": [acme.id], "role": "owner", "user_role": "owner",
        "is_super_admin": True, "sub": acme["owner"],
    }  # fmt: skip
    outsider = database.user("Outsider", **boasts)
    for claims in (
        {"user_metadata": boasts},
        {"app_metadata": boasts},
        {"organization_id": acme.id, "user_role": "owner"},
    ):
        for table in ("organizations", "memberships", "notifications", "integrations"):
            assert database.run_as(outsider, f"select 1 from pagerduty.{table}", **claims) == []
    lifted = database.run_as(
        acme["viewer"],
        "update pagerduty.organizations set name = 'Mine' returning id",
        user_metadata=boasts,
        app_metadata=boasts,
    )
    assert lifted == []


# What admins see and do with the integration --------------------------------------------------------------------------


def test_the_secret_part_of_the_settings_is_for_owners_and_admins(
    database: Database, acme: Organization, globex: Organization
) -> None:
    get = "select pagerduty.get_integration(%s) as settings"
    for role in ROLES:
        [row] = database.run_as(acme[role], get, (acme.id,))
        assert row["settings"]["organization_id"] == acme.id
        if role in ("owner", "admin"):
            assert row["settings"]["admin"]["webhook_token"] == acme.token
            assert row["settings"]["admin"].keys() == {
                "webhook_token", "previous_webhook_token_expires_at", "accept_bare_url", "integration_key",
                "subscription_is_current",
                "api_key_last4", "signing_secret_last4", "seen_services",
            }  # fmt: skip
        else:
            assert row["settings"]["admin"] is None
            assert acme.token not in str(row)
    for user in (globex["owner"], database.user()):
        assert database.run_as(user, get, (acme.id,)) == [{"settings": None}]
        fields = database.run_as(user, "select pagerduty_private.integration_admin_fields(%s) as fields", (acme.id,))
        assert fields == [{"fields": None}]


CREDENTIALS = {
    "api_key": {"sealed": "sealed key", "last4": "1234"},
    "signing_secret": {"sealed": "sealed secret", "last4": "5678"},
}


@pytest.mark.parametrize("role", ROLES)
def test_owners_and_admins_save_settings_and_credentials(database: Database, acme: Organization, role: str) -> None:
    save = "select pagerduty.save_integration(%s, %s, %s) as saved"
    settings = {
        "enabled": False, "integration_key": "PKEY", "region": "eu", "event_types": ["incident.triggered"],
        "services": ["Ledger"],
    }  # fmt: skip
    attempt = (acme[role], save, (acme.id, Jsonb(settings), Jsonb(CREDENTIALS)))
    if role not in ("owner", "admin"):
        assert database.refusal(*attempt) == REFUSED
        assert database.rows("select 1 from pagerduty.credentials where organization_id = %s", (acme.id,)) == []
        return
    [row] = database.run_as(*attempt)
    saved = row["saved"]
    assert {name: saved[name] for name in settings.keys() & saved.keys()} == {
        name: value for name, value in settings.items() if name != "integration_key"
    }
    assert saved["api_key_set"]
    assert saved["signing_secret_set"]
    admin = saved["admin"]
    assert admin["webhook_token"] == acme.token
    assert (admin["integration_key"], admin["api_key_last4"], admin["signing_secret_last4"]) == ("PKEY", "1234", "5678")
    assert "sealed" not in str(saved)


@pytest.mark.parametrize("role", ROLES)
def test_the_first_settings_of_an_organization(database: Database, acme: Organization, role: str) -> None:
    database.rows("delete from pagerduty.integrations where organization_id = %s", (acme.id,))
    save = "select pagerduty.save_integration(%s, '{\"enabled\": true}', %s) as saved"
    if role not in ("owner", "admin"):
        assert database.refusal(acme[role], save, (acme.id, Jsonb(CREDENTIALS))) == REFUSED
        return
    [row] = database.run_as(acme[role], save, (acme.id, Jsonb(CREDENTIALS)))
    assert row["saved"]["enabled"]
    assert len(row["saved"]["admin"]["webhook_token"]) == 64
    assert row["saved"]["admin"]["webhook_token"] != acme.token


def test_what_is_not_mentioned_stays_and_null_removes(database: Database, acme: Organization) -> None:
    save = "select pagerduty.save_integration(%s, %s, %s) as saved"
    settings = {
        "enabled": True, "integration_key": "PKEY", "region": "eu", "event_types": ["incident.triggered"],
        "services": ["PSVC001", "Ledger"],
    }  # fmt: skip
    database.run_as(acme["owner"], save, (acme.id, Jsonb(settings), Jsonb(CREDENTIALS)))
    [row] = database.run_as(acme["admin"], save, (acme.id, Jsonb({}), Jsonb({})))
    saved = row["saved"]
    assert {key: saved[key] for key in settings.keys() - {"integration_key"}} == {
        key: settings[key] for key in settings.keys() - {"integration_key"}
    }
    assert saved["admin"]["integration_key"] == "PKEY"
    assert saved["api_key_set"]
    cleared = {"integration_key": None, "event_types": None, "services": None}
    [row] = database.run_as(acme["admin"], save, (acme.id, Jsonb(cleared), Jsonb({"api_key": None})))
    saved = row["saved"]
    assert (saved["enabled"], saved["region"], saved["event_types"], saved["services"]) == (True, "eu", None, None)
    assert saved["admin"]["integration_key"] is None
    assert (saved["api_key_set"], saved["signing_secret_set"]) == (False, True)
    [stored] = database.rows("select * from pagerduty.credentials where organization_id = %s", (acme.id,))
    assert (stored["api_key"], stored["signing_secret"]) == (None, "sealed secret")


def test_the_sealed_api_key_is_for_owners_and_admins(
    database: Database, acme: Organization, globex: Organization
) -> None:
    save = "select pagerduty.save_integration(%s, '{}', %s)"
    for organization in (globex, acme):
        database.run_as(organization["owner"], save, (organization.id, Jsonb(CREDENTIALS)))
    get = "select pagerduty.get_sealed_api_key(%s) as sealed"
    people = {**acme.people, "stranger": globex["owner"], "nobody": database.user()}
    got = {name: database.run_as(user, get, (acme.id,))[0]["sealed"] for name, user in people.items()}
    assert {name for name, sealed in got.items() if sealed == "sealed key"} == {"owner", "admin"}
    assert {got[name] for name in ("responder", "viewer", "stranger", "nobody")} == {None}
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.run_as(None, get, (acme.id,), role="anon")
