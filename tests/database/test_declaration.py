"""What is declared and what the migrations make is the same, and the comparison sees whatever could differ."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from devstack.dump import differences, dump
from devstack.migrate import SUPABASE, apply_declaration, apply_migrations, declared_files
from devstack.postgres import Cluster
from tests.database.database import scratch

# One change by hand for each kind of thing that a database is made of, and what the dump calls that thing.
CHANGES = (
    ("create schema pagerduty_more", "Type: SCHEMA;"),
    ("create type pagerduty.mood as enum ('good', 'bad')", "Type: TYPE;"),
    ("alter type pagerduty.incident_level rename value 'low' to 'lowest'", "Name: incident_level; Type: TYPE;"),
    ("create domain pagerduty.email as text", "Type: DOMAIN;"),
    ("create table pagerduty.extra (id integer)", "Name: extra; Type: TABLE;"),
    ("alter table pagerduty.incidents add column note text", "Name: incidents; Type: TABLE;"),
    ("alter table pagerduty.incidents alter column customer type varchar(255)", "Name: incidents; Type: TABLE;"),
    ("alter table pagerduty.incidents alter column title drop not null", "Name: incidents; Type: TABLE;"),
    ("alter table pagerduty.incidents alter column status set default 'resolved'", "Name: incidents; Type: TABLE;"),
    ("alter table pagerduty.events drop constraint events_reason_check", "Name: events; Type: TABLE;"),
    ("alter table pagerduty.integrations drop constraint integrations_webhook_token_key", "Type: CONSTRAINT;"),
    ("alter table pagerduty.receipts drop constraint receipts_user_id_fkey", "Type: FK CONSTRAINT;"),
    ("drop index pagerduty.events_incident_idx", "Type: INDEX;"),
    ("create sequence pagerduty.numbers", "Type: SEQUENCE;"),
    ("drop trigger link_incident on pagerduty.incidents", "Name: incidents link_incident; Type: TRIGGER;"),
    ("alter table pagerduty.memberships disable trigger start_inbox", "Type: TRIGGER;"),
    (
        "create or replace function pagerduty_private.new_webhook_token() returns text"
        " language sql volatile set search_path = '' as 'select 1'",
        "Name: new_webhook_token(); Type: FUNCTION;",
    ),
    ("alter function pagerduty_private.may_listen(text) reset search_path", "Type: FUNCTION;"),
    ("alter function pagerduty_private.may_listen(text) security invoker", "Type: FUNCTION;"),
    ("alter function pagerduty_private.may_listen(text) volatile", "Type: FUNCTION;"),
    ("alter view pagerduty.notification_feed set (security_invoker = false)", "Type: VIEW;"),
    (
        "create or replace view pagerduty.notification_feed with (security_invoker = false) as"
        " select * from (select f.* from pagerduty.notification_feed f) x where false",
        "Type: VIEW;",
    ),
    ("comment on column pagerduty.notification_feed.title is 'Another'", "Type: COMMENT;"),
    ("comment on column pagerduty.incidents.title is null", "Type: COMMENT;"),
    ("comment on table pagerduty.incidents is null", "Name: TABLE incidents; Type: COMMENT;"),
    ("comment on view pagerduty.notification_feed is null", "Name: VIEW notification_feed; Type: COMMENT;"),
    ("comment on schema pagerduty is null", "Type: COMMENT;"),
    ("comment on function pagerduty_private.may_listen(text) is null", "Type: COMMENT;"),
    ("grant usage on schema pagerduty to anon", "Name: SCHEMA pagerduty; Type: ACL;"),
    ("grant select on pagerduty.incidents to anon", "Name: TABLE incidents; Type: ACL;"),
    ("grant select (webhook_token) on pagerduty.integrations to authenticated", "Type: ACL;"),
    ("grant execute on function pagerduty.get_webhook(text) to authenticated", "Type: ACL;"),
    (
        "alter default privileges for role postgres in schema pagerduty grant select on tables to anon",
        "Type: DEFAULT ACL;",
    ),
    ("alter default privileges for role postgres grant usage on schemas to anon", "Type: DEFAULT ACL;"),
    ('alter policy "members read" on pagerduty.incidents using (true)', "Type: POLICY;"),
    ('alter policy "addressees read" on pagerduty.notifications to public', "Type: POLICY;"),
    ('alter policy "pagerduty: members listen" on realtime.messages using (true)', "Schema: realtime;"),
    ("create policy everybody on realtime.messages for select using (true)", "Schema: realtime;"),
    ("alter table pagerduty.notifications disable row level security", "Type: ROW SECURITY;"),
    ("alter table pagerduty.notifications force row level security", "Type: TABLE;"),
    ("alter table pagerduty.incidents owner to service_role", "Owner: service_role"),
    ("alter publication supabase_realtime add table pagerduty.incidents", "Type: PUBLICATION TABLE;"),
)


def _name(url: str) -> str:
    return url.rpartition("/")[2]


@pytest.fixture
def declared(cluster: Cluster) -> Iterator[str]:
    with scratch(cluster) as url:
        apply_declaration(url)
        yield url


def test_the_migrations_make_what_is_declared(cluster: Cluster, declared: str) -> None:
    with scratch(cluster) as url:
        apply_migrations(url)
        migrated = dump(cluster, _name(url))
    assert "Name: incidents; Type: TABLE; Schema: pagerduty; Owner: postgres" in migrated
    assert differences(dump(cluster, _name(declared)), migrated) == ""


def test_a_change_of_any_kind_is_seen(cluster: Cluster, declared: str) -> None:
    with psycopg.connect(declared, autocommit=True) as connection:
        # So that `postgres`, which is no superuser, may give a table away.
        connection.execute("grant create on schema pagerduty to service_role")
        before = dump(cluster, _name(declared))
        for change, thing in CHANGES:
            connection.execute(change.encode())
            after = dump(cluster, _name(declared))
            assert thing in differences(before, after), change
            before = after


def test_the_order_of_columns_and_grants_does_not_count(cluster: Cluster) -> None:
    texts = (
        "create table public.things (a integer, b integer)",
        "create table public.things (b integer); alter table public.things add column a integer;"
        "revoke all on public.things from anon, postgres;"
        "grant all on public.things to postgres, anon",
    )
    with scratch(cluster, before=texts[0]) as one, scratch(cluster, before=texts[1]) as other:
        assert differences(dump(cluster, _name(one)), dump(cluster, _name(other))) == ""


def test_every_file_of_the_declaration_is_listed_and_every_listed_one_exists() -> None:
    listed = declared_files()
    folders = (SUPABASE / "schemas", SUPABASE.parent / "policies")
    assert sorted(listed) == sorted(file for folder in folders for file in folder.rglob("*") if file.is_file())


def test_a_table_has_its_file_and_its_policies(declared: str) -> None:
    with psycopg.connect(declared) as connection:
        rows = connection.execute(
            "select relname from pg_class where relnamespace = 'pagerduty'::regnamespace and relkind in ('r', 'p')"
        ).fetchall()
    tables = {name for (name,) in rows}
    private = {
        "inboxes",
        "note_looks",
        "outboxes",
        "reconciliations",
        "topics",
    }  # in pagerduty_private, where no role that a user can hold reads
    assert {file.stem for file in (SUPABASE / "schemas/tables").glob("*.sql")} == tables | private
    assert {file.stem for file in (SUPABASE.parent / "policies").glob("*.sql")} == tables | {
        "realtime_messages",
        "topics",
    }
    for table in tables:
        assert f"on pagerduty.{table}" in Path(SUPABASE.parent / "policies" / f"{table}.sql").read_text()
