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
    insert = "insert into pagerduty.receipts (notification_id) values (%s)"
    assert database.refusal(acme["owner"], insert, (foreign,)) == REFUSED
    assert database.refusal(acme["owner"], insert, (str(uuid.uuid4()),)) == REFUSED
    for conflict in ("do nothing", "do nothing returning notification_id"):
        assert database.refusal(acme["owner"], f"{insert} on conflict {conflict}", (foreign,)) == REFUSED


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


def test_reading_all_stops_at_the_moment_it_is_given(database: Database, acme: Organization) -> None:
    first, second = database.notify(acme, event()), database.notify(acme, event())
    shown = database.value("select created_at from pagerduty.notifications where id = %s", (first,))
    read = "select pagerduty.read_all_notifications(%s, %s) as count"
    assert database.run_as(acme["viewer"], read, (acme.id, shown)) == [{"count": 1}]
    unread = database.run_as(acme["viewer"], "select id::text from pagerduty.notification_feed where read_at is null")
    assert unread == [{"id": second}]


def test_the_unread_count_stops_at_its_limit(database: Database, acme: Organization) -> None:
    database.ingest(acme, *(event() for _ in range(5)))
    count = "select pagerduty.count_unread_notifications(%s, 3) as count"
    assert database.run_as(acme["viewer"], count, (acme.id,)) == [{"count": 3}]


# Addressees, claims ---------------------------------------------------------------------------------------------------


def test_a_notification_for_some_is_seen_by_them_alone(
    database: Database, acme: Organization, globex: Organization
) -> None:
    notification = database.value(
        "insert into pagerduty.notifications (organization_id, event_type, title, recipients, pagerduty_incident_id)"
        " values (%s, 'incident.triggered', 'For two', %s::uuid[], 'PFOR2') returning id::text",
        (acme.id, [acme["viewer"], acme["responder"], globex["owner"]]),
    )
    readers = {**{role: acme[role] for role in ROLES}, "stranger": globex["owner"]}
    for table in ("notifications", "notification_feed"):
        select = f"select id from pagerduty.{table} where id = %s"
        seen = {name for name, user in readers.items() if database.run_as(user, select, (notification,))}
        assert seen == {"viewer", "responder"}, "an addressee who is no member is none"
    insert = "insert into pagerduty.receipts (notification_id) values (%s)"
    assert database.refusal(acme["owner"], insert, (notification,)) == REFUSED
    assert database.refusal(acme["viewer"], insert, (notification,)) is None
    link = "insert into pagerduty.incidents (organization_id, title, notification_id) values (%s, 'x', %s)"
    assert database.refusal(acme["owner"], link, (acme.id, notification)) == NOT_FOUND
    assert database.refusal(acme["responder"], link, (acme.id, notification)) is None


def test_a_notification_for_nobody_is_seen_by_nobody(database: Database, acme: Organization) -> None:
    database.rows(
        "insert into pagerduty.notifications (organization_id, event_type, title, recipients)"
        " values (%s, 'incident.triggered', 'For nobody', '{}')",
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
