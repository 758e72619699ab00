"""Writes a migration: the difference between what the migrations so far make and what is declared.

The difference is found by the Supabase CLI (pg-delta) between two scratch databases, and then proved: applied after
the migrations so far, it leaves no difference, neither to the CLI nor to `pg_dump`, which sees what the CLI does not.
The first migration of all is the declared files themselves, in their order.
"""

import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from devstack.dump import differences, dump
from devstack.migrate import SUPABASE, apply_declaration, apply_migrations, declared_files
from devstack.postgres import Cluster, PostgresError, embedded_bin_dir, free_port
from devstack.supabase_cli import database_url, supabase

# What a person must do about a migration that leaves a difference.
_BY_HAND = """
It leaves this difference, which the Supabase CLI does not see (- is what it makes, + is what is declared):

{left}

Add the statements that make it so to the end of that file, and run this again: it says when nothing is left.
"""


class MigrationError(Exception):
    """No migration could be written; the message is for a person."""


@dataclass(frozen=True)
class Written:
    """The file that was written, if there was a difference, and the difference that it leaves, if it does."""

    file: Path | None
    left: str = ""


def run(name: str, folder: Path = SUPABASE) -> tuple[int, str]:
    """`make migration`, on a server of its own; answers the exit status and what to say."""
    if not re.fullmatch("[a-z0-9_]+", name):
        return 2, "Say what it does, in lower case: make migration NAME=add_priority"
    with tempfile.TemporaryDirectory(prefix="migration-") as state:
        cluster = Cluster(Path(state) / "data", free_port(), embedded_bin_dir(), ("fsync=off",))
        try:
            cluster.start()
            cluster.install_platform()
            written = write_migration(cluster, name, folder)
        except (MigrationError, PostgresError) as error:
            return 1, str(error)
        except psycopg.Error as error:
            return 1, f"This SQL does not run: {error}"
        finally:
            cluster.stop()
    if written.file is None:
        return 0, "No difference: the migrations make what is declared. Nothing was written."
    said = f"Wrote {written.file.relative_to(folder.parent)}: read it before you commit it."
    return (1, said + _BY_HAND.format(left=written.left)) if written.left else (0, said)


def write_migration(cluster: Cluster, name: str, folder: Path = SUPABASE) -> Written:
    """Writes `folder`/migrations/<now>_<name>.sql if the migrations there do not make what is declared.

    `folder` is a project's `supabase` folder. The file stays where it is even if it leaves a difference, for a
    statement by hand to be added. Raises MigrationError, or psycopg.Error for SQL that does not run; no file then.
    """
    migrations = folder / "migrations"
    with cluster.scratch() as declared, cluster.scratch() as migrated:
        apply_declaration(declared, folder)
        applied = apply_migrations(migrated, migrations)
        text = _difference(migrated, declared) if applied else _first(folder)
        unseen = _unseen(cluster, migrated, declared)
        if not text and not unseen:
            return Written(None)
        with psycopg.connect(migrated) as connection:
            connection.execute(text.encode())
        left = _difference(migrated, declared) + _unseen(cluster, migrated, declared)
    file = migrations / f"{_version(applied)}_{name}.sql"
    migrations.mkdir(exist_ok=True)
    file.write_text(text or f"-- {name}: the statements that are missing here are written by hand.\n")
    return Written(file, left)


def _first(folder: Path) -> str:
    parts = [f"-- {_label(file, folder)}\n{file.read_text()}" for file in declared_files(folder)]
    return "-- Written by `make migration` from the declared files, in their order.\n\n" + "\n".join(parts)


def _label(file: Path, folder: Path) -> str:
    return f"{file.relative_to(folder.resolve().parent)} {'-' * 100}"[:100]


def _difference(before: str, after: str) -> str:
    """What the CLI would run in database `before` to make it like `after` (URLs); empty if they are alike to it."""
    urls = (database_url(url) for url in (before, after))
    start, end = (f"--{side}={url}" for side, url in zip(("from", "to"), urls, strict=True))
    ran = supabase("db", "diff", start, end, "--use-pg-delta")
    if ran.returncode:
        raise MigrationError(f"supabase db diff failed: {(ran.stderr or ran.stdout).strip()}")
    return ran.stdout.strip() and ran.stdout.strip() + "\n"


def _unseen(cluster: Cluster, before: str, after: str) -> str:
    return differences(*(dump(cluster, url.rpartition("/")[2]) for url in (before, after)))


def _version(applied: list[str]) -> str:
    """Now, as the CLI writes it. Raises MigrationError if the migrations so far are of a later time."""
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    if applied and applied[-1] >= now:
        raise MigrationError(f"The migration {applied[-1]} is later than now ({now}, UTC): is this clock right?")
    return now
