"""What it costs in a large organization: `python -m bench.size [NOTIFICATIONS [MEMBERS]]`.

Printed is how many pages of the database each step reads in an organization of 1,000 notifications and 10 members, and
in one of a million and 100,000 (tests/database/test_size.py does the same with fewer). Exits with 1 if one grows.
"""

import sys
import tempfile
import time
from pathlib import Path

from devstack.migrate import apply_migrations
from devstack.postgres import Cluster, embedded_bin_dir, free_port
from tests.database.database import Database
from tests.database.test_size import DEEPER, EVENTS, READS, filled, pages_of_event, pages_read

_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "max_wal_size=4GB")


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    members = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder) / "data", free_port(), embedded_bin_dir(), _SETTINGS)
        cluster.start()
        try:
            cluster.install_platform()
            apply_migrations(cluster.dsn("postgres"))
            grown = _measure(cluster, size, members)
        finally:
            cluster.stop()
    if grown:
        sys.exit(1)


def _measure(cluster: Cluster, size: int, members: int) -> bool:
    """Whether something grows."""
    with Database(cluster.dsn("postgres")) as database:
        print(f"Filling an organization with {size:,} notifications and {members:,} members …", flush=True)
        started = time.monotonic()
        scene = filled(database, size, members)
        print(f"… done in {time.monotonic() - started:.0f} s. Pages read, small → large:", flush=True)
        costs = {name: pages_read(scene, name) for name in READS}
        costs |= {f"an event {name}": pages_of_event(scene, name) for name in EVENTS}
    for name, (small, large) in costs.items():
        print(f"{name:32} {small:6} → {large:6}{'  grows' if large > small + DEEPER else ''}")
    return any(large > small + DEEPER for small, large in costs.values())


if __name__ == "__main__":
    main()
