"""The real Supabase CLI, run on a database."""

import subprocess
from pathlib import Path

from devstack import supabase_cli
from devstack.supabase_cli import ROOT


def supabase(dsn: str, *command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs a command of the CLI with `--remote` set to the database; its output is in `stdout` and `stderr`."""
    return supabase_cli.supabase(*command, f"--remote={supabase_cli.database_url(dsn)}", cwd=cwd)


def push(dsn: str, *options: str, cwd: Path = ROOT) -> str:
    """Applies the migrations of the project in `cwd`; answers what the CLI said."""
    ran = supabase(dsn, "db", "push", "--yes", *options, cwd=cwd)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr
