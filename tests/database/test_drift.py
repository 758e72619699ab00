"""The running database is what is declared, and nothing more is open than what somebody opened on purpose."""

from collections.abc import Iterator

import psycopg
import pytest

from devstack.migrate import apply_declaration, apply_migrations
from devstack.postgres import Cluster
from tests.database import catalog
from tests.database.database import Database, scratch

# A project without Supabase's older default privileges, where nothing is granted unless it is said.
NO_DEFAULTS = "".join(
    f"alter default privileges for role postgres in schema public"
    f" revoke all on {things} from anon, authenticated, service_role;"
    for things in ("tables", "sequences", "functions")
)

# A project that has opened whatever it makes, in any schema, to everybody.
ALL_DEFAULTS = "".join(
    f"alter default privileges for role postgres grant all on {things} to public, anon, authenticated, service_role;"
    for things in ("schemas", "tables", "sequences", "functions")
)

# What a hurried hand might do in the dashboard's SQL editor.
TAMPERINGS = (
    "alter table pagerduty.notifications disable row level security",
    "grant select on pagerduty.incidents to anon",
    "grant select (webhook_token) on pagerduty.integrations to authenticated",
    "revoke select on pagerduty.organizations from authenticated",
    "revoke update (name) on pagerduty.organizations from authenticated",
    'drop policy "members read" on pagerduty.memberships',
    'alter policy "members read" on pagerduty.incidents using (true)',
    'alter policy "responders change" on pagerduty.incidents with check (true)',
    'alter policy "pagerduty: members listen" on realtime.messages using (true)',
    'alter policy "addressees read" on pagerduty.notifications to public',
    "create policy everybody on pagerduty.events for select to authenticated using (true)",
)


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as opened:
        yield opened


@pytest.fixture
def breakable(migrated: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(migrated, autocommit=True) as opened:
        yield opened


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_a_change_by_hand_is_seen(breakable: psycopg.Connection, tampering: str) -> None:
    before = catalog.access(breakable)
    breakable.execute(tampering.encode())
    assert catalog.access(breakable) != before


def test_the_running_database_has_not_drifted(cluster: Cluster, connection: psycopg.Connection) -> None:
    with scratch(cluster) as url, psycopg.connect(url, autocommit=True) as declared:
        apply_declaration(url)
        assert catalog.access(connection) == catalog.access(declared)
        assert catalog.access(declared)["policies"]


def test_row_level_security_is_on_everywhere(connection: psycopg.Connection) -> None:
    enabled = {name for name, is_on, _ in catalog.access(connection)["row security"] if is_on}
    assert enabled == {f"pagerduty.{table}" for table in catalog.tables(connection)}
    view = connection.execute("select reloptions from pg_class where oid = 'pagerduty.notification_feed'::regclass")
    assert view.fetchone() == (["security_invoker=true"],)


def test_nothing_at_all_is_granted_to_anon_or_to_everybody(connection: psycopg.Connection) -> None:
    assert {line for line in catalog.grants(connection) if line[2] in ("anon", "public")} == set()


def test_no_privilege_may_be_passed_on(connection: psycopg.Connection) -> None:
    assert {line for line in catalog.grants(connection) if line[4]} == set()


def test_the_secrets_table_is_closed_to_users(connection: psycopg.Connection) -> None:
    granted = {line for line in catalog.grants(connection) if line[1].startswith("pagerduty.credentials")}
    assert {line[2] for line in granted} == {"service_role"}
    policies = catalog.access(connection)["policies"]
    assert not [policy for policy in policies if policy[1] == "credentials"]


def test_users_never_get_more_than_to_select_insert_update_and_delete(connection: psycopg.Connection) -> None:
    granted = {line[3] for line in catalog.grants(connection) if line[0] in ("relation", "column")}
    assert granted == {"SELECT", "INSERT", "UPDATE", "DELETE"}


def test_everything_carries_a_comment(connection: psycopg.Connection) -> None:
    assert catalog.uncommented(connection) == set()


def test_a_missing_comment_would_be_noticed(breakable: psycopg.Connection) -> None:
    breakable.execute("comment on column pagerduty.incidents.title is null")
    breakable.execute("comment on function pagerduty_private.may_listen(text) is null")
    breakable.execute("comment on type pagerduty.incident_level is null")
    breakable.execute("comment on view pagerduty.notification_feed is null")
    assert catalog.uncommented(breakable) == {
        "pagerduty.incidents.title", "pagerduty_private.may_listen(text)",
        "pagerduty.incident_level", "pagerduty.notification_feed",
    }  # fmt: skip


def test_every_foreign_key_has_an_index(connection: psycopg.Connection) -> None:
    assert catalog.unindexed_foreign_keys(connection) == set()


def test_a_foreign_key_without_an_index_would_be_noticed(breakable: psycopg.Connection) -> None:
    breakable.execute("drop index pagerduty.incidents_created_by_idx")
    assert catalog.unindexed_foreign_keys(breakable) == {"pagerduty.incidents incidents_created_by_fkey"}


def test_functions_with_others_rights_are_out_of_the_apis_reach(connection: psycopg.Connection) -> None:
    found = catalog.functions(connection)
    assert [f["name"] for f in found if 'search_path=""' not in (f["settings"] or [])] == []
    definers = [f for f in found if f["definer"]]
    assert definers
    assert {f["schema"] for f in definers} == {"pagerduty_private"}


def test_everything_belongs_to_postgres(connection: psycopg.Connection) -> None:
    assert catalog.not_owned_by_postgres(connection) == set()


@pytest.mark.parametrize(("defaults", "anon_has"), [(NO_DEFAULTS, 0), (ALL_DEFAULTS, 4)], ids=["none", "all"])
def test_default_privileges_make_no_difference(
    cluster: Cluster, connection: psycopg.Connection, defaults: str, anon_has: int
) -> None:
    with scratch(cluster, before=defaults) as url, psycopg.connect(url, autocommit=True) as other:
        kinds = (
            "select count(distinct a.defaclobjtype) from pg_default_acl a, aclexplode(a.defaclacl) x"
            " where x.grantee = 'anon'::regrole"
        )
        assert other.execute(kinds.encode()).fetchone() == (anon_has,)
        apply_migrations(url)
        assert catalog.access(other) == catalog.access(connection)


def test_the_embedded_stack_has_the_default_privileges_that_grant_everything(cluster: Cluster) -> None:
    """So that the tests above mean something: a table made without revokes is open to all."""
    with scratch(cluster) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table public.careless (id integer)")
        connection.execute("create function public.careless() returns integer language sql as 'select 1'")
        open_to_anon = connection.execute(
            "select has_table_privilege('anon', 'public.careless', 'select, delete'),"
            " has_function_privilege('anon', 'public.careless()', 'execute')"
        )
        assert open_to_anon.fetchone() == (True, True)


def test_users_may_call_these_functions_and_no_others(database: Database) -> None:
    callable_by = {
        role: {line[1].partition("(")[0] for line in catalog.grants(database.connection)
               if line[0] == "function" and line[2] == role}
        for role in ("authenticated", "service_role")
    }  # fmt: skip
    assert {name for name in callable_by["authenticated"] if name.startswith("pagerduty.")} == {
        "pagerduty.get_integration", "pagerduty.save_integration", "pagerduty.get_sealed_api_key",
        "pagerduty.rotate_webhook_url",
        "pagerduty.save_subscription", "pagerduty.retry_outbox", "pagerduty.reconcile_now", "pagerduty.ask_pagerduty",
        "pagerduty.send_test_alert",
        "pagerduty.get_notifications", "pagerduty.unread_counts", "pagerduty.list_notifications",
        "pagerduty.changed_notifications", "pagerduty.count_unread_notifications",
        "pagerduty.mark_notifications", "pagerduty.read_all_notifications", "pagerduty.notification_events",
        "pagerduty.link_notification",
        "pagerduty.invite_member", "pagerduty.my_invitations", "pagerduty.revoke_invitation",
        "pagerduty.accept_invitation", "pagerduty.create_organization",
    }  # fmt: skip
    assert {name for name in callable_by["service_role"] if name.startswith("pagerduty.")} == {
        "pagerduty.get_webhook", "pagerduty.report_problem", "pagerduty.ingest_webhooks",
        "pagerduty.tell_due", "pagerduty.claim_outbox", "pagerduty.finish_outbox", "pagerduty.defer_outbox",
        "pagerduty.claim_reconciliation", "pagerduty.heal_events", "pagerduty.finish_reconciliation",
        "pagerduty.link_paged_incident", "pagerduty.write_directory",
        "pagerduty.noted_incidents", "pagerduty.amend_notes",
    }  # fmt: skip
