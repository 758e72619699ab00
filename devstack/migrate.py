"""Brings the project's migrations and seed into a database, recorded as the Supabase CLI records them.

`make run` needs no CLI this way, and `supabase migration list` agrees with what was done here.
"""

import tomllib
from pathlib import Path
from typing import Any

import psycopg

SUPABASE = Path(__file__).parents[1] / "supabase"

# The table that `supabase db push` keeps.
_HISTORY = """
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (
  version text not null primary key,
  statements text[],
  name text
);
"""


def exposed_schemas() -> tuple[str, ...]:
    """The schemas that the REST API serves, as config.toml tells the Supabase CLI."""
    return tuple(_config(SUPABASE)["api"]["schemas"])


def declared_files(supabase: Path = SUPABASE) -> list[Path]:
    """The files that declare the database, in the order in which config.toml lists them for the Supabase CLI."""
    return [(supabase / path).resolve() for path in _config(supabase)["db"]["migrations"]["schema_paths"]]


def apply_declaration(dsn: str, supabase: Path = SUPABASE) -> None:
    """Makes in an empty database all that is declared, in one transaction. Raises psycopg.Error."""
    with psycopg.connect(dsn) as connection:
        for file in declared_files(supabase):
            connection.execute(file.read_bytes())


def apply_migrations(dsn: str, folder: Path = SUPABASE / "migrations") -> list[str]:
    """Applies, each in a transaction, the migrations that the database has not had; answers their names.

    `dsn` logs in as `postgres`. Raises psycopg.Error, with nothing of the failed migration kept.
    """
    applied = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_HISTORY)
        had = {row[0] for row in connection.execute("select version from supabase_migrations.schema_migrations")}
        for file in sorted(folder.glob("*.sql")):
            version, _, name = file.stem.partition("_")
            if version in had:
                continue
            text = file.read_text()
            with connection.transaction():
                connection.execute(text.encode())
                connection.execute(
                    "insert into supabase_migrations.schema_migrations (version, statements, name) values (%s, %s, %s)",
                    (version, [text], name),
                )
            applied.append(file.stem)
    return applied


def apply_seed(dsn: str, file: Path = SUPABASE / "seed.sql") -> None:
    """Loads the seed, which changes nothing where it was loaded before. Raises psycopg.Error."""
    with psycopg.connect(dsn) as connection:
        connection.execute(file.read_text().encode())


def _config(supabase: Path) -> dict[str, Any]:
    return tomllib.loads((supabase / "config.toml").read_text())
