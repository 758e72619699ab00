"""A database as its own `pg_dump` describes it, in a form that two databases can be compared in.

The whole database, since what is not ours (default privileges, other schemas, policies on Realtime's table) must not
differ either; without the history of migrations, which is not what they made.
"""

import difflib
import os
import re
import subprocess

from devstack.postgres import SUPERUSER, Cluster, PostgresError

# pg_dump's heading of each thing: "-- Name: events; Type: TABLE; Schema: pagerduty; Owner: postgres".
_HEADING = re.compile(r"^--\n-- (Name: .+)\n--\n", re.MULTILINE)
# Their lines have no meaning in their order: columns stand as they were added, grants as they were given.
_UNORDERED = ("Type: TABLE;", "Type: ACL;", "Type: DEFAULT ACL;")


def dump(cluster: Cluster, database: str, *, history: bool = False) -> dict[str, str]:
    """What a database holds but its rows: pg_dump's text of each thing, by its heading (name, type, schema, owner).

    `history` includes the table of applied migrations (the table, not its rows). Raises PostgresError.
    """
    without = () if history else ("--exclude-schema=supabase_migrations",)
    where = ("-h", "127.0.0.1", "-p", str(cluster.port), "-U", SUPERUSER, "-d", database)
    ran = subprocess.run(
        [str(cluster.bin_dir / "pg_dump"), "--schema-only", *without, *where],
        env={**os.environ, "PGPASSWORD": cluster.password},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise PostgresError(f"pg_dump failed: {ran.stderr.strip()}")
    _, *parts = _HEADING.split(ran.stdout)
    return {heading: _normal(heading, text) for heading, text in zip(parts[::2], parts[1::2], strict=True)}


def differences(before: dict[str, str], after: dict[str, str]) -> str:
    """What a unified diff shows of each thing that differs, under its heading; empty if nothing does."""
    lines: list[str] = []
    for heading in sorted(before.keys() | after.keys()):
        one, other = (side.get(heading, "").splitlines() for side in (before, after))
        if one != other:
            lines += [f"-- {heading}", *list(difflib.unified_diff(one, other, lineterm="", n=0))[2:]]
    return "\n".join(line for line in lines if not line.startswith("@@"))


def _normal(heading: str, text: str) -> str:
    # The last thing is followed by the end of the dump, with a key that is new each time.
    lines = [line for line in text.partition("\n--\n-- PostgreSQL database dump complete")[0].splitlines() if line]
    if any(kind in heading for kind in _UNORDERED):
        lines = sorted(line.removesuffix(",") for line in lines)
    return "\n".join(lines)
