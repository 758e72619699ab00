"""`make migration`: from an edited declaration to a migration that is proved to make it."""

import shutil
from pathlib import Path

import psycopg
import pytest

from devstack.migrate import SUPABASE, apply_migrations, declared_files
from devstack.migration import Written, run, write_migration
from devstack.postgres import Cluster
from tests.database.database import scratch


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The `supabase` folder of a copy of this project's database, to edit."""
    shutil.copytree(SUPABASE, tmp_path / "supabase")
    shutil.copytree(SUPABASE.parent / "policies", tmp_path / "policies")
    return tmp_path / "supabase"


def _edit(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def _text(written: Written) -> str:
    assert written.file is not None
    return written.file.read_text()


def test_a_renamed_policy_drops_the_old_one(embedded_cluster: Cluster, project: Path) -> None:
    _edit(project.parent / "policies/events.sql", '"admins read"', '"owners and admins read"')
    written = write_migration(embedded_cluster, "rename_policy", project)
    assert written.left == ""
    with scratch(embedded_cluster) as url:
        apply_migrations(url, project / "migrations")
        with psycopg.connect(url) as connection:
            policies = connection.execute("select policyname from pg_policies where tablename = 'events'").fetchall()
    assert policies == [("owners and admins read",)]


def test_changes_of_many_kinds_are_carried_by_one_migration(embedded_cluster: Cluster, project: Path) -> None:
    incidents = project / "schemas/tables/incidents.sql"
    _edit(incidents, "  description text", "  priority text check (length(priority) <= 20),\n  description text")
    _edit(incidents, "comment on column pagerduty.incidents.tags is 'Labels.'", """
comment on column pagerduty.incidents.priority is 'How soon.';
comment on column pagerduty.incidents.tags is 'Labels, in any order.'""".strip())  # fmt: skip
    _edit(project / "schemas/tables/events.sql", "create index events_incident_idx", "create index events_about_idx")
    _edit(project / "schemas/functions/may_listen.sql", "'pagerduty:user:'", "'pagerduty:person:'")
    _edit(project / "schemas/functions/report_problem.sql", "volatile\n", "volatile\nsecurity definer\n")
    _edit(project.parent / "policies/organizations.sql", "select, update (name)", "select, update (name, created_at)")
    _edit(project.parent / "policies/realtime_messages.sql", "extension = 'broadcast'", "extension = 'presence'")
    extra = project / "schemas/tables/extra.sql"
    extra.write_text(
        "create table pagerduty.extra (id uuid primary key);\n"
        "alter table pagerduty.extra enable row level security;\n"
        "revoke all on pagerduty.extra from public, anon, authenticated, service_role;\n"
        "comment on table pagerduty.extra is 'More.';\ncomment on column pagerduty.extra.id is 'Identifier.';\n"
    )
    _edit(project / "config.toml", '  "./schemas/views', '  "./schemas/tables/extra.sql",\n  "./schemas/views')
    written = write_migration(embedded_cluster, "many", project)
    assert written.left == ""
    assert '"priority"' in _text(written)
    assert write_migration(embedded_cluster, "nothing", project) == Written(None)


def test_what_the_cli_does_not_see_is_told_and_written_by_hand(embedded_cluster: Cluster, project: Path) -> None:
    comment = "comment on column pagerduty.notification_feed.title is 'Its title.';"
    view = project / "schemas/views/notification_feed.sql"
    _edit(
        view, ".title is 'Title of PagerDuty''s incident, as it is, or the service''s name.'", ".title is 'Its title.'"
    )
    written = write_migration(embedded_cluster, "comment", project)
    assert "+COMMENT ON COLUMN pagerduty.notification_feed.title IS 'Its title.';" in written.left
    assert written.file is not None
    written.file.write_text(written.file.read_text() + comment + "\n")
    assert write_migration(embedded_cluster, "comment", project) == Written(None)


def test_the_first_migration_is_the_declared_files_in_their_order(embedded_cluster: Cluster, project: Path) -> None:
    shutil.rmtree(project / "migrations")
    written = write_migration(embedded_cluster, "everything", project)
    assert written.left == ""
    rest = _text(written)
    for file in declared_files(project):
        heading, found, rest = rest.partition(file.read_text())
        assert found
        assert str(file.relative_to(project.parent)) in heading


def test_sql_that_does_not_run_writes_nothing(embedded_cluster: Cluster, project: Path) -> None:
    before = sorted((project / "migrations").iterdir())
    _edit(project / "schemas/types.sql", "create type", "create typo")
    with pytest.raises(psycopg.Error, match="typo"):
        write_migration(embedded_cluster, "typo", project)
    assert sorted((project / "migrations").iterdir()) == before


def test_the_command_says_what_it_did(project: Path) -> None:
    assert run("Add Things", project) == (2, "Say what it does, in lower case: make migration NAME=add_priority")
    assert run("nothing", project) == (
        0,
        "No difference: the migrations make what is declared. Nothing was written.",
    )
    _edit(project / "schemas/types.sql", "create type", "create typo")
    status, said = run("typo", project)
    assert (status, "This SQL does not run" in said) == (1, True)
