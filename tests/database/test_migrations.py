"""Migrations go through the real Supabase CLI, its advisors are content, and the seed loads."""

import os

import bcrypt
import psycopg
import pytest

from devstack.dump import differences, dump
from devstack.migrate import SUPABASE, apply_declaration, apply_migrations, apply_seed
from devstack.postgres import Cluster
from devstack.stack import DEMO_PASSWORD, DEMO_PEOPLE
from tests.database.cli import push, supabase
from tests.database.conftest import MAJORS
from tests.database.database import scratch

FILES = sorted(file.stem for file in (SUPABASE / "migrations").glob("*.sql"))
VERSIONS = [name.partition("_")[0] for name in FILES]
_EVERYTHING = (
    "auth.users", "auth.identities", "pagerduty.organizations", "pagerduty.memberships", "pagerduty.integrations",
    "pagerduty.credentials", "pagerduty.events", "pagerduty.notifications", "pagerduty.receipts",
    "pagerduty.incidents", "pagerduty.incident_updates", "realtime.messages",
)  # fmt: skip


def _count_rows(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        counted = {}
        for table in _EVERYTHING:
            row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
            assert row is not None
            counted[table] = row[0]
    return counted


def _listed_pairs(url: str) -> list[tuple[str, str]]:
    """What `supabase migration list` says: (local version, remote version) for each line of its table."""
    ran = supabase(url, "migration", "list")
    assert ran.returncode == 0, ran.stderr
    lines = [[cell.strip(" `") for cell in line.split("|")] for line in ran.stdout.splitlines() if "|" in line]
    return [(cells[0], cells[1]) for cells in lines if cells[0].isdigit() or cells[1].isdigit()]


def test_postgres_15_is_tried_where_that_is_required() -> None:
    assert 15 in MAJORS or not os.environ.get("REQUIRE_POSTGRES_15"), "PostgreSQL 15 is not installed"


def test_the_cli_makes_what_is_declared_and_then_has_nothing_left_to_do(cluster: Cluster) -> None:
    with scratch(cluster) as declared, scratch(cluster) as url, scratch(cluster) as by_us:
        said = push(url, "--include-seed")
        assert all(f"Applying migration {name}.sql" in said for name in FILES)
        apply_declaration(declared)
        assert differences(*(dump(cluster, made.rpartition("/")[2]) for made in (declared, url))) == ""
        assert _listed_pairs(url) == [(version, version) for version in VERSIONS]
        again = push(url)
        assert "Applying" not in again
        assert "up to date" in again
        assert apply_migrations(url) == []
        apply_migrations(by_us)
        apply_seed(by_us)
        assert _count_rows(url) == _count_rows(by_us)


def test_the_cli_agrees_with_the_projects_own_way_of_migrating(cluster: Cluster) -> None:
    with scratch(cluster) as url:
        assert apply_migrations(url) == FILES
        assert _listed_pairs(url) == [(version, version) for version in VERSIONS]
        assert "Applying" not in push(url)
        assert apply_migrations(url) == []


def test_the_advisors_find_nothing(dsn: str) -> None:
    ran = supabase(dsn, "db", "advisors", "--fail-on", "warn")
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.one_postgres
def test_the_advisors_would_find_a_table_without_row_level_security(migrated: str) -> None:
    with psycopg.connect(migrated) as connection:
        connection.execute("create table public.leak (id integer primary key)")
        connection.execute("grant select on public.leak to anon")
    ran = supabase(migrated, "db", "advisors", "--fail-on", "warn")
    assert ran.returncode != 0
    assert "leak" in ran.stdout + ran.stderr


def test_the_seed_changes_nothing_when_it_is_loaded_again(cluster: Cluster, dsn: str) -> None:
    del dsn
    with scratch(cluster) as url:
        apply_migrations(url)
        before = _count_rows(url)
        apply_seed(url)
        once = _count_rows(url)
        assert all(
            once[table] > before[table] for table in ("auth.users", "pagerduty.memberships", "pagerduty.incidents")
        )
        apply_seed(url)
        assert _count_rows(url) == once


def test_the_seeded_people(cluster: Cluster) -> None:
    with scratch(cluster) as url:
        apply_migrations(url)
        apply_seed(url)
        with psycopg.connect(url) as connection:
            users = connection.execute("select email, encrypted_password, id from auth.users").fetchall()
            members = connection.execute(
                "select user_id, organization_id, role::text from pagerduty.memberships"
            ).fetchall()
            identities = connection.execute(
                "select u.email from auth.users u join auth.identities i"
                " on i.user_id = u.id and i.provider_id = u.id::text and i.provider = 'email'"
            ).fetchall()
    assert {email for email, _, _ in users} == {email for email, _, _ in DEMO_PEOPLE}
    assert {email for (email,) in identities} == {email for email, _, _ in users}
    assert len(users) >= 6
    for hashed in {hashed for _, hashed, _ in users}:
        assert hashed.startswith("$2a$10$")
        assert bcrypt.checkpw(DEMO_PASSWORD.encode(), hashed.encode())
    assert {role for _, _, role in members} == {"owner", "admin", "responder", "viewer"}
    organizations = {organization for _, organization, _ in members}
    assert len(organizations) == 2
    by_user = {user: [m for m in members if m[0] == user] for user, _, _ in members}
    assert sum(len(memberships) == 2 for memberships in by_user.values()) == 1


def test_the_seed_has_something_to_see(cluster: Cluster) -> None:
    with scratch(cluster) as url:
        apply_migrations(url)
        apply_seed(url)
        with psycopg.connect(url) as connection:
            enabled = connection.execute(
                "select count(*) from pagerduty.integrations where enabled and accept_bare_url"
            ).fetchone()
        assert enabled == (1,)
        counted = _count_rows(url)
        assert counted["pagerduty.notifications"] >= 3
        assert counted["pagerduty.incidents"] >= 3
