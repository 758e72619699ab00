"""Another project takes ours in: by its own `supabase db push`, beside what it has, and lets it go again."""

import contextlib
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from devstack.dump import differences, dump
from devstack.migrate import SUPABASE, apply_migrations
from devstack.postgres import Cluster
from devstack.supabase_cli import ROOT
from service.__main__ import main
from tests.database.cli import push, supabase
from tests.database.database import Database, scratch
from tests.database.events import event

ADOPT = ROOT / "docs/adopt.md"
HOST_USER = "70000000-0000-4000-8000-000000000001"
# Names, keys, policies and default privileges that collide with all that a careless guest would bring.
HOST = f"""
create schema private;
create table public.organizations (id bigint generated always as identity primary key, name text not null);
create table public.memberships (
  organization_id bigint not null references public.organizations,
  user_id uuid not null,
  primary key (organization_id, user_id)
);
create table public.notifications (id bigint primary key, body text);
create table public.incidents (id bigint primary key, status text);
create type public.incident_status as enum ('new', 'old');
create function private.my_organizations() returns setof bigint
language sql stable security definer set search_path = ''
as $$ select m.organization_id from public.memberships m where m.user_id = auth.uid() $$;
alter table public.organizations enable row level security;
create policy "members read" on public.organizations for select to authenticated
  using (id in (select private.my_organizations()));
grant usage on schema private to authenticated;
create policy "members listen" on realtime.messages for select to authenticated
  using (realtime.topic() = 'room:1');
create policy "members speak" on realtime.messages for insert to authenticated with check (realtime.topic() = 'room:1');
alter default privileges for role postgres grant all on tables to anon, authenticated;
alter default privileges for role postgres grant all on schemas to anon;
alter default privileges for role postgres revoke execute on functions from public;
insert into public.organizations (name) values ('Theirs');
insert into public.memberships values (1, '{HOST_USER}');
insert into public.notifications values (1, 'Theirs');
insert into public.incidents values (1, 'new');
"""
ROWS = """
select
  (select json_agg(o) from public.organizations o) as organizations,
  (select json_agg(m) from public.memberships m) as memberships,
  (select json_agg(n) from public.notifications n) as notifications,
  (select json_agg(i) from public.incidents i) as incidents,
  (select json_agg(h order by h.version) from supabase_migrations.schema_migrations h) as history,
  (select count(*) from realtime.messages) as messages
"""


class Project:
    """Somebody's folder of migrations."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.migrations = folder / "supabase/migrations"
        self.migrations.mkdir(parents=True)
        (folder / "supabase/config.toml").write_text('project_id = "theirs"\n')
        (self.migrations / "20260101000000_theirs.sql").write_text(HOST)

    def take_ours(self) -> str:
        """`python -m service migrations`; answers what it printed."""
        with contextlib.redirect_stdout(io.StringIO()) as said:
            assert main(["migrations", "--to", str(self.migrations)]) == 0
        return said.getvalue()

    def ours(self) -> list[Path]:
        """Our migrations among theirs."""
        return [file for file in sorted(self.migrations.glob("*.sql")) if "supabase-pagerduty" in file.read_text()]


class Host(Project):
    """A project with its database, which has its own migrations."""

    def __init__(self, folder: Path, cluster: Cluster, dsn: str) -> None:
        super().__init__(folder)
        self.cluster, self.dsn = cluster, dsn
        apply_migrations(dsn, self.migrations)

    def state(self) -> tuple[dict[str, str], Any]:
        """The whole catalogue, and their rows."""
        database = self.dsn.rpartition("/")[2]
        with psycopg.connect(self.dsn) as connection:
            return dump(self.cluster, database, history=True), connection.execute(ROWS.encode()).fetchone()


@pytest.fixture
def host(tmp_path: Path, cluster: Cluster) -> Iterator[Host]:
    with scratch(cluster) as dsn:
        yield Host(tmp_path / "theirs", cluster, dsn)


def test_it_moves_in_works_and_leaves_nothing_behind(host: Host) -> None:
    catalogue, rows = host.state()
    command = [sys.executable, "-m", "service", "migrations", "--to", str(host.migrations)]
    subprocess.run(command, cwd=ROOT, check=True)
    push(host.dsn, project=host.folder)
    with Database(host.dsn) as database:
        ours_works(database)
        theirs_works(database)
        database.clean_up()
    for line in statements_to_leave(host):
        with psycopg.connect(host.dsn) as connection:
            connection.execute(line.encode())
    repaired = [file.name.partition("_")[0] for file in host.ours()]
    ran = supabase(host.dsn, "migration", "repair", "--yes", "--status", "reverted", *repaired, project=host.folder)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    left, their_rows = host.state()
    assert differences(catalogue, left) == ""
    assert their_rows == rows


def ours_works(database: Database) -> None:
    """An alert is seen by a member, in the feed and on the organization's topic, and by nobody else."""
    acme, globex = database.organization(), database.organization()
    notification = database.notify(acme, event())
    feed = "select id::text from pagerduty.notification_feed"
    assert database.run_as(acme["viewer"], feed) == [{"id": notification}]
    assert database.run_as(globex["owner"], feed) == []
    assert database.refusal(None, feed, role="anon") == "42501"
    incident = database.link(acme, acme["responder"], notification)
    assert database.status_of(incident) == "open"
    topic = f"pagerduty:org:{acme.id}"
    listen = "select distinct topic from realtime.messages"
    for user, heard in ((acme["viewer"], [{"topic": topic}]), (globex["owner"], [])):
        with database.acting(user) as run:
            run("select set_config('realtime.topic', %s, true)", (topic,))
            assert run(listen) == heard


def theirs_works(database: Database) -> None:
    """Their tables, policies and functions of the same names are theirs."""
    assert database.run_as(HOST_USER, "select name from public.organizations") == [{"name": "Theirs"}]
    assert database.run_as(database.user(), "select name from public.organizations") == []
    assert database.value("select enum_range(null::public.incident_status)::text") == "{new,old}"
    with database.acting(HOST_USER) as run:
        run("select set_config('realtime.topic', 'room:1', true)")
        # Their policy names no topic: it opens what it opened before.
        assert run("select topic from realtime.messages where topic like 'pagerduty:%%'") != []


def statements_to_leave(host: Host) -> list[str]:
    """The SQL of the guide's clean-up."""
    [block] = re.findall(r"```sql\n(drop schema .+?)```", ADOPT.read_text(), re.DOTALL)
    return [line.strip() for line in block.split(";") if line.strip()]


def test_our_migrations_come_after_theirs_and_once(tmp_path: Path) -> None:
    host = Project(tmp_path / "theirs")
    later = host.migrations / "29990101000000_planned.sql"
    later.write_text("select 1;")
    assert host.take_ours().count("Wrote ") == len(list((SUPABASE / "migrations").glob("*.sql")))
    copied = host.ours()
    assert [file.name for file in copied] == ["29990101000001_pagerduty.sql"]
    assert "has all of them already" in host.take_ours()
    # A project may rename a copy; one that is missing is copied again, after all others.
    copied[0].rename(host.migrations / "29990101000005_alerts.sql")
    assert "has all of them already" in host.take_ours()
    (host.migrations / "29990101000005_alerts.sql").unlink()
    host.take_ours()
    assert len(host.ours()) == 1


def test_a_folder_that_is_no_project_gets_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "service", "migrations", "--to", str(tmp_path / "missing/migrations")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.strip() == f"{tmp_path / 'missing'} is no folder: name the supabase/migrations of your project."


@pytest.mark.one_postgres  # what the CLI does with a statement that fails
@pytest.mark.parametrize(
    ("in_the_way", "told"),
    [
        ("create schema pagerduty; create table pagerduty.organizations (id bigint)", "has schema pagerduty already"),
        ("create schema pagerduty_private", "has schema pagerduty_private already"),
        (
            'create policy "pagerduty: members listen" on realtime.messages for select to anon using (false)',
            "realtime.messages has a policy",
        ),
        ("drop table realtime.messages cascade", "lacks realtime.messages"),
    ],
    ids=["schema", "private schema", "policy", "no Realtime"],
)
def test_with_something_in_the_way_nothing_is_changed(host: Host, in_the_way: str, told: str) -> None:
    with psycopg.connect(host.dsn) as connection:
        connection.execute("set role supabase_realtime_admin" if "drop table" in in_the_way else "reset role")
        connection.execute(in_the_way.encode())
    database = host.dsn.rpartition("/")[2]
    before = dump(host.cluster, database, history=True)
    host.take_ours()
    ran = supabase(host.dsn, "db", "push", "--yes", project=host.folder)
    assert ran.returncode != 0
    assert told in ran.stdout + ran.stderr
    assert differences(before, dump(host.cluster, database, history=True)) == ""
    with psycopg.connect(host.dsn) as connection:
        history = connection.execute("select version from supabase_migrations.schema_migrations").fetchall()
    assert history == [("20260101000000",)]


@pytest.mark.one_postgres
def test_one_that_fails_half_way_is_not_half_applied(host: Host) -> None:
    host.take_ours()
    [copy] = host.ours()
    copy.write_text(copy.read_text() + "\nselect 1 / 0;\n")
    before = host.state()
    assert supabase(host.dsn, "db", "push", "--yes", project=host.folder).returncode != 0
    after = host.state()
    assert differences(before[0], after[0]) == ""
    assert after[1] == before[1]
