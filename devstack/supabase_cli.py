"""The Supabase CLI, which npm installs with the web app's packages."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PROGRAM = ROOT / "service/web/node_modules/.bin/supabase"
_QUIET = {"SUPABASE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1", "NO_COLOR": "1"}
# It is a program in JavaScript that runs for a second: code that is made quicker while it runs does not pay for itself.
_BRIEF = {"BUN_JSC_useDFGJIT": "0"}
_PASSWORD = re.compile(r"(?<=postgresql://)([^:@/]+):([^@/]+)@")


def supabase(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs a command of the CLI on the project in `cwd`; its output is in `stdout` and `stderr`.

    The password in its URLs (the same in all) goes by the environment: everybody may read a program's arguments.
    Raises FileNotFoundError where the CLI is not installed.
    """
    passwords = [("PGPASSWORD", found[2]) for word in command if (found := _PASSWORD.search(word))]
    return subprocess.run(
        [str(_PROGRAM), *(_PASSWORD.sub(r"\1@", word) for word in command)],
        cwd=cwd,
        env={**os.environ, **_QUIET, **_BRIEF, **dict(passwords)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def database_url(dsn: str) -> str:
    """A database's URL as the CLI takes it, which asks for TLS unless it is told that there is none."""
    return dsn if "sslmode=" in dsn or "127.0.0.1" not in dsn else f"{dsn}?sslmode=disable"
