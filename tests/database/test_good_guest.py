"""A project with tables, policies and a history of its own takes ours in, is not disturbed, and gets rid of it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from devstack.dump import differences, dump
from devstack.postgres import SUPERUSER, Cluster
from devstack.supabase_cli import ROOT
from service.adopt import AdoptError, copy_migrations, our_migrations
from tests.database import catalog
from tests.database.cli import push, supabase
from tests.database.database import Database, scratch
from tests.database.events import event

# The names that ours would have in `public`, with keys of another type; what any project may have done before.
HOST = """
create schema private;
create table public.organizations (id bigint generated always as identity primary key, name text not null);
create table public.memberships (
  organization_id bigint references public.organizations, user_id uuid references auth.users,
  primary key (organization_id, user_id)
);
create table public.notifications (id bigint primary key, body text);
create table public.incidents (id bigint primary key, title text);
create table private.secrets (id bigint primary key);
create function private.my_organizations() returns setof bigint language sql stable security definer
  set search_path = '' as 'select organization_id from public.memberships where user_id = (select auth.uid())';
alter table public.organizations enable row level security;
create policy "members read" on public.organizations for select to authenticated
  using (id in (select private.my_organizations()));
create policy "members listen" on realtime.messages for select to authenticated
  using ((select realtime.topic()) = 'room:lobby' and realtime.messages.topic = 'room:lobby');
create policy "members send" on realtime.messages for insert to authenticated
  with check ((select realtime.topic()) = 'room:lobby');
alter default privileges grant all on schemas to anon, authenticated;
alter default privileges grant all on tables to anon, authenticated;
alter default privileges grant all on functions to anon, authenticated;
alter default privileges in schema private grant select on tables to service_role;
insert into public.organizations (name) values ('Host');
insert into public.incidents values (1, 'Theirs');
"""
TABLES = ("public.organizations", "public.memberships", "public.notifications", "public.incidents", "realtime.messages")
REFUSALS = (
    ("create schema pagerduty; create table pagerduty.incidents (id bigint)", "has schema pagerduty already"),
    ("create schema pagerduty_private", "has schema pagerduty_private already"),
    (
        'create policy "pagerduty: members listen" on realtime.messages for select using (true)',
        'has a policy "pagerduty: members listen" already',
    ),
    ("drop schema realtime cascade", "this database lacks realtime.messages, realtime.topic(), realtime.send("),
    # What no check foresees fails half-way.
    ("revoke references on auth.users from postgres; revoke supabase_auth_admin from postgres", "permission denied"),
)


@dataclass
class Project:
    """Another project: its folder, its database, and what it is like."""

    folder: Path
    url: str
    cluster: Cluster

    @property
    def migrations(self) -> Path:
        return self.folder / "supabase/migrations"

    @property
    def database(self) -> str:
        return self.url.rpartition("/")[2]

    def dump(self) -> dict[str, str]:
        return dump(self.cluster, self.database, history=True)

    def rows(self) -> dict[str, list[Any]]:
        with psycopg.connect(self.url) as connection:
            history = "select version, name, statements from supabase_migrations.schema_migrations order by version"
            found = {"history": connection.execute(history.encode()).fetchall()}
            for table in TABLES:
                found[table] = connection.execute(f"select t::text from {table} t order by 1".encode()).fetchall()
        return found

    def as_superuser(self, statement: str) -> None:
        with psycopg.connect(self.cluster.dsn(SUPERUSER, self.database), autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="module")
def pushed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that has pushed what it has so far, to be copied."""
    folder = tmp_path_factory.mktemp("pushed")
    (folder / "supabase/migrations").mkdir(parents=True)
    (folder / "supabase/config.toml").write_text('project_id = "host"\n')
    (folder / "supabase/migrations/20240101000000_host.sql").write_text(HOST)
    with scratch(cluster) as url:
        push(url, cwd=folder)
        yield Project(folder, url, cluster)


@pytest.fixture
def project(pushed: Project, tmp_path: Path) -> Iterator[Project]:
    """A copy of that project for one test."""
    folder = tmp_path / "host"
    shutil.copytree(pushed.folder, folder)
    with scratch(pushed.cluster, template=pushed.database) as url:
        yield Project(folder, url, pushed.cluster)


def _adopt(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service", "migrations", "--to", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _documented(heading: str, place: int = 0) -> str:
    """The SQL that docs/adopt.md tells to run under a heading: the first, or another."""
    _, _, section = (ROOT / "docs/adopt.md").read_text().partition(f"## {heading}\n")
    found: list[str] = re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
    return found[place]


def _hears_lobby(database: Database, user: str) -> bool:
    with database.connection.transaction(force_rollback=True):
        database.rows("insert into realtime.messages (topic, extension) values ('room:lobby', 'broadcast')")
        database.rows("select set_config('realtime.topic', 'room:lobby', true)")
        with database.acting(user) as run:
            return run("select topic from realtime.messages") == [{"topic": "room:lobby"}]


def test_it_moves_in_works_and_leaves_nothing_behind(project: Project) -> None:
    before, rows = project.dump(), project.rows()
    assert _adopt(project.migrations).returncode == 0
    push(project.url, cwd=project.folder)
    with Database(project.url) as database:
        acme, globex = database.organization(), database.organization()
        alert = database.notify(acme, event())
        feed = "select id::text from pagerduty.notification_feed"
        assert database.run_as(acme["viewer"], feed) == [{"id": alert}]
        assert database.run_as(globex["owner"], feed) == []
        assert database.refusal(None, feed, role="anon") == "42501"
        assert {line for line in catalog.grants(database.connection) if line[2] in ("anon", "public")} == set()
        assert _hears_lobby(database, acme["viewer"])
        database.clean_up()
    moved_in = {heading for heading in project.dump() if "pagerduty" not in heading}
    assert moved_in == set(before)
    with psycopg.connect(project.url, autocommit=True) as connection:
        connection.execute(_documented("To uninstall").encode())
    assert differences(before, project.dump()) == ""
    project.as_superuser("delete from realtime.messages where payload is null")  # as Realtime does, after three days
    assert project.rows() == rows
    for copy in project.migrations.glob("*_pagerduty*.sql"):
        copy.unlink()
    assert "up to date" in push(project.url, cwd=project.folder)


@pytest.mark.one_postgres
@pytest.mark.parametrize(("obstacle", "sentence"), REFUSALS, ids=["schema", "helpers", "policy", "realtime", "halfway"])
def test_something_in_the_way_leaves_all_as_it_was(project: Project, obstacle: str, sentence: str) -> None:
    project.as_superuser(obstacle)
    before = project.dump()
    copy_migrations(project.migrations)
    try:
        ran = supabase(project.url, "db", "push", "--yes", cwd=project.folder)
    finally:
        if "revoke supabase_auth_admin" in obstacle:
            project.as_superuser("grant supabase_auth_admin to postgres")
    assert ran.returncode != 0
    assert sentence in ran.stdout + ran.stderr
    assert differences(before, project.dump()) == ""
    with psycopg.connect(project.url) as connection:
        history = connection.execute("select version from supabase_migrations.schema_migrations").fetchall()
    assert history == [("20240101000000",)]


# Who is in ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def adopted(migrated: str) -> Iterator[Database]:
    """A database that has ours, and nobody in it yet."""
    with Database(migrated) as opened:
        yield opened


def _members(database: Database) -> list[tuple[str, str, str]]:
    """(organization's name, user, role) of every membership."""
    rows = database.rows(
        "select o.name, m.user_id::text as member, m.role::text from pagerduty.memberships m"
        " join pagerduty.organizations o on o.id = m.organization_id"
    )
    return sorted((row["name"], row["member"], row["role"]) for row in rows)


@pytest.mark.one_postgres
def test_the_documented_statements_let_people_in(adopted: Database) -> None:
    olivia, rita, _ = adopted.user(), adopted.user(), adopted.user()
    for place, (person, user) in enumerate({"olivia": olivia, "rita": rita}.items()):
        adopted.rows(_documented("By hand", place).replace(f"{person}@acme.test", f"{user}@example.test"))
    assert _members(adopted) == sorted([("Acme", olivia, "owner"), ("Acme", rita, "responder")])


@pytest.mark.one_postgres
def test_the_documented_revokes_leave_it_to_the_host(adopted: Database) -> None:
    olivia, rita = adopted.user(), adopted.user()
    create, accept = "select pagerduty.create_organization('New')", "select pagerduty.accept_invitation(%s)"
    [made] = adopted.run_as(olivia, f"{create} ->> 'id' as id")
    invite = "select id from pagerduty.invite_member(%s, %s, 'viewer')"
    [invitation] = adopted.run_as(olivia, invite, (made["id"], f"{rita}@example.test"))
    adopted.rows(_documented("By invitation", 0))
    assert adopted.refusal(olivia, create) == "42501"
    assert adopted.run_as(rita, accept, (invitation["id"],)), "invitations work without it"
    adopted.rows(_documented("By invitation", 1))
    assert adopted.refusal(rita, accept, (invitation["id"],)) == "42501"
    assert adopted.refusal(olivia, invite, (made["id"], "new@example.test")) == "42501"


@pytest.mark.one_postgres
@pytest.mark.parametrize("key", ["uuid default gen_random_uuid()", "bigint generated always as identity"])
def test_the_documented_triggers_follow_the_hosts_teams(adopted: Database, key: str) -> None:
    owner, member, newcomer = adopted.user(), adopted.user(), adopted.user()
    adopted.rows(f"create table public.teams (id {key} primary key, name text not null)")
    adopted.rows(
        f"create table public.team_members (team_id {key.split()[0]} references public.teams on delete cascade,"
        " user_id uuid references auth.users on delete cascade, role text not null, primary key (team_id, user_id))"
    )
    add = "insert into public.team_members select id, %s, %s from public.teams where name = %s"
    adopted.rows("insert into public.teams (name) values ('Old')")
    adopted.rows(add, (owner, "owner", "Old"))
    adopted.rows(_documented("From tables of your own"))
    assert _members(adopted) == [("Old", owner, "owner")], "who was there already"
    adopted.rows("insert into public.teams (name) values ('New')")
    for user, role in ((owner, "owner"), (member, "member"), (newcomer, "member")):
        adopted.rows(add, (user, role, "New"))
    adopted.rows("update public.team_members set role = 'owner' where user_id = %s", (member,))
    adopted.rows("delete from public.team_members where user_id = %s", (newcomer,))
    adopted.rows("update public.teams set name = 'Newer' where name = 'New'")
    in_newer = sorted([("Newer", owner, "owner"), ("Newer", member, "owner")])
    assert _members(adopted) == [*in_newer, ("Old", owner, "owner")]
    with pytest.raises(psycopg.Error, match="last owner"):
        adopted.rows("delete from public.team_members where team_id = (select id from public.teams where name = 'Old')")
    adopted.rows("delete from public.teams where name = 'Old'")
    assert _members(adopted) == in_newer
    function = "select public.copy_member_to_pagerduty()"
    assert adopted.refusal(owner, function) == "42501"


# Copying --------------------------------------------------------------------------------------------------------------


def test_copies_come_after_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "20991231235959_late.sql").write_text("select 1;")
    copies = copy_migrations(tmp_path)
    assert [copy.name[:14] for copy in copies] == sorted(copy.name[:14] for copy in copies)
    assert copies[0].name.startswith("21000101000000_pagerduty")
    assert [copy.read_text().partition("\n")[2] for copy in copies] == [ours.read_text() for ours in our_migrations()]


def test_copying_again_copies_only_what_is_new(tmp_path: Path) -> None:
    released = tmp_path / "released"
    released.mkdir()
    for number, name in enumerate(("pagerduty", "priority", "queue")):
        (released / f"2026010100000{number}_{name}.sql").write_text(f"select {number};\n")
    theirs = tmp_path / "theirs"
    ours = sorted(released.glob("*.sql"))
    [first] = copy_migrations(theirs, ours[:1])
    assert copy_migrations(theirs, ours[:1]) == []
    first.rename(first.with_name("20260102000000_renamed.sql"))
    (theirs / "20260103000000_by_hand.sql").write_text(ours[1].read_text())
    [third] = copy_migrations(theirs, ours)
    assert third.name.endswith("_pagerduty_queue.sql")


def test_a_folder_that_cannot_take_them_is_said(tmp_path: Path) -> None:
    missing = _adopt(tmp_path / "no" / "migrations")
    assert (missing.returncode, "There is no folder" in missing.stderr) == (1, True)
    (tmp_path / "99999999999999_odd.sql").write_text("select 1;")
    with pytest.raises(AdoptError, match="99999999999999"):
        copy_migrations(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
