"""Brings the project's migrations and seed into a database, recorded as the Supabase CLI records them.

`make run` needs no CLI this way, and `supabase migration list` agrees with what was done here.
"""

import tomllib
from pathlib import Path

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
    config = tomllib.loads((SUPABASE / "config.toml").read_text())
    return tuple(config["api"]["schemas"])


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
