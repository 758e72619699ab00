"""The real Supabase CLI, run on a database."""

import subprocess
from pathlib import Path

from devstack import supabase_cli


def supabase(dsn: str, *command: str, project: Path = supabase_cli.ROOT) -> subprocess.CompletedProcess[str]:
    """Runs a command of the CLI in a project's folder, with `--remote` set to the database."""
    return supabase_cli.supabase(*command, f"--remote={supabase_cli.database_url(dsn)}", cwd=project)


def push(dsn: str, *options: str, project: Path = supabase_cli.ROOT) -> str:
    """Applies a project's migrations (at first: ours); answers what the CLI said."""
    ran = supabase(dsn, "db", "push", "--yes", *options, project=project)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr
