"""The real Supabase CLI, run on a database."""

import os
import subprocess

from devstack.migrate import SUPABASE

ROOT = SUPABASE.parent
_CLI = ROOT / "service/web/node_modules/.bin/supabase"


def supabase(dsn: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of the CLI with `--remote` set to the database; its output is in `stdout` and `stderr`."""
    remote = dsn if "sslmode=" in dsn or "127.0.0.1" not in dsn else f"{dsn}?sslmode=disable"
    quiet = {"SUPABASE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1", "NO_COLOR": "1"}
    return subprocess.run(
        [str(_CLI), *command, f"--remote={remote}"],
        cwd=ROOT,
        env={**os.environ, **quiet},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def push(dsn: str, *options: str) -> str:
    """Applies the project's migrations; answers what the CLI said."""
    ran = supabase(dsn, "db", "push", "--yes", *options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr
