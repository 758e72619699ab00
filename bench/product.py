"""The whole product, started for a measurement."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from devstack.postgres import free_port
from devstack.stack import Stack


@contextmanager
def running(
    environment: Mapping[str, str] | None = None, realtime_settings: Mapping[str, float] | None = None
) -> Iterator[tuple[Stack, Path]]:
    """The running product, and a folder for files; both are gone at the end."""
    ports = {name: free_port() for name in ("service_port", "supabase_port", "postgres_port", "pagerduty_port")}
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(
            Path(folder) / "state", ports, environment=environment or {}, realtime_settings=realtime_settings or {}
        )
        stack.start()
        try:
            yield stack, Path(folder)
        finally:
            stack.stop()
