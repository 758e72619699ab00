"""What the processes that share the tests of a checkout must not do at the same moment: install, build."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from devstack.stack import ROOT


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Only one of the test processes is in here; the others wait for it."""
    with (ROOT / "pyproject.toml").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
